# SPDX-License-Identifier: Apache-2.0
"""The disks of this machine: who they are, what is on them, why they may not be used.

One enumeration of udev's block devices, a few attributes of /sys for each disk, /proc/self/mountinfo and /proc/swaps. udev
has already probed every device with blkid; what it found is in its database. See `contents.py` for the two commands that run.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from appliance.host.host import Host, UdevDevice
from appliance.model.storage import ADOPTED, OF_A_VM, Disk, Transport
from appliance.services.storage import contents, labels, naming, part, raid, usage

_PCI = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_PCI_DEVICES = "/sys/bus/pci/devices"
_NOT_A_DISK = re.compile(
    r"/(virtual/block|rbd)/|/block/(sr|fd|nbd|drbd|zd)\d"
    r"|/mmcblk\d+(boot|rpmb|gp)\d*$"
    r"|/nvme\d+c\d+n\d+$"  # one path to a disk of several: the disk itself stands under /virtual/nvme-subsystem/
)
_VIRTUAL = re.compile(r"/virtual/block/(md|dm-)\d+$")
_MULTIPATH = re.compile(r"(?:part(\d+)-)?(mpath-.+)")
"""DM_UUID of a multipath disk, and of a partition of it, which is a map of its own."""
_RAID_DRIVERS = {"megaraid_sas", "hpsa", "smartpqi", "aacraid", "arcmsr", "3w-9xxx", "3w-sas", "megaraid"}
_MEGARAID_VOLUMES = 2
"""First channel of a MegaRAID controller's volumes; its single disks are on the channels below."""
_SECTOR = 512
"""The kernel counts sizes in these, whatever the disk's own sectors are."""


@dataclass(frozen=True)
class _Found:
    """A disk in udev's words, with its partitions by number, and the name that it has among the others.

    `paths` are those of a multipath disk: what its maker says of it is said by each of them.
    """

    id: str
    link: str
    device: UdevDevice
    partitions: tuple[UdevDevice, ...]
    paths: tuple[UdevDevice, ...] = ()

    @property
    def face(self) -> UdevDevice:
        return self.paths[0] if self.paths else self.device


def observe(host: Host) -> tuple[Disk, ...]:
    """All disks, in the order of their ids."""
    devices = host.udev.devices("block")
    return _observe(host, devices, _find(host, devices))


def observe_disk(host: Host, disk_id: str) -> Disk | None:
    """One disk as it is now, for a step that compares before it destroys."""
    devices = host.udev.devices("block")
    found = [f for f in _find(host, devices) if disk_id == f.id or disk_id.startswith(f"{f.id}-part")]
    return next((disk for disk in _observe(host, devices, found) if disk.id == disk_id), None)


def _find(host: Host, devices: Sequence[UdevDevice]) -> list[_Found]:
    by_name = {d.path.rpartition("/")[2]: d for d in devices}
    maps = [d for d in devices if d.properties.get("DM_UUID", "").startswith("mpath-")]
    paths = {d.path: tuple(by_name[n] for n in host.files.list(f"{d.path}/slaves") if n in by_name) for d in maps}
    hidden = {path.path for several in paths.values() for path in several}
    disks = [d for d in devices if d.type == "disk" and d.path not in hidden and _is_disk(d)]
    partitions: dict[str, list[UdevDevice]] = {}
    for device in devices:
        if device.type == "partition":
            partitions.setdefault(device.path.rpartition("/")[0], []).append(device)
        elif (part := _MULTIPATH.fullmatch(device.properties.get("DM_UUID", ""))) and part[1]:
            partitions.setdefault(part[2], []).append(device)
    found = []
    for disk, (name, link) in zip(disks, naming.names(disks), strict=True):
        parts = sorted(partitions.get(disk.properties.get("DM_UUID") or disk.path, []), key=contents.number)
        id_ = name or naming.path(disk) or f"unnamed-{_pci(host, disk.path)}"
        found.append(_Found(id_, link, disk, tuple(parts), paths.get(disk.path, ())))
    return found


