# SPDX-License-Identifier: Apache-2.0
"""Who uses a disk now: mounts, swap, md, LVM, the running system. Each use is a reason, in words for a person."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.host.host import Host, UdevDevice
from appliance.model.storage import BOOT_MEDIUM, SYSTEM_DISK

_VOLUME, _CONTAINER = "member of the BIOS RAID volume", "part of the BIOS RAID"
LIVE_MEDIUM = "/run/initramfs/live"
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True)
class Mount:
    """One line of /proc/self/mountinfo: device number ("8:1"), where it is mounted, what was mounted."""

    number: str
    point: str
    source: str


@dataclass(frozen=True)
class Usage:
    """Everything that is read once and asked for each disk. `system` and `by_name` are by path under /sys and by name."""

    mounts: tuple[Mount, ...]
    swaps: frozenset[str]
    system: frozenset[str]
    by_name: Mapping[str, UdevDevice]


def read(host: Host, devices: Sequence[UdevDevice]) -> Usage:
    """What is in use on this machine."""
    by_name = {posixpath.basename(d.path): d for d in devices}
    swaps = (host.files.read("/proc/swaps") or "").splitlines()[1:]
    return Usage(
        mounts=parse_mounts(host.files.read("/proc/self/mountinfo") or ""),
        swaps=frozenset(line.split()[0] for line in swaps if line.strip()),
        system=frozenset(_system(host, devices, by_name)),
        by_name=by_name,
    )


def parse_mounts(text: str) -> tuple[Mount, ...]:
    """Lines such as `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`; spaces are written \\040."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        fields, source = left.split(), right.split()
        found.append(Mount(fields[2], _unescape(fields[4]), _unescape(source[1]) if len(source) > 1 else ""))
    return tuple(found)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)


def _system(host: Host, devices: Sequence[UdevDevice], by_name: Mapping[str, UdevDevice]) -> Iterator[str]:
    """Paths under /sys of the partitions that an installed node runs from, those below an md array too."""
    arguments = [word.partition("=") for word in (host.files.read("/proc/cmdline") or "").split()]
    if not any(name == "trivet.slot" for name, _, _ in arguments):
        return
    wanted = {value for name, _, value in arguments if name in ("root", "trivet.state")}
    for device in devices:
        uuid = device.properties.get("ID_PART_ENTRY_UUID")
        if not wanted.isdisjoint({f"PARTUUID={uuid}", *device.links}):
            yield device.path
            for member in host.files.list(f"{device.path}/slaves"):
                if member in by_name:
                    yield by_name[member].path


def reasons(host: Host, usage: Usage, parts: Sequence[UdevDevice]) -> tuple[list[str], list[str]]:
    """Why a disk may not be used, and what stands on it that nobody uses: `parts` is the disk itself and its partitions."""
    found: list[str] = []
    idle: list[str] = []
    own = {posixpath.basename(part.path) for part in parts}  # partitions of a multipath disk are maps that hold it
    for part in parts:
        points = _points(usage, part)
        if LIVE_MEDIUM in points:
            found.append(BOOT_MEDIUM)
        if part.path in usage.system:
            found.append(SYSTEM_DISK)
        elif points and LIVE_MEDIUM not in points:
            found.append(f"mounted at {points[0]}")
        if part.node in usage.swaps:
            found.append("in use as swap")
        for name in host.files.list(f"{part.path}/holders"):
            if name not in own:
                used = _in_use(host, usage, name)
                (found if used else idle).append(used or _idle(usage.by_name[name]))
    # What the running system is on is reason enough; that parts of it are mounted or mirrored explains nothing more.
    for whole in (BOOT_MEDIUM, SYSTEM_DISK):
        if whole in found:
            return [whole], []
    if any(reason.startswith(_VOLUME) for reason in found):  # then it needs not be said that it is in the container, too
        found = [reason for reason in found if not reason.startswith(_CONTAINER)]
    return list(dict.fromkeys(found)), list(dict.fromkeys(idle))


def _points(usage: Usage, device: UdevDevice) -> list[str]:
    """Where it is mounted."""
    mounts = (m for m in usage.mounts if m.number == _number(device) or (m.source == device.node and device.node))
    return sorted(m.point for m in mounts)


def _in_use(host: Host, usage: Usage, name: str) -> str:
    """Why what stands on a disk may not be stopped; "" for an array or volumes, with all on them, that nobody uses."""
    device = usage.by_name.get(name)
    if device is None or not _stoppable(device):
        return _holder(device, name)
    if points := _points(usage, device):
        return f"mounted at {points[0]}"
    if device.node in usage.swaps:
        return "in use as swap"
    above = [*host.files.list(f"{device.path}/holders")]
    for part, each in usage.by_name.items():
        if each.type == "partition" and each.path.rpartition("/")[0] == device.path:
            if points := _points(usage, each):
                return f"mounted at {points[0]}"
            above += [] if part == name else host.files.list(f"{each.path}/holders")
    return next(filter(None, (_in_use(host, usage, each) for each in above)), "")


def _stoppable(device: UdevDevice) -> bool:
    """An array of Linux, and not of the mainboard, or a volume of LVM."""
    facts = device.properties
    native = "MD_LEVEL" in facts and "MD_CONTAINER" not in facts and facts["MD_LEVEL"] != "container"
    return native or facts.get("DM_UUID", "").startswith("LVM-")


def _idle(device: UdevDevice) -> str:
    facts = device.properties
    return f"md {md_name(facts)}".rstrip() if "MD_LEVEL" in facts else f"LVM {facts.get('DM_VG_NAME', '')}".rstrip()


def _number(device: UdevDevice) -> str:
    return f"{device.properties.get('MAJOR')}:{device.properties.get('MINOR')}"


def _holder(holder: UdevDevice | None, name: str) -> str:
    """What stands on a disk, by the name that people gave it."""
    facts = holder.properties if holder else {}
    if "MD_LEVEL" in facts or name.startswith("md"):
        return _array(facts).rstrip()
    uuid = facts.get("DM_UUID", "")
    if uuid.startswith("LVM-"):
        return f"held by LVM {facts.get('DM_VG_NAME', '')}".rstrip()
    if uuid.startswith("mpath-"):
        return "one of several paths to a multipath disk"
    if uuid.startswith("CRYPT-"):
        return f"held by the encrypted volume {facts.get('DM_NAME', '')}".rstrip()
    return f"held by {facts.get('DM_NAME') or re.sub('[0-9]+$', '', name)}"


def _array(facts: Mapping[str, str]) -> str:
    if facts.get("MD_LEVEL") == "container":
        return f"{_CONTAINER} {md_name(facts)}, in none of its volumes"
    return f"{_VOLUME if 'MD_CONTAINER' in facts else 'member of md array'} {md_name(facts)}"


def md_name(facts: Mapping[str, str]) -> str:
    """The name of an array without the host that made it; its UUID when it has none."""
    name = facts.get("MD_NAME", "").rpartition(":")[2] or facts.get("MD_DEVNAME", "")
    return name or facts.get("MD_UUID", "")
