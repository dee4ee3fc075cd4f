# SPDX-License-Identifier: Apache-2.0
"""What changes in the cluster, told to whoever listens, as server-sent events.

One look serves all who listen, and while nobody does there is none. Who begins to listen is told everything once: what it
missed while it was away is in there, too.
"""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host.host import Host
from appliance.node import health, vms
from appliance.node.published import uptime
from appliance.services.cluster.store import known

Things = Mapping[tuple[str, str], Any]
"""(kind, name) -> its document."""
MOST = 20
"""Who may listen at a time: each is a thread."""
_PAUSE = 2.0
_NOTHING = ":\n\n"
_QUIET = 15.0
"""Seconds of silence after which a word is sent that means nothing: whoever is in between shall not hang up."""


def things(host: Host) -> dict[tuple[str, str], Any]:
    """Nodes, VMs and alerts as they are now."""
    document, _ = known(host)
    found: dict[tuple[str, str], Any] = {
        ("node", each.name): each.model_dump() for each in (document.members if document else ())
    }
    try:
        for vm in vms.everywhere(host):
            brief = {"name": vm.name, "state": vm.state, "node": vm.node, "pending": list(vm.pending)}
            found["vm", vm.name] = brief
    except Unsatisfiable:
        pass  # no VMs run here
    for alert in health.alerts(host, uptime(host)):
        found["alert", f"{alert.where}: {alert.message}"] = alert.model_dump()
    return found


class Feed:
    def __init__(self, pause: float = _PAUSE) -> None:
        self._pause = pause
        self._lock = threading.Lock()
        self._listening = 0
        self._things: Things = {}
        self._looked = float("-inf")

    def follow(self, look: Callable[[], Things]) -> Generator[str, None, None]:
        """Events, for as long as they are asked for. ApplianceError, at the first, when too many listen already."""
        with self._lock:
            if self._listening >= MOST:
                raise ApplianceError(f"{MOST} listen to this node's events already", "ask another node")
            self._listening += 1
        told: Things = {}
        spoke = time.monotonic()
        try:
            yield _NOTHING
            while True:
                now = self._now(look)
                for event in differences(told, now):
                    yield event
                    spoke = time.monotonic()
                told = now
                if time.monotonic() - spoke > _QUIET:
                    yield _NOTHING
                    spoke = time.monotonic()
                time.sleep(self._pause)
        finally:
            with self._lock:
                self._listening -= 1

    def _now(self, look: Callable[[], Things]) -> Things:
        with self._lock:
            if time.monotonic() - self._looked >= self._pause:
                with contextlib.suppress(ApplianceError):  # nobody says what there is now: that is no news of anything
                    self._things = look()
                self._looked = time.monotonic()
            return self._things


def differences(before: Things, after: Things) -> Iterator[str]:
    """What is new or another, and what is gone, as events. Pure."""
    for (kind, name), document in after.items():
        if before.get((kind, name)) != document:
            yield _event(kind, name, document)
    for kind, name in before.keys() - after.keys():
        yield _event(kind, name, None)


def _event(kind: str, name: str, now: Any) -> str:
    return f"event: {kind}\ndata: {json.dumps({'name': name, 'now': now}, ensure_ascii=False)}\n\n"
