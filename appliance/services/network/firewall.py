# SPDX-License-Identifier: Apache-2.0
"""The host's own firewall: one nftables table, from the spec. Pure.

Everything that comes in is dropped but what an engine needs on its plane. Planes are told apart by the link group that
networkd gives to their interfaces: names of ports are the kernel's and change.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.model import rendered
from appliance.model.spec import Spec
from appliance.services.network import geneve, ovn

TABLE = "trivet"
GROUPS: Mapping[str, int] = {"management": 1, "business": 2, "overlay": 3, "storage": 4}
"""Link group (ip-link(8)) of the interface that a plane stands on."""


@dataclass(frozen=True)
class Rule:
    """What may come in, and for whom."""

    protocol: str
    ports: str
    why: str


def allowed(spec: Spec) -> dict[str, tuple[Rule, ...]]:
    """Plane -> what may come in there."""
    rules: dict[str, tuple[Rule, ...]] = {}
    if spec.admin.ssh.enabled:
        rules["management"] = (Rule("tcp", "22", "SSH"),)
    if plane := ovn.tunnels(spec):
        rules[plane] = (*rules.get(plane, ()), Rule("udp", str(geneve.PORT), "Geneve"))
    return rules


def digest(spec: Spec) -> str:
    """12 hexadecimal digits that stand in the table as its comment, so that one sees which one is loaded."""
    return rendered.digest(_render(spec, ""))


def table(spec: Spec) -> str:
    """The input of `nft -f`."""
    return _render(spec, digest(spec))


def _render(spec: Spec, mark: str) -> str:
    from appliance.services.network.templates import render  # noqa: PLC0415 - jinja2 is 30 ms

    rules = {name: allowed(spec).get(name, ()) for name in GROUPS}
    groups = [(name, group) for name, group in GROUPS.items() if name in spec.network.planes.given]
    return render("firewall.nft", table=TABLE, digest=mark, groups=groups, rules=rules)
