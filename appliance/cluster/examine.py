# SPDX-License-Identifier: Apache-2.0
"""What the doctor asks: this node's files, and the wires to the others. Nothing is changed anywhere."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from appliance.errors import ApplianceError, MissingProgram
from appliance.host.host import Host
from appliance.model.cluster import ClusterDocument, Member, control_members
from appliance.model.doctor import Answers, Left, NameServer, Outcome, Path, Port, Router, Side, Space, Taken
from appliance.model.netreport import DuplicateProbe, GatewayProbe, NetworkReport, PlaneReport
from appliance.services.network import probe

Connect = Callable[[str, int], Outcome]
Ask = Callable[[str], str]
PINGS = 10
_FLOOR = {4: 576, 6: 1280}
NEEDED = {"/var/lib/trivet": 2**30}
"""Bytes: the monitor's store, etcd's and the logs of some weeks."""
_PINGED = re.compile(r"(\d+)% packet loss")
_RTT = re.compile(r"= [\d.]+/([\d.]+)/")
_SERVICES = {
    "management": ((8443, "trivetd", False), (2379, "etcd", True), (2380, "etcd's voters", True)),
    "storage": ((3300, "Ceph's monitor", True),),
}
"""Plane -> (port, what is there, only on control nodes)."""


class Target(NamedTuple):
    """Another node, or an address of which nothing is known yet."""

    name: str
    addresses: tuple[str, ...]
    control: bool = False


def targets(document: ClusterDocument | None, me: str, more: tuple[str, ...]) -> tuple[Target, ...]:
    """All members but this one, and addresses that a person gave."""
    members = document.members if document else ()
    controls = {each.name for each in control_members(document)} if document else set[str]()
    found = [Target(each.name, _addresses(each), each.name in controls) for each in members if each.name != me]
    known = {address for target in found for address in target.addresses}
    return (*found, *(Target(address, (address,)) for address in more if address not in known))


def _addresses(member: Member) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in (member.address, member.storage, member.overlay) if each))


def examine(
    host: Host, me: Side, report: NetworkReport, others: tuple[Target, ...], sides: tuple[Side, ...], *,
    servers: tuple[str, ...], ours: str, cluster: bool, connect: Connect, ask: Ask, say: Callable[[str], None],
) -> Answers:  # fmt: skip
    """All of it, which takes seconds for each node; `say` is told what is being asked. `ours` is the fsid of this node's pool."""
    say("this node: addresses, gateways, leftovers, space, BMC")
    asked = [answer for answer in probe.probe(host, report) if answer is not None]
    paths, ports = [], list[Port]()
    for target in others:
        for address in target.addresses:
            plane = plane_to(host, report, address)
            if plane is None:
                continue
            say(f"{target.name}: {address} on the {plane.name} plane")
            paths.append(path(host, plane, target.name, address))
            if paths[-1].largest or paths[-1].resolved:
                ports += _ports(target, plane.name, address, connect, joined=cluster)
    return Answers(
        me=me,
        others=sides,
        paths=tuple(paths),
        ports=tuple(ports),
        taken=tuple(
            Taken(plane=a.plane, address=a.address, macs=a.macs) for a in asked if isinstance(a, DuplicateProbe) and a.macs
        ),
        routers=tuple(Router(plane=a.plane, address=a.address, answers=a.answers) for a in asked if isinstance(a, GatewayProbe)),
        servers=tuple(NameServer(address=server, reason=ask(server)) for server in servers),
        leftovers=tuple(leftovers(host, ours, cluster=cluster)),
        spaces=tuple(space(host)),
        bmc=bmc(host),
        unasked=tuple(f"{target.name}: its version, clock and processor" for target in others if not _told(target, sides)),
    )


def _told(target: Target, sides: tuple[Side, ...]) -> bool:
    return any(side.name == target.name or set(side.planes.values()) & set(target.addresses) for side in sides)


def plane_to(host: Host, report: NetworkReport, address: str) -> PlaneReport | None:
    """The plane by which the kernel sends to an address."""
    said = host.run(["ip", "-json", "route", "get", address], check=False).stdout
    try:
        device = json.loads(said)[0]["dev"]
    except (ValueError, LookupError, TypeError):
        return None
    return next((plane for plane in report.planes if plane.interface == device), None)


