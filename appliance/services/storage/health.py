# SPDX-License-Identifier: Apache-2.0
"""The pool and its disks now -> what somebody must look after, each with what to do. Pure.

A cause is said once: a disk that is dead is not said to be slow as well, and not as copies that are too few.
"""

from collections.abc import Iterator, Sequence

from appliance.model.netreport import Alert, Severity
from appliance.model.poolreport import DiskReport, PoolReport
from appliance.model.storage import SYSTEM_DISK, Disk, MirrorArray
from appliance.model.units import format_size
from appliance.services.storage import answers

PLACE = "storage"
NEAR, NEARER = 80, 90
"""Percent of the raw space from which on one is warned, and told that it is urgent."""
WORN, WORN_OUT = 80, 95
"""Percent of what an SSD can bear."""
HOT = 60, 70
"""Degrees of an HDD and of an SSD: their makers name 60 and 70 as the most."""
_CLOCK = "MON_CLOCK_SKEW"
_LOW = ("MON_DISK_LOW", "MON_DISK_CRIT")
_LISTED = 4
_WHOLE_AGAIN = "it is being made whole again"

REPLACE = "replace it: `trivet disk replace {name}` once the new one is in"


def alerts(now: PoolReport, disks: Sequence[Disk] = (), mirror: Sequence[MirrorArray] = ()) -> tuple[Alert, ...]:
    """The critical ones first. `disks` and `mirror` of the inventory: what the system stands on, with or without a pool."""
    found = [*(alert for disk in disks for alert in _raid(disk)), *_mirror(mirror)]
    if now.health != "none":
        found += [*_pool(now), *(alert for disk in now.disks for alert in _disk(disk, now)), *_others(now)]
    else:
        found += [alert for disk in now.disks for alert in _itself(disk)]
    return tuple(sorted(found, key=lambda alert: alert.severity != "critical"))


def _alert(where: str, severity: Severity, message: str, hint: str) -> Alert:
    return Alert(where=f"{PLACE}.{where}" if where else PLACE, severity=severity, message=message, hint=hint)


def _pool(now: PoolReport) -> Iterator[Alert]:
    if now.health == "stopped":
        message = f"the pool does not answer: {now.reason}"
        yield _alert("", "critical", message, "see `journalctl -u 'ceph-mon@*'`; `trivet apply` starts what is not running")
        return
    rebuild = now.rebuild
    if rebuild.unfound or "PG_AVAILABILITY" in dict(now.checks):
        hint = "put the disks back that went last, and start their OSDs with `trivet apply`; take nothing else out"
        yield _alert("", "critical", now.reason, hint)
    elif rebuild.degraded:
        last = now.replicas <= answers.ONE_COPY + 1
        left = "one copy only" if last else "a copy too few"
        few = f"{answers.objects(rebuild.degraded)} {'has' if rebuild.degraded == 1 else 'have'} {left}{_when(now)}"
        yield _alert("", "critical" if last else "warning", few, "take no other disk out until `trivet storage` says healthy")
    if now.replicas == answers.ONE_COPY:
        message = "there is one copy of everything: a disk that dies takes data with it"
        yield _alert("", "warning", message, "add a second data disk, then say `trivet apply`")
    yield from _space(now)
    if now.scrub.errors:
        groups = f" in {', '.join(now.scrub.damaged[:_LISTED])}" if now.scrub.damaged else ""
        differ = "mismatch" if now.scrub.errors == 1 else "mismatches"
        message = f"copies differ from each other ({now.scrub.errors} {differ}{groups})"
        hint = "trivetd repairs what the other copies agree on; `trivet storage` shows what is left"
        yield _alert("scrub", "critical", message, hint)


def _when(now: PoolReport) -> str:
    if not now.rebuild.rate:
        return ""
    return ", and they are copied again" + (f": {duration(now.rebuild.eta)} to go" if now.rebuild.eta else "")


