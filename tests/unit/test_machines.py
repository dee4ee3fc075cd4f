# SPDX-License-Identifier: Apache-2.0
"""Every recorded machine, inspected: what holds of each, and what is to be seen on some."""

import re
from pathlib import Path

import pytest

from appliance import flow
from appliance.cli import render
from appliance.host.playback import recorded
from appliance.model.inventory import Inventory

FOLDER = Path(__file__).parents[1] / "machines"
MACHINES = sorted(path.parent for path in FOLDER.glob("*/machine.json"))
KERNEL_NAMES = re.compile(
    r'"(sd[a-z]+\d*|vd[a-z]+\d*|nvme\d+n\d+(p\d+)?|eth\d+|en[opsx]\w+|md\d+|dm-\d+|/dev/(sd|vd|nvme|md|dm)\S*)"'
)


def inspect(name: str) -> Inventory:
    return flow.inspect(recorded(FOLDER / name))


def test_there_are_machines() -> None:
    assert len(MACHINES) >= 6


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_every_machine(folder: Path) -> None:
    inventory = flow.inspect(recorded(folder))
    ids = [disk.id for disk in inventory.disks]
    assert len(ids) == len(set(ids)) > 0, "each disk has a name of its own"
    assert len({nic.mac for nic in inventory.nics if not nic.vf_of}) == len([n for n in inventory.nics if not n.vf_of]) > 0
    assert not KERNEL_NAMES.search(inventory.model_dump_json()), "names that change from boot to boot"
    assert all(disk.link.startswith("/dev/disk/by-") or disk.unusable for disk in inventory.disks)
    assert Inventory.model_validate_json(inventory.model_dump_json()) == inventory
    assert inventory.machine.memory > 2**30
    assert inventory.machine.kernel


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_the_text_fits_a_serial_line(folder: Path) -> None:
    inventory = flow.inspect(recorded(folder))
    text = render.inventory_text(inventory)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.isascii()
    for thing in [disk.id for disk in inventory.disks] + [nic.mac for nic in inventory.nics if not nic.vf_of]:
        assert thing in text


def test_a_small_bios_machine() -> None:
    """One virtio disk without a serial: its place is its name. The CD that it was started from is no disk."""
    inventory = inspect("small-bios")
    [disk] = inventory.disks
    assert (disk.id, disk.link) == ("pci-0000:01:00.0", "/dev/disk/by-path/pci-0000:01:00.0")
    assert (disk.transport, disk.serial, disk.size, disk.contents, disk.unusable) == ("virtio", "", 16 << 30, (), ())
    assert inventory.machine.firmware.mode == "bios"
    assert inventory.machine.boot.kind == "live"
    assert inventory.machine.boot.disk == ""
    assert inventory.system.image is not None
    assert inventory.system.image.path == "/run/initramfs/live/live/trivet.squashfs"
    [nic] = inventory.nics
    assert (nic.mac, nic.pci, nic.driver, nic.link) == ("52:54:00:00:00:01", "0000:02:00.0", "virtio_net", True)
    assert nic.addresses[0] == "10.0.2.15/24"
    assert inventory.addresses[0].link == nic.mac, "an address is said to be on the port, not on a kernel's name"


def test_two_sockets() -> None:
    machine = inspect("two-sockets").machine
    assert (machine.firmware.mode, machine.firmware.secure_boot) == ("uefi", False)
    assert [(node.id, node.cpus, node.distances) for node in machine.numa] == [(0, "0-1", (10, 20)), (1, "2-3", (20, 10))]
    assert (machine.iommu.available, machine.iommu.groups) == (True, 26)
    assert machine.tpm is not None
    assert machine.tpm.version == "2.0"
    assert machine.bmc is not None
    assert machine.bmc.interface == "KCS"


def test_disks_of_two_sockets() -> None:
    """NVMe disks that could have several paths are one disk each; SCSI disks are known by their WWN, and say their serial."""
    disks = inspect("two-sockets").disks
    assert [disk.id for disk in disks[:2]] == ["nvme-QEMU_NVMe_Ctrl_NV0", "nvme-QEMU_NVMe_Ctrl_NV1"]
    assert [(disk.pci, disk.rotational, disk.transport) for disk in disks[:2]] == [
        ("0000:01:00.0", False, "nvme"),
        ("0000:02:00.0", False, "nvme"),
    ]
    assert [(d.id, d.serial, d.wwn, d.transport, d.rotational) for d in disks[2:]] == [
        (f"wwn-0x5000c50000000a0{n}", f"HDD{n}", f"0x5000c50000000a0{n}", "scsi", True) for n in range(4)
    ]


