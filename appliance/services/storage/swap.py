# SPDX-License-Identifier: Apache-2.0
"""Disks that somebody takes in, takes out or replaces -> the steps, or the reason why not. Pure.

Nothing of it is a way of its own into the pool: a disk is taken in by the plan for the spec, with the disk that is gone left out
of what there is; out of the pool an OSD goes by its one step, which asks Ceph again before it acts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from appliance.errors import ApplianceError
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan, ReleaseDisk, Step
from appliance.model.pool import Osd
from appliance.model.poolreport import PoolReport
from appliance.model.poolsteps import AddCache, AddOsd, DropCache, StartOsd
from appliance.model.spec import Spec
from appliance.model.storage import Disk
from appliance.services.storage.plan import plan, remove
from appliance.services.storage.roles import Role, assign

_FULL = 0.90
"""Share of the room that is left from which on nothing is taken out: at 95 % nothing more is written."""
_SEE = "`trivet disk` shows them all"


@dataclass(frozen=True)
class Target:
    """What a person named: a disk, the OSD on it, or the OSD of a disk that is gone."""

    disk: Disk | None = None
    osd: Osd | None = None

    @property
    def name(self) -> str:
        return self.disk.label if self.disk else f"osd.{self.osd.id if self.osd else '?'}, whose disk is gone"


@dataclass(frozen=True)
class Wanted:
    """What is to be done, and with what: `wipe` is the consent to erase what is on the new disk."""

    inventory: Inventory
    spec: Spec
    address: str
    now: PoolReport
    wipe: bool = False
    degraded: bool = False


def find(inventory: Inventory, name: str, serials: Mapping[int, str] | None = None) -> Target:
    """By slot, serial, id or `osd.N`. `serials` are those of OSDs whose disks are gone, as Ceph remembers them."""
    osds = inventory.pool.osds if inventory.pool else ()
    for osd in osds:
        if name == f"osd.{osd.id}" or (not osd.disk and serials and name and name == serials.get(osd.id)):
            return Target(next((d for d in inventory.disks if d.id == osd.disk), None), osd)
    found = [disk for disk in inventory.disks if name in (disk.serial, disk.id, disk.wwn)]
    found = found or [disk for disk in inventory.disks if disk.slot and name in (disk.slot, f"slot {disk.slot}")]
    if not found:
        raise ApplianceError(f"no disk has the slot, the serial number or the name {name}", _SEE)
    if len(found) > 1:
        raise ApplianceError(f"{name} is what {len(found)} disks are called", f"use one of {', '.join(d.id for d in found)}")
    return Target(found[0], next((osd for osd in osds if osd.disk == found[0].id), None))


def added(wanted: Wanted, target: Target) -> Plan:
    """Take a disk in: new, or one whose OSD rests."""
    disk = target.disk
    if disk is None:
        raise ApplianceError(f"the disk of osd.{target.osd.id if target.osd else '?'} is not there", "put it in again")
    steps = tuple(_for(wanted, wanted.inventory, disk.id))
    if target.osd is not None and not any(isinstance(step, StartOsd) for step in steps):
        raise ApplianceError(f"{disk.label} is in the pool already", _SEE)
    if not any(_takes(step, disk.id) for step in steps):
        raise ApplianceError(f"{disk.label} is not taken: {_why(wanted, wanted.inventory, disk.id)}", _remedy(wanted, disk))
    return Plan(steps=steps)


def removed(wanted: Wanted, target: Target) -> Plan:
    """Take an OSD out for good, or an SSD from those that it caches for."""
    pool = wanted.inventory.pool
    if pool is None:
        raise ApplianceError("this node has no pool", "`storage: {}` in the spec makes one")
    if target.osd is not None:
        _refuse_at_risk(wanted, target)
        return Plan(steps=(remove(pool, target.osd, degraded=wanted.degraded),))
    disk = target.disk
    served = [osd for osd in pool.osds if disk and osd.cache == disk.id]
    if based := [osd for osd in pool.osds if disk and osd.db == disk.id]:
        names = ", ".join(f"osd.{osd.id}" for osd in based)
        raise ApplianceError(f"{target.name} has the databases of {names}", "take those out first, one after the other")
    if not served:
        raise ApplianceError(f"{target.name} is not in the pool", _SEE)
    why = "its SSD is to be taken out; what it has was written through"
    return Plan(steps=tuple(DropCache(osd=osd.id, uuid=osd.uuid, why=why) for osd in served))


def replaced(wanted: Wanted, target: Target, new: Target | None = None) -> Plan:
    """An OSD goes, and a disk comes for it. Named may be the old disk or the new one, which stands in the old one's slot."""
    pool = wanted.inventory.pool
    if pool is None:
        raise ApplianceError("this node has no pool", "`storage: {}` in the spec makes one")
    if target.osd is None and target.disk is not None:
        serves = any(target.disk.id in (osd.cache, osd.db) for osd in pool.osds)
        gone = [osd for osd in pool.osds if not osd.disk]
        if not serves and (not gone or _role(wanted, wanted.inventory, target.disk.id).role == "cache"):
            return added(wanted, target)
        if serves:
            return _other_ssd(wanted, target.disk, new)
        new, target = target, Target(osd=gone[0])
    osd = target.osd
    if osd is None:
        raise ApplianceError(f"{target.name} is not in the pool", _SEE)
    without = _without(wanted.inventory, osd)
    disk = _candidate(wanted, without, target, new)
    takes = tuple(_for(wanted, without, disk.id))
    if not any(_takes(step, disk.id) for step in takes):
        raise ApplianceError(f"{disk.label} is not taken: {_why(wanted, without, disk.id)}", _remedy(wanted, disk))
    goes = remove(pool, osd, degraded=wanted.degraded)
    if not osd.disk or not osd.up:
        return Plan(steps=(goes, *takes))
    # A disk that still works gives its data away: the new one comes first, so that there is room for it.
    _refuse_at_risk(wanted, target, other=True)
    return Plan(steps=(*takes, goes))


