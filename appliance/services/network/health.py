# SPDX-License-Identifier: Apache-2.0
"""(the network now, what was asked on the wire, the network a while ago) -> what somebody must look after. Pure.

A cause is said once: a plane whose cable is out is not said to have a gateway that does not answer as well.
"""

from collections.abc import Iterator

from appliance.model.netreport import Alert, NetworkReport, PlaneReport, PortReport, Probes, UplinkReport
from appliance.services.network.topology import PLACE

LACP = "802.3ad"
WINDOW = 600
"""Seconds over which carrier losses, errors and drops are counted: long enough for a ratio, short enough to be about now."""
LOSSES = 3
"""Carrier losses in the window. A cable that somebody moves is one, a switch that restarts one or two."""
ERRORS_RATIO, ERRORS_LEAST = 1e-4, 10
"""Errors per packet. Good cables stay far below: 10GBASE-T allows one bit error in 10^12. A few alone prove nothing."""
DROPS_RATIO, DROPS_LEAST = 1e-2, 1000
"""Drops per packet. The kernel also counts what nobody here listens to, as a switch's own protocols: one each second or two,
so that less than this many in the window are no sign of a queue that overflows."""


def alerts(now: NetworkReport, probes: Probes, before: NetworkReport | None = None) -> tuple[Alert, ...]:
    """The critical ones first. `before` is the report from the window's begin; without it nothing is counted."""
    earlier = {port.mac: port for uplink in before.uplinks for port in uplink.ports} if before else {}
    found = [
        *now.gone,
        *(alert for uplink in now.uplinks for alert in _uplink(uplink)),
        *(alert for uplink in now.uplinks for port in uplink.ports for alert in _counted(uplink, port, earlier.get(port.mac))),
        *(alert for plane in now.planes for alert in _addresses(plane, probes)),
        *(alert for plane in now.planes if now.uplink(plane).link for alert in _gateways(plane, probes)),
    ]
    return tuple(sorted(found, key=lambda alert: alert.severity != "critical"))


def _uplink(uplink: UplinkReport) -> Iterator[Alert]:
    where = _place(uplink.owner)
    if not uplink.link:
        message = f"no link on {' and '.join(_named(port) for port in uplink.ports)}"
        hint = "put the cable in, or see at the switch why its port is off"
        if uplink.bond and not uplink.interface:
            message, hint = "its bond is not there", "see `trivet plan` for what is to be done, `trivet status` for why it is not"
        yield Alert(where=where, severity="critical", message=message, hint=hint)
        return
    if uplink.bond:
        yield from _members(uplink)
    if uplink.bond == LACP:
        yield from _lacp(uplink)


def _members(uplink: UplinkReport) -> Iterator[Alert]:
    up = [port for port in uplink.ports if port.link and port.member]
    for port in uplink.ports:
        if port in up:
            continue
        many = f"{len(up)} of {len(uplink.ports)} ports of {uplink.interface} work"
        message = f"{many}: {_subject(port)} {'has no link' if not port.link else 'is not in it'}"
        hint = "put its cable in, or see at the switch why its port is off" if not port.link else "see `trivet plan`"
        yield Alert(where=_place(uplink.owner), severity="warning", message=message, hint=hint)


def _lacp(uplink: UplinkReport) -> Iterator[Alert]:
    """One partner, and one aggregator with all members that have a link. Without a partner each is an aggregator by itself."""
    where = _place(uplink.owner)
    if not uplink.partner:
        message = f"nobody speaks LACP with {uplink.interface}: one port of {len(uplink.ports)} is used, if any"
        hint = "make the switch's ports one LACP group, or write bond: active-backup"
        yield Alert(where=where, severity="warning", message=message, hint=hint)
        return
    for port in uplink.ports:
        if not port.link or not port.member:
            continue
        if port.partner and port.partner != uplink.partner:
            what = f"is in another system ({port.partner}) than the rest of {uplink.interface} ({uplink.partner})"
            hint = "its cable is in the wrong switch, or the two switches are not one for LACP (MLAG)"
        elif port.aggregator != uplink.aggregator:
            what = f"is not in the aggregate of {uplink.interface}" + ("" if port.partner else ": nobody speaks LACP with it")
            hint = "put the port that it leads to in the same LACP group as the others, with the same speed"
        else:
            continue
        yield Alert(where=where, severity="warning", message=f"{_subject(port)} {what}", hint=hint)


