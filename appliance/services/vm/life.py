# SPDX-License-Identifier: Apache-2.0
"""The life of a VM: created, started, stopped, deleted into the recycle bin, restored; and started again after a loss of power.

libvirt is asked by `virsh`, through the door that all commands go through: what is done can be read in the log and pasted, and
a recorded answer is one for tests. Domains are made anew at each start and gone when the VM stops: there is nothing of them that
could differ from the document, and nothing to be kept but it.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from appliance.errors import ApplianceError, StalePlan
from appliance.model.device import PciDevice
from appliance.model.placement import Placement, Request
from appliance.model.vm import Vm, named
from appliance.model.vmrecord import State, VmRecord, VmView
from appliance.services.vm import baseline, chains, changes, devices, disks, networks, northbound
from appliance.services.vm.domain import Found, Plugged, render
from appliance.services.vm.images import image
from appliance.services.vm.observe import MARKS, mark, marked, state, states, unmark
from appliance.services.vm.place import place
from appliance.services.vm.records import BIN, VMS, Here, Kept, VmError, elsewhere, everything, fresh, load, with_macs

VIRSH = ("virsh", "--quiet")
RETENTION = timedelta(days=30)
"""In the recycle bin."""
LINKED = "they are linked clones: purge them, or make them whole with `trivet vm flatten`"
_POLL = 0.2
_TPMS = "/var/lib/libvirt/swtpm"
_LOGS = "/var/log/libvirt/qemu"
"""Of serial lines. The image has no logs and no folders of any, and libvirt makes none."""


def create(here: Here, document: Vm) -> VmRecord:
    """Its disks, its addresses, its document. Nothing is left of it when one of them cannot be had."""
    if here.store.get(VMS + document.name):
        raise VmError(f"there is a VM {document.name} already", "choose another name, or delete it first")
    owner = str(uuid.uuid4())
    vm = with_macs(named(document), owner)
    for name in _images(vm):
        image(here.host, name)
    return keep_new(
        here, VmRecord(vm=vm, uuid=owner, node=here.node), lambda: {d.name: disks.make(here, owner, d) for d in vm.disks}
    )


def keep_new(here: Here, record: VmRecord, make: Callable[[], dict[str, str]]) -> VmRecord:
    """A VM that was not there: its files by `make`, its addresses, its record."""
    try:
        files = make()
        networks.claim(here, record.vm)
        made = record.model_copy(update={"files": files, "vm": _sized(here, record.vm, files)})
        kept = fresh(here, made)
        kept.save()
    except ApplianceError:
        networks.release(here, record.vm.nics)
        disks.remove_all(here, record.uuid)
        raise
    northbound.sync_all(here, (nic.network for nic in record.vm.nics))
    return kept.record


def _sized(here: Here, vm: Vm, files: dict[str, str]) -> Vm:
    """The document with the size of each disk, which an image may have said."""
    sized = tuple(d if d.size else d.model_copy(update={"size": disks.size(here.host, files[d.name])}) for d in vm.disks)
    return vm.model_copy(update={"disks": sized})


def start(here: Here, name: str) -> VmRecord:
    """Run it. VmError says why it cannot."""
    with here.alone(name):
        return start_alone(here, name)


def start_alone(here: Here, name: str) -> VmRecord:
    """The same, for who holds `here.alone` already."""
    kept = load(here, name)
    record, now = kept.record, state(here.host, name)
    if record.template:
        raise VmError(f"{name} is a template, which others rest on", "clone it, and start the clone")
    if now == "paused":
        raise VmError(f"{name} is suspended", f"let it go on with `trivet vm resume {name}`")
    if now != "stopped":
        return record
    if elsewhere(here, record):
        raise VmError(f"the VM {name} is on {record.node}", f"start it there: `trivet vm start {name}` on {record.node}")
    unmark(here.host, name)
    found = _found(here, record)
    northbound.sync_all(here, (nic.network for nic in record.vm.nics))
    kept.save(wanted="running", started=record.vm, placement=found.placement)
    try:
        here.host.run(["mkdir", "-p", _LOGS])
        here.host.run([*VIRSH, "create", "/dev/stdin"], stdin=render(record.vm, found))
    except ApplianceError:
        kept.save(wanted="stopped", started=None, placement=None)
        raise
    mark(here.host, name)
    northbound.plugged(here, record.vm)
    return kept.record


def accelerated(here: Here) -> bool:
    """May VMs run on the processor itself? VmError when not, and the spec allows no emulation."""
    if here.host.files.real("/dev/kvm") is not None:
        return True
    if here.emulation:
        return False
    hint = "see `trivet check`; in a lab, hypervisor: {emulation: true} in the spec runs them, many times slower"
    raise VmError("this node has no /dev/kvm, so VMs would have to be emulated", hint)


def _found(here: Here, record: VmRecord) -> Found:
    """What the node has for the document."""
    vm, owner = record.vm, record.uuid
    cards, sticks = _devices(here, vm)
    chains.folder(here.host, owner)
    return Found(
        uuid=owner,
        kvm=accelerated(here),
        disks=disks.sources(here, record.files),
        images={name: image(here.host, name) for name in _images(vm, disks_too=False)},
        wires=networks.wires(here, vm, owner),
        seed=disks.seed(here.host, owner, vm.name, vm.cloud_init) if vm.cloud_init else "",
        placement=_placement(here, vm, cards),
        pci=tuple(card.address for card in cards),
        usb=tuple(sticks),
    )


def _devices(here: Here, vm: Vm) -> tuple[tuple[PciDevice, ...], list[Plugged]]:
    """Those of this server that it is to have. One of USB that is not there comes when it does, where it is known what it is."""
    if not (vm.pci or vm.usb):
        return (), []
    cards, sticks = devices.pci(here.host) if vm.pci else (), devices.usb(here.host) if vm.usb else ()
    busy = here.busy() if vm.pci else {}
    chosen, there = devices.choose(vm, cards, sticks, given=devices.given(here.host), busy=busy)
    plugged = []
    for wish, stick in zip(vm.usb, there, strict=True):
        if stick:
            plugged.append(Plugged(vendor=stick.vendor, product=stick.product, bus=stick.bus, number=stick.number))
        elif wish.vendor and wish.product:
            plugged.append(Plugged(vendor=wish.vendor, product=wish.product))
    return chosen, plugged


def _placement(here: Here, vm: Vm, cards: Sequence[PciDevice] = ()) -> Placement:
    pools = [here.devices.get(nic.pool, -1) for nic in vm.nics if nic.pool]
    near = tuple(node for node in (*(card.numa_node for card in cards), *pools) if node >= 0)
    wish = {"cpus": vm.cpu.max or vm.cpu.count, "memory": vm.memory.size, "pages": vm.memory.pages or ""}
    return place(here.cells, placed(here), Request(**wish, pin=vm.cpu.pin, near=near, off=vm.numa == "off"))


def placed(here: Here) -> dict[str, Placement]:
    """Where the VMs are that run here."""
    run = states(here.host)
    return {k.record.vm.name: k.record.placement for k in everything(here) if k.record.placement and k.record.vm.name in run}


def _images(vm: Vm, *, disks_too: bool = True) -> list[str]:
    kernel = [vm.kernel.image, *([vm.kernel.initrd] if vm.kernel.initrd else [])] if vm.kernel else []
    return [*vm.media, *kernel, *(disk.image for disk in vm.disks if disk.image and disks_too)]


def stop(here: Here, name: str, *, force: bool = False, seconds: float = 60) -> None:
    """Ask it to switch itself off, by its agent or its power button, and wait; or with `force` pull its plug."""
    load(here, name)
    now = state(here.host, name)
    if now == "paused" and not force:
        raise VmError(f"{name} is suspended, and hears nobody", f"`trivet vm resume {name}` first, or stop it with --force")
    if now != "stopped":
        words = ["destroy", name] if force else ["shutdown", name, "--mode", "agent,acpi"]
        here.host.run([*VIRSH, *words])
        end = time.monotonic() + seconds
        while state(here.host, name) != "stopped":
            if time.monotonic() > end:
                raise VmError(
                    f"{name} has not switched itself off within {seconds:.0f} s",
                    f"pull its plug: `trivet vm stop {name} --force`",
                )
            time.sleep(_POLL)
    unmark(here.host, name)
    _switched_off(here, load(here, name))


def _switched_off(here: Here, kept: Kept) -> None:
    """It stays so; what was only waiting for it to let go is given back."""
    record = kept.record
    macs = {nic.mac for nic in record.vm.nics}
    let_go = [nic for nic in (record.started.nics if record.started else ()) if nic.mac not in macs]
    if record.wanted != "stopped" or record.started:
        kept.save(wanted="stopped", started=None, placement=None)
    networks.release(here, let_go)
    tidy(here, kept)


def tidy(here: Here, kept: Kept) -> None:
    """Delete the files of disks that neither the document nor the running VM has any more."""
    record = kept.record
    documents = (record.vm, *([record.started] if record.started else []))
    used = {disk.name for vm in documents for disk in vm.disks}
    if gone := {name: file for name, file in record.files.items() if name not in used}:
        kept.save(files={name: file for name, file in record.files.items() if name in used})
        disks.remove(here.host, gone.values())


def signal(here: Here, name: str, word: str) -> None:
    """`reset`, `suspend` or `resume` one that runs."""
    load(here, name)
    if state(here.host, name) == "stopped":
        raise VmError(f"the VM {name} does not run", f"start it with `trivet vm start {name}`")
    here.host.run([*VIRSH, word, name])


def resting(here: Here, owner: str) -> list[str]:
    """The VMs whose files rest on those of this one, the recycle bin's among them."""
    each = (kept.record for prefix in (VMS, BIN) for kept in everything(here, prefix))
    return [record.vm.name for record in each if owner in record.rests_on]


