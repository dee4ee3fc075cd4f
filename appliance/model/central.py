# SPDX-License-Identifier: Apache-2.0
"""OVN's databases over a cluster: which nodes have them, and how one reaches them. Pure.

Alone, a node has both for itself, behind a socket. From the second member on they are raft members on the control nodes, and
everybody speaks TLS to them with the certificate that the cluster gave it.
"""

from collections.abc import Iterable

from appliance.model.cluster import CA, CERTIFICATE, PRIVATE_KEY, ClusterDocument, control_members

DEFAULTS = "/etc/default/ovn-central"
NORTHD = "/etc/ovn/ovn-northd-db-params.conf"
NORTHBOUND, SOUTHBOUND = 6641, 6642
"""Ports of the databases, for who asks them."""
RAFT = {NORTHBOUND: 6643, SOUTHBOUND: 6644}
"""And for one another."""
TLS = (f"--private-key={PRIVATE_KEY}", f"--certificate={CERTIFICATE}", f"--ca-cert={CA}")


def remotes(addresses: Iterable[str], port: int) -> str:
    """The databases at these addresses as OVN's programs take them."""
    return ",".join(remote(address, port) for address in addresses)


def remote(address: str, port: int) -> str:
    """One of them."""
    return f"ssl:[{address}]:{port}" if ":" in address else f"ssl:{address}:{port}"


def addresses(said: str) -> tuple[str, ...]:
    """The other way round: what `remotes` made; () for a socket."""
    found = (each.split(":", 1)[1].rpartition(":")[0].strip("[]") for each in said.split(",") if each.startswith("ssl:"))
    return tuple(found)


def shared(document: ClusterDocument | None) -> bool:
    """Are the databases the cluster's? A member that is alone in it has its own."""
    return document is not None and len(document.members) > 1


def words(document: ClusterDocument | None, port: int) -> tuple[str, ...]:
    """What `ovn-nbctl` or `ovn-sbctl` needs to reach them; () where its own socket does."""
    if document is None or not shared(document):
        return ()
    return (f"--db={remotes((each.address for each in control_members(document)), port)}", *TLS)


def defaults(address: str) -> str:
    """What the databases and northd are started with on a control node: one line, for what reads it has one variable."""
    own = f"[{address}]" if ":" in address else address
    words_ = [
        f"--db-{name}-cluster-local-addr={own} --db-{name}-cluster-local-proto=ssl "
        f"--ovn-{name}-db-ssl-key={PRIVATE_KEY} --ovn-{name}-db-ssl-cert={CERTIFICATE} --ovn-{name}-db-ssl-ca-cert={CA}"
        for name in ("nb", "sb")
    ]
    northd = f"--ovn-northd-ssl-key={PRIVATE_KEY} --ovn-northd-ssl-cert={CERTIFICATE} --ovn-northd-ssl-ca-cert={CA}"
    return f"OVN_CTL_OPTS={' '.join([*words_, northd])}\n"


def northd(addresses_: Iterable[str]) -> str:
    """What northd is told of the databases: one of them all works, and the others wait for its lock."""
    known = tuple(addresses_)
    return f"--ovnnb-db={remotes(known, NORTHBOUND)} --ovnsb-db={remotes(known, SOUTHBOUND)}\n"
