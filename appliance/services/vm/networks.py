# SPDX-License-Identifier: Apache-2.0
"""Networks for VMs: their documents, and their addresses. OVN's database is made from both in northbound.py."""

import ipaddress
from collections.abc import Iterable

from appliance.model.vm import NicWish, Vm
from appliance.model.vnet import NetworkRecord, VirtualNetwork
from appliance.services.vm import northbound
from appliance.services.vm.domain import Wire
from appliance.services.vm.northbound import sync
from appliance.services.vm.records import NETWORKS, Here, Kept, VmError, everything, network, networks, port_id, routers

BUSINESS, INTEGRATION = "br-business", "br-int"
_NORTHBOUND = "/run/ovn/ovnnb_db.sock"


def create(here: Here, document: VirtualNetwork) -> None:
    """Keep it and have OVN know it. VmError when there is one of this name, or one with the same addresses or VLAN."""
    for record in networks(here):
        other = record.network
        if other.name == document.name:
            raise VmError(f"there is a network {other.name} already", "change it with `trivet network edit`")
        if document.vlan and other.vlan == document.vlan:
            raise VmError(f"VLAN {other.vlan} is that of the network {other.name}", "use that one")
    _business(here, document)
    record = NetworkRecord(network=document)
    here.store.put(NETWORKS + document.name, record.model_dump_json(exclude_defaults=True), 0)
    sync(here, record)


def edit(here: Here, document: VirtualNetwork) -> None:
    """Its rules, its default, its MTU: what VMs have may stay as it is."""
    record, revision = network(here, document.name)
    had = record.network
    if (had.subnet, had.router, had.vlan, had.untagged) != (document.subnet, document.router, document.vlan, document.untagged):
        raise VmError(f"the addresses and the VLAN of {had.name} stay", "make another network, and move the VMs' ports there")
    record = record.model_copy(update={"network": document})
    here.store.put(NETWORKS + document.name, record.model_dump_json(exclude_defaults=True), revision)
    sync(here, record)


def delete(here: Here, name: str) -> None:
    """VmError while a VM has a port on it."""
    record, revision = network(here, name)
    vms = [kept.record.vm for kept in everything(here)]
    users = sorted(vm.name for vm in vms if any(name in (nic.network, nic.standby) for nic in vm.nics))
    if users:
        raise VmError(f"{', '.join(users)} {'has a port' if len(users) == 1 else 'have ports'} on {name}", "detach them first")
    for router in routers(here):
        if name in router.networks or (router.out and router.out.network == name):
            raise VmError(
                f"the router {router.name} is on {name}", f"take it from its document: `trivet router edit {router.name}`"
            )
    here.store.delete(NETWORKS + name, revision)
    northbound.remove(here, record)


def claim(here: Here, vm: Vm) -> None:
    """Check that the networks of a VM's ports are there, and give each port on an overlay network its address."""
    for nic in vm.nics:
        if nic.standby:
            _standby(here, network(here, nic.standby)[0].network)
        if nic.network is None:
            continue
        record, revision = network(here, nic.network)
        _business(here, record.network)
        if record.network.subnet is None:
            if nic.address or nic.groups:
                raise VmError(f"{nic.network} is a VLAN: nobody gives out addresses or knows groups there", "leave both out")
            continue
        address = free_address(record, nic)
        if record.addresses.get(nic.mac or "") != address:
            record = record.model_copy(update={"addresses": record.addresses | {nic.mac or "": address}})
            here.store.put(NETWORKS + nic.network, record.model_dump_json(exclude_defaults=True), revision)


def _standby(here: Here, document: VirtualNetwork) -> None:
    """A virtual function is on the wire, where no overlay network is."""
    if document.subnet:
        message = f"{document.name} is an overlay network, and the virtual function is on the wire"
        raise VmError(message, "give as standby the network of the business plane that has the function's VLAN")
    _business(here, document)


def release(here: Here, nics: Iterable[NicWish]) -> None:
    """Give the ports' addresses back."""
    for nic in nics:
        if nic.network is None:
            continue
        record, revision = network(here, nic.network)
        if nic.mac in record.addresses:
            left = {mac: address for mac, address in record.addresses.items() if mac != nic.mac}
            record = record.model_copy(update={"addresses": left})
            here.store.put(NETWORKS + nic.network, record.model_dump_json(exclude_defaults=True), revision)


def wires(here: Here, vm: Vm, owner: str) -> dict[str, Wire]:
    """What each port is plugged into, by MAC."""
    found = {}
    words = (here.host.files.read("/proc/cmdline") or "").split()
    whole = "trivet.container=1" in words  # whose kernel is another machine's: services/network/apply.py
    for nic in vm.nics:
        mac = nic.mac or ""
        if nic.network is None:
            found[mac] = Wire(pool=nic.pool or "")
            if nic.standby:
                vlan = network(here, nic.standby)[0].network.vlan or 0
                found[mac] = Wire(pool=nic.pool or "", bridge=BUSINESS, vlan=vlan, whole=whole)
            continue
        document = network(here, nic.network)[0].network
        if document.subnet:
            found[mac] = Wire(bridge=INTEGRATION, port=port_id(owner, mac), whole=whole)
        else:
            found[mac] = Wire(bridge=BUSINESS, vlan=document.vlan or 0, whole=whole)
    return found


def addresses(here: Here, kept: Kept) -> tuple[str, ...]:
    """Those that its ports have been given."""
    given = {record.network.name: record.addresses for record in networks(here)}
    each = (given.get(nic.network or "", {}).get(nic.mac or "", "") for nic in kept.record.vm.nics)
    return tuple(address for address in each if address)


def free_address(record: NetworkRecord, nic: NicWish) -> str:
    """The one that it asks for, the one that it has, or the first that nobody has."""
    net = ipaddress.ip_network(record.network.subnet or "")
    others = {address for mac, address in record.addresses.items() if mac != nic.mac} | {record.network.router}
    if nic.address:
        if nic.address in others or ipaddress.ip_address(nic.address) not in net:
            place = "is somebody else's" if nic.address in others else f"is not in {net}"
            raise VmError(f"nics: {nic.address} {place} on {record.network.name}", "leave address out, and a free one is given")
        return nic.address
    if had := record.addresses.get(nic.mac or ""):
        return had
    free = next((str(address) for address in net.hosts() if str(address) not in others), "")
    if not free:
        raise VmError(f"{record.network.name} has no free address in {net}", "delete what is not needed, or make another network")
    return free


def _business(here: Here, document: VirtualNetwork) -> None:
    """VLANs leave the node by the business plane; overlay networks need OVN."""
    if document.subnet:
        if here.northbound or here.host.files.real(_NORTHBOUND) is not None:
            return
        raise VmError(
            f"{document.name} is an overlay network, and OVN does not run here", "give the spec a business or overlay plane"
        )
    if here.host.run(["ovs-vsctl", "--timeout=20", "br-exists", BUSINESS], check=False).code:
        raise VmError(f"{document.name} is a network of the business plane, and there is none here", "give the spec one")