def delete(here: Here, name: str) -> None:
    """Into the recycle bin, with its disks and its addresses."""
    kept = load(here, name)
    _still(here, name, "deleted")
    kept.move(BIN + kept.record.uuid, wanted="stopped", deleted=datetime.now(UTC).isoformat(timespec="seconds"))
    northbound.sync_all(here, (nic.network for nic in kept.record.vm.nics))


def _still(here: Here, name: str, what: str) -> None:
    if state(here.host, name) != "stopped":
        raise VmError(f"{name} runs, and cannot be {what}", f"stop it first: `trivet vm stop {name}`")


def restore(here: Here, name: str) -> None:
    """Out of the recycle bin: the one of this name that was deleted last."""
    kept = _binned(here, name)
    if here.store.get(VMS + name):
        raise VmError(f"there is another VM {name} meanwhile", "delete that one first")
    kept.move(VMS + name, deleted="")
    northbound.sync_all(here, (nic.network for nic in kept.record.vm.nics))


def purge(here: Here, name: str) -> None:
    """Out of the recycle bin for good, with its disks."""
    kept = _binned(here, name)
    if kept.record.node != here.node:
        raise VmError(f"the VM {name} was on {kept.record.node}, and its disks are there", f"say it there: this is {here.node}")
    _purge(here, kept)


