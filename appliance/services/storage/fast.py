# SPDX-License-Identifier: Apache-2.0
"""(an SSD, the HDDs of its group) -> the partition of each. Pure.

An SSD has a table that is ours, known by its GUID, and in it a partition for each OSD that it serves: they share what is free.
"""

from collections.abc import Sequence

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


def shares(fsid: str, disk: Disk, osds: Sequence[str]) -> dict[str, int]:
    """MiB for each of the OSDs of these uuids: of the part that an interrupted addition has left it, or of what is free."""
    parts = [content for content in disk.contents if content.partition] if ours(fsid, disk) else []
    there = {content.guid: content.size // MIB for content in parts}
    begun = {osd: there[part_uuid(osd)] for osd in osds if part_uuid(osd) in there}
    free = disk.size // MIB - _EDGES - sum(-(-content.size // MIB) + 1 for content in parts)
    return {osd: begun.get(osd, free // max(1, len(osds) - len(begun))) for osd in osds}


def part(fsid: str, disk: Disk, osd: str, size: int, *, db: bool) -> FastPart:
    """The part of the OSD of this uuid."""
    expects = "" if ours(fsid, disk) else disk.fingerprint
    names = {"table": table(fsid, disk.id), "uuid": part_uuid(osd)}
    return FastPart(disk=disk.id, expects=expects, size=size, use="db" if db else "cache", **names)
