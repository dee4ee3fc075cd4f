# SPDX-License-Identifier: Apache-2.0
"""Whose OSD is on a disk, as the disk itself says: BlueStore's own label, or the tags of the logical volume that it stands on.

The label is read and not asked for: `ceph-bluestore-tool` takes seconds on a slow machine, and gives the OSD's key away. It
is the first 4 KiB of a disk or a partition: a line, the OSD's UUID in a line of its own, then Ceph's binary form of it (with
what else the OSD wrote down, as names and values). Of a database it has the UUID alone.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appliance.errors import ApplianceError
from appliance.host.host import Host, UdevDevice
from appliance.model.storage import POOL_PART, Disk, OsdLabel
from appliance.services.storage.contents import number

SIGNATURE = "ceph_bluestore"
_MAGIC = b"bluestore block device\n"
_UUID = 36
_SIZE = 4096
_FIXED = 6 + 16 + 8 + 8
"""Version and length, the UUID again, the size, the time: what comes between the text and the first string."""
_PARTS = {"main": "block", "bluefs db": "db", "bluefs wal": "wal"}
_PVS = ("pvs", "--reportformat", "json", "--options", "pv_name,vg_name")
_LVS = ("lvs", "--reportformat", "json", "--options", "vg_name,lv_name,lv_tags")


def parse(data: bytes) -> OsdLabel | None:
    """The label that these bytes begin with, None for none that can be read."""
    if not data.startswith(_MAGIC):
        return None
    start = len(_MAGIC)
    uuid = data[start : start + _UUID].decode(errors="replace")
    strings = _strings(data, start + _UUID + 1 + _FIXED)
    try:
        part = _PARTS.get(next(strings), "block")
        values = list(strings)
        facts = dict(zip(values[::2], values[1::2], strict=False))
        fields = {"fsid": facts.get("ceph_fsid", ""), "uuid": uuid, "id": int(facts.get("whoami", "-1")), "part": part}
    except ValueError:
        return None
    return OsdLabel.model_validate(fields)


def _strings(data: bytes, at: int) -> Iterator[str]:
    """What it is of, then names and values in turn: each with its length before it, and their number before the first name."""

    def integer(at: int) -> int:
        return int.from_bytes(data[at : at + 4], "little")

    length = integer(at)
    yield data[at + 4 : at + 4 + length].decode(errors="replace")
    at += 4 + length
    left = 2 * integer(at)
    at += 4
    while left > 0 and at + 4 <= len(data):
        length = integer(at)
        yield data[at + 4 : at + 4 + length].decode(errors="replace")
        at, left = at + 4 + length, left - 1


def read(host: Host, disks: Sequence[tuple[Disk, UdevDevice, Sequence[UdevDevice]]]) -> dict[str, dict[str, Any]]:
    """By a disk's id: `osd` and `serves` of `Disk`, where a disk has either."""
    found: dict[str, list[OsdLabel]] = {}
    for disk, device, partitions in disks:
        by_number = {0: device} | {number(part): part for part in partitions}
        for content in disk.contents:
            # What the pool has of a system disk stands beside it as a disk of its own.
            part = by_number.get(content.partition) if content.type == SIGNATURE and content.name != POOL_PART else None
            place = _place(disk.link, part, content.partition) if part else ""
            if place and (label := parse(bytes.fromhex(host.files.read_hex(place, _SIZE) or ""))):
                found.setdefault(disk.id, []).append(label)
    for id_, labels in _on_lvm(host, disks).items():
        found.setdefault(id_, []).extend(labels)
    whole = {label.uuid: label for labels in found.values() for label in labels if label.fsid}
    return {id_: _fields([_completed(label, whole) for label in labels]) for id_, labels in found.items()}


def _place(link: str, device: UdevDevice, partition: int) -> str:
    """The lasting name of a disk or a partition; the kernel's where there is none."""
    lasting = f"{link}-part{partition}" if partition else link
    return lasting if lasting in device.links else device.node


def _completed(label: OsdLabel, whole: Mapping[str, OsdLabel]) -> OsdLabel:
    """A database's label says no more than whose it is; the rest is on the disk that has the data, if that is here."""
    known = whole.get(label.uuid)
    return label.model_copy(update={"fsid": known.fsid, "id": known.id}) if known and not label.fsid else label


def _fields(labels: Sequence[OsdLabel]) -> dict[str, Any]:
    osd = next((label for label in labels if label.part == "block"), None)
    serves = tuple(sorted((label for label in labels if label.part != "block"), key=lambda each: (each.id, each.uuid)))
    return {"osd": osd, "serves": serves}


def _on_lvm(host: Host, disks: Sequence[tuple[Disk, UdevDevice, Sequence[UdevDevice]]]) -> dict[str, list[OsdLabel]]:
    """What ceph-volume wrote into the tags of logical volumes. In a group of an HDD and an SSD the SSD is its cache."""
    if not any(c.type == "LVM2_member" for disk, _, _ in disks for c in disk.contents):
        return {}
    groups: dict[str, dict[str, bool]] = {}  # group -> disk -> is it the HDD, or the whole disk, of the group?
    # The HDD may be gone: the partition's name says what it was there for.
    caches = {disk.id for disk, _, parts in disks if any(p.properties.get("ID_PART_ENTRY_NAME") == "trivet-cache" for p in parts)}
    by_node = {d.node: (disk, not n) for disk, device, parts in disks for n, d in enumerate([device, *parts])}
    try:
        volumes = _report(host, _LVS, "lv")
        for each in _report(host, _PVS, "pv"):
            if each["pv_name"] in by_node and each["vg_name"]:
                disk, whole = by_node[each["pv_name"]]
                groups.setdefault(each["vg_name"], {})[disk.id] = whole
    except (ApplianceError, ValueError, KeyError):
        return {}  # a machine that was recorded before this was asked, or no LVM here
    found: dict[str, list[OsdLabel]] = {}
    for volume in volumes:
        label = _tagged(volume["lv_tags"])
        members = groups.get(volume["vg_name"], {})
        if label is None:
            continue
        for id_, whole in members.items():
            cached = label.part == "block" and not whole and (any(members.values()) or id_ in caches)
            found.setdefault(id_, []).append(label.model_copy(update={"part": "cache"}) if cached else label)
    return found


def _report(host: Host, argv: Sequence[str], name: str) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = json.loads(host.run(list(argv)).stdout)["report"][0][name]
    return rows


def _tagged(text: str) -> OsdLabel | None:
    tags = dict(tag.partition("=")[::2] for tag in text.split(","))
    part, id_ = tags.get("ceph.type", ""), tags.get("ceph.osd_id", "")
    if part not in ("block", "db", "wal") or "ceph.osd_fsid" not in tags:
        return None
    facts = {"fsid": tags.get("ceph.cluster_fsid", ""), "uuid": tags["ceph.osd_fsid"], "part": part}
    return OsdLabel.model_validate(facts | {"id": int(id_) if id_.isdigit() else -1})
