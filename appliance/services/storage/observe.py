# SPDX-License-Identifier: Apache-2.0
"""The disks of this machine: who they are, what is on them, why they may not be used.

One enumeration of udev's block devices, a few attributes of /sys for each disk, /proc/self/mountinfo and /proc/swaps. udev
has already probed every device with blkid; what it found is in its database. The only command is `mtype`, and only for a
disk with a state partition of ours.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from appliance.errors import ApplianceError
from appliance.host.host import Host, UdevDevice
from appliance.model.storage import STATE, UNFINISHED, Content, Disk, InstalledNode, Transport
from appliance.services.storage import naming, usage

_PCI = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_PCI_DEVICES = "/sys/bus/pci/devices"
_NOT_A_DISK = re.compile(
    r"/(virtual/block|rbd)/|/block/(sr|fd|nbd|drbd|zd)\d"
    r"|/mmcblk\d+(boot|rpmb|gp)\d*$"
    r"|/nvme\d+c\d+n\d+$"  # one path to a disk of several: the disk itself stands under /virtual/nvme-subsystem/
)
_BIOS_RAID = re.compile(r"/virtual/block/md\d+$")
_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_EXTENDED = {"0x5", "0xf", "0x85"}
_RAID_DRIVERS = {"megaraid_sas", "hpsa", "smartpqi", "aacraid", "arcmsr", "3w-9xxx", "3w-sas", "megaraid"}
_MEGARAID_VOLUMES = 2
"""First channel of a MegaRAID controller's volumes; its single disks are on the channels below."""
_SECTOR = 512
"""The kernel counts sizes in these, whatever the disk's own sectors are."""


def observe(host: Host) -> tuple[Disk, ...]:
    """All disks, in the order of their ids."""
    devices = host.udev.devices("block")
    disks = [d for d in devices if d.type == "disk" and _is_disk(d)]
    partitions: dict[str, list[UdevDevice]] = {}
    for device in devices:
        if device.type == "partition":
            partitions.setdefault(device.path.rpartition("/")[0], []).append(device)
    used, slots = usage.read(host, devices), _slots(host)
    found = []
    for device, (id_, link) in zip(disks, naming.names(disks), strict=True):
        parts = sorted(partitions.get(device.path, []), key=_number)
        disk = _disk(host, device, slots)
        found.append(
            disk.model_copy(
                update={
                    "id": id_ or disk.id,
                    "link": link,
                    "contents": tuple(contents(device, parts)),
                    "node": _node(host, link, parts),
                    "unusable": tuple(_unusable(disk, link, usage.reasons(host, used, [device, *parts]))),
                }
            )
        )
    return tuple(sorted(found, key=lambda disk: disk.id))


def observe_disk(host: Host, disk_id: str) -> Disk | None:
    """One disk as it is now, for a step that compares before it destroys."""
    return next((disk for disk in observe(host) if disk.id == disk_id), None)


def _is_disk(device: UdevDevice) -> bool:
    """Hardware, or a volume that the mainboard's own RAID made of hardware; not loops, maps, CDs, memory."""
    if _BIOS_RAID.search(device.path):
        return "MD_CONTAINER" in device.properties and device.properties.get("MD_LEVEL") != "container"
    return not _NOT_A_DISK.search(device.path)


def _disk(host: Host, device: UdevDevice, slots: Mapping[str, str]) -> Disk:
    """The disk by itself: nothing yet of its name among the others, of what is on it and who uses it."""
    facts, sys = device.properties, device.path
    pci = _pci(host, sys)
    return Disk(
        id=naming.path(device) or f"unnamed-{pci}",
        link="",
        model=_model(facts),
        serial=naming.serial(device),
        wwn=naming.wwn(device),
        path=naming.path(device),
        firmware=facts.get("ID_REVISION", ""),
        transport=_transport(host, device),
        size=_integer(host, f"{sys}/size") * _SECTOR,
        rotational=_integer(host, f"{sys}/queue/rotational") == 1,
        sector=_integer(host, f"{sys}/queue/logical_block_size") or _SECTOR,
        physical_sector=_integer(host, f"{sys}/queue/physical_block_size") or _SECTOR,
        read_only=_integer(host, f"{sys}/ro") == 1,
        removable=_integer(host, f"{sys}/removable") == 1,
        numa_node=_integer(host, f"{_PCI_DEVICES}/{pci}/numa_node", -1) if pci else -1,
        pci=pci,
        slot=_slot(sys, pci, slots),
    )


