# SPDX-License-Identifier: Apache-2.0
"""VMs and networks in etcd: one key each, written by compare-and-swap, so nobody's change is lost without a word."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from pydantic import ValidationError

from appliance.errors import ApplianceError
from appliance.host.etcd import Store, StoreError
from appliance.host.host import Host
from appliance.model.cluster import COPY
from appliance.model.placement import Cell
from appliance.model.vm import NicWish, Vm
from appliance.model.vmrecord import VmRecord
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import Router

VMS, BIN, NETWORKS = "/trivet/v1/vms/", "/trivet/v1/deleted/", "/trivet/v1/networks/"
ROUTERS = "/trivet/v1/routers/"
_PORTS = uuid.UUID("5d2a1c1e-64f5-5c7a-9c43-8d4c1c8e9b70")
"""The name space in which ports of OVN get their ids."""


@dataclass(frozen=True)
class Here:
    """This node, for VMs: its doors, the documents, its name, whether it may emulate, whether new disks are of a pool, and
    its NUMA nodes without reserve.

    `northbound` is what `ovn-nbctl` needs to reach a cluster's database, () where its own socket does.
    `devices` maps the name of a pool of virtual functions to its NUMA node. `busy` says what the node itself does with which PCI
    device; it is asked for only where a VM shall have one.
    `alone` is held while a VM is being started: HA starts VMs, too, and its document says what is wanted before it runs.
    """

    host: Host
    store: Store
    node: str
    emulation: bool = False
    pool: bool = False
    cells: tuple[Cell, ...] = ()
    northbound: tuple[str, ...] = ()
    devices: dict[str, int] = field(default_factory=dict)
    alone: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
    busy: Callable[[], dict[str, str]] = dict


class VmError(ApplianceError):
    """What was asked for a VM or a network cannot be done."""


@dataclass
class Kept:
    """A record with the revision at which it was read: `save` writes the next one over just that."""

    here: Here
    record: VmRecord
    revision: int
    key: str

    def save(self, **changes: object) -> VmRecord:
        """Write it with changes. StalePlan when somebody else has changed it meanwhile."""
        record = VmRecord.model_validate(self.record.model_copy(update=changes).model_dump())
        self.revision = self.here.store.put(self.key, record.model_dump_json(exclude_defaults=True), self.revision)
        self.record = record
        return record

    def move(self, key: str, **changes: object) -> None:
        """Write it under another key, and then remove it here: twice there is better than gone."""
        old, revision = self.key, self.revision
        self.key, self.revision = key, 0
        self.save(**changes)
        self.here.store.delete(old, revision)


def fresh(here: Here, record: VmRecord) -> Kept:
    """A record that is not kept yet."""
    return Kept(here, record, 0, VMS + record.vm.name)


def load(here: Here, name: str) -> Kept:
    """One VM of this node. VmError when there is none of this name, and when it is another node's."""
    kept = look(here, name)
    if kept.record.node != here.node:
        raise VmError(f"the VM {name} is on {kept.record.node}", f"say it there: this is {here.node}")
    return kept


def look(here: Here, name: str) -> Kept:
    """One VM, wherever it is, to be read. VmError when there is none of this name."""
    entry = here.store.get(VMS + name)
    if entry is None:
        names = ", ".join(kept.record.vm.name for kept in everything(here)) or "none"
        raise VmError(f"there is no VM {name}", f"there are: {names}")
    return Kept(here, _record(entry.key, entry.text), entry.revision, entry.key)


def everything(here: Here, prefix: str = VMS) -> Iterator[Kept]:
    """All VMs, by name; with BIN those of the recycle bin."""
    for entry in here.store.list(prefix):
        yield Kept(here, _record(entry.key, entry.text), entry.revision, entry.key)


def _record(key: str, text: str) -> VmRecord:
    try:
        return VmRecord.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise StoreError(f"{key} in etcd cannot be read: {first['msg']}", "a newer Trivet may have written it") from None


def elsewhere(here: Here, record: VmRecord) -> bool:
    """Is it another member's? A node alone has all, whatever it was called when they were made."""
    text = here.host.files.read(COPY)
    return record.node != here.node and text is not None and f'"{record.node}"' in text


def network(here: Here, name: str) -> tuple[NetworkRecord, int]:
    """One network and its revision. VmError when there is none of this name."""
    entry = here.store.get(NETWORKS + name)
    if entry is None:
        names = ", ".join(record.network.name for record in networks(here)) or "none"
        raise VmError(f"there is no network {name}", f"there are: {names}; make it with `trivet network create`")
    return NetworkRecord.model_validate_json(entry.text), entry.revision


def networks(here: Here) -> tuple[NetworkRecord, ...]:
    """All networks, by name."""
    return tuple(NetworkRecord.model_validate_json(entry.text) for entry in here.store.list(NETWORKS))


def checked(document: dict[str, object]) -> Vm:
    """The document that we have put together, checked as one that is read."""
    try:
        return Vm.model_validate(document)
    except ValidationError as error:
        raise ApplianceError(error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")) from None


def router(here: Here, name: str) -> tuple[Router, int]:
    """One router and its revision. VmError when there is none of this name."""
    entry = here.store.get(ROUTERS + name)
    if entry is None:
        names = ", ".join(each.name for each in routers(here)) or "none"
        raise VmError(f"there is no router {name}", f"there are: {names}; make it with `trivet router create`")
    return Router.model_validate_json(entry.text), entry.revision


def routers(here: Here) -> tuple[Router, ...]:
    """All routers, by name."""
    return tuple(Router.model_validate_json(entry.text) for entry in here.store.list(ROUTERS))


def mac_of(vm: str, number: int) -> str:
    """A MAC address for a VM's port: the same for the same VM and number, and of those that anybody may give out."""
    digest = hashlib.sha256(f"{vm} {number}".encode()).hexdigest()
    return ":".join(["52:54:00", digest[:2], digest[2:4], digest[4:6]])


def with_macs(vm: Vm, owner: str) -> Vm:
    """The document, each port with a MAC address: it is how the port is known from now on."""
    taken, ports, number = {nic.mac for nic in vm.nics if nic.mac}, list[NicWish](), 0
    for nic in vm.nics:
        mac = nic.mac
        while not mac:
            candidate = mac_of(owner, number)
            number += 1
            mac = candidate if candidate not in taken else None
        taken.add(mac)
        ports.append(nic.model_copy(update={"mac": mac}))
    return vm.model_copy(update={"nics": tuple(ports)})


def port_id(owner: str, mac: str) -> str:
    """OVN's and Open vSwitch's name for a port of a VM: libvirt takes UUIDs alone."""
    return str(uuid.uuid5(_PORTS, f"{owner} {mac}"))
