# SPDX-License-Identifier: Apache-2.0
"""A machine's description -> QEMU's argument list. Pure: the goldens are in tests/unit/test_lab_qemu.py.

Choices that are not obvious:
- Every card sits behind a PCIe root port of its own, so each can be unplugged, and `igb` has room for its functions.
- Disks are qcow2 with `cache.no-flush`: a flush by the guest writes QEMU's metadata to the file but waits for no real
  disk. QEMU killed between two flushes loses what was not flushed, as a power cut does, and stories stay quick.
- The machine starts paused: console and monitor are connected before the first instruction, so nothing is lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.vm.machines import SWITCH, USER, Disk, Machine, Nic, Stick

OVMF = Path("/usr/share/OVMF")
CODE = {"uefi": OVMF / "OVMF_CODE_4M.fd", "secureboot": OVMF / "OVMF_CODE_4M.secboot.fd"}
VARS = {"uefi": OVMF / "OVMF_VARS_4M.fd", "secureboot": OVMF / "OVMF_VARS_4M.ms.fd"}
UNBOOTABLE = 3000
"""Milliseconds after which a BIOS that finds nothing to start resets the machine: an event that a story can wait for."""
FIRST_DISK, FIRST_MEDIUM, FIRST_NIC = 1000, 2000, 3000


@dataclass(frozen=True)
class Wiring:
    """What the lab decides at start: where the files are, which ports of this host it may use.

    `cables`: the number of a card -> the sockets at this end and at the other. `taps`: the number of one -> its end at a switch.
    """

    folder: Path
    accel: str = "tcg"
    ssh_port: int = 0
    cables: tuple[tuple[int, tuple[Path, Path]], ...] = ()
    incoming: str = ""
    taps: tuple[tuple[int, str], ...] = ()

    def disk_file(self, name: str) -> Path:
        return self.folder / f"{name}.qcow2"


def argv(machine: Machine, wiring: Wiring) -> list[str]:
    parts = (
        _board(machine, wiring),
        _firmware(machine, wiring),
        _numa(machine),
        _channels(wiring),
        _ports(machine),
        _disks(machine, wiring),
        _media(machine),
        _nics(machine, wiring),
        _extras(machine, wiring),
        _kernel(machine),
    )
    return ["qemu-system-x86_64", *(word for part in parts for word in part)]


def _board(machine: Machine, wiring: Wiring) -> Iterator[str]:
    kvm = wiring.accel == "kvm"
    board = "q35,vmport=off"
    board += ",smm=on" if machine.firmware == "secureboot" else ""
    board += ",kernel-irqchip=split" if machine.iommu else ""
    yield from ("-name", machine.name, "-nodefaults", "-no-user-config", "-display", "none", "-S")
    yield from ("-machine", board, "-accel", "kvm" if kvm else "tcg,thread=multi", "-cpu", "host" if kvm else "max")
    yield from ("-smp", str(machine.cpus), "-m", machine.memory, "-rtc", "base=utc", "-boot", f"reboot-timeout={UNBOOTABLE}")
    maker = f"manufacturer={machine.manufacturer},product={machine.product},serial={machine.name}"
    yield from ("-smbios", f"type=1,{maker}")
    yield from ("-device", "VGA,id=screen", "-device", "virtio-rng-pci,id=rng")
    if wiring.incoming:
        yield from ("-incoming", "defer")


def _firmware(machine: Machine, wiring: Wiring) -> Iterator[str]:
    if machine.firmware == "bios":
        return
    code = CODE[machine.firmware]
    if machine.firmware == "secureboot":
        yield from ("-global", "driver=cfi.pflash01,property=secure,value=on")
    yield from ("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}")
    yield from ("-drive", f"if=pflash,unit=1,format=qcow2,file={wiring.disk_file('efivars')}")


def _numa(machine: Machine) -> Iterator[str]:
    for index, node in enumerate(machine.numa):
        yield from ("-object", f"memory-backend-ram,id=mem{index},size={node.memory}")
        yield from ("-numa", f"node,nodeid={index},cpus={node.cpus},memdev=mem{index}")


def _channels(wiring: Wiring) -> Iterator[str]:
    for name in ("serial", "qmp"):
        yield from ("-chardev", f"socket,id={name},path={wiring.folder / name},server=on,wait=off")
    yield from ("-serial", "chardev:serial", "-mon", "chardev=qmp,mode=control")


def _ports(machine: Machine) -> Iterator[str]:
    """Root ports: one for each card, then spare ones for what is plugged in later."""
    cards = [disk.name for disk in machine.disks if disk.bus in ("nvme", "virtio")]
    cards += [f"nic{index}" for index in range(len(machine.nics))]
    cards += ["scsi"] if any(disk.bus == "scsi" for disk in machine.disks) else []
    cards += [f"spare{index}" for index in range(machine.spare_ports)]
    if machine.iommu:
        yield from ("-device", "intel-iommu,intremap=on,caching-mode=on")
    for index, card in enumerate(cards, start=1):
        yield from ("-device", f"pcie-root-port,id=port-{card},chassis={index},slot={index}")
    if "scsi" in cards:
        yield from ("-device", "virtio-scsi-pci,id=scsi,bus=port-scsi")


def _disks(machine: Machine, wiring: Wiring) -> Iterator[str]:
    first = FIRST_DISK if machine.boot == "disk" else FIRST_MEDIUM + 10
    sata = 0
    for index, disk in enumerate(machine.disks):
        bus = {"sata": f"ide.{sata}", "scsi": "scsi.0"}.get(disk.bus, f"port-{disk.name}")
        sata += disk.bus == "sata"
        yield from ("-blockdev", blockdev(disk.name, wiring.disk_file(disk.name)))
        for device in disk_devices(disk, bus, first + index):
            yield from ("-device", device)


def blockdev(name: str, file: Path) -> str:
    return f"driver=qcow2,node-name=node-{name},discard=unmap,cache.no-flush=on,file.driver=file,file.filename={file}"


def disk_devices(disk: Disk, bus: str, bootindex: int) -> list[str]:
    """The devices of one disk, the last with the id of the disk's own name."""
    common = f"id={disk.name},bus={bus},drive=node-{disk.name},bootindex={bootindex}"
    serial = f",serial={disk.serial}" if disk.serial else ""
    wwn = f",wwn={disk.wwn}" if disk.wwn else ""
    sectors = f",logical_block_size={disk.sector},physical_block_size={disk.sector}"
    spin = f",rotation_rate={7200 if disk.rotational else 1}"
    match disk.bus:
        case "nvme":
            return [f"nvme,{common},serial={disk.serial or disk.name}{sectors}"]
        case "virtio":
            return [f"virtio-blk-pci,{common}{serial}{sectors}"]
        case "scsi":
            share = ",share-rw=on" if disk.paths > 1 else ""
            others = (f"id={disk.name}-path{n},bus={bus},drive=node-{disk.name}" for n in range(2, disk.paths + 1))
            return [f"scsi-hd,{which}{serial}{wwn}{spin}{sectors}{share}" for which in (*others, common)]
        case "sata":  # an ATA disk always says 512 to the outside; 4096 is its physical sector
            return [f"ide-hd,{common}{serial}{wwn}{spin},physical_block_size={disk.sector}"]


