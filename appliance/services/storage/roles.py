# SPDX-License-Identifier: Apache-2.0
"""(inventory, spec) -> what each disk is for, and which SSD serves which HDDs. Pure.

What the spec states holds; the rest follows by the rules:

- A disk of this node's own pool keeps its role and its group, whatever else is there or is wished.
- HDDs and SSDs make a hybrid node: HDDs hold the data, and each SSD serves a group of 3 to 7 of them. Where the SSDs hold as
  much as the HDDs do, they are the better pool, and the HDDs are left alone. SSDs alone, or HDDs alone, are one group.
- What a laboratory's spec has left of the system disk (`install.pool`) holds data, whatever else there is, and is nothing else.
- A disk that holds something is taken only with `storage.wipe`; what might be somebody's by accident (a stick, a half of a
  BIOS RAID, a disk that another one looks exactly like) only when a selector points at it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from appliance.model.base import Model
from appliance.model.inventory import Inventory
from appliance.model.selector import DiskSelector, Range, Selection, select
from appliance.model.spec import Spec, StorageSpec
from appliance.model.storage import SYSTEM_DISK, Disk
from appliance.model.units import format_size

GROUP = 7
"""HDDs that one SSD serves at most: with it they all lose their cache."""
FEWEST = 3
"""HDDs from which on an SSD is worth its place; what is left over serves better as a spare."""
PAIR = 2
"""SSDs that can be a pool by themselves: the copies go to different disks."""
SHARE = 5
"""Percent of its HDDs' size that a cache should have."""
LEAST = 5 * 2**30
"""ceph-volume takes no disk under this."""

What = Literal["system", "cache", "data", "spare", "none"]


class Role(Model):
    """What a disk is for, and a phrase that says why; `disk` is its id."""

    disk: str
    role: What
    why: str


class Group(Model):
    """Data disks that one SSD serves, by their ids; those that none serves are one group without a cache."""

    data: tuple[str, ...]
    cache: str | None = None


class Roles(Model):
    """All disks, in the order of the inventory."""

    roles: tuple[Role, ...] = ()
    groups: tuple[Group, ...] = ()

    def of(self, role: What) -> tuple[str, ...]:
        """The ids of the disks of one role."""
        return tuple(each.disk for each in self.roles if each.role == role)


def assign(inventory: Inventory, spec: Spec) -> Roles:
    """What each disk is for. A disk that may not be chosen has the reason; without `storage` nothing is taken anew."""
    return _Assignment(inventory, spec.storage).roles()


def kept(inventory: Inventory) -> dict[str, str | None]:
    """The data disks of this node's own pool, each with the SSD that serves it."""
    pool = inventory.pool
    if pool is None:
        return {}
    found: dict[str, str | None] = {}
    for disk in inventory.disks:
        known = pool.osd_of(disk.id)
        if known or (disk.osd and disk.osd.fsid == pool.fsid):
            uuid = known.uuid if known else disk.osd.uuid if disk.osd else ""
            serving = (d.id for d in inventory.disks if any(part.uuid == uuid for part in d.serves))
            found[disk.id] = (known and (known.cache or known.db)) or next(serving, None)
    return found


def serving(inventory: Inventory) -> set[str]:
    """The disks of which a part serves this node's own pool: kept, whether its HDDs are still there or not."""
    pool = inventory.pool
    uuids = {osd.uuid for osd in pool.osds} if pool else set()
    labelled = {
        d.id for d in inventory.disks if pool and any(part.fsid == pool.fsid or part.uuid in uuids for part in d.serves)
    }
    return labelled | {cache for cache in kept(inventory).values() if cache}


def offered(inventory: Inventory, wipe: bool = False) -> tuple[Disk, ...]:
    """The disks as a selector for the pool sees them: with every reason against one in `unusable`, but for its own disks."""
    mine = {*kept(inventory), *serving(inventory)}
    return tuple(
        d.model_copy(update={"unusable": () if d.id in mine else (*d.unusable, *_unfit(d))}) for d in inventory.disks
    )  # fmt: skip


def choose(inventory: Inventory, selector: DiskSelector) -> Selection[Disk]:
    """What a selector chooses; disks of the pool that it means come first and count, so that a new one disturbs none."""
    disks = offered(inventory)
    if selector.count == 0:
        return Selection((), ())
    mine = {*kept(inventory), *serving(inventory)}
    held = tuple(d for d in disks if d.id in mine and not selector.facts(d))
    if isinstance(selector.count, int) and held:
        more = selector.count - len(held)
        if more <= 0:
            return Selection(held, ())
        rest = select(selector.model_copy(update={"count": more}), [d for d in disks if d not in held])
        return Selection((*held, *rest.chosen), rest.rejected, rest.problem)
    return select(selector, disks, Range(min=1))