def _other_ssd(wanted: Wanted, disk: Disk, new: Target | None) -> Plan:
    raise ApplianceError(
        f"{disk.label} serves as a cache and works",
        f"take it out with `trivet disk remove {disk.slot or disk.serial}`, put the new one in its place, then `trivet disk add`",
    )


def _without(inventory: Inventory, osd: Osd) -> Inventory:
    """The machine as it will be: the OSD is not in the pool, and its disk not here."""
    pool = inventory.pool
    disks = tuple(disk for disk in inventory.disks if not osd.disk or disk.id != osd.disk)
    left = pool.model_copy(update={"osds": tuple(each for each in pool.osds if each.id != osd.id)}) if pool else None
    return inventory.model_copy(update={"pool": left, "disks": disks})


def _candidate(wanted: Wanted, without: Inventory, target: Target, new: Target | None) -> Disk:
    """The disk that comes: the one named, the one in the slot, or the only one that the roles would take."""
    if new is not None and new.disk is not None:
        return new.disk
    free = _free(wanted, without)
    if not free:
        hint = "put it in and say this again; with data on it, add --wipe; `trivet disk` says what each is for"
        raise ApplianceError(f"there is no new disk for {target.name}", hint)
    if len(free) > 1:
        names = ", ".join(f"{d.slot or d.serial or d.id}" for d in free)
        raise ApplianceError(f"{len(free)} disks could take the place of {target.name}: {names}", "name one: --with SLOT|SERIAL")
    return free[0]


def _free(wanted: Wanted, inventory: Inventory) -> list[Disk]:
    ids = [step.disk for step in plan(inventory, _spec(wanted), wanted.address) if isinstance(step, AddOsd)]
    return [disk for disk in inventory.disks if disk.id in ids]


def _for(wanted: Wanted, inventory: Inventory, disk: str) -> Iterable[Step]:
    """The plan for the spec, without what it would do to other disks than this one."""
    steps = list(plan(inventory, _spec(wanted), wanted.address))
    wanted_disks = {disk, *(s.fast.disk for s in steps if isinstance(s, AddOsd | AddCache) and s.fast and _takes(s, disk))}
    for step in steps:
        foreign = isinstance(step, AddOsd | AddCache) and not _takes(step, disk)
        resting = isinstance(step, StartOsd) and step.disk != disk
        foreign = foreign or (isinstance(step, ReleaseDisk) and step.disk not in wanted_disks)
        if not foreign and not resting:
            yield step


def _takes(step: Step, disk: str) -> bool:
    if isinstance(step, AddOsd):
        return step.disk == disk or bool(step.fast and step.fast.disk == disk)
    if isinstance(step, AddCache):
        return step.fast.disk == disk
    return isinstance(step, StartOsd) and step.disk == disk


def _spec(wanted: Wanted) -> Spec:
    """The spec; with consent as if it had said `wipe`. Only steps for the disk that was named are kept of that plan."""
    storage = wanted.spec.storage
    if storage is None:
        raise ApplianceError("the spec of this node says nothing of storage", "write `storage: {}` and apply it first")
    if not wanted.wipe:
        return wanted.spec
    return wanted.spec.model_copy(update={"storage": storage.model_copy(update={"wipe": True})})


def _role(wanted: Wanted, inventory: Inventory, disk: str) -> Role:
    found = assign(inventory, _spec(wanted)).roles
    return next((role for role in found if role.disk == disk), Role(disk=disk, role="none", why="it is not there"))


def _why(wanted: Wanted, inventory: Inventory, disk: str) -> str:
    return _role(wanted, inventory, disk).why


def _remedy(wanted: Wanted, disk: Disk) -> str:
    if disk.contents and not wanted.wipe:
        return "with --wipe it is erased and taken; you are asked first"
    return "name the disk in `storage.data` of the spec, or see `trivet disk` for what each is for"


def _refuse_at_risk(wanted: Wanted, target: Target, *, other: bool = False) -> None:
    """Why nothing may be taken out now. `other`: another disk comes for it, so neither room nor copies get fewer."""
    now, osd = wanted.now, target.osd
    if osd is None or not osd.up or wanted.degraded:
        return
    if now.health in ("stopped", "at risk", "degraded", "full") and now.replicas > 1:
        message = f"{target.name} stays: the pool is {now.health} ({now.reason})"
        raise ApplianceError(message, "put that right first; `trivet storage` shows how far it is")
    if other:
        return
    left = [each for each in now.disks if each.osd is not None and each.up and each.in_ and each.osd != osd.id]
    if now.replicas and len(left) < now.replicas:
        many = f"{now.replicas} copies on different disks, and {len(left)} would be left"
        hint = "put in another disk first (`trivet disk replace`), or ask for fewer copies in the spec (storage.replicas)"
        raise ApplianceError(f"{target.name} stays: the pool keeps {many}", hint)
    room = sum(each.room for each in left)
    if room and now.raw_used > _FULL * room:
        message = f"{target.name} stays: the others would be {100 * now.raw_used / room:.0f} % full"
        raise ApplianceError(message, "put in another disk first (`trivet disk replace`)")


def erased(steps: Sequence[Step]) -> tuple[str, ...]:
    """What somebody must agree to lose."""
    return tuple(what for step in steps for what in step.destroys)
