# SPDX-License-Identifier: Apache-2.0
"""A VM's document changes: what a running VM can be given at once it is given, and the rest comes with the next start."""

import time
from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

from appliance.errors import ApplianceError
from appliance.model.vm import DiskWish, NicWish, Vm, named
from appliance.model.vmrecord import VmRecord
from appliance.services.vm import changes, disks, networks, northbound
from appliance.services.vm.changes import Change
from appliance.services.vm.domain import (
    bandwidth_words,
    disk_element,
    free_number,
    memory_element,
    port_elements,
)
from appliance.services.vm.images import image
from appliance.services.vm.life import VIRSH, accelerated, tidy
from appliance.services.vm.observe import live, state
from appliance.services.vm.records import Here, Kept, VmError, load, with_macs

_LETS_GO = 20.0
"""Seconds for a guest to let go of a device."""


def edit(here: Here, document: Vm) -> tuple[str, ...]:
    """Make the VM of this name what the document says; what comes with the next start, a line each."""
    kept = load(here, document.name)
    return change(here, kept, document)


def change(here: Here, kept: Kept, document: Vm) -> tuple[str, ...]:
    """As edit, of a record that was read already."""
    had, name = kept.record, document.name
    wished = _sized(had.vm, with_macs(named(document), had.uuid))
    changes.check(had.vm, wished)
    if had.template:
        raise VmError(f"{name} is a template, which others rest on", "clone it, and change the clone")
    for each in (*wished.media, *(disk.image for disk in wished.disks if disk.image and disk.name not in had.files)):
        image(here.host, each)
    _fixed(had, wished)
    files = {d.name: had.files.get(d.name) or disks.make(here, had.uuid, d) for d in wished.disks}
    _no_snapshot_of(had, set(had.files) - set(files))
    networks.claim(here, wished)
    new = tuple(d if d.size else d.model_copy(update={"size": disks.size(here.host, files[d.name])}) for d in wished.disks)
    wished = wished.model_copy(update={"disks": new})
    running = state(here.host, name) != "stopped" and had.started is not None
    kept.save(vm=wished, files=had.files | files)
    northbound.sync_all(here, (nic.network for nic in (*had.vm.nics, *wished.nics)))
    if running and had.started:
        _carry(here, kept, had.started, wished)
    else:
        _grow(here, had, wished)
        kept_macs = {nic.mac for nic in wished.nics}
        networks.release(here, [nic for nic in had.vm.nics if nic.mac not in kept_macs])
    tidy(here, kept)
    return changes.pending(kept.record.started, kept.record.vm)


def _sized(had: Vm, wished: Vm) -> Vm:
    """A disk of which the document says no size keeps the one that it has."""
    sizes = {disk.name: disk.size for disk in had.disks}
    return wished.model_copy(
        update={"disks": tuple(d if d.size else d.model_copy(update={"size": sizes.get(d.name)}) for d in wished.disks)}
    )


def _no_snapshot_of(record: VmRecord, gone: set[str]) -> None:
    for snapshot in record.snapshots:
        if here := sorted(gone & set(snapshot.files)):
            raise VmError(f"the snapshot {snapshot.name} has {', '.join(here)}", "delete the snapshot first")


def _fixed(had: VmRecord, wished: Vm) -> None:
    """A disk of the server itself has the size that it has."""
    before = {disk.name: disk.size for disk in had.vm.disks}
    for disk in wished.disks:
        if disks.kind(had.files.get(disk.name, "")) == "device" and disk.size != before.get(disk.name):
            raise VmError(f"{disk.name} is a disk of the server itself, and grows no more", "`trivet vm move-disk` it first")


def _grow(here: Here, had: VmRecord, wished: Vm) -> None:
    before = {disk.name: disk.size for disk in had.vm.disks}
    for disk in wished.disks:
        if disk.size and before.get(disk.name) not in (None, disk.size):
            disks.grow(here.host, had.files[disk.name], disk.size)


def _carry(here: Here, kept: Kept, started: Vm, wished: Vm) -> None:
    """Change by change, each kept when it is done: what fails leaves the record true."""
    for each in changes.at_once(started, wished, kvm=here.host.files.real("/dev/kvm") is not None and accelerated(here)):
        _do(here, kept.record, each)
        started = changes.after(started, each)
        kept.save(started=started)


def _do(here: Here, record: VmRecord, each: Change) -> None:
    name = record.vm.name
    match each.kind:
        case "attach-disk" if each.disk:
            number = free_number(live(here.host, name), each.disk.bus)
            (source,) = disks.sources(here, {each.disk.name: record.files[each.disk.name]}).values()
            element = disk_element(each.disk, source, number)
            _device(here, name, "attach-device", element)
        case "detach-disk" if each.disk:
            _detach_disk(here, name, each.disk)
        case "grow-disk" if each.disk:
            target = target_of(live(here.host, name), each.disk.name)
            here.host.run([*VIRSH, "blockresize", name, target, f"{each.amount}B"])
        case "attach-nic" if each.nic:
            wire = networks.wires(here, record.vm, record.uuid)[each.nic.mac or ""]
            for element in port_elements(each.nic, wire):
                _device(here, name, "attach-device", element)
        case "detach-nic" if each.nic:
            _detach_nic(here, name, each.nic)
        case "tune-nic" if each.nic:
            _limit(here, record, each.nic)
        case "cpus":
            here.host.run([*VIRSH, "setvcpus", name, str(each.amount), "--live"])
        case "memory":
            _device(here, name, "attach-device", memory_element(each.amount))


