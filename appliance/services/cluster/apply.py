# SPDX-License-Identifier: Apache-2.0
"""The effects on what holds the cluster together."""

from appliance.engine.apply import Handler, Report
from appliance.host.host import Host
from appliance.model.plan import RunEtcd
from appliance.services.cluster.observe import ETCD, etcd

_HOME = "/var/lib/etcd"


class _RunEtcd:
    def done(self, step: RunEtcd, host: Host) -> bool:
        return etcd(host) == step.running

    def do(self, step: RunEtcd, host: Host, report: Report) -> None:
        if step.running:
            # The image's numbers of users may change with a version, and what is bound here stays: it begins as root's, too.
            host.run(["chown", "--recursive", "etcd:etcd", _HOME])
        host.run(["systemctl", "start" if step.running else "stop", ETCD])


HANDLERS: dict[type, Handler] = {RunEtcd: _RunEtcd()}
