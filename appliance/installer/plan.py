# SPDX-License-Identifier: Apache-2.0
"""(what this machine has, spec) -> the steps that install a node on it. Pure.

The order is what makes an interruption harmless: the partition table comes first and calls the installation unfinished,
what the disk boots from comes after the slot was written and read back, and the name that makes it a node comes last.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.installer import layout
from appliance.model.inventory import Image, Inventory
from appliance.model.plan import (
    BurnIn,
    FinishInstall,
    FormatState,
    InstallBoot,
    MirrorPartition,
    PartitionDisk,
    SaveSpec,
    Step,
    VerifyImage,
    WipeDisk,
    WriteAndRead,
    WriteSlot,
)
from appliance.model.problem import Problem
from appliance.model.selector import Choice, Selection, select
from appliance.model.spec import BurnInSpec, InstallSpec, Spec
from appliance.model.storage import SYSTEM_DISK, Disk, InstalledNode
from appliance.model.units import format_size
from appliance.services.network.ports import choices
from appliance.services.storage import part
from appliance.services.storage.plan import release
from appliance.services.storage.roles import LEAST

ANSWER_LABEL = "TRIVET-SPEC"
_UNEVEN = 1.25
_SECTOR = 512
ALWAYS = ("console=tty0", "console=ttyS0,115200", "loglevel=4", "systemd.default_device_timeout_sec=300", "panic=10")
"""The kernel's small talk goes to the journal; a serial line is waited for as long as a slow server needs to name it; a
kernel that has panicked starts again, for nobody may be there to press the button."""


def check(inventory: Inventory, spec: Spec) -> list[Problem]:
    """What keeps this machine from being installed by this spec; all of it."""
    if spec.install is None:
        hint = "add `install: {disk: {...}}`; `install: {}` takes the only disk there is"
        return [Problem(where="install", message="is missing, and this machine is not installed yet", hint=hint)]
    return [*_check_image(inventory.system.image), *_check_disks(inventory, spec, spec.install)]


def plan(inventory: Inventory, spec: Spec) -> list[Step]:
    """The steps, for a machine and a spec that `check` finds nothing wrong with; none when the node is there already."""
    image = inventory.system.image
    if spec.install is None or image is None:
        raise ValueError("check() comes first")
    disks = _select(inventory, spec.install).chosen
    node = _node(spec, image, disks)
    if all(disk.node == node for disk in disks):
        # What an ESP says of its node is written last but for the name of the state: all else was done before.
        unfinished = [d for d in disks if d.unfinished]
        return [_finish(unfinished)] if unfinished else []
    return list(_install(_Installation.of(inventory, spec, image, disks), inventory))


def finish(inventory: Inventory) -> list[Step]:
    """What an installed node still lacks when the power went between its boot loader and the last step."""
    # One that says of no node yet lacks its boot loader: it came for a dead half, and is taken in anew.
    mine = [d for d in inventory.disks if d.unfinished and d.node and SYSTEM_DISK in d.unusable]
    return [_finish(mine)] if mine else []


def _finish(disks: Sequence[Disk]) -> FinishInstall:
    return FinishInstall(disks=_ids(disks), why="all else is done and was read back")


def _check_image(image: Image | None) -> list[Problem]:
    if image is None:
        hint = "start the server from a Trivet medium, or over the network with the image of the same build"
        return [Problem(where="the medium", message="this system brings no image that could be installed", hint=hint)]
    room = (layout.SLOT - layout.MIRROR_RESERVE) * layout.MIB
    if image.size > room:
        message = f"the image has {format_size(image.size)}, and a slot holds {format_size(room)}"
        return [Problem(where="the medium", message=message, hint="build a smaller image")]
    return []


def _check_disks(inventory: Inventory, spec: Spec, install: InstallSpec) -> Iterator[Problem]:
    selection = _select(inventory, install)
    if selection.problem:
        matches = len(inventory.disks) - len(selection.rejected)
        many = "choose by facts that hold for the right disk alone, or say which to prefer"
        hint = many if matches > install.disk.count else "`trivet inspect` shows the facts of each disk"
        yield Problem(where="install.disk", message=selection.problem, hint=hint)
        return
    yield from _check_pair(selection.chosen)
    yield from _check_pool(spec, install, selection.chosen)
    if install.wipe or _in_effect(inventory, spec, selection.chosen):
        return
    for disk in selection.chosen:
        if disk.contents and not disk.unfinished:
            hint = "set `install.wipe: true` to erase it, or choose another disk"
            yield Problem(where="install.disk", message=f"{disk.label} holds data: {disk.holds}", hint=hint)


def _check_pair(disks: Sequence[Disk]) -> Iterator[Problem]:
    if len(disks) > 1 and (volumes := [d for d in disks if d.raid]):
        hint = "take the volume alone, with `count: 1`: it is mirrored as it is; or switch RAID off in the firmware's setup"
        message = f"{volumes[0].label} is a volume of a BIOS RAID, and no half of a mirror"
        yield Problem(where="install.disk", message=message, hint=hint)
    if len(disks) == 1:
        return
    small, large = sorted(disks, key=lambda d: d.size)
    if small.sector != large.sector:
        message = f"{small.label} has sectors of {small.sector} bytes and {large.label} of {large.sector}"
        yield Problem(where="install.disk", message=message, hint="mirror two disks of the same kind")
    elif large.size > small.size * _UNEVEN:
        message = f"{large.label} and {small.label} are too unlike in size to be mirrored"
        yield Problem(where="install.disk", message=message, hint="choose two of about the same size, by `size`")


def _check_pool(spec: Spec, install: InstallSpec, disks: Sequence[Disk]) -> Iterator[Problem]:
    """What is wrong with a part for the pool on the system disks."""
    if install.pool is None:
        return
    where = "install.pool"
    if spec.storage is None:
        message = "leaves a part of the system disk to the pool, and the spec has no `storage`"
        yield Problem(where=where, message=message, hint="add `storage: {}`, or leave `install.pool` out")
    if install.pool < LEAST:
        message = f"{format_size(install.pool)} are too small for the pool, which takes {format_size(LEAST)} and more"
        yield Problem(where=where, message=message, hint="leave it more, or leave `install.pool` out")
    for disk in disks:
        least = layout.MINIMUM * layout.MIB + install.pool
        if disk.size < least:
            message = f"{disk.label} is too small: system and pool together need {format_size(least)}"
            yield Problem(where=where, message=message, hint="leave the pool less, or choose a larger disk")


def _in_effect(inventory: Inventory, spec: Spec, disks: Sequence[Disk]) -> bool:
    image = inventory.system.image
    return image is not None and all(d.node == _node(spec, image, disks) for d in disks)


def chosen(inventory: Inventory, spec: Spec) -> Inventory:
    """The machine with the disks that this spec makes the system's marked so: the pool gets the part left to it, if any."""
    if inventory.system.installed or spec.install is None:
        return inventory
    wish, ids = spec.install.pool, _ids(_select(inventory, spec.install).chosen)
    mark = {"unusable": (SYSTEM_DISK,)}
    disks = tuple(d.model_copy(update=mark) if d.id in ids else d for d in inventory.disks)
    parts = (part.of(d, layout.POOL_NUMBER, wish) for d in disks if wish and d.id in ids)
    return inventory.model_copy(update={"disks": (*disks, *parts)})


