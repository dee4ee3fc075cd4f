# SPDX-License-Identifier: Apache-2.0
"""The machine lab's pure part: what a description becomes for QEMU."""

from __future__ import annotations

import shlex
from itertools import pairwise
from pathlib import Path

import pytest

from tests.vm.machines import Disk, Machine, Nic, Numa, Stick
from tests.vm.qemu import Wiring, argv, disk_devices

WIRING = Wiring(Path("/w"), ssh_port=2222, cables=((2, (Path("/w/a"), Path("/w/b"))),))


def after(words: list[str], option: str) -> list[str]:
    return [value for word, value in pairwise(words) if word == option]


SMALLEST = """
qemu-system-x86_64 -name n1 -nodefaults -no-user-config -display none -S
-machine q35,vmport=off -accel tcg,thread=multi -cpu max -smp 2 -m 2G -rtc base=utc -boot reboot-timeout=3000
-smbios type=1,manufacturer=Trivet,product=Lab\\ machine,serial=n1
-device VGA,id=screen -device virtio-rng-pci,id=rng
-chardev socket,id=serial,path=/w/serial,server=on,wait=off -chardev socket,id=qmp,path=/w/qmp,server=on,wait=off
-serial chardev:serial -mon chardev=qmp,mode=control
-device pcie-root-port,id=port-spare0,chassis=1,slot=1 -device pcie-root-port,id=port-spare1,chassis=2,slot=2
-device qemu-xhci,id=usb
"""


def test_smallest_machine_whole() -> None:
    assert argv(Machine("n1"), WIRING) == shlex.split(SMALLEST)


@pytest.mark.parametrize(
    ("disk", "device"),
    [
        (
            Disk("d", "nvme", sector=4096, serial="N1"),
            "nvme,id=d,bus=B,drive=node-d,bootindex=7,serial=N1,logical_block_size=4096,physical_block_size=4096",
        ),
        (
            Disk("d", "nvme"),
            "nvme,id=d,bus=B,drive=node-d,bootindex=7,serial=d,logical_block_size=512,physical_block_size=512",
        ),
        (
            Disk("d", "scsi", rotational=True, serial="S1", wwn="0x5000c50000000001"),
            "scsi-hd,id=d,bus=B,drive=node-d,bootindex=7,serial=S1,wwn=0x5000c50000000001,rotation_rate=7200,"
            "logical_block_size=512,physical_block_size=512",
        ),
        (
            Disk("d", "sata", sector=4096),
            "ide-hd,id=d,bus=B,drive=node-d,bootindex=7,rotation_rate=1,physical_block_size=4096",
        ),
        (
            Disk("d", "virtio", serial="V1"),
            "virtio-blk-pci,id=d,bus=B,drive=node-d,bootindex=7,serial=V1,logical_block_size=512,physical_block_size=512",
        ),
    ],
)
def test_disks(disk: Disk, device: str) -> None:
    assert disk_devices(disk, "B", 7) == [device]


def test_two_paths_to_one_disk_are_two_devices_that_share_it() -> None:
    other, first = disk_devices(Disk("d", "scsi", serial="S", wwn="0x5", paths=2), "B", 7)
    assert first.startswith("scsi-hd,id=d,bus=B,drive=node-d,bootindex=7,serial=S,wwn=0x5,")
    assert other.startswith("scsi-hd,id=d-path2,bus=B,drive=node-d,serial=S,wwn=0x5,")
    assert all(device.endswith(",share-rw=on") for device in (other, first))
    with pytest.raises(ValueError, match="only a scsi disk has several paths"):
        Disk("d", "nvme", paths=2)


def test_disks_and_their_ports() -> None:
    disks = (Disk("a", "nvme"), Disk("b", "scsi"), Disk("c", "sata"), Disk("d", "sata"))
    devices = after(argv(Machine("n", disks=disks, cdrom="/x.iso", spare_ports=0), WIRING), "-device")
    assert "pcie-root-port,id=port-a,chassis=1,slot=1" in devices
    assert "virtio-scsi-pci,id=scsi,bus=port-scsi" in devices
    buses = [device.split("bus=")[1].split(",")[0] for device in devices if "drive=" in device]
    assert buses == ["port-a", "scsi.0", "ide.0", "ide.1", "ide.2"]
    assert devices[-2] == "ide-cd,id=cdrom,bus=ide.2,drive=node-cdrom,bootindex=2000"


