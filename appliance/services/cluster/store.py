# SPDX-License-Identifier: Apache-2.0
"""Where this node finds the documents: in its own etcd, and where it has none or that is silent in the control nodes'."""

from appliance.host.etcd import LOCAL, Etcd, Tls
from appliance.host.host import Host
from appliance.model.cluster import CA, CERTIFICATE, PRIVATE_KEY, ClusterDocument, clients, myself
from appliance.services.cluster.observe import cluster, etcd

FILES = Tls(CA, CERTIFICATE, PRIVATE_KEY)


def store(host: Host, seconds: float = 5.0) -> Etcd:
    """The documents of this node's cluster, or of this node alone."""
    document = cluster(host)
    if document is None:
        return Etcd(seconds=seconds)
    me = myself(document, host.files.read("/etc/machine-id") or "")
    own = (LOCAL,) if etcd(host) else ()
    return Etcd((*own, *clients(document, without=me.name if me else "")), seconds, FILES)


def others(endpoints: tuple[str, ...], seconds: float = 5.0) -> Etcd:
    """The documents, from other nodes alone."""
    return Etcd(endpoints, seconds, FILES)


def known(host: Host) -> tuple[ClusterDocument | None, str]:
    """The copy of the document, and this machine's id."""
    return cluster(host), host.files.read("/etc/machine-id") or ""