def candidates(inventory: Inventory) -> tuple[Disk, ...]:
    """The disks, each with every reason why it cannot be the system disk in `unusable`."""
    mode = inventory.machine.firmware.mode
    return tuple(d.model_copy(update={"unusable": (*d.unusable, *_unfit(d, mode))}) for d in inventory.disks)


def _select(inventory: Inventory, install: InstallSpec) -> Selection[Disk]:
    return select(install.disk, candidates(inventory))


def _unfit(disk: Disk, firmware: str) -> Iterator[str]:
    """Why a disk that is usable as such cannot be a system disk, or must not."""
    if disk.size < layout.MINIMUM * layout.MIB:
        yield f"too small for a system disk, which needs {format_size(layout.MINIMUM * layout.MIB)}"
    if any(c.label == ANSWER_LABEL for c in disk.contents):
        yield f"it is the volume {ANSWER_LABEL} with the answers"
    if disk.raid and disk.raid.state == "failed":
        yield f"it is a BIOS RAID volume that has failed: {disk.raid}"
    if firmware == "bios" and disk.sector != _SECTOR:
        yield f"no BIOS can start from sectors of {disk.sector} bytes; switch the firmware to UEFI to use it"


def _ids(disks: Sequence[Disk]) -> tuple[str, ...]:
    return tuple(d.id for d in disks)


def _node(spec: Spec, image: Image, disks: Sequence[Disk]) -> InstalledNode:
    return InstalledNode(name=spec.node.name, version=image.version, sha256=image.sha256, spec=spec.digest, disks=_ids(disks))


