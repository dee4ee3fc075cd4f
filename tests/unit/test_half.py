# SPDX-License-Identifier: Apache-2.0
"""A mirror that lost a disk: what makes another one its half, and every reason why not."""

from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.installer import half, layout
from appliance.model.halfsteps import CopyBoot, JoinArray, JoinVolume
from appliance.model.inventory import Inventory, System
from appliance.model.plan import FinishInstall, PartitionDisk, WipeDisk
from appliance.model.pool import Osd, Pool
from appliance.model.storage import STATE, SYSTEM_DISK, UNFINISHED, Content, Disk, MirrorArray, RaidVolume
from appliance.services.storage import part

MIB, GIB = 2**20, 2**30
SIZE = 16 * GIB
UUIDS = ("1", "2", "3", "4", "5")
DATA = (Content(type="ext4", label="letters"),)


def table(state: str, pool: int = 0) -> tuple[Content, ...]:
    parts = layout.partitions(SIZE, [*UUIDS, *(["6"] if pool else [])], mirrored=True, pool=pool)
    named = (state if part.name == UNFINISHED else part.name for part in parts)
    entries = (Content(partition=p.number, type="", name=name, size=p.size * MIB) for p, name in zip(parts, named, strict=True))
    return (Content(type="gpt"), *entries)


def disk(name: str, **facts: Any) -> Disk:
    known = {"id": name, "link": f"/dev/disk/by-id/{name}", "serial": f"S{name}", "size": SIZE, "transport": "sata"}
    return Disk.model_validate(known | facts)


LEFT = disk("left", contents=table(STATE), unusable=(SYSTEM_DISK,))
NEW = disk("new")


def arrays(*members: str, state: str = "degraded") -> tuple[MirrorArray, ...]:
    names = (("trivet-a", 3), ("trivet-b", 4), (STATE, 5))
    return tuple(MirrorArray.model_validate({"name": name, "uuid": f"u{n}", "partition": n, "state": state, "members": members,
                                             "missing": 2 - len(members)}) for name, n in names)  # fmt: skip


def node(*disks: Disk, mirror: tuple[MirrorArray, ...] = (), pool: Pool | None = None) -> Inventory:
    return Inventory(disks=disks, mirror=mirror, pool=pool, system=System(installed=True, machine_id="1" * 32))


def steps(inventory: Inventory, name: str, new: Disk | None = None, *, wipe: bool = False) -> list[Any]:
    what = half.meant(inventory, name, new if name != half.SYSTEM else None)
    assert what is not None
    return list(half.replaced(inventory, what, new, wipe=wipe).steps)


def refused(inventory: Inventory, new: Disk | None = None) -> str:
    with pytest.raises(ApplianceError) as caught:
        steps(inventory, half.SYSTEM, new)
    assert caught.value.hint
    return caught.value.message


def test_a_new_half_has_no_part_of_the_pool_and_none_is_a_half() -> None:
    left = LEFT.model_copy(update={"contents": table(STATE, pool=4096)})
    own = part.of(left, layout.POOL_NUMBER, 32 * GIB)
    first, *_ = steps(node(left, own, NEW, mirror=arrays("left")), half.SYSTEM)
    assert isinstance(first, PartitionDisk)
    assert (first.disk, [each.name for each in first.partitions]) == ("new", list(layout.NAMES))
    assert sum(each.size for each in first.partitions) * MIB == SIZE - 4096 * MIB - 2 * MIB
    assert "no disk that could be" in refused(node(left, own, mirror=arrays("left")))


def test_the_new_half_is_laid_out_as_the_one_that_is_left() -> None:
    parts, *joins, boot, end = steps(node(LEFT, NEW, mirror=arrays("left")), half.SYSTEM)
    assert isinstance(parts, PartitionDisk)
    wanted = layout.partitions(SIZE, UUIDS, mirrored=True)
    assert [(p.number, p.start, p.size, p.type) for p in parts.partitions] == [
        (p.number, p.start, p.size, p.type) for p in wanted
    ]
    assert len({p.uuid for p in parts.partitions}) == len(wanted)
    assert [(type(j), j.uuid, j.partition, j.disk) for j in joins] == [(JoinArray, f"u{n}", n, "new") for n in (3, 4, 5)]
    assert isinstance(boot, CopyBoot)
    assert (boot.disk, boot.source, boot.bios) == ("new", "left", True)
    assert end == FinishInstall(disks=("new",), why=end.why)


def test_a_larger_disk_takes_the_same_table() -> None:
    large = disk("large", size=20 * SIZE)
    assert steps(node(LEFT, large, mirror=arrays("left")), half.SYSTEM)[0].partitions[-1].size == wanted_state()


def wanted_state() -> int:
    return layout.partitions(SIZE, UUIDS, mirrored=True)[-1].size


def test_the_disk_that_came_may_be_named_alone() -> None:
    inventory = node(LEFT, NEW, mirror=arrays("left"))
    assert steps(inventory, "Snew", NEW) == steps(inventory, half.SYSTEM)


