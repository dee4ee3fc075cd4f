# SPDX-License-Identifier: Apache-2.0
"""The host's own firewall: one nftables table, from the spec. Pure.

Everything that comes in is dropped but what an engine needs on its plane. Planes are told apart by the link group that
networkd gives to their interfaces: names of ports are the kernel's and change.
"""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from appliance.model import rendered
from appliance.model.central import NORTHBOUND, RAFT, SOUTHBOUND
from appliance.model.cluster import API_PORT, CLIENT_PORT, PEER_PORT, ClusterDocument
from appliance.model.spec import Spec
from appliance.services.network import geneve, ovn

TABLE = "trivet"
LIBVIRT, MIGRATION = 16514, "49152-49215"
"""libvirt's port for TLS, and those that it chooses of for the VMs that move here."""
GROUPS: Mapping[str, int] = {"management": 1, "business": 2, "overlay": 3, "storage": 4}
"""Link group (ip-link(8)) of the interface that a plane stands on."""


@dataclass(frozen=True)
class Rule:
    """What may come in, and for whom. `match` is what must be true of it besides, in nft's words."""

    protocol: str
    ports: str
    why: str
    match: str = ""


_DHCP = Rule("udp", "68", "DHCP", match="udp sport 67")
_DHCPV6 = Rule("udp", "546", "DHCPv6", match="ip6 daddr fe80::/10")
"""A client asks from its link-local address, and nobody beyond the link can send to that."""


def allowed(spec: Spec, cluster: ClusterDocument | None = None) -> dict[str, tuple[Rule, ...]]:
    """Plane -> what may come in there; in a cluster what its engines say to one another is for its members' addresses alone.

    A DHCP server's answer is none to the connection tracker: what it answers was sent to everybody.
    """
    return {name: tuple(_rules(spec, name, cluster)) for name in spec.network.planes.given}


def _rules(spec: Spec, name: str, cluster: ClusterDocument | None) -> Iterator[Rule]:
    plane = spec.network.planes.given[name]
    if plane.dhcp:
        yield _DHCP
    if plane.announced:
        yield _DHCPV6  # routers say whether there is a server
    if name == "management" and spec.admin.ssh.enabled:
        yield Rule("tcp", "22", "SSH")
    members = cluster.members if cluster else ()
    if name == "management" and cluster is not None:
        yield Rule("tcp", str(API_PORT), "Trivet")
        known = _from(each.address for each in members)
        yield from (Rule("tcp", f"{CLIENT_PORT}-{PEER_PORT}", "etcd", match) for match in known)
        yield from (Rule("tcp", f"{NORTHBOUND}-{RAFT[SOUTHBOUND]}", "OVN's databases", match) for match in known)
        yield from (Rule("tcp", f"{{ {LIBVIRT}, {MIGRATION} }}", "VMs that move here", match) for match in known)
    pool = spec.storage is not None or bool(cluster and cluster.fsid)
    if pool and name == ("storage" if "storage" in spec.network.planes.given else "management"):
        for match in _from(each.storage for each in members) or [""]:
            yield Rule("tcp", "3300", "Ceph's monitor", match)
            yield Rule("tcp", "6800-7568", "Ceph's manager and OSDs", match)
    if name == ovn.tunnels(spec):
        ends = _from(each.overlay for each in members if each.overlay) or [""]
        yield from (Rule("udp", str(geneve.PORT), "Geneve", match) for match in ends)


def _from(addresses: Iterable[str]) -> list[str]:
    """What is true of packets from these addresses, for each of IP's versions; [] for no address."""
    each = {4: list[str](), 6: list[str]()}
    for address in sorted(set(addresses), key=lambda address: ipaddress.ip_address(address).packed):
        each[ipaddress.ip_address(address).version].append(address)
    return [f"{'ip' if version == 4 else 'ip6'} saddr {{ {', '.join(known)} }}" for version, known in each.items() if known]  # noqa: PLR2004 - the version


def digest(spec: Spec, cluster: ClusterDocument | None = None) -> str:
    """12 hexadecimal digits that stand in the table as its comment, so that one sees which one is loaded."""
    return rendered.digest(_render(spec, cluster, ""))


def table(spec: Spec, cluster: ClusterDocument | None = None) -> str:
    """The input of `nft -f`."""
    return _render(spec, cluster, digest(spec, cluster))


def _render(spec: Spec, cluster: ClusterDocument | None, mark: str) -> str:
    from appliance.services.network.templates import render  # noqa: PLC0415 - jinja2 is 30 ms

    rules = allowed(spec, cluster)
    groups = [(name, group) for name, group in GROUPS.items() if name in rules]
    return render("firewall.nft", table=TABLE, digest=mark, groups=groups, rules=rules)
