# SPDX-License-Identifier: Apache-2.0
"""Snapshots of all disks of a VM at one moment, going back to one, clones, templates.

A running VM's disks are all switched to new files by libvirt in one step; when the guest's agent answers, it writes out and
holds what it has in memory first. What was there is not written to any more: that is the snapshot.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import SubElement

from appliance.model.vm import Vm
from appliance.model.vmrecord import Snapshot, VmRecord
from appliance.services.vm import disks
from appliance.services.vm.domain import AGENT
from appliance.services.vm.hardware import target_of
from appliance.services.vm.life import VIRSH, keep_new, resting
from appliance.services.vm.observe import live, state
from appliance.services.vm.records import VMS, Here, VmError, load, with_macs


def snapshot(here: Here, name: str, called: str) -> Snapshot:
    """Take one."""
    kept = load(here, name)
    record = kept.record
    if any(each.name == called for each in record.snapshots):
        raise VmError(f"{name} has a snapshot {called} already", "choose another name")
    if not record.files:
        raise VmError(f"{name} has no disks", "there is nothing that a snapshot could hold")
    if record.template:
        raise VmError(f"{name} is a template, which never changes", "clone it")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    now = state(here.host, name)
    if now == "stopped":
        files = {disk: disks.go_on(here.host, record.uuid, disk, file) for disk, file in record.files.items()}
        held = True
    else:
        held = now == "running" and agent(live(here.host, name))
        files = _switch(here, record, quiesce=held)
    made = Snapshot(name=called, at=at, files=record.files, consistent=held)
    kept.save(files=files, snapshots=(*record.snapshots, made))
    return made


def _switch(here: Here, record: VmRecord, *, quiesce: bool) -> dict[str, str]:
    """Have a running VM go on in new files, all at once. What it has that is no disk of ours is left alone."""
    domain = live(here.host, record.vm.name)
    files = {disk: disks.upcoming(here.host, record.uuid, disk) for disk in record.files}
    targets = {target_of(domain, disk): file for disk, file in files.items()}
    wanted = ElementTree.Element("domainsnapshot")
    parts = SubElement(wanted, "disks")
    for target in (each.get("dev", "") for each in domain.iterfind("devices/disk/target")):
        part = SubElement(parts, "disk", name=target, snapshot="external" if target in targets else "no")
        if target in targets:
            SubElement(part, "driver", type="qcow2")
            SubElement(part, "source", file=targets[target])
    words = ["snapshot-create", record.vm.name, "/dev/stdin", "--disk-only", "--atomic", "--no-metadata"]
    text = ElementTree.tostring(wanted, encoding="unicode")
    here.host.run([*VIRSH, *words, *(["--quiesce"] if quiesce else [])], stdin=text)
    return files


def agent(domain: ElementTree.Element) -> bool:
    """Does the guest's agent answer?"""
    targets = domain.iterfind("devices/channel/target")
    return any(each.get("name") == AGENT and each.get("state") == "connected" for each in targets)


def revert(here: Here, name: str, called: str) -> None:
    """Go back to a snapshot: what was written since is lost, and the snapshot stays."""
    kept = load(here, name)
    record, found = kept.record, _snapshot(kept.record, called)
    _still(here, name, "go back")
    if lacking := sorted(set(record.files) - set(found.files)):
        raise VmError(f"{called} was taken before {', '.join(lacking)} was there", "detach what the snapshot does not have")
    files = {disk: disks.go_on(here.host, record.uuid, disk, file) for disk, file in found.files.items()}
    kept.save(files=files)
    disks.remove(here.host, record.files.values())


def forget(here: Here, name: str, called: str) -> None:
    """Delete a snapshot: what rests on it takes over what it held."""
    kept = load(here, name)
    record, found = kept.record, _snapshot(kept.record, called)
    _still(here, name, "lose a snapshot")
    if users := resting(here, record.uuid):
        raise VmError(f"the disks of {', '.join(users)} may rest on it", "they are linked clones: purge them first")
    left = tuple(each for each in record.snapshots if each.name != called)
    for disk, file in found.files.items():
        base = next(iter(disks.chain(here.host, file)[1:]), "")
        for each in _above(here, (record.files, *(snap.files for snap in left)), disk, file):
            disks.rest_on(here.host, each, base)
    kept.save(snapshots=left)
    still = {file for files in (record.files, *(snap.files for snap in left)) for file in files.values()}
    disks.remove(here.host, set(found.files.values()) - still)


def _above(here: Here, groups: Iterable[dict[str, str]], disk: str, file: str) -> list[str]:
    """The files that go on from this one."""
    each = {files[disk] for files in groups if disk in files} - {file}
    return sorted(one for one in each if disks.chain(here.host, one)[1:2] == [file])


def clone(here: Here, name: str, new: str, *, linked: bool = False, called: str = "") -> VmRecord:
    """Another VM with the same disks: whole copies, or `linked`, which go on from a template's or a snapshot's files."""
    record = load(here, name).record
    source = _snapshot(record, called).files if called else record.files
    if linked and not (called or record.template):
        raise VmError(
            f"{name} goes on writing to its disks, so nothing can rest on them", "name a snapshot, or make it a template"
        )
    if not (linked or called or record.template):
        _still(here, name, "be copied")
    owner = str(uuid.uuid4())
    apart = tuple(nic.model_copy(update={"mac": None, "address": None}) for nic in record.vm.nics)
    present = tuple(disk for disk in record.vm.disks if disk.name in source)
    vm = Vm.model_validate(record.vm.model_copy(update={"name": new, "nics": apart, "disks": present}).model_dump())
    if here.store.get(VMS + new):
        raise VmError(f"there is a VM {new} already", "choose another name, or delete it first")
    make = disks.go_on if linked else disks.duplicate
    made = VmRecord(
        vm=with_macs(vm, owner), uuid=owner, node=here.node, rests_on=(record.uuid, *record.rests_on) if linked else ()
    )
    return keep_new(here, made, lambda: {disk: make(here.host, owner, disk, source[disk]) for disk in source})


def template(here: Here, name: str, *, back: bool = False) -> None:
    """Make it a template, which is cloned and never started; or with `back` a VM again."""
    kept = load(here, name)
    _still(here, name, "become a template")
    if back and (users := resting(here, kept.record.uuid)):
        raise VmError(f"the disks of {', '.join(users)} rest on those of {name}", "they are linked clones: purge them first")
    kept.save(template=not back)


def _snapshot(record: VmRecord, called: str) -> Snapshot:
    found = next((each for each in record.snapshots if each.name == called), None)
    if found is None:
        names = ", ".join(each.name for each in record.snapshots) or "none"
        raise VmError(f"{record.vm.name} has no snapshot {called}", f"it has: {names}")
    return found


def _still(here: Here, name: str, what: str) -> None:
    if state(here.host, name) != "stopped":
        raise VmError(f"{name} runs, and cannot {what} so", f"stop it first: `trivet vm stop {name}`")