def test_the_disk_is_tried_before_or_after_the_medium() -> None:
    def order(machine: Machine) -> list[str]:
        found = [device for device in after(argv(machine, WIRING), "-device") if "drive=" in device]
        found.sort(key=lambda device: int(device.split("bootindex=")[1].split(",")[0]))
        return [device.split("id=")[1].split(",")[0] for device in found]

    parts = {"disks": (Disk("d0"), Disk("d1")), "cdrom": "/x.iso", "sticks": (Stick("/s.img", "stick"),)}
    assert order(Machine("n", **parts, boot="disk")) == ["d0", "d1", "cdrom", "stick"]  # type: ignore[arg-type]
    assert order(Machine("n", **parts, boot="medium")) == ["cdrom", "stick", "d0", "d1"]  # type: ignore[arg-type]


def test_secure_boot_has_microsofts_keys_and_smm() -> None:
    words = argv(Machine("n", firmware="secureboot"), WIRING)
    assert after(words, "-machine") == ["q35,vmport=off,smm=on"]
    assert after(words, "-global") == ["driver=cfi.pflash01,property=secure,value=on"]
    assert "if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" in words
    assert "if=pflash,unit=1,format=qcow2,file=/w/efivars.qcow2" in words


def test_only_the_first_user_nic_is_forwarded() -> None:
    nics = (Nic("igb"), Nic("virtio", "52:54:00:00:00:02"), Nic("e1000e", "52:54:00:00:00:03", "storage"))
    words = argv(Machine("n", nics=nics, spare_ports=0), WIRING)
    assert after(words, "-netdev") == [
        "user,id=net0,hostfwd=tcp:127.0.0.1:2222-:22",
        "user,id=net1",
        "dgram,id=net2,local.type=unix,local.path=/w/a,remote.type=unix,remote.path=/w/b",
    ]
    assert "igb,id=nic0,bus=port-nic0,netdev=net0,mac=52:54:00:00:00:01,bootindex=3000" in words


def test_what_a_server_has_besides() -> None:
    numa = (Numa("0-1", "1G"), Numa("2-3", "1G"))
    words = argv(Machine("n", cpus=4, numa=numa, iommu=True, tpm=True, ipmi=True, watchdog=True, share="/src"), WIRING)
    assert "kernel-irqchip=split" in after(words, "-machine")[0]
    assert after(words, "-numa") == ["node,nodeid=0,cpus=0-1,memdev=mem0", "node,nodeid=1,cpus=2-3,memdev=mem1"]
    devices = after(words, "-device")
    for device in ("tpm-crb,tpmdev=tpm0", "isa-ipmi-kcs,bmc=bmc0", "i6300esb,id=watchdog"):
        assert device in devices
    assert devices[2] == "intel-iommu,intremap=on,caching-mode=on"  # before the cards that it shall watch
    assert after(words, "-fsdev") == ["local,id=share,path=/src,security_model=none,readonly=on"]


def test_kvm_and_direct_kernel() -> None:
    machine = Machine("n", kernel="/k", initrd="/i", append="console=ttyS0 trivet.mode=rescue")
    words = argv(machine, Wiring(Path("/w"), accel="kvm", incoming="/m"))
    assert after(words, "-accel") == ["kvm"]
    assert after(words, "-cpu") == ["host"]
    assert after(words, "-incoming") == ["defer"]
    assert words[-6:] == ["-kernel", "/k", "-initrd", "/i", "-append", "console=ttyS0 trivet.mode=rescue"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Disk("d", "nvme", rotational=True), "no rotating nvme disk"),
        (lambda: Disk("d", sector=520), "512 or 4096"),
        (lambda: Disk("d", "virtio", wwn="0x5"), "no WWN"),
        (lambda: Machine("n", disks=(Disk(), Disk())), "of one name: disk0, disk0"),
        (lambda: Machine("n", append="quiet"), "need a kernel"),
    ],
)
def test_impossible_hardware_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_a_card_at_a_switch() -> None:
    nics = (Nic(network="switch:rack", mac="52:54:00:00:00:02"),)
    for firmware, rom in (("bios", ""), ("secureboot", ",romfile=")):
        words = argv(Machine("n1", firmware, nics=nics), Wiring(Path("/w"), taps=((0, "lab1-0p0"),)))
        assert after(words, "-netdev") == ["tap,id=net0,ifname=lab1-0p0,script=no,downscript=no"]
        card = f"virtio-net-pci,id=nic0,bus=port-nic0,netdev=net0,mac=52:54:00:00:00:02,bootindex=3000{rom}"
        assert card in after(words, "-device")