def _counted(uplink: UplinkReport, port: PortReport, before: PortReport | None) -> Iterator[Alert]:
    """What has gone up too much within the window. A counter that goes down was made anew: its driver was."""
    if before is None:
        return
    where, minutes = _place(uplink.owner), WINDOW // 60
    losses = port.losses - before.losses
    if losses >= LOSSES:
        message = f"{_subject(port)} lost its link {losses} times within {minutes} minutes"
        hint = "change the cable or the transceiver, then the switch's port"
        yield Alert(where=where, severity="warning", message=message, hint=hint)
    for way, name in (("rx", "received"), ("tx", "sent")):
        grown = {what: getattr(port.counters, f"{way}_{what}") - getattr(before.counters, f"{way}_{what}") for what in _COUNTED}
        for what, least, ratio, hint in _LIMITS:
            all_ = max(grown["packets"], 0) + grown[what]
            if grown[what] >= least and grown[what] >= ratio * all_:
                share = f"{grown[what]} of {all_} packets {name} within {minutes} minutes"
                message = f"{_named(port)}: {share} {'had errors' if what == 'errors' else 'were dropped'}"
                yield Alert(where=where, severity="warning", message=message, hint=hint)


_COUNTED = ("packets", "errors", "dropped")
_LIMITS = (
    ("errors", ERRORS_LEAST, ERRORS_RATIO, "change the cable or the transceiver; see `ethtool -S` for what they are"),
    ("dropped", DROPS_LEAST, DROPS_RATIO, "the port has more to do than it can; see `ethtool -S` for where they went"),
)


def _addresses(plane: PlaneReport, probes: Probes) -> Iterator[Alert]:
    where = f"{_place(plane.name)}.address"
    hint = "give one of the two another address; the switch knows behind which port a MAC is"
    for held in plane.addresses:
        if held.duplicate:
            message = f"somebody else on {plane.interface} has {held.address} already, so this node does not use it"
            yield Alert(where=where, severity="critical", message=message, hint=hint)
    for probe in probes.duplicates:
        if probe.plane == plane.name and probe.macs:
            message = f"{', '.join(probe.macs)} has {probe.address}, too"
            yield Alert(where=where, severity="critical", message=message, hint=hint)


def _gateways(plane: PlaneReport, probes: Probes) -> Iterator[Alert]:
    for probe in probes.gateways:
        if probe.plane != plane.name:
            continue
        if not probe.answers:
            message = f"the gateway {probe.address} does not answer on {plane.interface}"
            hint = f"see whether it is on, and whether VLAN and cable are right: `trivet net test {plane.name}`"
            yield Alert(where=f"{_place(plane.name)}.gateway", severity="critical", message=message, hint=hint)
        elif probe.passes is False:
            message = f"packets of {plane.mtu} bytes do not reach the gateway {probe.address}, smaller ones do"
            hint = f"set the MTU of each switch on the way, or write less: `trivet net test {plane.name}` says what passes"
            yield Alert(where=f"{_place(plane.name)}.mtu", severity="warning", message=message, hint=hint)


def _place(plane: str) -> str:
    return f"{PLACE}.{plane}"


def _named(port: PortReport) -> str:
    return port.label + (f", cable to {port.cable_to}" if port.cable_to else "")


def _subject(port: PortReport) -> str:
    """The same before a verb."""
    return _named(port) + ("," if port.cable_to else "")