def duration(seconds: int) -> str:
    """As long as a person says it: `40 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    minutes, hours = seconds // 60, seconds // 3600
    if hours >= 24:  # noqa: PLR2004 - a day
        return f"{hours // 24} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def _space(now: PoolReport) -> Iterator[Alert]:
    used = 100 * now.raw_used / now.raw if now.raw else 0
    full = [disk for disk in now.disks if disk.room and disk.used >= disk.room * NEARER / 100]
    hint = "add disks (`trivet disk add`), or delete what nobody needs; at 95 % nothing more is written"
    if now.health == "full":
        yield _alert("space", "critical", "a disk is full to its limit, and nothing more is written", hint)
    elif used >= NEAR:
        free = format_size(now.raw - now.raw_used)
        severity: Severity = "critical" if used >= NEARER else "warning"
        yield _alert("space", severity, f"the pool is {used:.0f} % full: {free} of its disks are free", hint)
    elif full:
        message = f"{_who(full[0])} is {100 * full[0].used / full[0].room:.0f} % full, although others have room"
        yield _alert("space", "warning", message, "see `ceph osd df` for how data is spread; it moves by itself in an hour or so")


def _disk(disk: DiskReport, now: PoolReport) -> Iterator[Alert]:
    if disk.osd is not None and not disk.id and not disk.up:
        took = ", and its data is on the others already" if now.health == "healthy" else ""
        message = f"the disk of OSD {disk.osd} is gone{took}"
        yield _alert("disks", "critical", message, f"put it back, or a new one: `trivet disk replace osd.{disk.osd}`")
        return
    if disk.osd is not None and not disk.id and now.health != "stopped":
        message = f"the disk of OSD {disk.osd} cannot be seen any more, although its daemon runs"
        hint = f"see whether it was pulled; `trivet disk replace osd.{disk.osd}` takes a new one"
        yield _alert("disks", "warning", message, hint)
        return
    dead = list(_dead(disk, now))
    yield from dead or _itself(disk)
    if not dead and disk.cache is not None and not disk.cache.works:
        message = f"{_who(disk)} goes on without its read cache: the SSD is gone or has failed; nothing is lost"
        hint = "replace the SSD: `trivet disk replace` with its serial number gives the cache back"
        yield _alert("disks", "warning", message, hint)


def _dead(disk: DiskReport, now: PoolReport) -> Iterator[Alert]:
    """An OSD that is not at work, and why."""
    if disk.osd is None or now.health == "stopped":
        return
    if disk.isolated:
        why = "requests to it do not end" if disk.slow == "stuck" else "requests to it take more than 125 ms"
        message = f"{_who(disk)} (OSD {disk.osd}) was taken out of the pool: {why}"
        yield _alert("disks", "critical", message, REPLACE.format(name=disk.slot or disk.serial))
    elif not disk.up:
        out = "and its data is made again elsewhere" if not disk.in_ else "and is given up 10 minutes after it went"
        message = f"{_who(disk)} does not work: OSD {disk.osd} is down, {out}"
        hint = f"see `journalctl -u ceph-osd@{disk.osd}`; `trivet apply` starts it, `trivet disk replace` takes a new disk"
        yield _alert("disks", "critical", message, hint)
    elif not disk.in_:
        message = f"{_who(disk)} (OSD {disk.osd}) works and is out of the pool: no data is put on it"
        yield _alert("disks", "warning", message, f"`trivet disk add {disk.slot or disk.serial}` takes it in again")


def _itself(disk: DiskReport) -> Iterator[Alert]:
    """What a disk says of itself, and what the kernel counts of it."""
    name = _who(disk)
    replace = REPLACE.format(name=disk.slot or disk.serial)
    if disk.failing:
        yield _alert("disks", "critical", f"{name}: {disk.failing}", replace)
    if disk.wear is not None and disk.wear >= WORN:
        severity: Severity = "critical" if disk.wear >= WORN_OUT else "warning"
        yield _alert("disks", severity, f"{name} has used up {disk.wear} % of what it can bear", replace)
    if disk.temperature is not None and disk.temperature >= HOT[disk.device_class == "ssd"]:
        yield _alert("disks", "warning", f"{name} is {disk.temperature} degrees hot", "see whether the server's fans turn")
    if disk.refused:
        message = f"{name} is {'stuck' if disk.slow == 'stuck' else 'too slow'}, and stays in the pool: {disk.refused}"
        yield _alert("disks", "critical", message, "it is taken out as soon as the other copies are well; have a new one ready")
    elif disk.slow:
        message = f"{name} is slow: more than 60 requests within 5 minutes took over 25 ms"
        yield _alert("disks", "warning", message, "have a new one ready: slow disks are often dying ones")


def _who(disk: DiskReport) -> str:
    return f"the disk in {disk.name}" if disk.slot else f"the disk {disk.name}"


def _mirror(arrays: Sequence[MirrorArray]) -> Iterator[Alert]:
    """One for all arrays: they lie on the same two disks."""
    if rebuilding := [array for array in arrays if array.state == "rebuilding"]:
        done = min(array.progress or 0 for array in rebuilding)
        yield _alert("disks", "warning", f"the mirror of the system disk is being rebuilt ({done} %)", _WHOLE_AGAIN)
    elif any(array.state != "healthy" for array in arrays):
        yield _alert("disks", "warning", "the mirror of the system disk lacks a disk", _new_half("system"))


def _raid(disk: Disk) -> Iterator[Alert]:
    if disk.raid is None or disk.raid.state == "healthy":
        return
    severity: Severity = "critical" if disk.raid.state == "failed" else "warning"
    name = "system" if SYSTEM_DISK in disk.unusable else disk.id
    hint = _WHOLE_AGAIN if disk.raid.state == "rebuilding" else _new_half(name)
    yield _alert("disks", severity, f"the BIOS RAID {disk.id} is {disk.raid}", hint)


def _new_half(name: str) -> str:
    return f"put a new disk in and say `trivet disk replace {name} --with` its serial number"


def _others(now: PoolReport) -> Iterator[Alert]:
    for code, summary in answers.others(now):
        if code == _CLOCK:
            text = "the clocks of the pool's monitors differ"
            yield _alert("clock", "warning", text, "give all nodes the same time servers (node.ntp)")
        elif code in _LOW:
            severity: Severity = "critical" if code.endswith("CRIT") else "warning"
            text = "the system disk has little room left for the pool's monitor"
            yield _alert("space", severity, text, "see `df /var/lib/ceph`, and delete old logs (`journalctl --vacuum-size=200M`)")
        else:
            yield _alert("", "warning", f"Ceph says {code}: {summary}", "see `ceph health detail`")
