# SPDX-License-Identifier: Apache-2.0
"""The pool as text for people, in 79 columns: its health, space, what goes on, what is wrong, then a line for each disk."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from appliance.cli.render import WIDTH
from appliance.model.poolreport import DiskReport, PoolReport, StorageView
from appliance.model.units import format_size
from appliance.services.storage.health import duration

_NAME = 8
_WIDTHS = (6, 7, 9, 20, 8, 5, 5, 5, 8, 6)
_HEADS = ("SLOT", "ROLE", "OSD", "DISK", "SIZE", "USED", "TEMP", "WEAR", "TIME", "CACHE")
_LEFT = 4
"""Columns that begin at their left; the others are numbers."""
_MINUTES = len("2026-11-23T20:05")


def view_text(view: StorageView) -> str:
    """The word first: it is why somebody looks."""
    now = view.report
    lines = [*_head(now), *_alerts(view)]
    return "\n".join(lines) + ("\n\n" + "\n".join(table(now.disks)) if now.disks else "")


def _head(now: PoolReport) -> Iterator[str]:
    if now.health == "none":
        yield from _row("pool", "this node has none; `storage: {}` in the spec makes one of its free disks")
        return
    yield from _row("pool", f"{now.health.upper()}: {now.reason}")
    if now.health == "stopped":
        return
    share = f" ({100 * now.used / now.usable:.0f} %)" if now.usable else ""
    raw = f"{format_size(now.raw_used)} of {format_size(now.raw)}"
    yield from _row("space", f"{format_size(now.used)} of {format_size(now.usable)} used{share}; of the disks {raw}")
    copies = "one copy of everything" if now.replicas == 1 else f"{now.replicas} copies, {now.least} to go on"
    priority = f", {now.priority} first" if now.priority in ("business", "rebuild") else ""
    yield from _row("copies", f"{copies}; {now.osds_up} of {now.osds} OSDs at work, {now.osds_in} in{priority}")
    if len(now.hosts) > 1:
        for host in now.hosts:
            used = f", {format_size(host.used)} of {format_size(host.room)} used"
            yield from _row("host", f"{host.name}: {host.up} of {host.osds} OSDs at work{used}")
    if len(now.monitors) > 1:
        silent = f"; {', '.join(now.silent)} silent" if now.silent else ""
        yield from _row("monitors", f"{', '.join(now.monitors)}{silent}")
    rebuild = now.rebuild
    if rebuild.degraded or rebuild.misplaced:
        speed = f", {format_size(rebuild.rate)}/s" if rebuild.rate else ", nothing moves now"
        time = f", about {duration(rebuild.eta)}" if rebuild.eta is not None else ""
        what = f"{rebuild.degraded} copies too few, {rebuild.misplaced} elsewhere than they shall be"
        yield from _row("rebuild", f"{what}: {format_size(rebuild.left)} to go{speed}{time}")
    yield from _row("scrub", scrub_text(now))


def scrub_text(now: PoolReport) -> str:
    """`none runs; all checked since 2026-11-23 20:05, bit by bit since 2026-11-20 22:10`."""
    scrub = now.scrub
    parts = [f"{scrub.running} parts are checked now" if scrub.running else "none runs"]
    if scrub.light:
        parts.append(f"all checked since {_time(scrub.light)}, bit by bit since {_time(scrub.deep)}")
    if scrub.errors:
        parts.append(f"{scrub.errors} mismatches")
    return "; ".join(parts)


def _time(stamp: str) -> str:
    """Ceph's are in UTC; people's clocks are not."""
    try:
        return f"{datetime.fromisoformat(stamp).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return stamp[:_MINUTES].replace("T", " ")


def _alerts(view: StorageView) -> Iterator[str]:
    for alert in view.alerts:
        yield from _row("alert", str(alert))
    for sentence in view.repaired:
        yield from _row("repaired", sentence)
    if not view.alerts:
        when = "trivetd has not looked yet" if view.looked is None else f"none, trivetd looked {view.looked:.0f} s ago"
        yield from _row("alerts", when)


def table(disks: Iterable[DiskReport]) -> Iterator[str]:
    """A line for each disk; below it what has no column."""
    yield _line(_HEADS)
    for disk in disks:
        yield _line(_cells(disk))
        if more := ", ".join(_more(disk)):
            yield from textwrap.wrap(more, WIDTH, initial_indent=" " * 14, subsequent_indent=" " * 14, break_on_hyphens=False)


def disks_text(view: StorageView) -> str:
    """Each disk with what it is for, and why; then what is wrong with it."""
    lines: list[str] = []
    for disk in view.report.disks:
        osd = f", OSD {disk.osd} {osd_state(disk)}" if disk.osd is not None else ""
        lines.append(f"{disk.slot or '-':6}{disk.role:7}{disk.label or 'a disk that is gone'}"[: WIDTH - len(osd)] + osd)
        for more in (disk.why, ", ".join(_facts(disk)), ", ".join(_more(disk))):
            lines += textwrap.wrap(more, WIDTH, initial_indent=" " * 13, subsequent_indent=" " * 13, break_on_hyphens=False)
    return "\n".join(lines) or "no disk"


def _facts(disk: DiskReport) -> Iterator[str]:
    if disk.temperature is not None:
        yield f"{disk.temperature} degrees"
    if disk.wear is not None:
        yield f"{disk.wear} % worn"
    if disk.latency is not None:
        yield f"{disk.latency:.1f} ms for a request"
    if disk.room:
        yield f"{format_size(disk.used)} of {format_size(disk.room)} used"


def _cells(disk: DiskReport) -> Sequence[str]:
    state = "" if disk.osd is None else f"{disk.osd} {osd_state(disk)}"
    used = f"{100 * disk.used / disk.room:.0f} %" if disk.room else ""
    ratio = disk.cache.ratio if disk.cache and disk.cache.works else None
    return (
        disk.slot or "-",
        disk.role,
        state,
        disk.serial or disk.id or "-",
        format_size(disk.size) if disk.size else "",
        used,
        f"{disk.temperature} C" if disk.temperature is not None else "",
        f"{disk.wear} %" if disk.wear is not None else "",
        f"{disk.latency:.1f} ms" if disk.latency is not None else "",
        f"{100 * ratio:.0f} %" if ratio is not None else "",
    )


def osd_state(disk: DiskReport) -> str:
    """`up`, `down`, `out` (works, and gets no data), `gone`."""
    if not disk.id and not disk.up:
        return "gone"
    if not disk.up:
        return "down" if disk.in_ else "dn out"
    return "up" if disk.in_ else "out"


def _more(disk: DiskReport) -> Iterator[str]:
    if disk.failing:
        yield disk.failing
    if disk.isolated or disk.slow:
        yield f"{disk.slow or 'slow'}{', taken out of the pool' if disk.isolated else ''}"
    if disk.cache and not disk.cache.works:
        yield "without its read cache"
    if disk.led:
        yield "its light is on"


def _line(cells: Sequence[str]) -> str:
    parts = []
    for index, (cell, width) in enumerate(zip(cells, _WIDTHS, strict=True)):
        text = cell if len(cell) < width else cell[: width - 2] + "~"
        parts.append(text.ljust(width) if index < _LEFT else cell.rjust(width))
    return "".join(parts).rstrip()


def _row(name: str, text: str) -> list[str]:
    margin = " " * (_NAME + 2)
    return textwrap.wrap(text, WIDTH, initial_indent=f"{name:>{_NAME}}  ", subsequent_indent=margin, break_on_hyphens=False)
