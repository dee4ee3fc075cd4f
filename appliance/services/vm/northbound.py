# SPDX-License-Identifier: Apache-2.0
"""OVN's northbound database: read as far as it must be known, and made to say what the documents say (ovn.py, ovnrouter.py)."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from appliance.errors import ApplianceError
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmRecord
from appliance.model.vnet import NetworkRecord, PortCount, PortRow, VirtualNetwork
from appliance.model.vrouter import FloatingRow, Router, RouterView
from appliance.services.vm import counters, ovn, ovnrouter
from appliance.services.vm.records import Here, everything, network, networks, port_id, routers

_NBCTL = ("ovn-nbctl", "--timeout=20")
_SBCTL = ("ovn-sbctl", "--timeout=20")
_VSCTL = ("ovs-vsctl", "--timeout=20")


def sync(here: Here, record: NetworkRecord) -> None:
    """Have the database say what this network, its router and the VMs' documents say; a VLAN is the switch's."""
    if record.network.subnet is None:
        return
    records = [kept.record for kept in everything(here)]
    router = next((each for each in routers(here) if record.network.name in each.networks), None)
    commands = _network(here, record, records, router)
    if router and any(each.network in (None, record.network.name) for each in router.floating):
        commands += _router(here, router, records)
    tell(here, commands)
    mirror_ends(here, record)


def mirror_ends(here: Here, record: NetworkRecord) -> None:
    """Have the ports at which mirrors end, as far as they are plugged in here, be known as such."""
    ports = ports_of(record, [kept.record for kept in everything(here)]) if record.network.mirrors else []
    for wish in record.network.mirrors:
        for port in ports:
            if port.vm == wish.to_vm:
                words = ["--bare", "--columns=_uuid", "find", "Interface", f"external_ids:iface-id={port.id}"]
                for row in here.host.run([*_VSCTL, *words]).stdout.split():
                    mark = f"external_ids:mirror-id={ovn.mirror(record.network.name, wish.name)}"
                    here.host.run([*_VSCTL, "set", "Interface", row, mark])


def plugged(here: Here, vm: Vm) -> None:
    """A VM's ports are plugged in now."""
    for name in sorted({nic.network for nic in vm.nics if nic.network}):
        mirror_ends(here, network(here, name)[0])


def counts(here: Here) -> dict[str, PortCount]:
    """What the VMs' ports have counted that are plugged in on this node, by MAC address."""
    words = ["--format=json", "--columns=external_ids,statistics", "find", "Interface", "external_ids:attached-mac!=\"\""]
    return counters.parse(here.host.run([*_VSCTL, *words]).stdout)


def sync_all(here: Here, names: Iterable[str | None]) -> None:
    """`sync` of each network that is named."""
    for name in sorted({name for name in names if name}):
        sync(here, network(here, name)[0])


def sync_everything(here: Here, say: Callable[[str], None]) -> None:
    """All networks and routers; one that cannot be had keeps no other from it."""
    for record in networks(here):
        try:
            sync(here, record)
        except ApplianceError as error:
            say(f"the network {record.network.name} cannot be made: {error}")
    for router in routers(here):
        try:
            sync_router(here, router)
        except ApplianceError as error:
            say(f"the router {router.name} cannot be made: {error}")


def sync_router(here: Here, router: Router, *, without: Iterable[str] = ()) -> None:
    """Have the database say what this router says, and its networks, and those `without` it which were on it."""
    records = [kept.record for kept in everything(here)]
    commands = _router(here, router, records)
    for name in router.networks:
        commands += _network(here, network(here, name)[0], records, router)
    for name in without:
        commands += _network(here, network(here, name)[0], records, None)
    tell(here, commands)


def remove(here: Here, record: NetworkRecord) -> None:
    """Nothing is left of a network."""
    if record.network.subnet:
        name = record.network.name
        tell(here, ovn.removal(record.network, _owned(here, "Port_Group", name, "name"), _present(here, name)))


def remove_router(here: Here, router: Router) -> None:
    """Nothing is left of it: its networks have routers of their own again."""
    records = [kept.record for kept in everything(here)]
    commands = [command for name in router.networks for command in _network(here, network(here, name)[0], records, None)]
    tell(here, commands + ovnrouter.removal(router.name))


def tell(here: Here, commands: Sequence[Sequence[str]]) -> None:
    """All of it, or nothing: in one transaction."""
    here.host.run([*_nbctl(here), *ovn.words(commands)])


def ports_of(record: NetworkRecord, records: Iterable[VmRecord]) -> list[PortRow]:
    """The VMs' ports on an overlay network. Pure."""
    return [
        PortRow(
            id=port_id(each.uuid, nic.mac),
            vm=each.vm.name,
            mac=nic.mac,
            address=record.addresses[nic.mac],
            groups=tuple(nic.groups),
            rate_in=nic.rate_in,
            rate_out=nic.rate_out,
        )
        for each in records
        for nic in each.vm.nics
        if nic.network == record.network.name and nic.mac and nic.mac in record.addresses
    ]


