# SPDX-License-Identifier: Apache-2.0
"""Nouns of storage: what a host has (Disk), and what is on it (Content)."""

import hashlib
from typing import Literal

from pydantic import Field

from appliance.model.base import Model
from appliance.model.units import format_size

Transport = Literal["nvme", "sata", "sas", "scsi", "virtio", "usb", "mmc", "raid", "other"]

UNFINISHED = "trivet-unfinished"
"""Name of the state partition until an installation is complete: such a disk holds nothing that anybody could miss."""
STATE = "trivet-state"
POOL_PART = "trivet-pool"
"""Name of the partition of a system disk that a laboratory's spec leaves to the pool (`install.pool`)."""

ADOPTED = "/var/lib/libvirt/adopted"
"""A file for each disk that is a VM's, by the disk's id: whoever takes disks for the pool leaves these."""
OF_A_VM = "it is a VM's"

BOOT_MEDIUM = "boot medium"
SYSTEM_DISK = "system disk"
"""Two of the reasons in `Disk.unusable` that others ask for by name."""


class Content(Model):
    """One thing found on a disk. `partition` 0 is the whole disk; `type` is blkid's word (ext4, LVM2_member, gpt)."""

    partition: int = 0
    type: str
    label: str = ""
    uuid: str = ""
    name: str = ""
    size: int = 0

    def __str__(self) -> str:
        what = " ".join(part for part in (self.type or "no file system", self.label or self.name) if part)
        return f"partition {self.partition} {what}" if self.partition else what


class InstalledNode(Model):
    """A node of ours that was installed on a disk, as its ESP says (/trivet/node.json): `spec` is the spec's digest."""

    name: str
    version: str
    sha256: str
    spec: str
    disks: tuple[str, ...]


class OsdLabel(Model):
    """A part of a Ceph OSD, as the disk itself says: `fsid` of the cluster, the OSD's own `uuid` and `id` (-1: not given yet).

    `part` is "block" for the data, "db" or "wal" for a piece of its database, "cache" for a read cache in front of it.
    """

    fsid: str
    uuid: str
    id: int = -1
    part: Literal["block", "db", "wal", "cache"] = "block"

    def __str__(self) -> str:
        piece = {"block": "", "db": "database of ", "wal": "journal of ", "cache": "cache of "}[self.part]
        number = str(self.id) if self.id >= 0 else self.uuid
        return f"{piece}OSD {number} of Ceph cluster {self.fsid}" if self.fsid else f"{piece}OSD {number}"


class RaidVolume(Model):
    """What the mainboard's own RAID (`format` "imsm" or "ddf") made one disk of: `members` are the ids of its disks.

    `state` is "healthy", "degraded", "rebuilding" or "failed"; `progress` the percentage of a rebuild. `missing` is how
    many members it lacks. `platform`: the firmware knows of it; False where mdadm had to be told to start it all the same.
    """

    format: str
    level: str
    state: Literal["healthy", "degraded", "rebuilding", "failed"]
    members: tuple[str, ...] = ()
    missing: int = 0
    progress: int | None = None
    platform: bool = True

    def __str__(self) -> str:
        progress = f" ({self.progress} %)" if self.progress is not None else ""
        return f"{self.level} of {len(self.members) + self.missing} disks, {self.state}{progress}"


class MirrorArray(Model):
    """One of the md arrays that a mirrored node stands on: `name` is the slot's or the state's, `partition` its number.

    `members` are the ids of the disks that have a part of it, `missing` how many it lacks; `progress` as above.
    """

    name: str
    uuid: str
    partition: int
    state: Literal["healthy", "degraded", "rebuilding", "failed"]
    members: tuple[str, ...] = ()
    missing: int = 0
    progress: int | None = None


class DiskHealth(Model):
    """What a disk says of itself when it is asked (SMART, NVMe's log). None: it does not say.

    `wear` is how much of its life is used up, in percent; `temperature` in degrees Celsius; `hours` that it had power;
    sectors that were replaced or wait for it; `errors` of the medium that it could not correct.
    """

    passed: bool | None = None
    wear: int | None = None
    temperature: int | None = None
    hours: int | None = None
    reallocated: int | None = None
    pending: int | None = None
    errors: int | None = None


class Disk(Model):
    """A whole disk as observed.

    `id` is the name under which it is known in plans: its /dev/disk/by-id name, or its by-path name where it has no
    serial or shares its name with another disk. `link` is that path under /dev/disk. Sizes in bytes.

    `osd` is the OSD whose data is on it, `serves` those of whose database or cache a part is on it. `paths` are the places of
    a multipath disk. `held` is what runs on it and nobody uses, md arrays or volumes of LVM: who erases it stops them. `health`
    is there only where somebody asked for it: a hundred disks take their time to answer. `within` is the system disk that this
    one is a part of (`install.pool`): to the pool it is a disk like any other.
    """

    id: str
    link: str
    model: str = ""
    serial: str = ""
    wwn: str = ""
    path: str = ""
    firmware: str = ""
    transport: Transport = "other"
    size: int = 0
    rotational: bool = False
    sector: int = 512
    physical_sector: int = 512
    read_only: bool = False
    removable: bool = False
    numa_node: int = -1
    pci: str = ""
    slot: str = ""
    contents: tuple[Content, ...] = ()
    node: InstalledNode | None = None
    osd: OsdLabel | None = None
    serves: tuple[OsdLabel, ...] = ()
    raid: RaidVolume | None = None
    paths: tuple[str, ...] = ()
    health: DiskHealth | None = None
    held: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    within: str = Field(default="", exclude_if=lambda id_: not id_)

    @property
    def fingerprint(self) -> str:
        """What is on the disk, in 12 hexadecimal digits; "" means blank. A destructive step carries it as `expects`."""
        if not self.contents:
            return ""
        # BlueStore's signature says nothing of whose it is: a plan that erases another cluster's OSD must not erase ours.
        text = "\n".join([*(c.model_dump_json() for c in self.contents), *(label.uuid for label in self.labels)])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def holds(self) -> str:
        """What is on the disk, for a person: "gpt, partition 1 vfat EFI, partition 2 ext4 root"."""
        if self.node:
            return f"Trivet node {self.node.name}, version {self.node.version}"
        return ", ".join([*(str(c) for c in self.contents), *(str(label) for label in self.labels), *self.held])

    @property
    def labels(self) -> tuple[OsdLabel, ...]:
        """All that Ceph has on it."""
        return (*((self.osd,) if self.osd else ()), *self.serves)

    @property
    def unfinished(self) -> bool:
        """Only an installation of ours that never came to its end is on it."""
        names = {c.name for c in self.contents if c.partition}
        return UNFINISHED in names and STATE not in names

    @property
    def label(self) -> str:
        """The disk in a few words that tell it from its neighbours."""
        serial = f"serial {self.serial}" if self.serial else ""
        place = self.path if self.id == self.path or not serial else ""  # twins share model and serial
        words = (self.model, format_size(self.size), serial, place)
        return ", ".join(w for w in words if w)
