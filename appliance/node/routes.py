# SPDX-License-Identifier: Apache-2.0
"""What the API offers, in one table: it is served from here, and its OpenAPI document is made of it.

A route is carried out on the node that is asked. One whose path begins with /v1/nodes/{node}/ is asked of that node; what is
done to a VM is done where the VM is. Every answer is a document of `model/`, as `--json` prints it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from appliance.errors import Absent, ApplianceError
from appliance.host.host import Host
from appliance.model.cluster import ClusterDocument, Member
from appliance.model.person import Role
from appliance.model.poolreport import StorageView
from appliance.model.status import Status
from appliance.model.vmrecord import VmView
from appliance.model.vnet import NetworkRecord
from appliance.node import feed, others, status, storage, vms
from appliance.services.cluster.store import known

Words = Mapping[str, str]
"""What stands in a path, by its name."""
JSON = "application/json"
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Route:
    """`answer` is the type of what `run` gives, None: nothing but that it is done. `media` is what it is sent as: a document,
    or text that `run` gives whole, or piece by piece as it comes.
    """

    method: str
    path: str
    role: Role
    does: str
    answer: Any
    run: Callable[[Host, Words], Any]
    media: str = JSON
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", re.compile(_NAME.sub(r"(?P<\1>[A-Za-z0-9._-]+)", self.path)))

    @property
    def words(self) -> list[str]:
        """The names in its path."""
        return _NAME.findall(self.path)


def find(method: str, path: str) -> tuple[Route, Words] | None:
    """The route of a request, and what stands in its path."""
    for route in ROUTES:
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route, match.groupdict()
    return None


def plain(route: Route, found: Any) -> Any:
    """What a route has given, as JSON has it. What another node has answered already is."""
    if route.answer is None:
        return {}
    kind = _adapter(route.answer)
    return kind.dump_python(kind.validate_python(found), mode="json")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def document(host: Host) -> ClusterDocument:
    """The cluster as this node knows it. ApplianceError where it is in none."""
    found, _ = known(host)
    if found is None:
        raise ApplianceError("this node is in no cluster", "say `trivet cluster create NAME` first")
    return found


def _of(path: str, run: Callable[[Host, Words], Any]) -> Callable[[Host, Words], Any]:
    """The same, of the node that the path names."""

    def asked(host: Host, words: Words) -> Any:
        node = others.other(host, words["node"])
        return run(host, words) if node is None else others.ask(node, "GET", path)

    return asked


def _vm(host: Host, words: Words) -> VmView:
    for each in vms.everywhere(host):
        if each.name == words["vm"]:
            return each
    raise Absent(f"there is no VM {words['vm']}", "GET /v1/vms lists them")


def _act(word: str) -> Callable[[Host, Words], None]:
    """Do something to a VM, where it is."""

    def act(host: Host, words: Words) -> None:
        others.act(host, word, words["vm"])

    return act


def _status(host: Host, _: Words) -> Status:
    return status.status(host)


def _storage(host: Host, _: Words) -> StorageView:
    return storage.view(host)


def _metrics(host: Host, _: Words) -> str:
    from appliance.node import metrics  # noqa: PLC0415 - prometheus_client is 60 ms

    return metrics.exposition(metrics.measured(host))


def _events(host: Host, _: Words) -> Iterator[str]:
    return FEED.follow(lambda: feed.things(host))


FEED = feed.Feed()
EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
_VM = "/v1/vms/{vm}"
ROUTES = (
    Route("GET", "/v1/nodes", "read", "the nodes of the cluster", tuple[Member, ...], lambda host, _: document(host).members),
    Route("GET", "/v1/status", "read", "this node: `trivet status`", Status, _status),
    Route("GET", "/v1/nodes/{node}/status", "read", "a node: `trivet status` there", Status, _of("/v1/status", _status)),
    Route("GET", "/v1/storage", "read", "the pool and this node's disks: `trivet storage`", StorageView, _storage),
    Route("GET", "/v1/nodes/{node}/storage", "read", "the pool and a node's disks", StorageView, _of("/v1/storage", _storage)),
    Route("GET", "/v1/vms", "read", "all VMs", tuple[VmView, ...], lambda host, _: vms.everywhere(host)),
    Route("GET", _VM, "read", "one VM", VmView, _vm),
    *(Route("POST", f"{_VM}/{word}", "operate", does, None, _act(word)) for word, (does, _) in vms.ACTS.items()),
    Route("GET", "/v1/networks", "read", "the networks for VMs", tuple[NetworkRecord, ...], lambda host, _: vms.networks(host)),
    Route("GET", "/v1/events", "read", "what changes, as it does: nodes, VMs, alerts", str, _events, media="text/event-stream"),
    Route("GET", "/metrics", "read", "this node's measures, for Prometheus", str, _metrics, media=EXPOSITION),
)