def pointed(selector: DiskSelector | None) -> bool:
    """Does somebody point at disks, and not describe them?"""
    return selector is not None and bool(selector.id or selector.path)


def twins(disk: Disk, disks: Sequence[Disk]) -> list[Disk]:
    """Others that say the same of themselves: a twin, or the same disk by another path."""
    alike = [d for d in disks if d.id != disk.id and d.size == disk.size]
    if disk.wwn:
        return [d for d in alike if d.wwn == disk.wwn]
    return [d for d in alike if not d.wwn and disk.serial and (d.serial, d.model) == (disk.serial, disk.model)]


def dirty(disk: Disk) -> str:
    """What a disk holds that somebody could miss, "" for nothing."""
    return "" if disk.unfinished else disk.holds


def _unfit(disk: Disk) -> Iterator[str]:
    if disk.size and disk.size < LEAST:
        yield f"too small for the pool, which takes {format_size(LEAST)} and more"
    if disk.raid:
        yield "it is a volume of a BIOS RAID, and the pool keeps its copies itself"


def _unasked(disk: Disk, disks: Sequence[Disk]) -> Iterator[str]:
    """Why the rules leave a disk alone that a selector may take."""
    if disk.transport in ("usb", "mmc") or disk.removable:
        yield f"a {'USB' if disk.transport == 'usb' else 'removable'} disk, which may be gone tomorrow"
    if not disk.unusable and any(c.type.endswith("_raid_member") and c.type != "linux_raid_member" for c in disk.contents):
        yield "part of a BIOS RAID that does not run"
    for twin in twins(disk, disks)[:1]:
        what = f"WWN {disk.wwn}" if disk.wwn else f"serial {disk.serial}"
        yield f"the disk at {twin.path or twin.id} has the same {what}: a twin, or this disk by another path"


