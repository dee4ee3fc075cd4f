# SPDX-License-Identifier: Apache-2.0
"""A disk and a port in the few words of a list, in the console's language."""

from collections.abc import Iterator

from appliance.model.network import Nic
from appliance.model.storage import Disk
from appliance.model.units import format_size, format_speed
from appliance.tui.i18n import _, listed, said
from appliance.tui.table import row
from appliance.tui.widgets.choices import Choice

_SIZE, _KIND, _TRANSPORT, _MODEL, _SERIAL = 8, 3, 6, 20, 20
_MAC, _PCI, _DRIVER = 17, 12, 10


def disk(disk: Disk, *, why: bool = True) -> Choice:
    """A line of what tells it from others, and beneath it what is on it or why it cannot be used."""
    kind = "HDD" if disk.rotational else "SSD"
    serial = disk.serial or disk.path
    label = row(
        (format_size(disk.size).rjust(_SIZE), _SIZE), (kind, _KIND), (disk.transport, _TRANSPORT),
        (disk.model or _("no model"), _MODEL), (serial, _SERIAL),
    )  # fmt: skip
    below = tuple(_below(disk)) if why else ()
    return Choice(disk.id, label, below, barred=bool(disk.unusable))


def _below(disk: Disk) -> Iterator[str]:
    if disk.serial and disk.id == disk.path:
        yield _("another disk has the same serial number; this one is at {place}").format(place=disk.path)
    if disk.raid:
        state = {"healthy": _("healthy"), "degraded": _("degraded"), "rebuilding": _("rebuilding"), "failed": _("failed")}
        number = len(disk.raid.members) + disk.raid.missing
        words = {"level": disk.raid.level, "number": number, "state": state[disk.raid.state]}
        yield _("BIOS RAID: {level} of {number} disks, {state}").format(**words)
    if disk.unusable:
        yield _("cannot be used: {reasons}").format(reasons=reasons(disk.unusable))
    if disk.unfinished:
        yield _("an installation that was never completed")
    elif disk.contents or disk.node:
        yield _("holds data: {contents}").format(contents=listed(disk.holds))


def disk_details(disk: Disk) -> list[tuple[str, str]]:
    """Everything else that one may want to compare with the label on a drive."""
    slot = _("slot {slot}").format(slot=disk.slot) if disk.slot else ""
    sectors = _("sectors of {size} bytes").format(size=disk.sector)
    return [
        (_("serial"), _(", ").join(word for word in (disk.serial or _("none"), disk.wwn and f"WWN {disk.wwn}") if word)),
        (_("place"), _(", ").join(word for word in (disk.path or disk.pci, slot, sectors) if word)),
        (_("name"), disk.id),
    ]


def given(nic: Nic) -> list[str]:
    """The addresses that somebody has given a port: all but those that it gives itself."""
    return [address for address in nic.addresses if not address.lower().startswith("fe80")]


def port(nic: Nic) -> Choice:
    """A line with the state of its cable, and beneath it what else is known of it."""
    link = (format_speed(nic.speed) if nic.speed else _("cable live")) if nic.link else _("no cable")
    label = row((nic.mac, _MAC), (nic.pci or "-", _PCI), (nic.driver or "-", _DRIVER), (link, 12))
    below = [nic.model] if nic.model else []
    if nic.lldp:
        below.append(_("cable to {neighbour}").format(neighbour=nic.lldp))
    if addresses := given(nic):
        below.append(_("has {addresses} now").format(addresses=", ".join(addresses)))
    if nic.unusable:
        below.append(_("cannot be used: {reasons}").format(reasons=reasons(nic.unusable)))
    return Choice(nic.mac, label, tuple(below), barred=bool(nic.unusable))


def reasons(sentences: tuple[str, ...]) -> str:
    """Several reasons as one."""
    return _(", ").join(said(reason) for reason in sentences)