def test_it_is_erased_with_consent_and_never_without() -> None:
    full = disk("new", contents=DATA)
    inventory = node(LEFT, full, mirror=arrays("left"))
    assert "holds data: ext4 letters" in refused(inventory, full)
    erase = steps(inventory, half.SYSTEM, full, wipe=True)[0]
    assert isinstance(erase, WipeDisk)
    assert erase.destroys == (f"{full.label}: ext4 letters",)
    assert refused(inventory) == "there is no disk that could be the missing half", "nobody has named it"


def test_what_was_interrupted_goes_on_with_the_same_disk() -> None:
    """It has its table and a part of the arrays, and boots nothing yet: its steps are the same, and what is done is skipped."""
    first = steps(node(LEFT, NEW, mirror=arrays("left")), half.SYSTEM)
    begun = disk("new", contents=table(UNFINISHED), unusable=(SYSTEM_DISK,))
    joined = tuple(a.model_copy(update={"state": "rebuilding"}) for a in arrays("left", "new"))
    assert steps(node(LEFT, begun, mirror=joined), half.SYSTEM) == first
    blank = disk("new", contents=table(UNFINISHED))
    assert steps(node(LEFT, blank, mirror=arrays("left")), half.SYSTEM)[0].kind == "wipe-disk"


def test_no_half_is_made_of_what_cannot_be_one() -> None:
    def with_(**facts: Any) -> str:
        new = disk("new", **facts)
        return refused(node(LEFT, new, mirror=arrays("left")), new)

    assert "is too small: 16 GiB are needed" in with_(size=8 * GIB)
    assert "has sectors of 4096 bytes and" in with_(sector=4096)
    assert "may not be used: mounted at /x" in with_(unusable=("mounted at /x",))
    two = node(LEFT, NEW, disk("other"), mirror=arrays("left"))
    assert refused(two) == "2 disks could be the missing half: Snew, Sother"
    assert refused(node(LEFT, mirror=arrays("left"))) == "there is no disk that could be the missing half"
    assert refused(node(LEFT, NEW)) == "the system disk is no mirror that lacks a disk"
    assert refused(node(NEW, mirror=arrays("gone"))) == "no whole half of the mirror is left to copy from"


def test_a_whole_mirror_and_the_pools_disks_are_none_of_its_business() -> None:
    whole = tuple(a.model_copy(update={"state": "healthy"}) for a in arrays("left", "right"))
    assert half.meant(node(LEFT, NEW, mirror=whole), "Snew", NEW) is None
    osd = Osd(id=0, uuid="u", disk="new", cache="ssd")
    pool = Pool(fsid="f", host="n1", address="10.0.0.1", osds=(osd,))
    assert half.meant(node(LEFT, NEW, mirror=arrays("left"), pool=pool), "Snew", NEW) is None
    full = node(LEFT, NEW, disk("ssd", contents=DATA), mirror=arrays("left"), pool=pool)
    assert refused(full) == "there is no disk that could be the missing half"
    what = half.lacking(full)[0]
    for name in (1, 2):
        with pytest.raises(ApplianceError, match="is in the pool already"):
            half.replaced(full, what, full.disks[name], wipe=True)
    with pytest.raises(ApplianceError, match="there is no disk"):
        half.replaced(full, what, None, wipe=True)
    gone = pool.model_copy(update={"osds": (osd.model_copy(update={"disk": ""}),)})
    assert half.meant(node(LEFT, NEW, mirror=arrays("left"), pool=gone), "Snew", NEW) is None, "it may be for the pool"
    assert steps(node(LEFT, NEW, mirror=arrays("left"), pool=gone), half.SYSTEM), "and is the system's when that is said"


def volume(state: str = "degraded", **facts: Any) -> Disk:
    raid = {"format": "ddf", "level": "raid1", "state": state, "members": ("left",), "missing": 1} | facts
    return disk("md-uuid-1", size=7 * GIB, transport="raid", raid=RaidVolume.model_validate(raid), unusable=(SYSTEM_DISK,))


def test_a_bios_raid_takes_the_disk_as_it_is() -> None:
    member = disk("left", size=8 * GIB, unusable=("member of the BIOS RAID volume boot",))
    new = disk("new", size=8 * GIB)
    for name in (half.SYSTEM, "md-uuid-1", "Snew"):
        named = None if name == half.SYSTEM else volume() if name == "md-uuid-1" else new
        inventory = node(volume(), member, new)
        what = half.meant(inventory, name, named)
        assert what is not None
        (join,) = half.replaced(inventory, what, new, wipe=False).steps
        assert join == JoinVolume(volume="md-uuid-1", disk="new", platform=True, why="the volume is raid1 of 2 disks, degraded")
    (told,) = steps(node(volume(platform=False), member, new), half.SYSTEM)
    assert not told.platform
    assert "is too small" in refused(node(volume(), member, disk("new", size=6 * GIB)), disk("new", size=6 * GIB))
