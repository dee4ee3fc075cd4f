# SPDX-License-Identifier: Apache-2.0
"""What is on a disk, so that nothing is ever taken for blank that is not.

udev's database has what blkid found. It has nothing where two signatures contradict each other (an ISO 9660 header in an
ext4, say): blkid then refuses to decide, and udev says as little as of a blank disk. So `wipefs` is asked about the disks
that look blank; it lists each signature that there is. A node of ours is recognised by its ESP, read with `mtype`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appliance.errors import ApplianceError, CommandError
from appliance.host.host import Host, UdevDevice
from appliance.model.storage import FAST_PARTS, STATE, UNFINISHED, Content, InstalledNode

_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_EXTENDED = {"0x5", "0xf", "0x85"}
_SECTOR = 512
_WIPEFS = ("wipefs", "--no-act", "--json", "--output", "DEVICE,TYPE,LABEL,UUID")


def contents(device: UdevDevice, partitions: Sequence[UdevDevice]) -> Iterator[Content]:
    """What blkid found on the disk and on each partition. A partition without a file system is content too."""
    facts = device.properties
    if table := facts.get("ID_PART_TABLE_TYPE"):
        yield Content(type=table, uuid=facts.get("ID_PART_TABLE_UUID", ""))
    if type_ := facts.get("ID_FS_TYPE"):
        yield Content(type=type_, label=_label(facts), uuid=facts.get("ID_FS_UUID", ""))
    for partition in partitions:
        facts = partition.properties
        name = decoded(facts.get("ID_PART_ENTRY_NAME", ""))
        extended = "extended" if facts.get("ID_PART_ENTRY_TYPE") in _EXTENDED else ""
        yield Content(
            partition=number(partition),
            type=facts.get("ID_FS_TYPE") or extended,
            label=_label(facts),
            uuid=facts.get("ID_FS_UUID", ""),
            name=name,
            size=int(facts.get("ID_PART_ENTRY_SIZE", "0")) * _SECTOR,
            guid=facts.get("ID_PART_ENTRY_UUID", "").lower() if name in FAST_PARTS else "",
        )


def _label(facts: Mapping[str, str]) -> str:
    return decoded(facts.get("ID_FS_LABEL_ENC", "")) or facts.get("ID_FS_LABEL", "")


def decoded(text: str) -> str:
    """udev's \\x20 back to what it stands for."""
    raw = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())
    return raw.decode(errors="replace").strip()


def number(partition: UdevDevice) -> int:
    """The partition's number in its table."""
    facts = partition.properties
    if map_ := re.match(r"part(\d+)-", facts.get("DM_UUID", "")):  # of a multipath disk
        return int(map_[1])
    return int(facts.get("PARTN") or facts.get("ID_PART_ENTRY_NUMBER") or re.sub(r".*?(\d+)$", r"\1", partition.path))


def second_look(host: Host, links: Sequence[str]) -> dict[str, dict[str, Any]]:
    """For disks that look blank, by link: the fields of `Disk` that are otherwise after all.

    wipefs gives up at the first disk that cannot be read, so then each is asked by itself.
    """
    if not links:
        return {}
    try:
        found = json.loads(host.run([*_WIPEFS, *links]).stdout or "{}").get("signatures", [])
    except CommandError as error:
        if len(links) == 1:
            return {links[0]: {"unusable": (f"it cannot be read: {error.stderr.strip().rpartition(': ')[2]}",)}}
        return {link: fields for each in links for link, fields in second_look(host, [each]).items()}
    except (ApplianceError, ValueError):
        return {}  # no wipefs here: a machine that was recorded before it was asked, or no system of ours
    by_name: dict[str, list[Content]] = {}
    for signature in found:
        content = Content(type=signature["type"], label=signature["label"] or "", uuid=signature["uuid"] or "")
        by_name.setdefault(signature["device"], []).append(content)
    return {link: {"contents": tuple(by_name[name])} for link in links if (name := link.rpartition("/")[2]) in by_name}


def node(host: Host, link: str, partitions: Sequence[UdevDevice]) -> InstalledNode | None:
    """Whose system disk it is, read from its ESP without mounting: a foreign file system is never given to the kernel."""
    if not any(p.properties.get("ID_PART_ENTRY_NAME") in (STATE, UNFINISHED) for p in partitions):
        return None
    esp = next((p for p in partitions if p.properties.get("ID_PART_ENTRY_TYPE") == _ESP), None)
    if esp is None:
        return None
    device = f"{link}-part{number(esp)}" if f"{link}-part{number(esp)}" in esp.links else esp.node
    try:
        return InstalledNode.model_validate_json(host.run(["mtype", "-i", device, "::/trivet/node.json"]).stdout)
    except (ApplianceError, ValueError):
        return None  # no such file, no FAT, no mtools, or not what we wrote: then it is no node that can be named
