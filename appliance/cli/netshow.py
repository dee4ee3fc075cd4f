# SPDX-License-Identifier: Apache-2.0
"""The network as text for people, in 79 columns: what is wrong, the planes, then the ports that carry them."""

import textwrap
from collections.abc import Iterator

from appliance.cli.render import WIDTH
from appliance.model.netreport import Counters, NetworkView, PlaneReport, PortReport, UplinkReport
from appliance.model.units import format_size, format_speed
from appliance.services.network.geneve import OVERHEAD

_NAME = 10


def view_text(view: NetworkView) -> str:
    """Alerts first: they are why somebody looks."""
    blocks = [list(_alerts(view)), [line for plane in view.report.planes for line in _plane(plane)]]
    blocks += [list(_uplink(uplink, view)) for uplink in view.report.uplinks]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _alerts(view: NetworkView) -> Iterator[str]:
    for problem in view.report.problems:
        yield from _row("problem", str(problem))
    for alert in view.alerts:
        yield from _row("alert", str(alert))
    if not view.alerts:
        when = "trivetd has not looked yet" if view.looked is None else f"none, trivetd looked {view.looked:.0f} s ago"
        yield from _row("alerts", when)


def _plane(plane: PlaneReport) -> Iterator[str]:
    vlan = {0: "", "trunk": ", all VLANs"}.get(plane.vlan, f", VLAN {plane.vlan}")
    on = f", on the ports of {plane.uplink}" if plane.uplink != plane.name else ""
    yield from _row(plane.name, f"{plane.interface or 'no address of this node'}{vlan}, MTU {plane.mtu}{on}")
    for held in plane.addresses:
        yield from _row("", held.address + (", which somebody else has" if held.duplicate else ""))
    if plane.interface and not plane.addresses:
        yield from _row("", "no address now")
    if plane.gateways:
        yield from _row("", f"gateway {', '.join(plane.gateways)}")
    if plane.guest_mtu:
        version = next(v for v, bytes_ in OVERHEAD.items() if bytes_ == plane.mtu - plane.guest_mtu)
        yield from _row("", f"networks of VMs: MTU {plane.guest_mtu}, as Geneve over IPv{version} takes {OVERHEAD[version]}")


def _uplink(uplink: UplinkReport, view: NetworkView) -> Iterator[str]:
    carried = " and ".join(plane.name for plane in view.report.planes if plane.uplink == uplink.owner)
    link = "link up" if uplink.link else "no link"
    if uplink.bond:
        yield from textwrap.wrap(
            f"{uplink.interface or 'a bond that is not there'} ({uplink.bond}, {link}) carries {carried}",
            WIDTH,
            subsequent_indent="  ",
        )
        if uplink.aggregator:
            agreed = {p.aggregator for p in uplink.ports if p.link and p.member} <= {uplink.aggregator}
            partner = uplink.partner or "none"
            members = "all members agree" if agreed and uplink.partner else "members do not agree" if uplink.partner else ""
            yield from _row("LACP", ", ".join(word for word in (f"partner {partner}", members) if word))
    else:
        yield f"{uplink.interface or 'a port'} carries {carried}"
    for port in uplink.ports:
        yield from _port(port, uplink)


def _port(port: PortReport, uplink: UplinkReport) -> Iterator[str]:
    link = f"link up{', ' + format_speed(port.speed) if port.speed else ''}" if port.link else "no link"
    yield from _row("port", f"{port.label} {port.interface}".rstrip())
    words = [link]
    if uplink.bond:
        words.append("not in the bond" if not port.member else "active" if port.active else "not active")
    if port.aggregator:
        words.append(f"aggregator {port.aggregator}")
    if port.partner and port.partner != uplink.partner:
        words.append(f"partner {port.partner}")
    words.append(f"link lost {port.losses} time{'' if port.losses == 1 else 's'} since boot")
    yield from _row("", ", ".join(words))
    if port.cable_to:
        yield from _row("", f"cable to {port.cable_to}")
    yield from _row("", f"received {_counted(port.counters, 'rx')}")
    yield from _row("", f"sent {_counted(port.counters, 'tx')}")


def _counted(counters: Counters, way: str) -> str:
    size = format_size(getattr(counters, f"{way}_bytes"))
    return f"{size}, {getattr(counters, f'{way}_errors')} errors, {getattr(counters, f'{way}_dropped')} dropped"


def _row(name: str, text: str) -> list[str]:
    margin = " " * (_NAME + 2)
    return textwrap.wrap(text, WIDTH, initial_indent=f"{name:>{_NAME}}  ", subsequent_indent=margin, break_on_hyphens=False)
