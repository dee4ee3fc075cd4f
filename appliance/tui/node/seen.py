# SPDX-License-Identifier: Apache-2.0
"""What is known of a running node without looking at it for long, and what a person is told of that. Pure.

Health is one word and one reason. The worst is said; all of it is below.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from appliance.model.cluster import ClusterDocument, myself
from appliance.model.netreport import Alert, NetworkReport, PlaneReport, UplinkReport
from appliance.model.poolreport import DiskReport, PoolReport, Word
from appliance.model.status import Boot
from appliance.model.units import format_size, format_speed
from appliance.tui.i18n import N_, _, ngettext, said

Grade = Literal["good", "busy", "warning", "fault"]
WORDS: dict[Grade, str] = {"good": N_("READY"), "busy": N_("STARTING"), "warning": N_("WARNING"), "fault": N_("FAULT")}
TRIAL = N_("ON TRIAL")
POOL: dict[Word, str] = {
    "none": N_("no pool"), "healthy": N_("healthy"), "warning": N_("warning"), "checking": N_("being made ready"),
    "rebuilding": N_("rebuilding"), "degraded": N_("degraded"), "at risk": N_("at risk"), "full": N_("full"),
    "stopped": N_("stopped"),
}  # fmt: skip
ROLES = {"system": N_("system"), "cache": N_("cache"), "data": N_("data"), "spare": N_("spare"), "none": N_("no role")}


@dataclass(frozen=True)
class Seen:
    """`network` is None before it was looked at; `trouble` is why it could not be.

    `mirror` has a mark for each half of each array of the system disk ("U" works), "" without a mirror. `vms` are the names of
    those that run, None where there is no libvirt. `reverts_in` as in Status. `pool` is what trivetd saw of the disks,
    `cluster` what it knows of the other nodes.
    """

    name: str
    version: str
    slot: str = ""
    uptime: float = 0.0
    boot: Boot | None = None
    alerts: tuple[Alert, ...] = ()
    looked: bool = False
    reverts_in: int | None = None
    network: NetworkReport | None = None
    trouble: str = ""
    mirror: str = ""
    rebuilding: str = ""
    vms: tuple[str, ...] | None = None
    pool: PoolReport | None = None
    cluster: ClusterDocument | None = None
    machine_id: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where the node can be reached, that of management first."""
        planes = self.network.planes if self.network else ()
        found = [a.address.partition("/")[0] for plane in planes for a in plane.addresses if not a.duplicate]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Health:
    """`word` and `reason` are in the console's language."""

    grade: Grade
    word: str
    reason: str


def health(seen: Seen) -> Health:
    """The one word that matters most, and why."""
    if seen.reverts_in is not None:
        return Health("warning", _(TRIAL), trial(seen.reverts_in))
    grade, reason = next(_reasons(seen))
    return Health(grade, _(WORDS[grade]), reason)


def bare(seen: Seen) -> bool:
    """Has the node its management plane alone?"""
    network = seen.network
    if network is None or network.problems or network.gone:
        return False
    return [plane.name for plane in network.planes] == ["management"]


def trial(seconds: int) -> str:
    """What happens to a change that nobody keeps."""
    if seconds <= 0:
        return _("A network change is being taken back now.")
    return _("A network change is taken back in {number} s, unless somebody keeps it.").format(number=seconds)


def _reasons(seen: Seen) -> Iterator[tuple[Grade, str]]:
    """The worst first."""
    if seen.boot is None:
        yield "busy", _("The node is being made what its spec says.")
    elif seen.boot.failed:
        yield "fault", said(seen.boot.failed.splitlines()[0])
    for severity, grade in (("critical", "fault"), ("warning", "warning")):
        if severity == "warning":
            yield from _warnings(seen)
        for alert in (*seen.alerts, *(seen.network.gone if seen.network else ())):
            if alert.severity == severity:
                yield grade, alert_text(alert)  # type: ignore[misc]  # one of the two
    if not seen.looked:
        yield "good", _("What the spec says was carried out. The network is looked at for the first time soon.")
    yield "good", _("What the spec says was carried out, and nothing is wrong.")


def _warnings(seen: Seen) -> Iterator[tuple[Grade, str]]:
    if "_" in seen.mirror:
        yield "warning", _("A half of the system disk's mirror is missing.")
    if seen.boot and seen.boot.refused:
        yield "warning", said(seen.boot.refused[0])
    if seen.trouble:
        yield "warning", said(seen.trouble)
    for problem in seen.network.problems if seen.network else ():
        yield "warning", said(problem.message)
    if seen.network is not None and not seen.addresses:
        yield "warning", _("The node has no address now.")
    if seen.boot and seen.boot.waits:
        yield "busy", _("Something waits for an address that has not been given yet.")