def floating_of(router: Router, inside: Sequence[NetworkRecord], records: Sequence[VmRecord]) -> list[FloatingRow]:
    """Those floating addresses whose VM has a port on a network of the router. Pure."""
    found = []
    for wish in router.floating:
        ports = [
            port
            for record in inside
            if wish.network in (None, record.network.name)
            for port in ports_of(record, records)
            if port.vm == wish.vm
        ]
        found += [FloatingRow(address=wish.address, inner=port.address) for port in ports[:1]]
    return found


def view(here: Here, document: Router) -> RouterView:
    """A router with what becomes of it at this moment."""
    inside = [network(here, name)[0] for name in document.networks]
    rows = floating_of(document, inside, [kept.record for kept in everything(here)])
    by: str | None = None
    if document.out:
        with suppress(ApplianceError):  # OVN does not run here, or is on its way
            by = gateway_now(here, document)
    return RouterView(
        router=document,
        inside=tuple((each.network.name, each.network.subnet or "", each.network.router or "") for each in inside),
        given={row.address: row.inner for row in rows},
        by=by,
    )


def gateway_now(here: Here, router: Router) -> str:
    """The node by which it goes out at this moment; "" when no node has taken it."""
    words = ["--bare", "--columns=chassis", "find", "Port_Binding", f"logical_port=cr-{ovnrouter.out(router.name)}"]
    row = here.host.run([*_SBCTL, *words]).stdout.strip()
    return here.host.run([*_SBCTL, "get", "Chassis", row, "name"]).stdout.strip().strip('"') if row else ""


def _network(here: Here, record: NetworkRecord, records: Sequence[VmRecord], router: Router | None) -> list[list[str]]:
    name, ports = record.network.name, ports_of(record, records)
    at = ovnrouter.router(router.name) if router else ""
    commands = ovn.rows(record.network, ports, _present(here, name), at)
    gone = set(_owned(here, "Port_Group", name, "name")) - set(ovn.groups(record.network, ports))
    return commands + [["--if-exists", "destroy", "Port_Group", group] for group in sorted(gone)]


def _router(here: Here, router: Router, records: Sequence[VmRecord]) -> list[list[str]]:
    inside = [network(here, name)[0] for name in router.networks]
    outside: VirtualNetwork | None = network(here, router.out.network)[0].network if router.out else None
    chassis = ovnrouter.gateways(router.name, {here.node, *_chassis(here)})
    around = ovnrouter.Around(
        networks=tuple(each.network for each in inside),
        floating=tuple(floating_of(router, inside, records)),
        outside=outside,
        chassis=chassis,
    )
    return ovnrouter.rows(router, around, _out_present(here, router.name))


def _chassis(here: Here) -> list[str]:
    """The nodes that have a wire out."""
    told = here.host.run([*_SBCTL, "--format=csv", "--no-headings", "--columns=name,other_config", "list", "Chassis"]).stdout
    rows = [line.partition(",") for line in told.splitlines()]
    return [name.strip('"') for name, _, config in rows if f"{ovnrouter.PLANE}:" in config]


def _out_present(here: Here, name: str) -> ovnrouter.OutPresent:
    port = ovnrouter.out(name)
    address = _find(here, "Logical_Router_Port", f"name={port}", "networks")
    told = here.host.run([*_nbctl(here), "lrp-get-gateway-chassis", port]).stdout if address else ""
    return ovnrouter.OutPresent(address=" ".join(address), gateways=ovnrouter.ranked(port, told))


def _present(here: Here, name: str) -> ovn.Present:
    port = ovn.gateway(name)
    words = [*_nbctl(here), "--if-exists", "get", "Logical_Router_Port", port, f"external_ids:{ovn.AT}"]
    return ovn.Present(
        ports=tuple(_switch_ports(here, name)),
        dhcp=tuple(_owned(here, "DHCP_Options", name, "_uuid")),
        dns=tuple(_owned(here, "DNS", name, "_uuid")),
        mirrors=tuple(_owned(here, "Mirror", name, "_uuid")),
        at=here.host.run(words).stdout.strip().strip('"'),
    )


def _nbctl(here: Here) -> tuple[str, ...]:
    return (*_NBCTL, *here.northbound)


def _owned(here: Here, table: str, name: str, column: str) -> list[str]:
    return _find(here, table, f"external_ids:{ovn.OWNER}={name}", column)


def _find(here: Here, table: str, condition: str, column: str) -> list[str]:
    return here.host.run([*_nbctl(here), "--bare", f"--columns={column}", "find", table, condition]).stdout.split()


def _switch_ports(here: Here, name: str) -> list[str]:
    """OVN's ports on a network, by their names; `lsp-list` has a line for each, `<row> (<name>)`."""
    if not _owned(here, "Logical_Switch", name, "name"):
        return []
    listed = here.host.run([*_nbctl(here), "lsp-list", ovn.switch(name)]).stdout
    return [line.rpartition("(")[2].rstrip(")") for line in listed.splitlines()]
