# SPDX-License-Identifier: Apache-2.0
"""Nouns of the server itself: processors, NUMA, memory, firmware, what is soldered on. Observed only."""

from typing import Literal

from appliance.model.base import Model


class Cpu(Model):
    """Threads and cores are totals over all sockets. `flags` are the kernel's names, sorted."""

    model: str = ""
    vendor: str = ""
    sockets: int = 1
    cores: int = 1
    threads: int = 1
    flags: tuple[str, ...] = ()
    microcode: str = ""
    virtualisation: Literal["VT-x", "AMD-V", ""] = ""
    vulnerabilities: dict[str, str] = {}


class NumaNode(Model):
    """`cpus` is the kernel's list form ("0-7,16-23"); sizes in bytes; distances to every node, in node order."""

    id: int
    cpus: str
    memory: int
    free: int
    hugepages: dict[str, int] = {}
    distances: tuple[int, ...] = ()


class Iommu(Model):
    """`available`: the platform has one and it is on. `groups` is how many groups the kernel made."""

    available: bool = False
    groups: int = 0


class Virtualisation(Model):
    """What runs VMs here now. `cpus` and `memory` (bytes) are what the platform is kept to and keeps; "" and 0 for nothing.

    `container`: a container node, whose kernel and control groups are another machine's. `merge`: does the kernel merge equal
    pages of VMs ("": it cannot)?
    """

    libvirt: bool = False
    cpus: str = ""
    memory: int = 0
    container: bool = False
    merge: Literal["off", "on", "auto", ""] = ""


class Firmware(Model):
    """How the machine was started."""

    mode: Literal["bios", "uefi"] = "bios"
    secure_boot: bool = False
    vendor: str = ""
    version: str = ""
    date: str = ""


class Dmi(Model):
    """What the maker wrote into the machine. "" where it wrote nothing."""

    manufacturer: str = ""
    product: str = ""
    serial: str = ""
    uuid: str = ""
    board: str = ""
    chassis: str = ""


class Tpm(Model):
    """`version` is "2.0" or "1.2"."""

    version: str


class Bmc(Model):
    """A baseboard controller that the kernel can talk to."""

    interface: str


class Usb(Model):
    """A USB device that is not a hub. `path` is its place ("1-1.2"), `id` vendor:product."""

    path: str
    id: str
    manufacturer: str = ""
    product: str = ""
    serial: str = ""


class BootMedium(Model):
    """What this system was started from: the live medium, the network or a slot of an installed node."""

    kind: Literal["live", "network", "slot", "other"] = "other"
    slot: str = ""
    disk: str = ""


class Machine(Model):
    """Everything about the server that is neither a disk nor a NIC."""

    dmi: Dmi = Dmi()
    firmware: Firmware = Firmware()
    cpu: Cpu = Cpu()
    memory: int = 0
    numa: tuple[NumaNode, ...] = ()
    iommu: Iommu = Iommu()
    tpm: Tpm | None = None
    bmc: Bmc | None = None
    usb: tuple[Usb, ...] = ()
    boot: BootMedium = BootMedium()
    kernel: str = ""
    kvm: bool = False
