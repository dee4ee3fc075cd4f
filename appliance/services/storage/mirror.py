# SPDX-License-Identifier: Apache-2.0
"""The md arrays that a mirrored node stands on: which disks have a part of each, and whether one is missing."""

from collections.abc import Sequence

from appliance.host.host import Host, UdevDevice
from appliance.model.storage import STATE, SYSTEM_DISK, Disk, MirrorArray
from appliance.services.storage import raid
from appliance.services.storage.contents import number
from appliance.services.storage.usage import md_name

NAMES = ("trivet-a", "trivet-b", STATE)


def observe(host: Host, disks: Sequence[Disk]) -> tuple[MirrorArray, ...]:
    """The arrays of the running system, by the number of their partition; () where it stands on one disk."""
    system = {disk.link: disk.id for disk in disks if SYSTEM_DISK in disk.unusable}
    if not system:
        return ()
    devices = host.udev.devices("block")
    by_name = {device.path.rpartition("/")[2]: device for device in devices}
    ids = {device.path: system[link] for device in devices for link in device.links if link in system}
    found = (_array(host, device, by_name, ids) for device in devices if _is_ours(device))
    return tuple(sorted((each for each in found if each), key=lambda each: each.partition))


def _is_ours(device: UdevDevice) -> bool:
    facts = device.properties
    return facts.get("MD_LEVEL") == "raid1" and "MD_CONTAINER" not in facts and md_name(facts) in NAMES


def _array(host: Host, device: UdevDevice, by_name: dict[str, UdevDevice], ids: dict[str, str]) -> MirrorArray | None:
    """None for the mirror of another node, whose disk was put in here."""
    members = [by_name[name] for name in host.files.list(f"{device.path}/slaves") if name in by_name]
    on = {ids[disk]: each for each in members if (disk := each.path.rpartition("/")[0]) in ids}
    if not on:
        return None
    md = f"{device.path}/md"
    wanted = int(host.files.read(f"{md}/raid_disks") or device.properties.get("MD_DEVICES") or 2)
    missing = max(0, wanted - len(members))
    state = raid.condition(host, md, "raid1", missing)
    return MirrorArray(
        name=md_name(device.properties),
        uuid=device.properties.get("MD_UUID", ""),
        partition=number(next(iter(on.values()))),
        state=state,
        members=tuple(sorted(on)),
        missing=missing,
        progress=raid.progress(host, md) if state == "rebuilding" else None,
    )