@dataclass
class _Assignment:
    """The work of one assignment: roles are given one after the other, each disk's first one holds."""

    inventory: Inventory
    storage: StorageSpec | None

    def roles(self) -> Roles:
        self.disks = {d.id: d for d in self.inventory.disks}
        self.found: dict[str, Role] = {}
        self.kept = kept(self.inventory)
        self._own()
        if self.storage is not None:
            self._stated(self.storage)
            self._ruled(self.storage)
        groups = tuple(self._groups())
        for group in groups:
            self._served(group)
        for disk in self.disks.values():
            self._give(disk, "none", "the spec has no `storage`, so this node has no part in a pool")
        return Roles(roles=tuple(self.found[d] for d in self.disks), groups=groups)

    def _give(self, disk: Disk, role: What, why: str) -> None:
        self.found.setdefault(disk.id, Role(disk=disk.id, role=role, why=why))

    def _of(self, role: What) -> list[Disk]:
        return [self.disks[id_] for id_, each in self.found.items() if each.role == role]

    def _own(self) -> None:
        for disk in self.disks.values():
            if disk.id in self.kept:
                osd = self.inventory.pool.osd_of(disk.id) if self.inventory.pool else None
                number = osd.id if osd else disk.osd.id if disk.osd else -1
                self._give(disk, "data", f"holds OSD {number} of this node's pool")
            elif SYSTEM_DISK in disk.unusable:
                installed = self.inventory.system.installed
                self._give(disk, "system", "the node runs from it" if installed else "chosen by install.disk")
        for id_ in serving(self.inventory):
            if id_ in self.disks:
                self._give(self.disks[id_], "cache", "")

    def _stated(self, storage: StorageSpec) -> None:
        """What selectors choose, as far as they can be followed; what is wrong with them is `check`'s."""
        stated: tuple[tuple[Literal["cache", "spare", "data"], DiskSelector | None], ...] = (
            ("cache", storage.cache), ("spare", storage.spare), ("data", storage.data),
        )  # fmt: skip
        for role, selector in stated:
            for disk in choose(self.inventory, selector).chosen if selector else ():
                unasked = (dirty(disk) and not storage.wipe) or (not pointed(selector) and twins(disk, self.inventory.disks))
                refused = unasked or (disk.within and role != "data")
                if not refused or disk.id in self.found:
                    self._give(self.disks[disk.id], role, "" if role == "cache" else f"chosen by storage.{role}")

    def _ruled(self, storage: StorageSpec) -> None:
        free = []
        for offer in offered(self.inventory):
            disk = self.disks[offer.id]
            if disk.id in self.found:
                continue
            if reasons := [*offer.unusable, *_unasked(disk, self.inventory.disks)]:
                self._give(disk, "none", "; ".join(reasons))
            elif (holds := dirty(disk)) and not storage.wipe:
                self._give(disk, "none", f"holds data: {holds}; only storage.wipe: true takes it")
            else:
                free.append(disk)
        whole = [d for d in free if not d.within]
        ssds, hdds = [d for d in whole if not d.rotational], [d for d in whole if d.rotational]
        if storage.data is None:
            self._data(storage, ssds, hdds)
            for disk in free:
                if disk.within:
                    self._give(disk, "data", "what install.pool has left of the system disk")
        if storage.cache is None:
            self._caches([d for d in ssds if d.id not in self.found])
        for disk in free:
            self._give(disk, "none", "no selector of storage chooses it")

    def _data(self, storage: StorageSpec, ssds: Sequence[Disk], hdds: Sequence[Disk]) -> None:
        """All HDDs, or all SSDs: what the pool has already decides, and on a new node what there is more of."""
        there = self._of("data")
        flash = len(ssds) >= PAIR and sum(d.size for d in ssds) >= sum(d.size for d in hdds)
        spinning = any(d.rotational for d in there) if there else bool(hdds) and (storage.cache is not None or not flash)
        for disk in hdds if spinning else ssds:
            self._give(disk, "data", "an HDD" if spinning else "an SSD of an all-flash node")
        for disk in () if spinning else hdds:
            self._give(disk, "none", "the SSDs hold as much and are the faster pool; only a selector takes HDDs beside them")

    def _caches(self, ssds: Sequence[Disk]) -> None:
        """As many SSDs as the HDDs are worth, the fastest and largest; the others are spares."""
        bare = [d for d in self._of("data") if d.rotational and self._cacheable(d)]
        room = sum(GROUP - len(served) for served in self._served_now().values())
        want = -(-(len(bare) - room) // GROUP)
        if bare and not self._served_now():
            want = max(1, min(len(ssds), len(bare) // FEWEST))
        for number, disk in enumerate(sorted(ssds, key=lambda d: (d.transport != "nvme", -d.size, d.id))):
            if number < want:
                self._give(disk, "cache", "")
            elif self._of("cache"):
                self._give(disk, "spare", f"the other SSDs are enough: one serves {FEWEST} to {GROUP} HDDs")
            else:
                self._give(disk, "spare", "there is no HDD that it could serve")

    def _cacheable(self, disk: Disk) -> bool:
        """Can it be given a cache, or has it none to lose? An OSD on the bare disk never can."""
        if disk.id not in self.kept:
            return True
        osd = self.inventory.pool.osd_of(disk.id) if self.inventory.pool else None
        return self.kept[disk.id] is None and osd is not None and osd.lvm

    def _served_now(self) -> dict[str, list[str]]:
        """The caches of the pool as it is, each with the disks that it serves."""
        found: dict[str, list[str]] = {id_: [] for id_ in serving(self.inventory) if id_ in self.disks}
        for disk, cache in self.kept.items():
            if cache in found:
                found[cache].append(disk)
        return found

    def _groups(self) -> Iterator[Group]:
        groups = self._served_now() | {d.id: [] for d in self._of("cache") if d.id not in self._served_now()}
        alone = []
        for disk in sorted(self._of("data"), key=lambda d: (d.slot, d.id)):
            if any(disk.id in group for group in groups.values()):
                continue
            smallest = min(groups, key=lambda cache: (len(groups[cache]), cache), default="")
            if smallest and disk.rotational and self._cacheable(disk) and len(groups[smallest]) < GROUP:
                groups[smallest].append(disk.id)
            else:
                alone.append(disk.id)
        yield from (Group(data=tuple(sorted(data)), cache=cache) for cache, data in sorted(groups.items()))
        if alone:
            yield Group(data=tuple(sorted(alone)))

    def _served(self, group: Group) -> None:
        """The reasons that only the groups give: what a cache serves, and what has none although others have."""
        hybrid = bool(self._of("cache"))
        if group.cache is None:
            for id_ in group.data:
                disk, role = self.disks[id_], self.found[id_]
                if hybrid and disk.rotational and id_ not in self.kept:
                    self.found[id_] = role.model_copy(update={"why": f"{role.why}; no SSD is left to serve it"})
            return
        size = sum(self.disks[id_].size for id_ in group.data)
        share = 100 * self.disks[group.cache].size // size if size else 0
        what = "database of" if self.storage and self.storage.db else "read cache of"
        why = f"{what} {len(group.data)} HDD{'s' if len(group.data) != 1 else ''}" if group.data else "its HDDs are gone"
        if group.data:
            why += f", {share} % of their size" + (f", and {SHARE} % are advised" if share < SHARE else "")
        role = self.found[group.cache]
        self.found[group.cache] = role.model_copy(update={"why": why})
