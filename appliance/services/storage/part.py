# SPDX-License-Identifier: Apache-2.0
"""The part of a system disk that a laboratory's spec leaves to the pool (`install.pool`): to the pool a disk of its own. Pure.

Only on the disk that the running node stands on: whoever looks at another node's disk sees one disk, with all that is on it.
"""

from collections.abc import Iterator

from appliance.model.storage import POOL_PART, SYSTEM_DISK, Disk


def of(disk: Disk, number: int, size: int) -> Disk:
    """The part with this number of a system disk, blank. It has a name of its own, and shares the disk's fate."""
    name = f"-part{number}"
    serial = f"{disk.serial}{name}" if disk.serial else ""
    alike = {"id": f"{disk.id}{name}", "link": f"{disk.link}{name}", "serial": serial, "within": disk.id, "size": size}
    bare = {"wwn": "", "slot": "", "contents": (), "node": None, "osd": None, "serves": (), "raid": None, "health": None}
    return disk.model_copy(update={**alike, **bare, "held": (), "unusable": ()})


def found(disk: Disk) -> Iterator[tuple[int, Disk]]:
    """The part of the system disk that the node runs from, by its number; it holds what the disk has found there."""
    if SYSTEM_DISK not in disk.unusable:
        return
    for content in disk.contents:
        if content.partition and content.name == POOL_PART:
            held = (content.model_copy(update={"partition": 0, "name": "", "size": 0}),) if content.type else ()
            yield content.partition, of(disk, content.partition, content.size).model_copy(update={"contents": held})
