# SPDX-License-Identifier: Apache-2.0
"""Verbs: the closed set of things that Trivet may do to a machine.

A step is a value: it names a stable target and its parameters, says why, and what it destroys. Its id is the hash of its
content. It never holds a secret: what is secret is named by its place in the spec, and the handler asks the host for it.
"""

import hashlib
from typing import Annotated, Literal

from pydantic import Field

from appliance.model.base import Model
from appliance.model.clustersteps import FoundCluster, JoinCluster, MakeAuthority, RunEtcd, TakeRole
from appliance.model.halfsteps import CopyBoot, JoinArray, JoinVolume
from appliance.model.network import Chassis, Device
from appliance.model.poolsteps import (
    AddCache,
    AddMonitor,
    AddOsd,
    ConfigurePool,
    DropCache,
    MakeMonitor,
    RemoveMonitor,
    RemoveOsd,
    RunManager,
    RunMonitor,
    StartOsd,
    TunePool,
)
from appliance.model.selector import Choice, Chosen
from appliance.model.step import BaseStep
from appliance.model.storage import UNFINISHED, InstalledNode
from appliance.model.units import format_size

Slot = Literal["a", "b"]
TRIES = "try the hardware"
"""How a step begins whose output is worth keeping: what was found out about a machine."""


class VerifyImage(BaseStep):
    """Read the image on the medium before anything is changed: one that was cut short or altered installs nothing."""

    kind: Literal["verify-image"] = "verify-image"
    image: str
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"check the image on the medium, {format_size(self.size)}"


class BurnIn(BaseStep):
    """Try the hardware: `memory` bytes of it, each of the disks by reading for `seconds`, the ports by what they counted."""

    kind: Literal["burn-in"] = "burn-in"
    memory: int
    seconds: int
    disks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{TRIES}, {format_size(self.memory)} of memory, disks ({len(self.disks)}) and ports"


class WriteAndRead(BaseStep):
    """Write to a blank disk what can be told from anything else, and read it back. It is blank again afterwards."""

    kind: Literal["write-and-read"] = "write-and-read"
    disk: str

    def __str__(self) -> str:
        return f"{TRIES}: write to {self.disk}, and read it back"


class WipeDisk(BaseStep):
    """Erase every signature on a disk. `expects` is the fingerprint of what the person agreed to lose."""

    kind: Literal["wipe-disk"] = "wipe-disk"
    disk: str
    expects: str

    def __str__(self) -> str:
        return f"erase {self.disk}"


class ReleaseDisk(BaseStep):
    """Stop what runs on a disk that is to be erased, and that nobody uses: the arrays and volumes in `held`.

    `expects` is the fingerprint of what the person agreed to lose, as in the step that erases.
    """

    kind: Literal["release-disk"] = "release-disk"
    disk: str
    expects: str
    held: tuple[str, ...]

    def __str__(self) -> str:
        return f"stop {', '.join(self.held)} on {self.disk}"


class Partition(Model):
    """One entry of a partition table. `start` and `size` in MiB; `type` and `uuid` are GUIDs in lower case."""

    number: int
    name: str
    start: int
    size: int
    type: str
    uuid: str


class PartitionDisk(BaseStep):
    """Lay out a blank disk as a system disk.

    The state partition is called trivet-unfinished until `finish-install`: that name is how an interrupted installation
    is told from a node.
    """

    kind: Literal["partition-disk"] = "partition-disk"
    disk: str
    uuid: str
    partitions: tuple[Partition, ...]

    def __str__(self) -> str:
        names = {UNFINISHED: "state"}
        parts = (f"{names.get(p.name, p.name.removeprefix('trivet-'))} {format_size(p.size * 2**20)}" for p in self.partitions)
        return f"partition {self.disk}: {', '.join(parts)}"


class MirrorPartition(BaseStep):
    """Join the same partition of two disks into an md RAID1 array named `name`. `uuid` in md's form, four times 8 digits."""

    kind: Literal["mirror-partition"] = "mirror-partition"
    name: str
    partition: int
    disks: tuple[str, ...]
    uuid: str

    def __str__(self) -> str:
        return f"mirror partition {self.partition} of {' and '.join(self.disks)} as {self.name}"


class WriteSlot(BaseStep):
    """Copy an image into a slot, hash it on the way, and read it back. `size` in bytes."""

    kind: Literal["write-slot"] = "write-slot"
    device: str
    slot: Slot
    image: str
    size: int
    sha256: str
    version: str

    def __str__(self) -> str:
        return f"write version {self.version} into slot {self.slot}"


class FormatState(BaseStep):
    """Make the file system that persists; `uuid` is the one it gets, so that it is known again."""

    kind: Literal["format-state"] = "format-state"
    device: str
    uuid: str

    def __str__(self) -> str:
        return "make the state file system"


