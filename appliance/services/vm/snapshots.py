# SPDX-License-Identifier: Apache-2.0
"""Snapshots of all disks of a VM at one moment, going back to one, clones, templates.

A running VM stands still meanwhile, for as long as Ceph takes; when the guest's agent answers, it writes out and holds what it
has in memory first. What was there is not written to any more: that is the snapshot.
"""

import contextlib
import re
import secrets
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from xml.etree import ElementTree
from xml.etree.ElementTree import SubElement

from appliance.errors import ApplianceError
from appliance.model.vm import Vm
from appliance.model.vmrecord import Snapshot, VmRecord
from appliance.services.vm import chains, disks
from appliance.services.vm.domain import AGENT
from appliance.services.vm.hardware import target_of
from appliance.services.vm.life import LINKED, VIRSH, keep_new, resting
from appliance.services.vm.observe import live, state
from appliance.services.vm.records import VMS, Here, VmError, load, with_macs

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def snapshot(here: Here, name: str, called: str) -> Snapshot:
    """Take one."""
    kept = load(here, name)
    record = kept.record
    if not _NAME.fullmatch(called):
        raise VmError(f"{called!r} is not a name for a snapshot", "letters, digits and . _ - alone, at most 63")
    if any(each.name == called for each in record.snapshots):
        raise VmError(f"{name} has a snapshot {called} already", "choose another name")
    if not record.files:
        raise VmError(f"{name} has no disks", "there is nothing that a snapshot could hold")
    if record.template:
        raise VmError(f"{name} is a template, which never changes", "clone it")
    at = datetime.now(UTC).isoformat(timespec="seconds")
    with _standing(here, name) as held:
        frozen, files = _hold(here, record, f"{called}.{secrets.token_hex(3)}")
    made = Snapshot(name=called, at=at, files=frozen, consistent=held)
    kept.save(files=files, snapshots=(*record.snapshots, made))
    return made


def _hold(here: Here, record: VmRecord, called: str) -> tuple[dict[str, str], dict[str, str]]:
    """A snapshot of each disk, and where each goes on. What one cannot have, none has."""
    running = state(here.host, record.vm.name) != "stopped"
    chained = {disk: where for disk, where in record.files.items() if running and disks.kind(where) == "files"}
    frozen: dict[str, str] = {}
    files: dict[str, str] = {}
    try:
        for disk, where in record.files.items():
            if disk not in chained:
                frozen[disk], files[disk] = disks.hold(here, record.uuid, disk, where, called)
        if chained:
            frozen, files = frozen | chained, files | _switch(here, record, chained)
    except ApplianceError:
        disks.remove(here.host, (new for part in (frozen, files) for new in part.values() if new not in record.files.values()))
        raise
    return {disk: frozen[disk] for disk in record.files}, {disk: files[disk] for disk in record.files}


@contextlib.contextmanager
def _standing(here: Here, name: str) -> Iterator[bool]:
    """A running VM writes nothing meanwhile. Whether what it has written is as its file systems would have it."""
    now = state(here.host, name)
    held = now == "stopped" or (now == "running" and agent(live(here.host, name)))
    frozen = held and now == "running"
    try:
        if frozen:
            here.host.run([*VIRSH, "domfsfreeze", name])
        if now == "running":
            here.host.run([*VIRSH, "suspend", name])
        yield held
    finally:
        if now == "running":
            here.host.run([*VIRSH, "resume", name], check=False)
        if frozen:
            here.host.run([*VIRSH, "domfsthaw", name], check=False)


