# SPDX-License-Identifier: Apache-2.0
"""The VM document, version 1: what one VM shall be. Read like the spec: every problem at once, each with its place.

It names no file and no device of a node: disks by the name that they have here, networks by theirs, functions by their pool.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from appliance.model.base import Model
from appliance.model.device import PciWish, UsbWish
from appliance.model.spec import Mac, Name
from appliance.model.units import Size, parse_seconds

PageSize = Literal["2MiB", "1GiB"]
MIB = 2**20
RATE_MAX = 400_000
"""Of a port, in Mbit/s."""
CPUS_MAX = 710
"""What QEMU's q35 takes without further words, with Debian's libvirt."""
_IMAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def _image(value: str) -> str:
    if not _IMAGE.fullmatch(value):
        raise ValueError(f"{value!r} is not the name of an image; put the file into the library and name it without a folder")
    return value


ImageName = Annotated[str, AfterValidator(_image)]
Seconds = Annotated[int, BeforeValidator(parse_seconds)]


class CpuWish(Model):
    """`max` is up to how many may be added while it runs; `pin` gives each a processor of its own."""

    count: int = Field(default=1, ge=1, le=CPUS_MAX)
    max: int | None = Field(default=None, ge=1, le=CPUS_MAX)
    model: Literal["host", "portable"] = "portable"
    pin: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "CpuWish":
        if self.max is not None and self.max < self.count:
            raise ValueError(f"max {self.max} is under count {self.count}")
        return self


class MemoryWish(Model):
    """`max` is up to how much may be added while it runs; `pages` takes it from the node's huge pages."""

    size: Size
    max: Size | None = None
    pages: PageSize | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "MemoryWish":
        for name, size in (("size", self.size), ("max", self.max)):
            if size is not None and (size < 16 * MIB or size % MIB):
                raise ValueError(f"{name} must be whole MiB, and at least 16 of them")
        if self.max is not None and self.max < self.size:
            raise ValueError("max is under size")
        if self.pages == "1GiB" and self.size % 2**30:
            raise ValueError("with pages of 1GiB, size must be whole GiB")
        return self


class DiskWish(Model):
    """A disk in the pool. Made from an `image` of the library, or empty. Limits are for each second; 0 is unlimited."""

    name: Name = ""
    size: Size | None = None
    image: ImageName | None = None
    bus: Literal["virtio", "scsi", "sata"] = "virtio"
    cache: Literal["none", "writeback", "writethrough"] = "none"
    discard: bool = True
    iops: int = Field(default=0, ge=0)
    bandwidth: Size = 0

    @model_validator(mode="after")
    def _consistent(self) -> "DiskWish":
        if self.size is None and self.image is None:
            raise ValueError("give size, or an image of the library that has one")
        if self.size is not None and (self.size < MIB or self.size % 512):
            raise ValueError("size must be at least 1MiB, and whole sectors of 512 bytes")
        return self


class NicWish(Model):
    """A port on a `network`, or a virtual function of the `pool` that the node's spec makes of a port.

    `address` is the one that it gets on an overlay network; `groups` are those that the network's rules speak of. The rates,
    in Mbit/s, are the most that goes into and out of the guest; 0 is unlimited. A function with a `standby`, which is a network
    of the business plane, is a pair for the guest: virtio goes on where the function is taken, as when the VM moves.
    """

    network: Name | None = None
    pool: str | None = None
    standby: Name | None = None
    mac: Mac | None = None
    address: str | None = None
    groups: tuple[Name, ...] = ()
    model: Literal["virtio", "e1000e"] = "virtio"
    rate_in: int = Field(default=0, ge=0, le=RATE_MAX)
    rate_out: int = Field(default=0, ge=0, le=RATE_MAX)

    @model_validator(mode="after")
    def _consistent(self) -> "NicWish":
        if (self.network is None) == (self.pool is None):
            raise ValueError("give either network or pool")
        if self.standby is not None and self.pool is None:
            raise ValueError("standby is for a virtual function, of a pool")
        if self.pool is not None and (self.groups or self.address):
            raise ValueError("a virtual function is on no network of ours: it has neither groups nor an address")
        if self.pool is not None and (self.rate_in or self.rate_out):
            raise ValueError("a virtual function's rate is in the node's spec: sriov, vf, max_rate")
        return self


class KernelWish(Model):
    """Start this kernel instead of what is on the disks. Both are files of the library."""

    image: ImageName
    initrd: ImageName | None = None
    arguments: str = ""


class CloudInit(Model):
    """Handed over as a disk labelled CIDATA (NoCloud). Each part is the text of the file of that name."""

    user_data: str = "#cloud-config\n{}\n"
    network_config: str = ""


class StartWish(Model):
    """`auto`: it runs when the node does. Lower `order` first; after each one waits `delay` before the next order."""

    auto: bool = True
    order: int = Field(default=50, ge=0, le=1000)
    delay: Seconds = 0


class PlaceWish(Model):
    """`ha`: it runs on another node when its own is lost. It may be on `nodes` alone, () for all; no two VMs of a group of
    `apart` are on the same node, all of a group of `together` are."""

    ha: bool = True
    nodes: tuple[Name, ...] = ()
    apart: tuple[Name, ...] = ()
    together: tuple[Name, ...] = ()


class Vm(Model):
    """The whole wish for one VM."""

    version: Literal[1]
    name: Name
    description: str = ""
    cpu: CpuWish = CpuWish()
    memory: MemoryWish
    firmware: Literal["bios", "uefi", "secure-boot"] = "bios"
    tpm: bool = False
    disks: tuple[DiskWish, ...] = ()
    media: tuple[ImageName, ...] = ()
    nics: tuple[NicWish, ...] = ()
    kernel: KernelWish | None = None
    boot: tuple[Literal["disk", "media", "network"], ...] = ("disk", "media", "network")
    numa: Literal["auto", "off"] = "auto"
    cloud_init: CloudInit | None = None
    pci: tuple[PciWish, ...] = ()
    usb: tuple[UsbWish, ...] = ()
    start: StartWish = StartWish()
    place: PlaceWish = PlaceWish()

    @model_validator(mode="after")
    def _consistent(self) -> "Vm":
        for what, names in (
            ("disk", [disk.name for disk in self.disks if disk.name]),
            ("MAC address", [nic.mac for nic in self.nics if nic.mac]),
            ("PCI device", [wish.address for wish in self.pci if wish.address]),
        ):
            if twice := sorted({str(name) for name in names if names.count(name) > 1}):
                raise ValueError(f"the {what} {twice[0]} stands here twice")
        if self.firmware == "secure-boot" and self.kernel:
            raise ValueError("Secure Boot is for what the firmware starts: leave out kernel")
        return self


def named(vm: Vm) -> Vm:
    """The same VM, every disk with a name: where none was given, disk0, disk1, ..."""
    taken = {disk.name for disk in vm.disks}
    free = (name for name in (f"disk{number}" for number in range(len(vm.disks) + len(taken))) if name not in taken)
    disks = tuple(disk if disk.name else disk.model_copy(update={"name": next(free)}) for disk in vm.disks)
    return vm.model_copy(update={"disks": disks})
