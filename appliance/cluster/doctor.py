# SPDX-License-Identifier: Apache-2.0
"""(answers) -> findings: what would keep a node from being a good member, each with one plain cause and one remedy. Pure.

What follows from something else is not said: where nobody answers at all, no port of his is closed, and no packet too large.
"""

from collections.abc import Iterator

from appliance.model.doctor import Answers, Finding, Path, Port, Side
from appliance.model.units import format_size

CLOCK = 0.5
"""Seconds that two clocks may differ: etcd's leases count on none, but Ceph's monitors complain over 0.05, and tickets fail."""
LATENCY = {"storage": 2.0, "overlay": 10.0, "management": 20.0}
"""Milliseconds there and back, over which a plane is too slow for what it carries."""
LOSS = 2
"""Per cent of pings."""


def findings(answers: Answers) -> list[Finding]:
    """All that is wrong, gravest first, each in the order in which one would look."""
    parts = (_identity, _clock, _addresses, _paths, _ports, _processor, _leftovers, _space, _bmc, _way_out)
    found = [finding for part in parts for finding in part(answers)]
    return sorted(dict.fromkeys(found), key=lambda finding: not finding.grave)


def _identity(answers: Answers) -> Iterator[Finding]:
    me = answers.me
    for other in answers.others:
        if me.machine_id and other.machine_id == me.machine_id:
            cause = f"this node and {other.name} have the same machine-id: one was copied from the other's disk"
            yield Finding(topic="identity", cause=cause, remedy="install this node from the ISO again: it gets one of its own")
        elif other.name == me.name:
            remedy = "give this one another name: `node: {name: ...}` in its spec, and `trivet apply`"
            yield Finding(topic="identity", cause=f"another node is called {me.name} already", remedy=remedy)
        if other.version and me.version and other.version != me.version:
            cause = f"{other.name} runs version {other.version}, and this node {me.version}"
            yield Finding(topic="version", cause=cause, remedy="bring the older one up to the version of the other first")


def _clock(answers: Answers) -> Iterator[Finding]:
    for other in answers.others:
        if abs(other.offset) > CLOCK:
            ahead = "ahead of" if other.offset > 0 else "behind"
            cause = f"the clock of {other.name} is {_seconds(abs(other.offset))} {ahead} this node's"
            remedy = "give both the same time servers: `node: {ntp: [...]}` in their specs"
            yield Finding(topic="clock", cause=cause, remedy=remedy)
    if answers.me.synchronised is False:
        cause = "no time server has set this node's clock"
        remedy = "see `timedatectl timesync-status`, and whether the servers of `node: {ntp: [...]}` can be reached"
        yield Finding(topic="clock", cause=cause, remedy=remedy, grave=False)


def _seconds(value: float) -> str:
    if value < 120:  # noqa: PLR2004 - two minutes, up to which one thinks in seconds
        return f"{value:.1f} s"
    return f"{value / 60:.0f} minutes" if value < 7200 else f"{value / 3600:.0f} hours"  # noqa: PLR2004 - two hours


def _addresses(answers: Answers) -> Iterator[Finding]:
    named = set()
    for each in answers.taken:
        named.add(each.address)
        macs = " and ".join(each.macs)
        cause = f"{each.address}, this node's on the {each.plane} plane, is somebody else's too: {macs}"
        remedy = "give one of the two another address; the switch knows behind which port that MAC is"
        yield Finding(topic="address", cause=cause, remedy=remedy)
    for other in answers.others:
        for plane, address in answers.me.planes.items():
            if address in other.planes.values() and address not in named and other.name != answers.me.name:
                cause = f"{other.name} has {address} as well, this node's on the {plane} plane"
                yield Finding(topic="address", cause=cause, remedy=f"give this node another address on the {plane} plane")
    for plane, address in answers.me.planes.items():
        if not address:
            cause = f"this node has no address on the {plane} plane"
            remedy = "see `trivet net show`; where a DHCP server gives none, write one into the spec"
            yield Finding(topic="address", cause=cause, remedy=remedy)


def _dead(path: Path) -> bool:
    return not path.largest


def _paths(answers: Answers) -> Iterator[Finding]:
    for path in answers.paths:
        where = f"{path.peer} ({path.address}) on the {path.plane} plane"
        if _dead(path):
            if path.resolved:
                cause = f"{where} is there, and answers no ping"
                yield Finding(topic="path", cause=cause, remedy=f"see what of {path.peer} keeps pings out", grave=False)
            else:
                remedy = f"see whether {path.peer} is on, and whether the switch joins both ports in the same VLAN"
                yield Finding(topic="path", cause=f"nobody answers at {path.address}, the address of {where}", remedy=remedy)
            continue
        yield from _quality(path, where, answers)