def _switch(here: Here, record: VmRecord, chained: dict[str, str]) -> dict[str, str]:
    """Have a running VM go on in new files, all at once. What it has that is no file of ours is left alone."""
    domain = live(here.host, record.vm.name)
    files = {disk: chains.fresh(here.host, record.uuid, disk) for disk in chained}
    targets = {target_of(domain, disk): file for disk, file in files.items()}
    wanted = ElementTree.Element("domainsnapshot")
    parts = SubElement(wanted, "disks")
    for target in (each.get("dev", "") for each in domain.iterfind("devices/disk/target")):
        part = SubElement(parts, "disk", name=target, snapshot="external" if target in targets else "no")
        if target in targets:
            SubElement(part, "driver", type=chains.FORM)
            SubElement(part, "source", file=targets[target])
    words = ["snapshot-create", record.vm.name, "/dev/stdin", "--disk-only", "--atomic", "--no-metadata"]
    here.host.run([*VIRSH, *words], stdin=ElementTree.tostring(wanted, encoding="unicode"))
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
    files = {disk: disks.go_back(here, record.uuid, disk, file) for disk, file in found.files.items()}
    kept.save(files=files)
    disks.remove(here.host, set(record.files.values()) - set(files.values()))
    for disk in kept.record.vm.disks:  # it may have been smaller then
        if disk.size and disk.size > disks.size(here.host, files[disk.name]):
            disks.grow(here.host, files[disk.name], disk.size)


def forget(here: Here, name: str, called: str) -> None:
    """Delete a snapshot: what rests on it takes over what it held."""
    kept = load(here, name)
    record, found = kept.record, _snapshot(kept.record, called)
    _still(here, name, "lose a snapshot")
    if users := resting(here, record.uuid):
        raise VmError(f"the disks of {', '.join(users)} may rest on it", LINKED)
    left = tuple(each for each in record.snapshots if each.name != called)
    for disk, file in found.files.items():
        if disks.kind(file) == "files":
            base = next(iter(chains.chain(here.host, file)[1:]), "")
            for each in _above(here, (record.files, *(snap.files for snap in left)), disk, file):
                chains.rest_on(here.host, each, base)
    kept.save(snapshots=left)
    still = {file for files in (record.files, *(snap.files for snap in left)) for file in files.values()}
    disks.remove(here.host, set(found.files.values()) - still)


def _above(here: Here, groups: Iterable[dict[str, str]], disk: str, file: str) -> list[str]:
    """The files that go on from this one."""
    each = {files[disk] for files in groups if disk in files} - {file}
    return sorted(one for one in each if chains.chain(here.host, one)[1:2] == [file])


def clone(here: Here, name: str, new: str, *, linked: bool = False, called: str = "") -> VmRecord:
    """Another VM with the same disks: whole copies, or `linked`, which go on from a template's or a snapshot's."""
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
    return keep_new(here, made, lambda: {disk: make(here, owner, disk, source[disk]) for disk in source})


def template(here: Here, name: str, *, back: bool = False) -> None:
    """Make it a template, which is cloned and never started; or with `back` a VM again."""
    kept = load(here, name)
    _still(here, name, "become a template")
    if back and (users := resting(here, kept.record.uuid)):
        raise VmError(f"the disks of {', '.join(users)} rest on those of {name}", LINKED)
    if kept.record.template == back:
        for where in kept.record.files.values():
            disks.become_template(here.host, where, back=back)
        kept.save(template=not back)


def flatten(here: Here, name: str) -> None:
    """Have a linked clone hold itself what it rests on: then nothing of it keeps the other from being purged."""
    kept = load(here, name)
    record = kept.record
    if not record.rests_on:
        return
    chained = [disk for disk, where in record.files.items() if disks.kind(where) == "files"]
    if chained:
        _still(here, name, "be made whole")
    if chained and record.snapshots:
        raise VmError(f"{name} has snapshots, which rest on the same", "delete them first")
    for where in record.files.values():
        disks.flatten(here.host, where)
    kept.save(rests_on=())


def _snapshot(record: VmRecord, called: str) -> Snapshot:
    found = next((each for each in record.snapshots if each.name == called), None)
    if found is None:
        names = ", ".join(each.name for each in record.snapshots) or "none"
        raise VmError(f"{record.vm.name} has no snapshot {called}", f"it has: {names}")
    return found


def _still(here: Here, name: str, what: str) -> None:
    if state(here.host, name) != "stopped":
        raise VmError(f"{name} runs, and cannot {what} so", f"stop it first: `trivet vm stop {name}`")
