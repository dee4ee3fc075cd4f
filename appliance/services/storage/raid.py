# SPDX-License-Identifier: Apache-2.0
"""The mainboard's own RAID (Intel's IMSM, DDF) as md runs it: each volume is one disk, and its disks are nobody else's.

md keeps a container, which has the disks, and in it the volumes. What a volume is now is in the kernel's files beside it.
"""

from collections.abc import Mapping
from typing import Literal

from appliance.host.host import Host, UdevDevice
from appliance.model.storage import RaidVolume

NO_PLATFORM = "IMSM_NO_PLATFORM"
"""mdadm's word for starting Intel's volumes where the firmware does not know of them; as an argument of the kernel."""
State = Literal["healthy", "degraded", "rebuilding", "failed"]
_FORMATS = {"isw_raid_member": "imsm", "ddf_raid_member": "ddf"}


def is_volume(device: UdevDevice) -> bool:
    """A volume, and not the container that it is in, nor an array of Linux alone."""
    facts = device.properties
    return "MD_CONTAINER" in facts and facts.get("MD_LEVEL") != "container"


def read(host: Host, device: UdevDevice, by_name: Mapping[str, UdevDevice], ids: Mapping[str, str]) -> RaidVolume | None:
    """The volume; `by_name` has all block devices by the kernel's names, `ids` those of disks by their paths under /sys."""
    if not is_volume(device):
        return None
    members = [by_name[name] for name in host.files.list(f"{device.path}/slaves") if name in by_name]
    md = f"{device.path}/md"
    kinds = {_FORMATS[m.properties["ID_FS_TYPE"]] for m in members if m.properties.get("ID_FS_TYPE") in _FORMATS}
    wanted = _integer(host, f"{md}/raid_disks") or _integer(host, "", device.properties.get("MD_DEVICES", "")) or len(members)
    level = device.properties.get("MD_LEVEL", "")
    state = condition(host, md, level, wanted - len(members))
    return RaidVolume.model_validate({
        "format": kinds.pop() if len(kinds) == 1 else "",
        "level": level,
        "state": state,
        "members": tuple(sorted(ids[m.path] for m in members if m.path in ids)),
        "missing": max(0, wanted - len(members)),
        "progress": progress(host, md) if state == "rebuilding" else None,
        "platform": NO_PLATFORM not in device.properties,
    })  # fmt: skip


def condition(host: Host, md: str, level: str, missing: int) -> State:
    """How an array is that has its files in the folder `md`, and lacks so many of its disks."""
    running, action = host.files.read(f"{md}/array_state") or "clean", host.files.read(f"{md}/sync_action") or ""
    missing = max(missing, _integer(host, f"{md}/degraded"))
    if running in ("clear", "inactive", "broken") or (level == "raid0" and missing):
        return "failed"
    if action in ("recover", "resync", "reshape"):
        return "rebuilding"
    return "degraded" if missing else "healthy"


def progress(host: Host, md: str) -> int | None:
    """Percent of what is being made again: `123 / 456` sectors; "none" and "delayed" are neither."""
    done, _, of = (host.files.read(f"{md}/sync_completed") or "").partition("/")
    if not (done.strip().isdigit() and of.strip().isdigit() and int(of)):
        return None
    return 100 * int(done) // int(of)


def _integer(host: Host, path: str, text: str | None = None) -> int:
    text = host.files.read(path) if text is None else text
    return int(text) if text and text.isdigit() else 0