def alert_text(alert: Alert) -> str:
    """What is wrong, without the remedy."""
    return said(alert.message)


def facts(seen: Seen) -> list[tuple[str, str]]:
    """Everything else, a line each: a name and what there is to say."""
    rows = [(_("version"), _version(seen)), *planes(seen.network)]
    if seen.network is None:
        rows.append((_("network"), said(seen.trouble) if seen.trouble else _("being looked at ...")))
    if seen.cluster is not None:
        rows.append((_("cluster"), _cluster(seen.cluster, seen.machine_id)))
    rows.append((_("system disk"), _disk(seen)))
    if seen.pool is not None and seen.pool.health != "none":
        rows.append((_("storage"), storage(seen.pool)))
    if seen.vms is not None:
        rows.append((_("VMs"), _running(seen.vms)))
    return rows


def _cluster(document: ClusterDocument, machine_id: str) -> str:
    number = len(document.members)
    words = [document.name, ngettext("{number} node", "{number} nodes", number).format(number=number)]
    if (me := myself(document, machine_id)) and me.control:
        words.append(_("this one has the control role"))
    return _(", ").join(words)


def _version(seen: Seen) -> str:
    parts = [seen.version]
    if seen.slot:
        parts.append(_("slot {slot}").format(slot=seen.slot.upper()))
    return _(", ").join((*parts, _("running for {time}").format(time=duration(seen.uptime))))


def duration(seconds: float) -> str:
    """Two units at most; of what is under a minute, seconds."""
    minutes = int(seconds // 60)
    if not minutes:
        return _("{seconds} s").format(seconds=int(seconds))
    days, hours = divmod(minutes // 60, 24)
    if days:
        return _("{days} d {hours} h").format(days=days, hours=hours)
    if hours:
        return _("{hours} h {minutes} min").format(hours=hours, minutes=minutes % 60)
    return _("{minutes} min").format(minutes=minutes)


def _disk(seen: Seen) -> str:
    if not seen.mirror:
        return _("one, not mirrored")
    if "_" not in seen.mirror:
        return _("mirrored, both disks work")
    if seen.rebuilding:
        return _("mirrored, being rebuilt: {share}").format(share=seen.rebuilding)
    return _("mirrored, one disk is missing")


def storage(pool: PoolReport) -> str:
    """`healthy, 1.2 TiB of 4.9 TiB used`."""
    sizes = {"used": format_size(pool.used), "all": format_size(pool.usable)}
    room = _("{used} of {all} used").format(**sizes) if pool.usable else ""
    return _(", ").join(word for word in (_(POOL[pool.health]), room) if word)


def pool_text(pool: PoolReport) -> str:
    """The word, and why it is that."""
    word = _(POOL[pool.health])
    return _("{name}: {text}").format(name=word, text=said(pool.reason)) if pool.reason else word


def role_text(disk: DiskReport) -> str:
    """What a disk is for, and whether it does that."""
    words = [_(ROLES[disk.role])]
    if disk.osd is not None:
        words.append(f"OSD {disk.osd}")
        state = (_("taken out") if disk.isolated else _("down")) if not disk.up else "" if disk.in_ else _("out of the pool")
        words += [state] if state else []
    return _(", ").join(words)


def _running(vms: tuple[str, ...]) -> str:
    if not vms:
        return _("none runs")
    return _("{number} running: {names}").format(number=len(vms), names=_(", ").join(vms))


def planes(network: NetworkReport | None) -> Iterator[tuple[str, str]]:
    """Each plane with what carries it and where the node is on it."""
    for plane in network.planes if network else ():
        yield plane.name, plane_text(plane, network.uplink(plane) if network else None)


def plane_text(plane: PlaneReport, uplink: UplinkReport | None) -> str:
    """`10.0.0.11/24, link up, active-backup: 2 of 2 ports, VLAN 30`."""
    parts = [a.address for a in plane.addresses] or ([_("no address")] if plane.interface else [])
    if uplink is not None:
        parts += list(_carried(uplink))
    if plane.vlan:
        parts.append(_("all VLANs") if plane.vlan == "trunk" else f"VLAN {plane.vlan}")
    return _(", ").join(parts)


def _carried(uplink: UplinkReport) -> Iterator[str]:
    if not uplink.link:
        yield _("NO LINK")
        return
    up = [port for port in uplink.ports if port.link and port.member]
    speed = max((port.speed for port in up), default=0)
    yield _("link up, {speed}").format(speed=format_speed(speed)) if speed else _("link up")
    if uplink.bond:
        yield _("{bond}: {up} of {all} ports").format(bond=uplink.bond, up=len(up), all=len(uplink.ports))
