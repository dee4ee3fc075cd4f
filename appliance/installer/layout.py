# SPDX-License-Identifier: Apache-2.0
"""Where things are on a system disk, and what they are called. Pure.

All is in whole MiB from the beginning of the disk: right for every physical sector and every RAID chunk there is, and
the same table for disks of 512 and of 4096 byte sectors. The first MiB holds the table, the last one its copy.

The sizes, and why: the ESP holds kernel and initrd of both slots (twice 100 MiB at most) and must be at least 260 MiB to
be FAT32 on 4K sectors. A slot is three times today's image, so that years of updates fit without repartitioning.
"""

import uuid
from collections.abc import Sequence

from appliance.model.plan import Partition
from appliance.model.storage import POOL_PART, STATE, UNFINISHED

MIB = 2**20
EDGE = 1
BIOS_BOOT = 1
ESP = 512
SLOT = 2048
STATE_LEAST = 2048
MINIMUM = EDGE + BIOS_BOOT + ESP + 2 * SLOT + STATE_LEAST + EDGE
"""MiB of the smallest disk that a node fits on."""
MIRROR_RESERVE = 1
"""MiB at the end of a mirrored partition that belong to md: its superblock (metadata 1.0) and its bitmap."""

NUMBER = {"bios": 1, "esp": 2, "a": 3, "b": 4, "state": 5}
NAMES = ("trivet-bios", "trivet-esp", "trivet-a", "trivet-b", UNFINISHED)
FINISHED = STATE
POOL_NUMBER = 6
"""Of the part that is the pool's, where there is one: the last."""

_BIOS_TYPE = "21686148-6449-6e6f-744e-656564454649"
_ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
# Not the "Linux root" types: systemd would mount what it finds under those by itself.
_DATA_TYPE = "0fc63daf-8483-4772-8e79-3d69d8477de4"
_RAID_TYPE = "a19d880f-05fc-4d3b-a006-743f0f84911e"
_NAMESPACE = uuid.UUID("6f0ccf2b-3f66-5c3c-9a5e-0d6f5a0c7e11")


class Identity:
    """Every UUID of one installation, from what it is made of: the same machine, disks and spec give the same ones."""

    def __init__(self, machine: str, disks: Sequence[str], spec: str) -> None:
        self._seed = "\n".join((machine, *sorted(disks), spec))

    def uuid(self, *what: str) -> str:
        """A UUID for a thing of this installation, named by some words."""
        return str(uuid.uuid5(_NAMESPACE, "\n".join((self._seed, *what))))

    def array(self, name: str) -> str:
        """The UUID of an md array, in md's form."""
        digits = self.uuid("array", name).replace("-", "")
        return ":".join(digits[i : i + 8] for i in range(0, 32, 8))

    def volume(self, disk: str) -> str:
        """The volume id of a disk's ESP: 8 hexadecimal digits."""
        return self.uuid("esp", disk)[:8]

    @property
    def machine_id(self) -> str:
        """What machine-id(5) wants."""
        return self.uuid("machine-id").replace("-", "")


def names(pool: int = 0) -> tuple[str, ...]:
    """What the UUIDs of a table are of, in its order; `pool` MiB of it are the pool's."""
    return (*NUMBER, *(("pool",) if pool else ()))


def partitions(size: int, uuids: Sequence[str], *, mirrored: bool, pool: int = 0) -> tuple[Partition, ...]:
    """The table of a disk of `size` bytes, which must be at least MINIMUM MiB, and `pool` MiB more."""
    if size < (MINIMUM + pool) * MIB:
        raise ValueError(f"a disk of {size} bytes is too small")
    data = _RAID_TYPE if mirrored else _DATA_TYPE
    fixed = EDGE + BIOS_BOOT + ESP + 2 * SLOT
    sizes = (BIOS_BOOT, ESP, SLOT, SLOT, size // MIB - EDGE - fixed - pool, *((pool,) if pool else ()))
    types = (_BIOS_TYPE, _ESP_TYPE, data, data, data, *((_DATA_TYPE,) if pool else ()))
    named = (*NAMES, *((POOL_PART,) if pool else ()))
    table, start = [], EDGE
    for number, (name, length, kind, unique) in enumerate(zip(named, sizes, types, uuids, strict=True), 1):
        table.append(Partition(number=number, name=name, start=start, size=length, type=kind, uuid=unique))
        start += length
    return tuple(table)


def part(link: str, number: int) -> str:
    """The name under /dev/disk of a disk's partition."""
    return f"{link}-part{number}"


def array_link(uuid_: str) -> str:
    """The name under /dev/disk of an md array."""
    return f"/dev/disk/by-id/md-uuid-{uuid_}"
