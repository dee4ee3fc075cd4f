# SPDX-License-Identifier: Apache-2.0
"""The host's own firewall: one nftables table, from the spec. Pure.

Everything that comes in is dropped but what an engine needs on its plane. Planes are told apart by the link group that
networkd gives to their interfaces: names of ports are the kernel's and change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from appliance.model import rendered
from appliance.model.spec import Spec
from appliance.services.network import geneve, ovn

TABLE = "trivet"
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


def allowed(spec: Spec) -> dict[str, tuple[Rule, ...]]:
    """Plane -> what may come in there.

    A DHCP server's answer is none to the connection tracker: what it answers was sent to everybody.
    """
    return {name: tuple(_rules(spec, name)) for name in spec.network.planes.given}


def _rules(spec: Spec, name: str) -> Iterator[Rule]:
    plane = spec.network.planes.given[name]
    if plane.dhcp:
        yield _DHCP
    if plane.announced:
        yield _DHCPV6  # routers say whether there is a server
    if name == "management" and spec.admin.ssh.enabled:
        yield Rule("tcp", "22", "SSH")
    if spec.storage is not None and name == ("storage" if "storage" in spec.network.planes.given else "management"):
        yield Rule("tcp", "3300", "Ceph's monitor")
        yield Rule("tcp", "6800-7568", "Ceph's manager and OSDs")
    if name == ovn.tunnels(spec):
        yield Rule("udp", str(geneve.PORT), "Geneve")


def digest(spec: Spec) -> str:
    """12 hexadecimal digits that stand in the table as its comment, so that one sees which one is loaded."""
    return rendered.digest(_render(spec, ""))


def table(spec: Spec) -> str:
    """The input of `nft -f`."""
    return _render(spec, digest(spec))


def _render(spec: Spec, mark: str) -> str:
    from appliance.services.network.templates import render  # noqa: PLC0415 - jinja2 is 30 ms

    rules = allowed(spec)
    groups = [(name, group) for name, group in GROUPS.items() if name in rules]
    return render("firewall.nft", table=TABLE, digest=mark, groups=groups, rules=rules)
