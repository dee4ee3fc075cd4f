# SPDX-License-Identifier: Apache-2.0
"""(an SSD, the HDDs of its group) -> the partition of each. Pure.

An SSD has a table that is ours, known by its GUID, and in it a partition for each OSD that it serves: they share what is free.
"""

from appliance.model.pool import made
from appliance.model.poolsteps import FastPart
from appliance.model.storage import Disk

MIB = 2**20
_EDGES = 4
"""MiB at both ends of the SSD for the tables, and to begin at a whole MiB."""
LEAST = 1024
"""MiB, below which a part is not worth its table."""


def table(fsid: str, disk: str) -> str:
    """The GUID of the partition table of an SSD that serves OSDs of this cluster."""
    return made(fsid, f"table of {disk}")


def part_uuid(osd: str) -> str:
    """The GUID of an OSD's partition on its group's SSD."""
    return made(osd, "fast")


def ours(fsid: str, disk: Disk) -> bool:
    """Has the SSD our table?"""
    return any(content.uuid.lower() == table(fsid, disk.id) for content in disk.contents if content.type == "gpt")


def share(fsid: str, disk: Disk, wanting: int) -> int:
    """MiB for each of so many OSDs that want a part of what is free."""
    used = sum(-(-content.size // MIB) + 1 for content in disk.contents if content.partition) if ours(fsid, disk) else 0
    return (disk.size // MIB - _EDGES - used) // max(1, wanting)


def part(fsid: str, disk: Disk, osd: str, size: int, *, db: bool) -> FastPart:
    """The part of the OSD of this uuid."""
    expects = "" if ours(fsid, disk) else disk.fingerprint
    names = {"table": table(fsid, disk.id), "uuid": part_uuid(osd)}
    return FastPart(disk=disk.id, expects=expects, size=size, use="db" if db else "cache", **names)
