# SPDX-License-Identifier: Apache-2.0
"""Routers: their documents, and what they may not say beside the networks and routers that there are."""

import ipaddress
from collections.abc import Iterator, Sequence

from appliance.model.vmrecord import VmRecord
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import Router
from appliance.services.vm import northbound
from appliance.services.vm.records import ROUTERS, Here, VmError, everything, network, networks, router, routers


def create(here: Here, document: Router) -> None:
    """Keep it and have OVN know it. VmError says all that keeps it from being."""
    if any(other.name == document.name for other in routers(here)):
        raise VmError(f"there is a router {document.name} already", "change it with `trivet router edit`")
    _check(here, document)
    here.store.put(ROUTERS + document.name, document.model_dump_json(exclude_defaults=True), 0)
    northbound.sync_router(here, document)


def edit(here: Here, document: Router) -> None:
    """Under running VMs: what is as it was goes on without a gap."""
    had, revision = router(here, document.name)
    _check(here, document)
    here.store.put(ROUTERS + document.name, document.model_dump_json(exclude_defaults=True), revision)
    northbound.sync_router(here, document, without=sorted(set(had.networks) - set(document.networks)))


def delete(here: Here, name: str) -> None:
    """Its networks are on their own again."""
    document, revision = router(here, name)
    here.store.delete(ROUTERS + name, revision)
    northbound.remove_router(here, document)


def _check(here: Here, document: Router) -> None:
    for name in (*document.networks, *([document.out.network] if document.out else [])):
        network(here, name)  # which says what there is instead
    others = [other for other in routers(here) if other.name != document.name]
    found = list(problems(document, networks(here), others, [kept.record for kept in everything(here)]))
    if found:
        raise VmError("; ".join(found), "nothing was changed")


def problems(wish: Router, known: Sequence[NetworkRecord], others: Sequence[Router], vms: Sequence[VmRecord]) -> Iterator[str]:
    """What keeps a router from being, a sentence each. Pure."""
    by_name = {record.network.name: record for record in known}
    subnets: dict[str, ipaddress.IPv4Network] = {}
    for name in wish.networks:
        if (subnet := by_name[name].network.subnet) is None:
            yield f"networks: {name} is of the business plane, which its own routers connect; give overlay networks"
            continue
        net = ipaddress.IPv4Network(subnet)
        yield from (f"networks: {name} and {other} share addresses" for other, had in subnets.items() if had.overlaps(net))
        yield from (f"networks: {name} is on the router {other.name} already" for other in others if name in other.networks)
        subnets[name] = net
    if wish.out:
        yield from _outside(wish, by_name, others, subnets)
    for each in wish.floating:
        inside = [by_name[name] for name in wish.networks if each.network in (None, name)]
        if not inside:
            yield f"floating: {each.network} is none of the router's networks"
        elif not any(port.vm == each.vm for record in inside for port in northbound.ports_of(record, vms)):
            yield f"floating: {each.vm} has no port on {' or '.join(record.network.name for record in inside)}"
    for route in wish.routes:
        if not any(ipaddress.ip_address(route.via) in net for net in subnets.values()):
            yield f"routes: {route.via} is on none of the router's networks"


def _outside(
    wish: Router, known: dict[str, NetworkRecord], others: Sequence[Router], subnets: dict[str, ipaddress.IPv4Network]
) -> Iterator[str]:
    out = wish.out
    if out is None:
        return
    if known[out.network].network.subnet:
        yield f"out: {out.network} is an overlay network; the way out is by a network of the business plane"
    own = ipaddress.IPv4Interface(out.address)
    yield from (f"out: {own.network} has addresses of {name}" for name, net in subnets.items() if net.overlaps(own.network))
    mine = {str(own.ip), *(each.address for each in wish.floating)}
    for other in others:
        if other.out and other.out.network == out.network:
            theirs = {str(ipaddress.ip_interface(other.out.address).ip), *(each.address for each in other.floating)}
            yield from (f"out: {address} is the router {other.name}'s" for address in sorted(mine & theirs))