def _unusable(disk: Disk, link: str, used: Sequence[str]) -> Iterator[str]:
    yield from used
    if disk.size == 0:
        yield "no medium in it"
    elif disk.read_only:
        yield "read-only"
    if not link:
        yield "it has no name that lasts: no serial, no WWN, no known place"


def contents(device: UdevDevice, partitions: Sequence[UdevDevice]) -> Iterator[Content]:
    """What blkid found on the disk and on each partition. A partition without a file system is content too."""
    facts = device.properties
    if table := facts.get("ID_PART_TABLE_TYPE"):
        yield Content(type=table, uuid=facts.get("ID_PART_TABLE_UUID", ""))
    if type_ := _file_system(facts):
        yield Content(type=type_, label=_label(facts), uuid=facts.get("ID_FS_UUID", ""))
    for partition in partitions:
        facts = partition.properties
        extended = "extended" if facts.get("ID_PART_ENTRY_TYPE") in _EXTENDED else ""
        yield Content(
            partition=_number(partition),
            type=_file_system(facts) or extended,
            label=_label(facts),
            uuid=facts.get("ID_FS_UUID", ""),
            name=_decoded(facts.get("ID_PART_ENTRY_NAME", "")),
            size=int(facts.get("ID_PART_ENTRY_SIZE", "0")) * _SECTOR,
        )


def _file_system(facts: Mapping[str, str]) -> str:
    """blkid's word. Where several signatures contradict each other blkid names none; it is data all the same."""
    return facts.get("ID_FS_TYPE") or ("several signatures" if "ID_FS_AMBIVALENT" in facts else "")


def _label(facts: Mapping[str, str]) -> str:
    return _decoded(facts.get("ID_FS_LABEL_ENC", "")) or facts.get("ID_FS_LABEL", "")


def _decoded(text: str) -> str:
    """udev's \\x20 back to what it stands for."""
    raw = re.sub(rb"\\x([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), text.encode())
    return raw.decode(errors="replace").strip()


def _number(partition: UdevDevice) -> int:
    facts = partition.properties
    return int(facts.get("PARTN") or facts.get("ID_PART_ENTRY_NUMBER") or re.sub(r".*?(\d+)$", r"\1", partition.path))


def _model(facts: Mapping[str, str]) -> str:
    if "MD_LEVEL" in facts:
        return f"{facts['MD_LEVEL']} volume {usage.md_name(facts)}"
    return _decoded(facts.get("ID_MODEL_ENC", "")) or facts.get("ID_MODEL", "").replace("_", " ")


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


def _node(host: Host, link: str, partitions: Sequence[UdevDevice]) -> InstalledNode | None:
    """Whose system disk it is, read from its ESP without mounting: a foreign file system is never given to the kernel."""
    if not any(p.properties.get("ID_PART_ENTRY_NAME") in (STATE, UNFINISHED) for p in partitions):
        return None
    esp = next((p for p in partitions if p.properties.get("ID_PART_ENTRY_TYPE") == _ESP), None)
    if esp is None:
        return None
    device = f"{link}-part{_number(esp)}" if f"{link}-part{_number(esp)}" in esp.links else esp.node
    try:
        return InstalledNode.model_validate_json(host.run(["mtype", "-i", device, "::/trivet/node.json"]).stdout)
    except (ApplianceError, ValueError):
        return None  # no such file, no FAT, no mtools, or not what we wrote: then it is no node that can be named