def path(host: Host, plane: PlaneReport, peer: str, address: str) -> Path:
    """Loss and latency by small pings; then the largest packet that passes whole."""
    words = ["ping", "-q", "-n", "-c", str(PINGS), "-i", "0.1", "-W", "1", "-I", plane.interface, address]
    said = host.run(words, check=False).stdout
    loss, rtt = _PINGED.search(said), _RTT.search(said)
    found = Path(plane=plane.name, peer=peer, address=address, wanted=plane.mtu, loss=int(loss[1]) if loss else 100)
    if rtt is None:
        there = probe.outcome(probe.resolved(host, address, plane.interface))
        return found.model_copy(update={"resolved": bool(there)})
    largest = _largest(lambda size: probe.ping(host, address, plane.interface, size), _FLOOR[probe.version(address)], plane.mtu)
    return found.model_copy(update={"largest": largest, "milliseconds": float(rtt[1])})


def _largest(passes: Callable[[int], bool], low: int, high: int) -> int:
    """By bisection; whoever answers small pings is taken to pass the smallest size there is."""
    if passes(high):
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return low


def _ports(target: Target, plane: str, address: str, connect: Connect, *, joined: bool) -> Iterator[Port]:
    """Before it has joined, a node has no business at other ports than trivetd's."""
    for port, service, control in _SERVICES.get(plane, ()):
        if (joined and (target.control or not control)) or port == _SERVICES["management"][0][0]:
            outcome = connect(address, port)
            yield Port(plane=plane, peer=target.name, address=address, port=port, service=service, outcome=outcome)


def leftovers(host: Host, ours: str, *, cluster: bool) -> Iterator[Left]:
    """What is here and belongs to no cluster that this node is in; `ours` is the fsid of the pool that its spec made."""
    if not ours:
        for folder in ("mon", "osd", "mgr"):
            for name in host.files.list(f"/var/lib/ceph/{folder}"):
                where = f"/var/lib/ceph/{folder}/{name}"
                fsid = host.files.read(f"{where}/ceph_fsid") or host.files.read(f"{where}/fsid") or ""
                yield Left(what="Ceph", where=where, whose=fsid.strip())
    for name in host.files.list("/var/lib/etcd"):
        if name != "trivet" and host.files.list(f"/var/lib/etcd/{name}/member"):
            yield Left(what="etcd", where=f"/var/lib/etcd/{name}")
    if not cluster:
        for name in ("ovnnb_db.db", "ovnsb_db.db"):
            head = host.files.read_hex(f"/var/lib/ovn/{name}", 13) or ""
            if bytes.fromhex(head) == b"OVSDB CLUSTER":
                yield Left(what="OVN", where=f"/var/lib/ovn/{name}")
    yield from _volumes(host, ours)


def _volumes(host: Host, ours: str) -> Iterator[Left]:
    """LVM volumes that ceph-volume made, by the tag that says of which Ceph."""
    try:
        said = host.run(["lvs", "--reportformat", "json", "-o", "lv_path,lv_tags"], check=False).stdout
        rows = [row for report in json.loads(said or "{}").get("report", ()) for row in report.get("lv", ())]
    except (MissingProgram, ValueError):
        return
    for row in rows:
        tags = dict(tag.partition("=")[::2] for tag in row.get("lv_tags", "").split(","))
        whose = tags.get("ceph.cluster_fsid", "")
        if whose and whose != ours:
            yield Left(what="LVM", where=row.get("lv_path", ""), whose=whose)


def space(host: Host) -> Iterator[Space]:
    """Where something persists."""
    for where, needed in NEEDED.items():
        said = host.run(["df", "--output=avail", "-B1", where], check=False).stdout.split()
        if len(said) == 2 and said[1].isdecimal():  # noqa: PLR2004 - the heading and the number
            yield Space(where=where, free=int(said[1]), needed=needed)


def bmc(host: Host) -> Literal["none", "answers", "silent"]:
    """Has it one, and does it answer?"""
    if not host.files.list("/sys/class/ipmi"):
        return "none"
    try:
        return "answers" if host.run(["ipmitool", "mc", "info"], check=False).code == 0 else "silent"
    except ApplianceError:
        return "silent"


def synchronised(host: Host) -> bool | None:
    """Did a time server set the clock? None where nobody says."""
    said = host.run(["timedatectl", "show", "-p", "NTPSynchronized", "--value"], check=False).stdout.strip()
    return {"yes": True, "no": False}.get(said)