def _purge(here: Here, kept: Kept) -> None:
    record = kept.record
    if users := resting(here, record.uuid):
        raise VmError(f"the disks of {', '.join(users)} rest on those of {record.vm.name}", LINKED)
    kept.save(files={}, snapshots=())  # nobody else does anything about it from here on; what fails is asked for again
    disks.remove_all(here, record.uuid, record.files.values())
    here.store.delete(kept.key, kept.revision)
    networks.release(here, record.vm.nics)
    here.host.run(["rm", "-rf", "--", f"{_TPMS}/{record.uuid}"])


def _binned(here: Here, name: str) -> Kept:
    found = [kept for kept in everything(here, BIN) if kept.record.vm.name == name]
    if not found:
        names = ", ".join(sorted({kept.record.vm.name for kept in everything(here, BIN)})) or "nothing"
        raise VmError(f"there is no {name} in the recycle bin", f"there is: {names}")
    return max(found, key=lambda kept: kept.record.deleted)


def notice(here: Here) -> list[str]:
    """The VMs that have stopped from within since they were started: they shall stay so. Their names."""
    run, gone = states(here.host), []
    for name in marked(here.host):
        if name in run:
            continue
        with contextlib.suppress(VmError, StalePlan):  # it is deleted, or somebody does something about it this very moment
            kept = load(here, name)
            if not elsewhere(here, kept.record):  # else it was taken from this node when it was lost
                _switched_off(here, kept)
        unmark(here.host, name)
        gone.append(name)
    return gone