def _media(machine: Machine) -> Iterator[str]:
    first = FIRST_MEDIUM
    if machine.cdrom:
        slot = sum(disk.bus == "sata" for disk in machine.disks)
        yield from ("-blockdev", f"driver=file,node-name=node-cdrom,read-only=on,filename={machine.cdrom}")
        yield from ("-device", f"ide-cd,id=cdrom,bus=ide.{slot},drive=node-cdrom,bootindex={first}")
    yield from ("-device", "qemu-xhci,id=usb")
    for index, stick in enumerate(machine.sticks, start=1):
        node, device = stick_arguments(stick, first + index)
        yield from ("-blockdev", node, "-device", device)


def stick_arguments(stick: Stick, bootindex: int) -> tuple[str, str]:
    """The block node and the device of a stick."""
    read_only = "off" if stick.writable else "on"
    node = f"node-{stick.name}"
    removable = "on" if stick.removable else "off"
    return (
        f"driver=raw,node-name={node},read-only={read_only},file.driver=file,file.filename={stick.image}",
        f"usb-storage,id={stick.name},bus=usb.0,drive={node},serial={stick.serial},removable={removable},bootindex={bootindex}",
    )


def _nics(machine: Machine, wiring: Wiring) -> Iterator[str]:
    models = {"igb": "igb", "e1000e": "e1000e", "virtio": "virtio-net-pci"}
    forwarded = False
    for index, nic in enumerate(machine.nics):
        forward = wiring.ssh_port if nic.network == USER and not forwarded else 0
        forwarded = forwarded or bool(forward)
        yield from ("-netdev", _netdev(index, nic, wiring, forward))
        yield "-device"
        place = f"id=nic{index},bus=port-nic{index},netdev=net{index}"
        # A switch is for starting over it: by UEFI's own driver then, which Secure Boot trusts, and not by the card's iPXE.
        rom = ",romfile=" if nic.network.startswith(SWITCH) and machine.firmware != "bios" else ""
        yield f"{models[nic.model]},{place},mac={nic.mac},bootindex={FIRST_NIC + index}{rom}"


def _netdev(index: int, nic: Nic, wiring: Wiring, forward: int) -> str:
    if nic.network == USER:
        return f"user,id=net{index}" + (f",hostfwd=tcp:127.0.0.1:{forward}-:22" if forward else "")
    if tap := dict(wiring.taps).get(index):
        return f"tap,id=net{index},ifname={tap},script=no,downscript=no"
    here, there = dict(wiring.cables)[index]
    return f"dgram,id=net{index},local.type=unix,local.path={here},remote.type=unix,remote.path={there}"


def _extras(machine: Machine, wiring: Wiring) -> Iterator[str]:
    if machine.tpm:
        yield from ("-chardev", f"socket,id=tpm,path={wiring.folder / 'tpm'}")
        yield from ("-tpmdev", "emulator,id=tpm0,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm0")
    if machine.ipmi:
        yield from ("-device", "ipmi-bmc-sim,id=bmc0", "-device", "isa-ipmi-kcs,bmc=bmc0")
    if machine.watchdog:
        yield from ("-device", "i6300esb,id=watchdog", "-action", "watchdog=reset")
    if machine.share:
        yield from ("-fsdev", f"local,id=share,path={machine.share},security_model=none,readonly=on")
        yield from ("-device", "virtio-9p-pci,fsdev=share,mount_tag=share")


def _kernel(machine: Machine) -> Iterator[str]:
    if machine.kernel:
        yield from ("-kernel", machine.kernel)
        yield from ("-initrd", machine.initrd) if machine.initrd else ()
        yield from ("-append", machine.append) if machine.append else ()