def _limit(here: Here, record: VmRecord, nic: NicWish) -> None:
    """On a VLAN. On an overlay network OVN knows already."""
    if not networks.wires(here, record.vm, record.uuid)[nic.mac or ""].port:
        told = bandwidth_words(nic)
        words = [word for end in ("inbound", "outbound") for word in (f"--{end}", str(told.get(end, 0)))]
        here.host.run([*VIRSH, "domiftune", record.vm.name, nic.mac or "", *words, "--live"])


def _device(here: Here, name: str, word: str, element: ElementTree.Element) -> None:
    here.host.run([*VIRSH, word, name, "/dev/stdin", "--live"], stdin=ElementTree.tostring(element, encoding="unicode"))


def _detach_disk(here: Here, name: str, disk: DiskWish) -> None:
    target = target_of(live(here.host, name), disk.name)
    if target:
        here.host.run([*VIRSH, "detach-disk", name, target, "--live"])
        _until(lambda: not target_of(live(here.host, name), disk.name), f"{name} has not let go of {disk.name}")


def _detach_nic(here: Here, name: str, nic: NicWish) -> None:
    def there() -> list[ElementTree.Element]:
        ports = live(here.host, name).iterfind("devices/interface")
        return [port for port in ports if (mac := port.find("mac")) is not None and mac.get("address") == nic.mac]

    found = there()
    for left in reversed(range(len(found))):  # of a pair the function first: nothing else would carry on
        _device(here, name, "detach-device", found[left])
        _until(partial(lambda most: len(there()) <= most, left), f"{name} has not let go of its port {nic.mac}")
    networks.release(here, [nic])


def target_of(domain: ElementTree.Element, disk: str) -> str:
    """libvirt's name for a disk, known by its serial; "" when it is not there."""
    for element in domain.iterfind("devices/disk"):
        if element.findtext("serial") == disk and (target := element.find("target")) is not None:
            return target.get("dev", "")
    return ""


def _until(gone: Callable[[], bool], sentence: str) -> None:
    end = time.monotonic() + _LETS_GO
    while not gone():
        if time.monotonic() > end:
            raise VmError(
                f"{sentence} after {_LETS_GO:.0f} s", "its system may be busy or not started yet: try again, or stop it first"
            )
        time.sleep(0.2)


def resize(here: Here, name: str, disk: str, size: int) -> tuple[str, ...]:
    """Make a disk larger."""
    kept = load(here, name)
    disk_of(kept.record.vm, disk)
    grown = tuple(d.model_copy(update={"size": size}) if d.name == disk else d for d in kept.record.vm.disks)
    return change(here, kept, _valid(kept.record.vm, {"disks": grown}))


def attach(here: Here, name: str, *, disk: DiskWish | None = None, nic: NicWish | None = None) -> tuple[str, ...]:
    """Give it a disk or a port."""
    kept = load(here, name)
    vm = kept.record.vm
    update: dict[str, object] = {"disks": (*vm.disks, disk)} if disk else {"nics": (*vm.nics, nic)}
    return change(here, kept, _valid(vm, update))


def detach(here: Here, name: str, *, disk: str = "", mac: str = "") -> tuple[str, ...]:
    """Take a disk, with all that is on it, or a port."""
    kept = load(here, name)
    vm = kept.record.vm
    if disk:
        disk_of(vm, disk)
        return change(here, kept, _valid(vm, {"disks": tuple(each for each in vm.disks if each.name != disk)}))
    if not any(nic.mac == mac for nic in vm.nics):
        raise VmError(f"{name} has no port {mac}", f"it has: {', '.join(nic.mac or '' for nic in vm.nics) or 'none'}")
    return change(here, kept, _valid(vm, {"nics": tuple(nic for nic in vm.nics if nic.mac != mac)}))


def disk_of(vm: Vm, disk: str) -> DiskWish:
    """One of its disks. VmError when it has none of this name."""
    found = next((each for each in vm.disks if each.name == disk), None)
    if found is None:
        raise VmError(f"{vm.name} has no disk {disk}", f"it has: {', '.join(each.name for each in vm.disks) or 'none'}")
    return found


def _valid(vm: Vm, update: dict[str, object]) -> Vm:
    """The document with changes, checked as one that is read."""
    try:
        return Vm.model_validate(vm.model_copy(update=update).model_dump())
    except ValueError as error:
        message = str(error).splitlines()[2].partition("[")[0].strip().removeprefix("Value error, ")
        raise ApplianceError(f"{vm.name}: {message}") from None