@dataclass(frozen=True)
class _Installation:
    """What all steps of one installation share."""

    disks: tuple[Disk, ...]
    image: Image
    identity: layout.Identity
    node: InstalledNode
    ports: tuple[Choice, ...]
    burn_in: BurnInSpec | None = None
    tried: tuple[Disk, ...] = ()
    """The disks that are read at a burn-in: all that nobody uses."""
    pool: int = 0
    """MiB of each disk that are left to the pool."""

    @classmethod
    def of(cls, inventory: Inventory, spec: Spec, image: Image, disks: Sequence[Disk]) -> "_Installation":
        dmi = inventory.machine.dmi
        identity = layout.Identity(dmi.uuid or dmi.serial, _ids(disks), spec.digest)
        tried = tuple(disk for disk in inventory.disks if not disk.unusable)
        wish = spec.install or InstallSpec()
        node, pool = _node(spec, image, disks), (wish.pool or 0) // layout.MIB
        return cls(tuple(disks), image, identity, node, choices(inventory, spec), wish.burn_in, tried, pool)

    @property
    def mirrored(self) -> bool:
        return len(self.disks) > 1

    def partition_uuid(self, disk: Disk, name: str) -> str:
        return self.identity.uuid("partition", disk.id, name)

    def device(self, name: str) -> str:
        """Where slot or state is while it is being installed. Not by PARTUUID: a copy of this disk would have it, too."""
        if self.mirrored:
            return layout.array_link(self.identity.array(name))
        return layout.part(self.disks[0].link, layout.NUMBER[name])

    def booted(self, name: str) -> str:
        """The same for the kernel's arguments: free of the names of controllers and ports.

        Each disk of a BIOS RAID has the partitions too, UUIDs and all: the node starts from the volume and from none of them.
        """
        if self.mirrored or self.disks[0].raid:
            return self.device(name)
        return f"PARTUUID={self.partition_uuid(self.disks[0], name)}"

    @property
    def arguments(self) -> tuple[str, ...]:
        arrays = [f"rd.md.uuid={self.identity.array(n)}" for n in ("a", "state")] if self.mirrored else []
        if any(disk.raid and not disk.raid.platform for disk in self.disks):
            arrays.append("IMSM_NO_PLATFORM=1")  # as the live system was told: else mdadm does not start the volume
        return (
            f"root={self.booted('a')}", "rootfstype=squashfs", "ro", "systemd.volatile=overlay", "trivet.slot=a",
            f"trivet.state={self.booted('state')}", f"systemd.machine_id={self.identity.machine_id}", *arrays, *ALWAYS,
        )  # fmt: skip


def _install(work: _Installation, inventory: Inventory) -> Iterator[Step]:
    image = work.image
    yield VerifyImage(image=image.path, size=image.size, sha256=image.sha256, why="before anything is changed")
    if wish := work.burn_in:
        yield BurnIn(memory=wish.memory, seconds=wish.seconds, disks=_ids(work.tried), why="install.burn_in")
    for disk in work.disks:
        if disk.held:
            yield release(disk, inventory)
        if disk.contents:
            yield _wipe(disk)
        if work.burn_in and work.burn_in.disks == "write":
            yield WriteAndRead(disk=disk.id, why="install.burn_in.disks is write")
    size = min(d.size for d in work.disks)
    for disk in work.disks:
        uuids = [work.partition_uuid(disk, name) for name in layout.names(work.pool)]
        yield PartitionDisk(
            disk=disk.id,
            uuid=work.partition_uuid(disk, "table"),
            partitions=layout.partitions(size, uuids, mirrored=work.mirrored, pool=work.pool),
            why="install.disk",
        )
    if work.mirrored:
        yield from _mirrors(work)
    yield WriteSlot(device=work.device("a"), slot="a", image=image.path, size=image.size, sha256=image.sha256,
                    version=image.version, why="the node starts from it")  # fmt: skip
    yield FormatState(device=work.device("state"), uuid=work.identity.uuid("state"), why="it is all that persists")
    yield SaveSpec(device=work.device("state"), digest=work.node.spec, machine_id=work.identity.machine_id,
                   ports=work.ports, why="the node follows it from its first boot on")  # fmt: skip
    for disk in work.disks:
        yield InstallBoot(disk=disk.id, slot="a", device=work.device("a"), arguments=work.arguments,
                          esp=work.identity.volume(disk.id), bios=disk.sector == _SECTOR, node=work.node,
                          why="either disk alone must start the node" if work.mirrored else "slot a is whole")  # fmt: skip
    yield _finish(work.disks)


def _wipe(disk: Disk) -> WipeDisk:
    if disk.unfinished:
        return WipeDisk(disk=disk.id, expects=disk.fingerprint, why="it holds an installation that was never completed")
    return WipeDisk(disk=disk.id, expects=disk.fingerprint, why="install.wipe",
                    destroys=(f"{disk.label}: {disk.holds}",))  # fmt: skip


def _mirrors(work: _Installation) -> Iterator[Step]:
    for name, label in (("a", "trivet-a"), ("b", "trivet-b"), ("state", "trivet-state")):
        yield MirrorPartition(name=label, partition=layout.NUMBER[name], disks=_ids(work.disks),
                              uuid=work.identity.array(name), why="install.disk.count is 2")  # fmt: skip