def _observe(host: Host, devices: Sequence[UdevDevice], found: Sequence[_Found]) -> tuple[Disk, ...]:
    used, slots, adopted = usage.read(host, devices), _slots(host), host.files.list(ADOPTED)
    ids = {each.device.path: each.id for each in found}
    disks = []
    for each in found:
        disk = _disk(host, each, slots)
        against, held = usage.reasons(host, used, [each.device, *each.partitions])
        reasons = _unusable(disk, against, adopted)
        volume = raid.read(host, each.device, used.by_name, ids)
        disks.append(disk.model_copy(update={"unusable": tuple(reasons), "held": tuple(held), "raid": volume}))
    found, disks = _with_parts(host, used, found, disks)
    looked_at = contents.second_look(host, [d.link for d in disks if not d.contents and not d.unusable])
    disks = [d.model_copy(update=looked_at.get(d.link, {})) for d in disks]
    ceph = labels.read(host, [(d, each.device, each.partitions) for d, each in zip(disks, found, strict=True)])
    disks = [d.model_copy(update=ceph.get(d.id, {})) for d in disks]
    return tuple(sorted(disks, key=lambda disk: disk.id))


def _with_parts(
    host: Host, used: usage.Usage, found: Sequence[_Found], disks: Sequence[Disk]
) -> tuple[list[_Found], list[Disk]]:
    """With what a laboratory's system disk leaves to the pool, after the disks themselves."""
    parts = []
    for each, disk in zip(found, disks, strict=True):
        devices = {contents.number(device): device for device in each.partitions}
        for number, own in part.found(disk):
            held = tuple(usage.reasons(host, used, [devices[number]])[1])
            parts.append((_Found(own.id, own.link, devices[number], ()), own.model_copy(update={"held": held})))
    return [*found, *(place for place, _ in parts)], [*disks, *(disk for _, disk in parts)]


def _is_disk(device: UdevDevice) -> bool:
    """Hardware, what the mainboard's own RAID made of hardware, or a disk with several paths; no loop, map, CD or memory.

    A loop device with a serial is a container node's disk: no udev gives it one.
    """
    if "/virtual/block/loop" in device.path:
        return bool(device.properties.get("ID_SERIAL_SHORT"))
    if _VIRTUAL.search(device.path):
        return raid.is_volume(device) or device.properties.get("DM_UUID", "").startswith("mpath-")
    return not _NOT_A_DISK.search(device.path)


def _disk(host: Host, found: _Found, slots: Mapping[str, str]) -> Disk:
    """The disk and what udev knows to be on it; nothing yet of who uses it."""
    device, facts, sys = found.device, found.face.properties, found.device.path
    pci = _pci(host, found.face.path)
    return Disk(
        id=found.id,
        link=found.link,
        model=_model(facts),
        serial=naming.serial(found.face),
        wwn=naming.wwn(found.face),
        path=naming.path(found.face),
        firmware=facts.get("ID_REVISION", ""),
        transport=_transport(host, found.face),
        size=_integer(host, f"{sys}/size") * _SECTOR,
        rotational=_integer(host, f"{sys}/queue/rotational") == 1,
        sector=_integer(host, f"{sys}/queue/logical_block_size") or _SECTOR,
        physical_sector=_integer(host, f"{sys}/queue/physical_block_size") or _SECTOR,
        read_only=_integer(host, f"{sys}/ro") == 1,
        removable=_integer(host, f"{sys}/removable") == 1,
        numa_node=_integer(host, f"{_PCI_DEVICES}/{pci}/numa_node", -1) if pci else -1,
        pci=pci,
        slot=_slot(found.face.path, pci, slots),
        paths=tuple(naming.path(path) for path in found.paths),
        contents=tuple(contents.contents(device, found.partitions)),
        node=contents.node(host, found.link, found.partitions),
    )


