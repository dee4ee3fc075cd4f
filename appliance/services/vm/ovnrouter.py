# SPDX-License-Identifier: Apache-2.0
"""(router, what it connects, who is a gateway) -> words for ovn-nbctl, as in ovn.py. Pure.

The way out is a logical switch with two ports: the wire, which is a VLAN of the business plane, and the router. All that goes
out or comes in is translated on one node, the gateway: with several the first that lives, as they find out by themselves
(BFD). Guests' own addresses are no way in: whoever is outside may send a packet for them to the router, which would route it;
so with NAT the switch outside drops what is for them before it is there.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence

from appliance.model.base import Model
from appliance.model.vnet import VirtualNetwork
from appliance.model.vrouter import FloatingRow, Router, WayOut
from appliance.services.vm.ovn import own_mac

OWNER = "trivet-router-name"
"""The external id by which rows are known as a router's."""
PLANE = "business"
"""OVN's name for what is at the other end of the wire: services/network/ovn.py maps it to the bridge."""
GATEWAYS_MAX = 5
"""Nodes that take over from one another; OVN watches each from each."""
_FIRST = 100
_DROP = 2000


class OutPresent(Model):
    """What OVN has of a router's way out: its address, and its gateways in their order."""

    address: str = ""
    gateways: tuple[str, ...] = ()


def router(name: str) -> str:
    """The logical router. No row of a network is called so."""
    return f"router.{name}"


def out(name: str) -> str:
    """The router's port that is its way out, and the first part of all that belongs to it."""
    return f"{router(name)}.out"


def gateways(name: str, chassis: Iterable[str]) -> tuple[str, ...]:
    """The nodes that take a router's traffic out, the first first: each router begins at another, so that they share it."""
    order = sorted(set(chassis), key=lambda node: hashlib.sha256(f"{name} {node}".encode()).hexdigest())
    return tuple(order[:GATEWAYS_MAX])


def ranked(port: str, listed: str) -> tuple[str, ...]:
    """The gateways in their order, of what lrp-get-gateway-chassis prints: `PORT-NODE` and a priority each."""
    rows = [line.split() for line in listed.splitlines() if line.strip()]
    return tuple(name.removeprefix(f"{port}-") for name, _ in sorted(rows, key=lambda row: -int(row[1])))


class Around(Model):
    """What a router's document does not say. `floating` are those of its floating addresses that have a port."""

    networks: tuple[VirtualNetwork, ...]
    floating: tuple[FloatingRow, ...] = ()
    outside: VirtualNetwork | None = None
    chassis: tuple[str, ...] = ()


def rows(wish: Router, around: Around, present: OutPresent) -> list[list[str]]:
    """The commands. The networks' own ports on it are made with them (ovn.py)."""
    name = router(wish.name)
    told = [
        ["--may-exist", "lr-add", name],
        ["set", "Logical_Router", name, f"external_ids:{OWNER}={wish.name}"],
        ["lr-nat-del", name],
        ["lr-route-del", name],
    ]
    if wish.out and around.outside:
        told += _way_out(wish.name, wish.out, around.outside, around.chassis, present)
        told += _translation(wish.name, wish.out, around)
    else:
        told += no_way_out(wish.name)
    return told + [["lr-route-add", name, route.to, route.via] for route in wish.routes]


def no_way_out(name: str) -> list[list[str]]:
    """The commands that leave nothing of a way out. Its gateways go with its port."""
    return [["--if-exists", "lrp-del", out(name)], ["--if-exists", "ls-del", out(name)]]


def removal(name: str) -> list[list[str]]:
    """The commands that leave nothing of a router whose networks have been taken from it."""
    return [*no_way_out(name), ["--if-exists", "lr-del", router(name)]]


def _way_out(name: str, wish: WayOut, outside: VirtualNetwork, chassis: Sequence[str], present: OutPresent) -> list[list[str]]:
    port, wire = out(name), f"{out(name)}-wire"
    told = [
        ["--may-exist", "ls-add", port],
        ["set", "Logical_Switch", port, f"external_ids:{OWNER}={name}"],
        ["--may-exist", "lsp-add", port, wire],
        ["lsp-set-type", wire, "localnet"],
        ["lsp-set-addresses", wire, "unknown"],
        ["lsp-set-options", wire, f"network_name={PLANE}"],
        ["set", "Logical_Switch_Port", wire, f"tag={outside.vlan or '[]'}"],
    ]
    # As it is it stays: a gateway's port that is made anew is nobody's for a second, and no packet goes out.
    fresh = present.address != wish.address
    if fresh:
        told.append(["--if-exists", "lrp-del", port])
    told += [
        ["--may-exist", "lrp-add", router(name), port, own_mac(f"out of {name}"), wish.address],
        ["set", "Logical_Router_Port", port, f"external_ids:{OWNER}={name}"],
        ["--may-exist", "lsp-add", port, f"{port}-port"],
        ["lsp-set-type", f"{port}-port", "router"],
        ["lsp-set-addresses", f"{port}-port", "router"],
        ["lsp-set-options", f"{port}-port", f"router-port={port}", "nat-addresses=router"],
    ]
    had = () if fresh else present.gateways
    if tuple(chassis) != had:
        told += [["lrp-del-gateway-chassis", port, node] for node in had if node not in chassis]
        told += [["lrp-set-gateway-chassis", port, node, str(_FIRST - number)] for number, node in enumerate(chassis)]
    if wish.gateway:
        told.append(["lr-route-add", router(name), "0.0.0.0/0", wish.gateway, port])
    return told


def _translation(name: str, way: WayOut, around: Around) -> list[list[str]]:
    port = out(name)
    told = [["acl-del", port]]
    if way.nat:
        own = str(ipaddress.ip_interface(way.address).ip)
        subnets = [network.subnet or "" for network in around.networks]
        told += [["lr-nat-add", router(name), "snat", own, subnet] for subnet in subnets]
        match = f'inport == "{port}-wire" && ip4.dst == {{{", ".join(subnets)}}}'
        told.append(["acl-add", port, "from-lport", str(_DROP), match, "drop"])
    return told + [["lr-nat-add", router(name), "dnat_and_snat", each.address, each.inner] for each in around.floating]