class SaveSpec(BaseStep):
    """Put the spec on the state partition, and which ports it means. Its text is the secret "spec"; `digest` is Spec.digest."""

    kind: Literal["save-spec"] = "save-spec"
    device: str
    digest: str
    machine_id: str
    ports: tuple[Choice, ...] = ()

    def __str__(self) -> str:
        return "save the spec"


class InstallBoot(BaseStep):
    """Make one disk start slot `slot` by itself, with or without Secure Boot.

    Its ESP is made anew with the volume id `esp`, and gets GRUB and the kernel and initrd of the slot's `device`, which
    are started with `arguments`. With `bios` GRUB goes into the disk's first sector and the BIOS boot partition, too.
    The last file of all says whose `node` it is: a disk that says so boots.
    """

    kind: Literal["install-boot"] = "install-boot"
    disk: str
    slot: Slot
    device: str
    arguments: tuple[str, ...]
    esp: str
    bios: bool
    node: InstalledNode

    def __str__(self) -> str:
        return f"make {self.disk} start slot {self.slot} on {'BIOS and UEFI' if self.bios else 'UEFI'}"


class FinishInstall(BaseStep):
    """Name the state partition trivet-state: from here on the disks hold a node."""

    kind: Literal["finish-install"] = "finish-install"
    disks: tuple[str, ...]

    def __str__(self) -> str:
        return "declare the installation complete"


class ReplaceSpec(BaseStep):
    """Replace the spec that is saved on this node. Its text is the secret "spec"; `digest` is Spec.digest."""

    kind: Literal["replace-spec"] = "replace-spec"
    digest: str

    def __str__(self) -> str:
        return "save the spec"


class SetHostname(BaseStep):
    """Name the running system."""

    kind: Literal["set-hostname"] = "set-hostname"
    name: str

    def __str__(self) -> str:
        return f"call this node {self.name}"


class SetTimezone(BaseStep):
    """Point /etc/localtime at a zone."""

    kind: Literal["set-timezone"] = "set-timezone"
    zone: str

    def __str__(self) -> str:
        return f"set the time zone to {self.zone}"


class SetPassword(BaseStep):
    """Set root's password field. `fingerprint` is that of the hash, which is the secret "admin.password_hash"."""

    kind: Literal["set-password"] = "set-password"
    fingerprint: str

    def __str__(self) -> str:
        return "set the admin password" if self.fingerprint else "lock the admin password"


class RenderFile(BaseStep):
    """Write a file of ours, whole, and have the units named in `reload` read it. Empty content removes it."""

    kind: Literal["render-file"] = "render-file"
    path: str
    content: str
    mode: int = 0o644
    reload: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"write {self.path}" if self.content else f"remove {self.path}"


class File(Model):
    """A file of ours: what it shall hold, whole. Empty content removes it."""

    path: str
    content: str


class KeepPorts(BaseStep):
    """Save which ports the selectors of this spec chose, beside what those of the saved one did."""

    kind: Literal["keep-ports"] = "keep-ports"
    chosen: Chosen

    def __str__(self) -> str:
        return "remember which ports the spec means"


class ConfigureNetwork(BaseStep):
    """Write networkd's files and have it read them, until there are these bonds and VLANs, this bridge and its internal ports.

    Bonds and VLANs whose file changed, or that are not as wished, are made anew; Open vSwitch changes its own in place.
    """

    kind: Literal["configure-network"] = "configure-network"
    files: tuple[File, ...]
    devices: tuple[Device, ...] = ()

    def __str__(self) -> str:
        return "configure the network"


class ConfigureOvn(BaseStep):
    """Run OVN on this node, and be the chassis that is named; without one, stop it."""

    kind: Literal["configure-ovn"] = "configure-ovn"
    chassis: Chassis | None

    def __str__(self) -> str:
        return f"run OVN, with tunnels from {self.chassis.encap}" if self.chassis else "stop OVN"


class ForgetDatabases(BaseStep):
    """Take the databases of OVN that were at an address out of their raft: their node is not in the cluster any more."""

    kind: Literal["forget-databases"] = "forget-databases"
    address: str

    def __str__(self) -> str:
        return f"count no more on OVN's databases at {self.address}"


class LoadFirewall(BaseStep):
    """Load the host's nftables table in place of the one that is there. `digest` is the comment by which it is known."""

    kind: Literal["load-firewall"] = "load-firewall"
    content: str
    digest: str

    def __str__(self) -> str:
        return "load the firewall"


class VfWish(Model):
    """A virtual function as it shall be: its index, its driver, and the attributes that the spec gives, by name."""

    index: int
    driver: Literal["kernel", "vfio-pci"]
    attributes: dict[str, str | int | bool] = {}


class ConfigureVfs(BaseStep):
    """Make so many virtual functions of the port at `pci` as there are in `vfs`, with these attributes and drivers."""

    kind: Literal["configure-vfs"] = "configure-vfs"
    pci: str
    port: str
    vfs: tuple[VfWish, ...]

    def __str__(self) -> str:
        return (
            f"make {len(self.vfs)} virtual functions of {self.port}"
            if self.vfs
            else f"remove the virtual functions of {self.port}"
        )


