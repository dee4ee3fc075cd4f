# SPDX-License-Identifier: Apache-2.0
"""What this node is in its cluster now."""

from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.cluster import CA_KEY, COPY, ClusterDocument, Membership, copied
from appliance.services.cluster.plan import mark

ETCD = "etcd.service"
_GROUP = f"/sys/fs/cgroup/system.slice/{ETCD}/cgroup.procs"
VOTES = "/var/lib/etcd/trivet.cluster"
"""The id of the cluster that the etcd here has been made a voter of, written when it has its vote."""


def etcd(host: Host) -> bool:
    """Does etcd run here?"""
    return running(host, ETCD)


def cluster(host: Host) -> ClusterDocument | None:
    """What this node knew last of its cluster; None for a node alone."""
    return copied(host.files.read(COPY))


def membership(host: Host) -> Membership:
    """What else it has of it."""
    return Membership(
        settings=began(host),
        votes=host.files.read(VOTES) or "",
        authority=host.files.read(CA_KEY) is not None,
    )


def began(host: Host) -> str:
    """The digest of the settings that the etcd that runs began with, whatever is in the file now; "" while none runs."""
    for process in (host.files.read(_GROUP) or "").split():
        if found := mark((host.files.read(f"/proc/{process}/environ") or "").split("\0")):
            return found
    return ""
