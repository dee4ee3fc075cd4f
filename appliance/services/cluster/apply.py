# SPDX-License-Identifier: Apache-2.0
"""The effects on what holds the cluster together."""

from typing import Any

from appliance.engine.apply import Handler, Report
from appliance.host.host import Host
from appliance.model.cluster import KEY, ClusterDocument
from appliance.model.clustersteps import FoundCluster, JoinCluster, MakeAuthority, RunEtcd, TakeRole
from appliance.services.cluster.observe import cluster
from appliance.services.cluster.store import store
from appliance.services.cluster.voters import RunEtcdHandler


class _FoundCluster:
    def done(self, step: FoundCluster, host: Host) -> bool:
        found = cluster(host)
        return found is not None and found.id == step.document.id

    def do(self, step: FoundCluster, host: Host, report: Report) -> None:
        there = store(host)
        kept = there.get(KEY)
        if kept is None:
            there.put(KEY, step.document.model_dump_json(exclude_defaults=True), 0)
        document = ClusterDocument.model_validate_json(kept.text) if kept else step.document
        from appliance.services.cluster.join import remember  # noqa: PLC0415 - cryptography is 60 ms

        remember(host, document)


class _Certified:
    """A handler of join.py, which is loaded when one of its steps is at hand."""

    def __init__(self, name: str) -> None:
        self._name = name

    def done(self, step: Any, host: Host) -> bool:
        return bool(self._handler().done(step, host))

    def do(self, step: Any, host: Host, report: Report) -> None:
        self._handler().do(step, host, report)

    def _handler(self) -> Handler:
        from appliance.services.cluster import join  # noqa: PLC0415 - as above

        handler: Handler = getattr(join, self._name)()
        return handler


HANDLERS: dict[type, Handler] = {
    RunEtcd: RunEtcdHandler(),
    MakeAuthority: _Certified("MakeAuthorityHandler"),
    FoundCluster: _FoundCluster(),
    JoinCluster: _Certified("JoinClusterHandler"),
    TakeRole: _Certified("TakeRoleHandler"),
}