def come_back(here: Here, say: Callable[[str], None], *, guarded: bool = False) -> None:
    """After a start of the node: what ran here runs again, by start order. One that cannot keeps no other from it.

    `guarded`: HA starts its VMs itself, once this node may have them.
    """
    notice(here)
    here.host.run(["mkdir", "-p", MARKS])
    northbound.sync_everything(here, say)
    try:
        baseline.record(here)
    except ApplianceError as error:
        say(f"the processor for VMs that migrate is not known: {error}")
    run = states(here.host)
    own = (kept for kept in everything(here) if not elsewhere(here, kept.record) and not (guarded and kept.record.vm.place.ha))
    waiting = [kept for kept in own if kept.record.wanted == "running" and kept.record.vm.name not in run]
    waiting.sort(key=lambda kept: (kept.record.vm.start.order, kept.record.vm.name))
    for number, kept in enumerate(waiting):
        vm = kept.record.vm
        if not vm.start.auto:
            kept.save(wanted="stopped", started=None, placement=None)
            continue
        try:
            start(here, vm.name)
            say(f"{vm.name} runs again")
        except ApplianceError as error:
            say(f"{vm.name} was running and cannot be started: {error}")
            continue
        if any(other.record.vm.start.order > vm.start.order for other in waiting[number + 1 :]):
            time.sleep(vm.start.delay)
    _empty_bin(here, say)


def _empty_bin(here: Here, say: Callable[[str], None]) -> None:
    before = (datetime.now(UTC) - RETENTION).isoformat(timespec="seconds")
    for kept in everything(here, BIN):
        if kept.record.deleted < before and kept.record.node == here.node:
            try:
                _purge(here, kept)
                say(f"{kept.record.vm.name} has left the recycle bin")
            except ApplianceError as error:
                say(str(error))


def view(here: Here, kept: Kept, run: dict[str, State]) -> VmView:
    """A VM for who lists it."""
    record = kept.record
    # What libvirt knows is of this node; of the others the record says what they shall be doing.
    known: State = run.get(record.vm.name, "stopped") if record.node == here.node else record.wanted
    now: State = "deleted" if record.deleted else "template" if record.template else known
    return VmView(
        name=record.vm.name,
        state=now,
        node=record.node,
        cpus=record.vm.cpu.count,
        memory=record.vm.memory.size,
        addresses=networks.addresses(here, kept),
        placed=record.placement.reason if record.placement and now in ("running", "paused") else "",
        pending=changes.pending(record.started, record.vm) if now in ("running", "paused") else (),
        snapshots=record.snapshots,
        vm=record.vm,
        uuid=record.uuid,
        disks=record.files,
        deleted=record.deleted,
    )


def views(here: Here, *, binned: bool = False) -> tuple[VmView, ...]:
    """All VMs, or those of the recycle bin."""
    run = {} if binned else states(here.host)
    return tuple(view(here, kept, run) for kept in everything(here, BIN if binned else VMS))