def test_virtual_functions_of_two_sockets() -> None:
    nics = inspect("two-sockets").nics
    port = next(nic for nic in nics if nic.mac == "52:54:00:00:00:02")
    assert (port.pci, port.driver, port.speed, port.vf_of) == ("0000:04:00.0", "igb", 1000, "")
    assert port.model == "Intel Corporation 82576 Gigabit Network Connection"
    assert port.sriov is not None
    assert port.sriov.total == 7
    assert [(vf.index, vf.pci, vf.driver) for vf in port.sriov.vfs] == [
        (0, "0000:04:10.0", "igbvf"),
        (1, "0000:04:10.2", "igbvf"),
        (2, "0000:04:10.4", "igbvf"),
    ]
    first, second, third = port.sriov.vfs
    assert (first.mac, first.vlan, first.spoofchk, first.trust) == ("02:00:00:00:00:10", 100, True, False)
    assert (second.spoofchk, second.trust, second.max_rate) == (False, True, 500)
    assert (third.mac, third.vlan, third.max_rate) == ("00:00:00:00:00:00", 0, 0)
    functions = [nic for nic in nics if nic.vf_of == port.pci]
    assert [nic.pci for nic in functions] == ["0000:04:10.0", "0000:04:10.2", "0000:04:10.4"]
    assert functions[0].unusable == ("virtual function of 0000:04:00.0",)
    assert functions[0].sriov is None


def test_disks_that_are_in_use() -> None:
    """Who uses a disk is said in the names that people gave: mount points, swap, arrays, volume groups."""
    disks = {disk.id: disk for disk in inspect("arrays-running").disks}
    assert len(disks) == 11
    used = {id_: disk.unusable for id_, disk in disks.items() if disk.unusable}
    assert used == {
        "ata-QEMU_HARDDISK_WD-HDD1": ("mounted at /mnt/backup",),
        "nvme-QEMU_NVMe_Ctrl_NVME4K0001": ("in use as swap",),
    }
    assert {id_: disk.held for id_, disk in disks.items() if disk.held} == {
        "scsi-0QEMU_QEMU_HARDDISK_MD0": ("md old",),
        "scsi-0QEMU_QEMU_HARDDISK_MD1": ("md old",),
        "virtio-VIRT0001": ("LVM vg0",),
    }


def test_what_is_on_disks() -> None:
    disks = {disk.id: disk for disk in inspect("arrays-running").disks}
    assert disks["ata-QEMU_HARDDISK_WD-HDD1"].holds == "ext4 backup"
    assert disks["scsi-0QEMU_QEMU_HARDDISK_LUKS"].holds == "crypto_LUKS"
    nvme = disks["nvme-QEMU_NVMe_Ctrl_NVME4K0001"]
    assert (nvme.sector, nvme.physical_sector) == (4096, 4096)
    assert [(c.partition, c.type, c.label, c.name) for c in nvme.contents] == [
        (0, "gpt", "", ""),
        (1, "vfat", "EFI", "esp"),
        (2, "swap", "swap", "swap"),
        (3, "ext4", "root", "root"),
        (4, "", "", "my data"),
    ]
    assert nvme.contents[1].size == 100 << 20
    mbr = disks["wwn-0x5000c500a1b2c3d4"]
    assert [(c.partition, c.type) for c in mbr.contents] == [(0, "dos"), (1, ""), (2, "extended"), (5, ""), (6, "")]
    assert mbr.serial == "SSD1"
    assert mbr.rotational is False


def test_twins_are_known_by_their_places() -> None:
    twins = [disk for disk in inspect("arrays-running").disks if disk.serial == "TWIN"]
    assert [twin.link for twin in twins] == [f"/dev/disk/by-path/pci-0000:05:00.0-scsi-0:0:{n}:0" for n in (5, 6)]
    assert not any(twin.unusable for twin in twins)


def test_a_disk_with_two_signatures_is_not_blank() -> None:
    """udev says nothing of it at all, because blkid would not decide."""
    disk = next(disk for disk in inspect("full-disks").disks if disk.serial == "BOTH")
    assert disk.holds == "ext4 both, iso9660 TRIVET"
    assert disk.fingerprint


def test_a_hundred_disks_and_as_many_functions() -> None:
    inventory = inspect("hundred-disks")
    assert len(inventory.disks) == 100
    assert len({disk.wwn for disk in inventory.disks}) == 100
    ports = [nic for nic in inventory.nics if nic.sriov]
    assert len(ports) == 16
    functions = [vf for nic in ports if nic.sriov for vf in nic.sriov.vfs]
    assert len({vf.pci for vf in functions}) == 16 * 7
    assert {vf.driver for vf in functions} == {""}, "nobody has bound them yet"
    assert not any(nic.vf_of for nic in inventory.nics), "a function without a driver is no port of the host"
