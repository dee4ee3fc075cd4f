# SPDX-License-Identifier: Apache-2.0
"""One plane of a node's spec as fields, and what was typed there as changes of the spec. Pure.

The fields of the wizard's management network serve for every plane, with those that it does not ask: on which ports the plane
stands, its MTU, its routes. A plane that is not there begins as `services/network/propose.py` would have it.
"""

from collections.abc import Iterator, Sequence

from appliance.model.inventory import Inventory
from appliance.model.spec import PlaneSpec, RouteSpec, Spec
from appliance.services.network.propose import Proposal
from appliance.services.network.topology import resolve
from appliance.tui import draft as drafts
from appliance.tui.draft import Draft, Method, words
from appliance.tui.node.yamledit import GONE, Path

PLANES: Path = ("network", "planes")
FIELDS: tuple[drafts.Field, ...] = (
    "on", "ports", "bond", "vlan", "method", "address", "gateway", "dns", "mtu", "routes",
)  # fmt: skip
"""In the order of the page."""


class PlaneDraft(Draft):
    """`plane` is the one that the fields are about; `there`: the spec has it; `taken`: it shall go.

    `on` is the plane on whose ports it stands, "" for its own; `hosts` are those that it could stand on.
    """

    plane: str = "management"
    there: bool = True
    taken: bool = False
    on: str = ""
    hosts: tuple[str, ...] = ()
    mtu: str = ""
    routes: str = ""


def fields(name: str, spec: Spec, inventory: Inventory) -> dict[str, object]:
    """Those of a plane as the spec has them; ports are what its selectors take on this machine."""
    given = spec.network.planes.given
    hosts = tuple(other for other, plane in given.items() if other != name and plane.on is None)
    about: dict[str, object] = {"plane": name, "there": name in given, "hosts": hosts}
    if name not in given:
        return about | {"method": "none"}
    uplinks, _ = resolve(inventory, spec)
    macs = next((tuple(n.mac for n in u.nics) for u in uplinks if any(p.name == name for p in u.planes)), ())
    return about | _typed(given[name], () if given[name].on else macs)


def suggested(name: str, proposal: Proposal) -> dict[str, object]:
    """What the fields of a plane begin with that is not there: the proposal, or nothing."""
    for each in proposal.planes:
        if each.name == name:
            macs = tuple(selector.mac for selector in each.plane.nics if selector.mac)
            asked: dict[str, object] = {"method": "static"} if "address" in each.asks else {}
            return _typed(each.plane, [str(mac) for mac in macs]) | asked
    return {}


def _typed(plane: PlaneSpec, macs: Sequence[str]) -> dict[str, object]:
    wished = (plane.address,) if isinstance(plane.address, str) else plane.address
    alone: dict[tuple[str, ...], Method] = {("dhcp",): "dhcp", ("slaac",): "slaac", ("none",): "none"}
    method = alone.get(tuple(wished), "static")
    return {
        "ports": tuple(macs),
        "on": plane.on or "",
        "bond": plane.bond,
        "vlan": "" if plane.vlan is None else str(plane.vlan),
        "mtu": "" if plane.mtu is None else str(plane.mtu),
        "method": method,
        "address": ", ".join(wished) if method == "static" else "",
        "gateway": ", ".join(plane.gateways),
        "dns": ", ".join(plane.dns),
        "routes": ", ".join(_route(route) for route in plane.routes),
    }


def _route(route: RouteSpec) -> str:
    return f"{route.to} via {route.via}"


def changes(names: frozenset[str], after: PlaneDraft) -> Iterator[tuple[Path, object]]:
    """What is written into the spec; `names` are the fields that say something else than before."""
    place = (*PLANES, after.plane)
    if after.taken:
        yield place, GONE
    elif after.there:
        yield from (((*place, key), value) for key, value in _keys(names, after))
    elif names & set(FIELDS):
        yield place, {key: value for key, value in _keys(frozenset(FIELDS), after) if value is not GONE}


def _keys(names: frozenset[str], after: PlaneDraft) -> Iterator[tuple[str, object]]:
    if names & {"ports", "on"}:
        yield "nics", GONE if after.on else [{"mac": mac} for mac in after.ports]
        yield "on", after.on or GONE
    if names & {"bond", "on"}:
        yield "bond", GONE if after.bond == "none" or after.on else after.bond
    if "vlan" in names:
        yield "vlan", number(after.vlan)
    if "mtu" in names:
        yield "mtu", number(after.mtu)
    if names & {"method", "address"}:
        yield "address", _address(after)
    if after.method != "static" and "method" in names:
        yield "gateway", GONE  # a server gives it, and one of ours would be in none of the networks
        yield "dns", GONE
    elif after.method == "static":
        if "gateway" in names:
            yield "gateway", few(after.gateway) or GONE
        if "dns" in names:
            yield "dns", words(after.dns) or GONE
    if "routes" in names:
        yield "routes", list(_routes(after.routes)) or GONE


def _address(after: PlaneDraft) -> object:
    if after.method == "static":
        return few(after.address) or ""
    return GONE if after.method == "none" else after.method


def _routes(text: str) -> Iterator[dict[str, str]]:
    found = [word for word in words(text) if word != "via"]
    for to, via in zip(found[::2], [*found[1::2], ""], strict=False):
        yield {"to": to, "via": via}


def number(text: str) -> object:
    """As a number, where it is one; empty, the key goes."""
    text = text.strip()
    return GONE if not text else int(text) if text.isascii() and text.isdigit() else text


def few(text: str) -> object:
    """One as itself, several as a list."""
    found = words(text)
    return found[0] if len(found) == 1 else found


def unanswered(draft: PlaneDraft) -> Iterator[drafts.Field]:
    """What a plane needs and nobody has typed."""
    if draft.taken:
        return
    if not draft.ports and not draft.on:
        yield "ports"
    if draft.method == "static" and not draft.address.strip():
        yield "address"
