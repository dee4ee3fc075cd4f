# SPDX-License-Identifier: Apache-2.0
"""An operating system on a disk of this server becomes a VM, which runs from that very disk; later it moves into the pool.

Nothing is changed on the disk to begin with, so the way back is to start the server from it, until the move is done: from then
on the disk is nobody's, and what it holds is as it was at that moment.
"""

import json
import uuid
from dataclasses import dataclass
from xml.etree import ElementTree

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.storage import ADOPTED, Disk
from appliance.model.vm import DiskWish
from appliance.model.vmrecord import VmRecord
from appliance.services.vm import disks
from appliance.services.vm.domain import disk_element
from appliance.services.vm.hardware import disk_of, target_of
from appliance.services.vm.life import LINKED, VIRSH, keep_new, resting
from appliance.services.vm.observe import live, state
from appliance.services.vm.records import VMS, Here, Kept, VmError, checked, load, with_macs

NAME = "disk0"
_ESP = {"C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef"}
_ARRAYS = {"linux_raid_member", "isw_raid_member", "ddf_raid_member"}


@dataclass(frozen=True)
class Wish:
    """What a person says of the VM. `firmware` "" is what the disk says; a port of `network` has the address that it had."""

    name: str
    cpus: int = 1
    memory: str = "1GiB"
    firmware: str = ""
    bus: str = "sata"
    network: str = ""
    mac: str = ""


def adopt(here: Here, disk: Disk, wish: Wish) -> VmRecord:
    """A VM on this disk. VmError says why it may not have it."""
    if here.store.get(VMS + wish.name):
        raise VmError(f"there is a VM {wish.name} already", "choose another name, or delete it first")
    if reason := why_not(disk):
        raise VmError(f"{disk.label} cannot become a VM: {reason}", "`trivet disk` shows what each disk is for")
    # Drivers for these are in every system; virtio's may not be in one that has never been a guest.
    nics = [{"network": wish.network, "mac": wish.mac or None, "model": "e1000e"}] if wish.network else []
    document: dict[str, object] = {
        "version": 1,
        "name": wish.name,
        "cpu": {"count": wish.cpus},
        "memory": {"size": wish.memory},
        "firmware": wish.firmware or firmware(here.host, disk.link),
        "disks": [{"name": NAME, "size": disk.size, "bus": wish.bus}],
        "nics": nics,
    }
    owner = str(uuid.uuid4())
    vm = with_macs(checked(document), owner)

    def make() -> dict[str, str]:
        here.host.files.write(f"{ADOPTED}/{disk.id}", f"{owner}\n")
        return {NAME: disk.link}

    try:
        return keep_new(here, VmRecord(vm=vm, uuid=owner, node=here.node), make)
    except ApplianceError:
        disks.remove(here.host, [disk.link])
        raise


def why_not(disk: Disk) -> str:
    """Why a disk is no VM's to have, "" when nothing is against it. Pure."""
    if disk.unusable:
        return ", ".join(disk.unusable)
    if disk.labels:
        return f"the pool's: {', '.join(str(label) for label in disk.labels)}"
    if not disk.contents:
        return "there is nothing on it"
    if arrays := [str(content) for content in disk.contents if content.type in _ARRAYS]:
        return f"it is one of several disks of an array ({arrays[0]}), and would differ from the others"
    return ""


def firmware(host: Host, link: str) -> str:
    """How a disk is started: by UEFI where it has an EFI system partition, else by a BIOS."""
    told = json.loads(host.run(["sfdisk", "--json", link], check=False).stdout or "{}")
    types = {part["type"] for part in told.get("partitiontable", {}).get("partitions", ())}
    return "uefi" if types & _ESP else "bios"


def move(here: Here, name: str, disk: str) -> None:
    """Have a disk be an image of the pool, also while the VM runs. Where it was it is not touched any more."""
    kept = load(here, name)
    record = kept.record
    wish = disk_of(record.vm, disk)
    old = record.files[disk]
    if not here.pool:
        raise VmError("this node has no pool", "`storage: {}` in its spec makes one, of disks that are free")
    if disks.kind(old) == "pool":
        raise VmError(f"{disk} is in the pool already")
    if held := [each.name for each in record.snapshots if disk in each.files]:
        raise VmError(f"the snapshot {held[0]} has the disk {disk}", "delete the snapshot first")
    if users := resting(here, record.uuid):
        raise VmError(f"the disks of {', '.join(users)} rest on those of {name}", LINKED)
    now = state(here.host, name)
    if now == "stopped":
        kept.save(files=record.files | {disk: disks.duplicate(here, record.uuid, disk, old)})
    elif now == "running":
        _mirror(here, kept, wish)
    else:
        raise VmError(f"the VM {name} neither runs nor is stopped", "let it run, or stop it")
    disks.remove(here.host, [old])


def _mirror(here: Here, kept: Kept, wish: DiskWish) -> None:
    """From when both are in step each write is on both: whatever happens then, either is the disk."""
    name, files, there = kept.record.vm.name, kept.record.files, False
    target = target_of(live(here.host, name), wish.name)
    new = disks.empty(here, kept.record.uuid, wish.name, disks.size(here.host, files[wish.name]))
    try:
        (source,) = disks.sources(here, {wish.name: new}).values()
        element = ElementTree.tostring(disk_element(wish, source, 0), encoding="unicode")
        words = ["--xml", "/dev/stdin", "--reuse-external", "--synchronous-writes", "--transient-job", "--wait"]
        here.host.run([*VIRSH, "blockcopy", name, target, *words], stdin=element)
        kept.save(files=files | {wish.name: new})
        here.host.run([*VIRSH, "blockjob", name, target, "--pivot"])
        there = True
    finally:
        if not there:  # also for who has had enough of waiting
            here.host.run([*VIRSH, "blockjob", name, target, "--abort"], check=False)
            kept.save(files=files)
            disks.remove(here.host, [new])