def _unusable(disk: Disk, used: Sequence[str], adopted: Sequence[str]) -> Iterator[str]:
    yield from used
    if disk.id in adopted:
        yield OF_A_VM
    if disk.size == 0:
        yield "no medium in it"
    elif disk.read_only:
        yield "read-only"
    if not disk.link:
        yield "it has no name that lasts: no serial, no WWN, no known place"


def _model(facts: Mapping[str, str]) -> str:
    if "MD_LEVEL" in facts:
        return f"{facts['MD_LEVEL']} volume {usage.md_name(facts)}"
    return contents.decoded(facts.get("ID_MODEL_ENC", "")) or facts.get("ID_MODEL", "").replace("_", " ")


def _transport(host: Host, device: UdevDevice) -> Transport:
    """From the path under /sys: it says what the disk hangs on, whatever protocol is spoken over it."""
    sys, bus = device.path, device.properties.get("ID_BUS", "")
    for pattern, transport in _TRANSPORTS:
        if re.search(pattern, sys):
            return transport
    if bus == "ata":
        return "sata"  # also behind a SAS adapter
    if "/end_device-" in sys:
        return "sas"
    if _is_raid_volume(host, sys):
        return "raid"
    return "scsi" if re.search(r"/host\d+/", sys) else "other"


_TRANSPORTS: tuple[tuple[str, Transport], ...] = (
    (r"/usb\d+/", "usb"),
    (r"/nvme", "nvme"),
    (r"/mmc_host/", "mmc"),
    (r"/virtio\d+/block/", "virtio"),
    (r"/virtual/block/md", "raid"),
)


def _is_raid_volume(host: Host, sys: str) -> bool:
    pci = _PCI.findall(sys)
    driver = (host.files.link(f"{_PCI_DEVICES}/{pci[-1]}/driver") or "").rpartition("/")[2] if pci else ""
    address = re.search(r"/\d+:(\d+):\d+:\d+/block/", sys)
    channel = int(address[1]) if address else 0
    return driver in _RAID_DRIVERS and (driver != "megaraid_sas" or channel >= _MEGARAID_VOLUMES)


def _pci(host: Host, sys: str) -> str:
    """The adapter's address. A multipath NVMe disk is a virtual device; any of its controllers says where it is."""
    if "/nvme-subsystem/" in sys:
        subsystem = sys.rpartition("/")[0]
        controllers = (name for name in host.files.list(subsystem) if re.fullmatch(r"nvme\d+", name))
        return next((host.files.read(f"{subsystem}/{name}/address") or "" for name in controllers), "")
    found: list[str] = _PCI.findall(sys)
    return found[-1] if found else ""


def _slots(host: Host) -> dict[str, str]:
    """Slots that have a number: drive bays by SCSI address ("0:0:1:0"), PCI slots by address without function."""
    found = {}
    enclosures = host.files.list("/sys/class/enclosure")
    for enclosure in enclosures:
        folder = f"/sys/class/enclosure/{enclosure}"
        prefix = f"{host.files.read(f'{folder}/id') or enclosure}:" if len(enclosures) > 1 else ""
        for bay in host.files.list(folder):
            if target := host.files.link(f"{folder}/{bay}/device"):
                number = host.files.read(f"{folder}/{bay}/slot") or bay
                found[target.rpartition("/")[2]] = f"{prefix}{number}"
    for slot in host.files.list("/sys/bus/pci/slots"):
        if address := host.files.read(f"/sys/bus/pci/slots/{slot}/address"):
            found[address] = slot
    return found


def _slot(sys: str, pci: str, slots: Mapping[str, str]) -> str:
    bay = re.search(r"/(\d+:\d+:\d+:\d+)/block/", sys)
    if bay:
        return slots.get(bay[1], "")
    return slots.get(pci.rpartition(".")[0], "") if "/nvme" in sys else ""


def _integer(host: Host, path: str, default: int = 0) -> int:
    text = host.files.read(path)
    return int(text) if text and text.isdigit() else default
