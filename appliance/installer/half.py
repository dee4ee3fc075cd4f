# SPDX-License-Identifier: Apache-2.0
"""(a node whose mirror lacks a disk, the disk that came) -> the steps that make it the missing half. Pure.

Of a BIOS RAID the volume takes the disk as it is. A mirror of ours is made of partitions: the new disk gets the table of the
one that is left, then its parts of the arrays, then what the firmware starts, and the name that makes it a system disk last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.errors import ApplianceError
from appliance.installer import layout
from appliance.model.halfsteps import CopyBoot, JoinArray, JoinVolume
from appliance.model.inventory import Inventory
from appliance.model.plan import FinishInstall, PartitionDisk, Plan, Step, WipeDisk
from appliance.model.storage import POOL_PART, SYSTEM_DISK, Disk
from appliance.model.units import format_size
from appliance.services.storage.plan import release
from appliance.services.storage.roles import kept, serving

SYSTEM = "system"
"""What a person calls the half that is missing: it has no serial number any more."""
_SEE = "`trivet disk` shows them all"
_NEW = "put it in and say this again; with data on it, add --wipe; `trivet disk` says what each is for"
_SECTOR = 512


@dataclass(frozen=True)
class Lacking:
    """What lacks a disk: a volume of a BIOS RAID, or with `volume` None the mirror of the system on the disk `left`."""

    name: str
    left: tuple[Disk, ...]
    volume: Disk | None = None

    @property
    def least(self) -> int:
        """Bytes that the new disk needs."""
        if self.volume is None:
            return _end(self.left[0]) if self.left else 0
        one = self.volume.raid is not None and self.volume.raid.level == "raid1"
        return self.volume.size if one else min((disk.size for disk in self.left), default=0)


def lacking(inventory: Inventory) -> list[Lacking]:
    """All on this machine that lacks a disk."""
    disks = {disk.id: disk for disk in inventory.disks}
    found = []
    for volume in inventory.disks:
        if volume.raid and volume.raid.state == "degraded":
            members = tuple(disks[name] for name in volume.raid.members if name in disks)
            found.append(Lacking(SYSTEM if SYSTEM_DISK in volume.unusable else volume.id, members, volume))
    mirrored = {name for array in inventory.mirror for name in array.members}
    halves = [disk for disk in inventory.disks if disk.id in mirrored]
    if any(array.state == "degraded" for array in inventory.mirror) or any(_begun(disk) for disk in halves):
        found.append(Lacking(SYSTEM, tuple(disk for disk in halves if not disk.unfinished)))
    return found


def _begun(disk: Disk) -> bool:
    """Has it become a half, and nothing yet that a firmware could start?"""
    return disk.unfinished and disk.node is None and SYSTEM_DISK in disk.unusable


def meant(inventory: Inventory, name: str, disk: Disk | None) -> Lacking | None:
    """What a person wants to have whole again who names it, or the disk that came for it; None where it is something else."""
    there = lacking(inventory)
    named = [each for each in there if name == each.name or (each.volume and disk and each.volume.id == disk.id)]
    if named:
        return named[0]
    if name == SYSTEM:
        raise ApplianceError("the system disk is no mirror that lacks a disk", "`trivet status` says what is wrong")
    gone = inventory.pool is not None and any(not osd.disk for osd in inventory.pool.osds)
    if disk is None or gone or len(there) != 1 or disk.id in {*_pools(inventory), *(d.id for d in there[0].left)}:
        return None
    return there[0] if not disk.unusable else None


def _pools(inventory: Inventory) -> set[str]:
    """The disks that the node's own pool is on, caches and databases too: no consent is for them."""
    return {*kept(inventory), *serving(inventory)}


def replaced(inventory: Inventory, what: Lacking, new: Disk | None, *, wipe: bool) -> Plan:
    """The steps. ApplianceError says why not."""
    disk = new or _only(inventory, what, wipe=wipe)
    if disk.id in _pools(inventory):
        raise ApplianceError(f"{disk.label} is in the pool already", _SEE)
    _fits(what, disk, wipe=wipe)
    return Plan(steps=tuple(_steps(inventory, what, disk)))


def _only(inventory: Inventory, what: Lacking, *, wipe: bool) -> Disk:
    if what.volume is None and (begun := [disk for disk in inventory.disks if _begun(disk)]):
        return begun[0]
    used = _pools(inventory)
    free = [
        disk for disk in inventory.disks
        if not disk.unusable and not disk.raid and not disk.within and disk.id not in used and disk.size >= what.least
        and disk.transport not in ("usb", "mmc") and (wipe or not disk.contents or disk.unfinished)
    ]  # fmt: skip
    if len(free) == 1:
        return free[0]
    names = ", ".join(disk.slot or disk.serial or disk.id for disk in free)
    found = f"{len(free)} disks could be the missing half: {names}" if free else "there is no disk that could be the missing half"
    hint = "name one: --with SLOT|SERIAL" if free else _NEW
    raise ApplianceError(found, hint)


def _fits(what: Lacking, disk: Disk, *, wipe: bool) -> None:
    if disk.unusable and not _begun(disk):
        raise ApplianceError(f"{disk.label} may not be used: {', '.join(disk.unusable)}", _SEE)
    if not what.left:
        raise ApplianceError("no whole half of the mirror is left to copy from", "put the disk back that went last")
    if disk.size < what.least:
        raise ApplianceError(f"{disk.label} is too small: {format_size(what.least)} are needed", "put in a larger one")
    if disk.sector != what.left[0].sector:
        message = f"{disk.label} has sectors of {disk.sector} bytes and {what.left[0].label} of {what.left[0].sector}"
        raise ApplianceError(message, "mirror two disks of the same kind")
    if disk.contents and not disk.unfinished and not wipe:
        raise ApplianceError(f"{disk.label} holds data: {disk.holds}", "with --wipe it is erased and taken; you are asked first")


def _steps(inventory: Inventory, what: Lacking, disk: Disk) -> Iterator[Step]:
    if disk.held:
        yield release(disk, inventory)
    if disk.contents and not _begun(disk):
        lost = () if disk.unfinished else (f"{disk.label}: {disk.holds}",)
        yield WipeDisk(disk=disk.id, expects=disk.fingerprint, why="it takes the place of the missing one", destroys=lost)
    if what.volume and what.volume.raid:
        why = f"the volume is {what.volume.raid}"
        yield JoinVolume(volume=what.volume.id, disk=disk.id, platform=what.volume.raid.platform, why=why)
        return
    left = what.left[0]
    identity = layout.Identity(inventory.system.machine_id, (disk.id,), left.id)
    uuids = [identity.uuid("partition", disk.id, name) for name in layout.NUMBER]
    table = layout.partitions(_end(left), uuids, mirrored=True)
    yield PartitionDisk(disk=disk.id, uuid=identity.uuid("table"), partitions=table, why=f"as on {left.id}")
    for array in inventory.mirror:
        if array.state != "healthy":
            yield JoinArray(name=array.name, uuid=array.uuid, partition=array.partition, disk=disk.id, why="it lacks a disk")
    yield CopyBoot(disk=disk.id, source=left.id, esp=identity.volume(disk.id), bios=disk.sector == _SECTOR,
                   why="either disk alone must start the node")  # fmt: skip
    yield FinishInstall(disks=(disk.id,), why="all else is done and was read back")


def _end(disk: Disk) -> int:
    """Bytes of a disk that all partitions of this system disk fit on, but for what a laboratory has left to the pool."""
    return 2 * layout.EDGE * layout.MIB + sum(part.size for part in disk.contents if part.partition and part.name != POOL_PART)
