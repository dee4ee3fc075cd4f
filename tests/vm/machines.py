# SPDX-License-Identifier: Apache-2.0
"""What a lab machine is, as plain data: nothing here starts anything.

A description is frozen, so that it can be a key: two stories that describe the same machine share its installed disks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Bus = Literal["nvme", "sata", "scsi", "virtio"]
Firmware = Literal["bios", "uefi", "secureboot"]

USER = "user"
"""The network of a management NIC: QEMU's own NAT. The guest is 10.0.2.15, the lab 10.0.2.2, name service 10.0.2.3."""


SWITCH = "switch:"
"""A network whose name begins so is a switch of the lab with as many ports as there are cards, and this host at one of them."""


@dataclass(frozen=True)
class Disk:
    """A disk as the operator orders it; its bytes live in `<work>/<machine>/<name>.qcow2`. `paths` are the cables to it."""

    name: str = "disk0"
    bus: Bus = "virtio"
    size: str = "16G"
    rotational: bool = False
    serial: str = ""
    wwn: str = ""
    sector: int = 512
    paths: int = 1

    def __post_init__(self) -> None:
        if self.paths > 1 and self.bus != "scsi":
            raise ValueError(f"{self.name}: only a scsi disk has several paths")
        if self.bus in ("nvme", "virtio") and self.rotational:
            raise ValueError(f"{self.name}: QEMU has no rotating {self.bus} disk; take sata or scsi")
        if self.sector not in (512, 4096):
            raise ValueError(f"{self.name}: a sector is 512 or 4096 bytes")
        if self.wwn and self.bus in ("nvme", "virtio"):
            raise ValueError(f"{self.name}: QEMU gives a {self.bus} disk no WWN of our choice")


@dataclass(frozen=True)
class Nic:
    """A network card; `network` is USER, a switch, or a cable by name, whose other end another card of the lab has, or none."""

    model: Literal["igb", "e1000e", "virtio"] = "virtio"
    mac: str = "52:54:00:00:00:01"
    network: str = USER


@dataclass(frozen=True)
class Stick:
    """A USB stick holding a raw image. `removable` as real ones say of themselves."""

    image: str
    name: str = "stick0"
    serial: str = "LAB0001"
    removable: bool = True
    writable: bool = False


@dataclass(frozen=True)
class Numa:
    cpus: str
    memory: str


@dataclass(frozen=True)
class Machine:
    """A server. `boot` says what the firmware tries first; with "disk", an empty disk falls through to medium and network.

    `reach` is the address at which SSH finds the node that it becomes, for one that is not on the user network.
    """

    name: str
    firmware: Firmware = "bios"
    cpus: int = 2
    memory: str = "2G"
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    cdrom: str = ""
    sticks: tuple[Stick, ...] = ()
    boot: Literal["disk", "medium"] = "disk"
    numa: tuple[Numa, ...] = ()
    iommu: bool = False
    tpm: bool = False
    ipmi: bool = False
    watchdog: bool = False
    kernel: str = ""
    initrd: str = ""
    append: str = ""
    share: str = ""
    reach: str = ""
    spare_ports: int = 2
    manufacturer: str = "Trivet"
    product: str = "Lab machine"

    def __post_init__(self) -> None:
        names = [disk.name for disk in self.disks] + [stick.name for stick in self.sticks]
        if len(names) != len(set(names)):
            raise ValueError(f"{self.name}: two disks or sticks of one name: {', '.join(names)}")
        if (self.initrd or self.append) and not self.kernel:
            raise ValueError(f"{self.name}: initrd and append need a kernel")

    def disk(self, name: str) -> Disk:
        return next(disk for disk in self.disks if disk.name == name)