class OfferVfs(BaseStep):
    """Have libvirt give the port's virtual functions that are vfio-pci's to VMs, as the network `pool`."""

    kind: Literal["offer-vfs"] = "offer-vfs"
    pci: str
    pool: str
    functions: int

    def __str__(self) -> str:
        if not self.functions:
            return f"offer VMs the network {self.pool} no more"
        return f"offer {self.functions} virtual functions to VMs as the network {self.pool}"


class SetUnit(BaseStep):
    """Start or stop a systemd unit for this boot; the next boot's plan decides again."""

    kind: Literal["set-unit"] = "set-unit"
    unit: str
    running: bool

    def __str__(self) -> str:
        return f"{'start' if self.running else 'stop'} {self.unit}"


class RunLibvirt(BaseStep):
    """Have libvirt answer, or stop it; VMs that run go on without it."""

    kind: Literal["run-libvirt"] = "run-libvirt"
    running: bool

    def __str__(self) -> str:
        return "run libvirt" if self.running else "stop libvirt"


class ReserveForPlatform(BaseStep):
    """Keep the platform's own services to these processors ("" for all), and this much memory for them (bytes)."""

    kind: Literal["reserve-for-platform"] = "reserve-for-platform"
    cpus: str
    memory: int

    def __str__(self) -> str:
        parts = [f"CPUs {self.cpus}" if self.cpus else "", format_size(self.memory) if self.memory else ""]
        return f"keep {' and '.join(filter(None, parts)) or 'nothing'} for the platform"


class MergePages(BaseStep):
    """Have the kernel merge equal pages of VMs, or not; "auto" at its own pace."""

    kind: Literal["merge-pages"] = "merge-pages"
    merge: Literal["off", "on", "auto"]

    def __str__(self) -> str:
        return {
            "off": "merge no pages of VMs",
            "on": "merge equal pages of VMs",
            "auto": "merge equal pages of VMs at the kernel's own pace",
        }[self.merge]


class SetHugePages(BaseStep):
    """Have so many huge pages of a size on one NUMA node."""

    kind: Literal["set-huge-pages"] = "set-huge-pages"
    node: int
    size: Literal["2MiB", "1GiB"]
    pages: int

    def __str__(self) -> str:
        return f"set aside {self.pages} pages of {self.size} on NUMA node {self.node}"


Step = Annotated[
    VerifyImage | ReleaseDisk | BurnIn | WriteAndRead | WipeDisk | PartitionDisk | MirrorPartition | WriteSlot | FormatState
    | InstallBoot | SaveSpec | FinishInstall | JoinArray | CopyBoot | JoinVolume
    | ReplaceSpec | SetHostname | SetTimezone | SetPassword | RenderFile | KeepPorts | ConfigureNetwork
    | ConfigureOvn | ForgetDatabases | ConfigureVfs | LoadFirewall | OfferVfs | SetUnit | MakeMonitor | AddMonitor
    | RemoveMonitor | RunMonitor | RunManager | AddOsd | StartOsd | RemoveOsd | DropCache | AddCache | ConfigurePool
    | TunePool | RunLibvirt | ReserveForPlatform | MergePages | SetHugePages
    | MakeAuthority | RunEtcd | FoundCluster | JoinCluster | TakeRole,
    Field(discriminator="kind"),
]  # fmt: skip


class Pending(Model):
    """A part of the spec that this version does not carry out, or that cannot be done now, and why.

    `lost`: this machine could do it when the spec was saved, and something of it is gone; `hint` says what to do.
    """

    where: str
    why: str
    hint: str = ""
    lost: bool = False

    def __str__(self) -> str:
        text = f"{self.where}: {self.why}"
        return f"{text}; {self.hint}" if self.hint else text


class Plan(Model):
    """The steps in their order, and what of the wish they do not cover."""

    steps: tuple[Step, ...] = ()
    pending: tuple[Pending, ...] = ()

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of the steps in their order: what somebody agreed to, in a word."""
        return hashlib.sha256("\n".join(step.id for step in self.steps).encode()).hexdigest()[:12]

    def without(self, kind: type) -> "Plan":
        """The plan without the steps of a kind."""
        return self.model_copy(update={"steps": tuple(step for step in self.steps if not isinstance(step, kind))})

    @property
    def awaited(self) -> tuple[Pending, ...]:
        """What waits for an address that a server or a router has yet to give."""
        return tuple(pending for pending in self.pending if pending.where.endswith(".address"))

    @property
    def lost(self) -> tuple[Pending, ...]:
        """What this machine has lost the hardware for."""
        return tuple(pending for pending in self.pending if pending.lost)

    @property
    def destroys(self) -> tuple[str, ...]:
        """Everything that is lost when the plan is carried out, each named."""
        return tuple(dict.fromkeys(d for s in self.steps for d in s.destroys))