def _quality(path: Path, where: str, answers: Answers) -> Iterator[Finding]:
    if path.wanted and path.largest < path.wanted:
        theirs = next((other.mtu.get(path.plane, 0) for other in answers.others if other.name == path.peer), 0)
        if theirs and theirs < path.wanted:
            cause = f"the {path.plane} plane has an MTU of {path.wanted} here and of {theirs} on {path.peer}"
            remedy = f"write the same `mtu` for the {path.plane} plane into both specs"
        else:
            cause = f"packets of {path.wanted} bytes do not reach {where}: {path.largest} is the most"
            remedy = f"set the MTU of each switch on the way to {path.wanted}, or write `mtu: {path.largest}` for the plane"
        yield Finding(topic="MTU", cause=cause, remedy=remedy)
    if path.loss >= LOSS:
        cause = f"{path.loss} % of the packets to {where} are lost"
        remedy = "see cables and the error counters of the switch's ports, and `trivet net show` on both nodes"
        yield Finding(topic="path", cause=cause, remedy=remedy)
    if path.milliseconds > (most := LATENCY.get(path.plane, LATENCY["management"])):
        cause = f"{where} answers after {path.milliseconds:.1f} ms, and more than {most:.0f} is too much"
        remedy = "nodes of one cluster belong on one site; see what else uses this network"
        yield Finding(topic="path", cause=cause, remedy=remedy, grave=path.plane == "storage")


def _ports(answers: Answers) -> Iterator[Finding]:
    dead = {path.address for path in answers.paths if _dead(path) and not path.resolved}
    for port in answers.ports:
        if port.outcome != "open" and port.address not in dead:
            yield _port(port, answers.me)


def _port(port: Port, me: Side) -> Finding:
    end = f"{port.port} ({port.service})"
    if port.back:
        here = f"this node's {port.address} on the {port.plane} plane"
        if port.outcome == "refused":
            return Finding(
                topic="ports", cause=f"{port.peer} reaches {here}, and nobody listens at TCP {end}",
                remedy=f"see `trivet status` on {me.name}: a service has not started",
            )  # fmt: skip
        return Finding(
            topic="ports", cause=f"TCP {end} of {here} does not reach us from {port.peer}: something on the way drops it",
            remedy="open it in the firewall between the nodes, in both directions",
        )  # fmt: skip
    there = f"{port.peer} ({port.address}) on the {port.plane} plane"
    if port.outcome == "refused":
        return Finding(
            topic="ports", cause=f"nobody listens at TCP {end} of {there}",
            remedy=f"see `trivet status` on {port.peer}: a service has not started",
        )  # fmt: skip
    return Finding(
        topic="ports", cause=f"TCP {end} of {there} gives no answer: something on the way drops it",
        remedy=f"open it in the firewall between the nodes, in both directions; on {port.peer} `trivet plan` must say nothing",
    )  # fmt: skip


def _processor(answers: Answers) -> Iterator[Finding]:
    for other in answers.others:
        if not other.flags or not answers.me.flags:
            continue
        lacks = sorted(set(other.flags) - set(answers.me.flags))
        if lacks:
            few = ", ".join(lacks[:4]) + (f" and {len(lacks) - 4} more" if len(lacks) > 4 else "")  # noqa: PLR2004 - a line's worth
            cause = f"this node's processor lacks {few}, which that of {other.name} has: VMs that use it cannot be moved here"
            remedy = "leave `cpu: {model: portable}` in VMs, or keep nodes of one generation together"
            yield Finding(topic="processor", cause=cause, remedy=remedy, grave=False)


def _leftovers(answers: Answers) -> Iterator[Finding]:
    words = {
        "etcd": "a member of another etcd",
        "Ceph": "a part of another Ceph",
        "OVN": "a member of another cluster's OVN databases",
        "LVM": "volumes of another Ceph in LVM",
        "cluster": "what it knew of another cluster",
    }
    for left in answers.leftovers:
        whose = f", of {left.whose}" if left.whose else ""
        cause = f"an older cluster has left {words[left.what]} on this node{whose}: {left.where}"
        remedy = f"look whether anybody misses it; then `rm -r {left.where}`, or install the node anew"
        if left.what == "LVM":
            remedy = "look whether anybody misses it; then `trivet disk` wipes the disk, or install the node anew"
        yield Finding(topic="leftovers", cause=cause, remedy=remedy)


def _space(answers: Answers) -> Iterator[Finding]:
    for space in answers.spaces:
        if space.free < space.needed:
            cause = f"{format_size(space.free)} are free at {space.where}, and {format_size(space.needed)} are needed"
            yield Finding(topic="space", cause=cause, remedy=f"see what fills it with `du -xh {space.where} | sort -h | tail`")


def _bmc(answers: Answers) -> Iterator[Finding]:
    if answers.bmc == "silent":
        cause = "this node has a BMC, and it does not answer: the node could not be switched off by others when it hangs"
        yield Finding(topic="BMC", cause=cause, remedy="see `ipmitool mc info`; a cold reset of it often helps", grave=False)


def _way_out(answers: Answers) -> Iterator[Finding]:
    for router in answers.routers:
        if not router.answers:
            cause = f"the gateway {router.address} of the {router.plane} plane does not answer"
            yield Finding(topic="way out", cause=cause, remedy="see whether it is on, and in the plane's VLAN", grave=False)
    for server in answers.servers:
        if server.reason:
            cause = f"the name server {server.address} gives no answer: {server.reason}"
            remedy = "see whether it is one, and whether there is a way to it"
            yield Finding(topic="way out", cause=cause, remedy=remedy, grave=False)
