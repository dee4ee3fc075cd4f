# SPDX-License-Identifier: Apache-2.0
"""(NICs, planes of the spec) -> uplinks: which ports carry which planes, under which kernel names. Pure.

A plane with ports of its own makes an uplink: one port, or a bond of several, called bond-<plane>. Other planes stand on it
(`on`). A plane with a VLAN has an interface of its own, called like the plane; one without stands on the uplink itself. Where
business is among an uplink's planes, Open vSwitch has the uplink, and each plane is an internal port of its bridge.
"""

import ipaddress
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations

from appliance.model.inventory import Inventory
from appliance.model.network import Device, Nic
from appliance.model.problem import Problem
from appliance.model.selector import NicSelector, Selection
from appliance.model.spec import PlaneSpec, Spec
from appliance.services.network.ports import choose

PLACE = "network.planes"
BRIDGE = "br-business"
ETHERNET = 1500
_REWRITING = ("balance-alb", "balance-tlb")
"""Bonds that write a port's own address into each frame that leaves by another than the first port, whoever has sent it."""


@dataclass(frozen=True)
class Plane:
    """A plane on its uplink; `vlan` is 0 for none, and for a trunk, which is the virtual switch's.

    `stated` are the IP versions for which the spec says the way out of this node, here or on another plane.
    """

    name: str
    spec: PlaneSpec
    stated: frozenset[int] = frozenset()

    @property
    def vlan(self) -> int:
        return self.spec.vlan if isinstance(self.spec.vlan, int) and self.stands else 0

    @property
    def stands(self) -> bool:
        """Has the node itself an address here?"""
        return self.spec.address != "none"

    @property
    def leads(self) -> bool:
        """Are the name servers and time servers that are offered here asked?"""
        return self.name == "management"

    def leads_out(self, version: int) -> bool:
        """Is the way out of this node here, when a server or a router offers one? The spec's own is the only one."""
        return self.leads and version not in self.stated

    @property
    def mtu(self) -> int:
        return self.spec.mtu or ETHERNET


@dataclass(frozen=True)
class Uplink:
    """Ports, sorted by their places, and the planes on them, the one that they belong to first."""

    nics: tuple[Nic, ...]
    planes: tuple[Plane, ...]

    @property
    def owner(self) -> Plane:
        return self.planes[0]

    @property
    def bond(self) -> str:
        """The kernel's name of the bond, "" for a single port; within the 15 characters that it allows."""
        return f"bond-{self.owner.name}" if self.owner.spec.bond != "none" else ""

    @property
    def mtu(self) -> int:
        """What the ports must let through: the largest of the planes'."""
        return max(plane.mtu for plane in self.planes)

    @property
    def switched(self) -> bool:
        """Does the virtual switch have it, for the sake of the business plane?"""
        return any(plane.name == "business" for plane in self.planes)

    @property
    def untagged(self) -> tuple[Plane, ...]:
        """The planes without a VLAN; more than one is a problem."""
        return tuple(plane for plane in self.planes if plane.stands and not plane.vlan)

    @property
    def tagged(self) -> tuple[Plane, ...]:
        return tuple(plane for plane in self.planes if plane.vlan)

    @property
    def itself(self) -> Plane | None:
        """The plane that stands on the bond or port itself."""
        return self.untagged[0] if self.untagged and not self.switched else None

    @property
    def apart(self) -> tuple[Plane, ...]:
        """The planes with an interface of their own, which is called like them."""
        return tuple(plane for plane in self.planes if plane.stands) if self.switched else self.tagged

    @property
    def link(self) -> str:
        """The bond's name, or the port's address."""
        return self.bond or self.nics[0].mac

    @property
    def trunks(self) -> tuple[int, ...]:
        """The VLANs that the switch lets through to the network outside, 0 for untagged frames; () for all of them."""
        vlans = {plane.spec.vlan or 0 for plane in self.planes}
        return () if "trunk" in vlans else tuple(sorted(int(vlan) for vlan in vlans))

    @property
    def devices(self) -> tuple[Device, ...]:
        """What there shall be on these ports."""
        macs, mode = tuple(sorted(nic.mac for nic in self.nics)), self.owner.spec.bond
        bond = (Device(name=self.bond, kind="bond", mtu=self.mtu, mode=mode, members=macs),) if self.bond else ()
        if not self.switched:
            vlans = (Device(name=p.name, kind="vlan", mtu=p.mtu, vlan=p.vlan, parent=self.link) for p in self.apart)
            return (*bond, *vlans)
        # As a VLAN has its parent's address: a DHCP server knows the node by that of its first port, switched or not.
        mac = self.nics[0].mac
        ports = (Device(name=p.name, kind="internal", mtu=p.mtu, vlan=p.vlan, parent=BRIDGE, mac=mac) for p in self.apart)
        return (*bond, Device(name=BRIDGE, kind="bridge", members=(self.link,), trunks=self.trunks), *ports)


def resolve(inventory: Inventory, spec: Spec) -> tuple[tuple[Uplink, ...], list[Problem]]:
    """The uplinks in the order of the planes, and everything that is wrong with them on this machine."""
    ports: dict[str, tuple[Nic, ...]] = {}
    problems = list(stand(spec))
    for name, plane in owners(spec).items():
        nics, missing, wrong = ports_of(name, plane, partial(choose, inventory, spec))
        places = {f"{PLACE}.{name}.nics[{number}]": why for number, why in missing.items()}
        problems += (Problem(where=where, message=why, hint="see `trivet inspect`") for where, why in places.items())
        problems += wrong
        ports |= {name: nics} if nics and not missing and not wrong else {}
    uplinks, shared = joined(spec, ports)
    return uplinks, [*problems, *shared]


def owners(spec: Spec) -> dict[str, PlaneSpec]:
    """The planes that have ports of their own."""
    return {name: plane for name, plane in spec.network.planes.given.items() if not plane.on}


def joined(spec: Spec, ports: Mapping[str, Sequence[Nic]]) -> tuple[tuple[Uplink, ...], list[Problem]]:
    """The uplinks of planes with these ports, by the plane's name, and of what stands on them; what cannot be shared."""
    given = spec.network.planes.given
    here = [plane for name, plane in given.items() if (plane.on or name) in ports]
    stated = frozenset(ipaddress.ip_address(gateway).version for plane in here for gateway in plane.gateways)
    planes = {name: Plane(name, plane, stated) for name, plane in given.items()}
    uplinks = []
    for name, nics in ports.items():
        guests = (plane for plane in planes.values() if plane.spec.on == name)
        uplinks.append(Uplink(tuple(sorted(nics, key=lambda nic: (nic.pci, nic.mac))), (planes[name], *guests)))
    shared = (problem for uplink in uplinks for problem in _shared(uplink))
    return tuple(uplinks), [*shared, *_twice(uplinks), *_addresses(tuple(planes.values()))]


def stand(spec: Spec) -> Iterator[Problem]:
    """What is wrong with single planes, whatever ports there are."""
    planes = spec.network.planes.given
    for name, plane in planes.items():
        where, on = f"{PLACE}.{name}", plane.on
        if on == name:
            yield Problem(where=f"{where}.on", message="a plane cannot stand on itself", hint="give it nics")
        elif on and on not in planes:
            yield Problem(where=f"{where}.on", message=f"there is no plane {on} in this spec", hint=f"add {on}, or give nics")
        elif on and planes[on].on:
            hint = f"give nics to {on}, or stand on a plane that has some"
            yield Problem(where=f"{where}.on", message=f"{on} has no ports of its own", hint=hint)
        if name != "business" and plane.address == "none":
            hint = 'give "dhcp", "slaac" or an address such as 10.0.0.11/24'
            yield Problem(where=f"{where}.address", message=f"the {name} plane needs an address", hint=hint)
        if name != "business" and plane.vlan == "trunk":
            message = f"{name} is on one VLAN, not on a trunk"
            yield Problem(where=f"{where}.vlan", message=message, hint="give its number; a trunk is for business")


def ports_of(
    name: str, plane: PlaneSpec, pick: Callable[[NicSelector], Selection[Nic]]
) -> tuple[tuple[Nic, ...], dict[int, str], list[Problem]]:
    """The ports of a plane; why a selector has not all of its own, by its number; what is wrong with those that it has."""
    where = f"{PLACE}.{name}"
    if not plane.nics:
        hint = 'such as [{mac: "52:54:00:12:34:56"}], or `on` with the plane whose ports it shares'
        return (), {}, [Problem(where=f"{where}.nics", message="no port is named", hint=hint)]
    chosen: dict[str, Nic] = {}
    missing: dict[int, str] = {}
    problems = []
    for number, selector in enumerate(plane.selectors):
        selection = pick(selector)
        missing |= {number: selection.problem} if selection.problem else {}
        for nic in selection.chosen:
            if nic.mac in chosen:
                message = f"{nic.label} is named twice"
                problems.append(Problem(where=f"{where}.nics[{number}]", message=message, hint="name each port once"))
            chosen[nic.mac] = nic
    if len(chosen) > 1 and plane.bond == "none":
        message = f"{len(chosen)} ports, and no bond that makes one of them"
        hint = "give bond: active-backup, which needs nothing of the switch, or another mode"
        problems.append(Problem(where=f"{where}.bond", message=message, hint=hint))
    return tuple(chosen.values()), missing, problems


def _shared(uplink: Uplink) -> Iterator[Problem]:
    """What planes on the same ports must agree on."""
    if len(uplink.untagged) > 1:
        names = " and ".join(plane.name for plane in uplink.untagged)
        where = f"{PLACE}.{uplink.untagged[-1].name}.vlan"
        yield Problem(where=where, message=f"{names} share their ports, and neither has a VLAN", hint="give all but one a VLAN")
    for one, other in combinations(uplink.tagged, 2):
        if one.vlan == other.vlan:
            message = f"{one.name} and {other.name} share their ports and VLAN {one.vlan}"
            yield Problem(where=f"{PLACE}.{other.name}.vlan", message=message, hint="give each a VLAN of its own")
    if uplink.switched and (mode := uplink.owner.spec.bond) in _REWRITING:
        message = f"{mode} writes the ports' own addresses into what VMs send, and the business plane is on this bond"
        hint = "give bond: active-backup, or 802.3ad where the switch speaks LACP"
        yield Problem(where=f"{PLACE}.{uplink.owner.name}.bond", message=message, hint=hint)
    for plane in uplink.untagged:
        if plane is uplink.itself and plane.mtu < uplink.mtu:
            wider = max(uplink.planes, key=lambda p: p.mtu)
            message = f"the ports carry {wider.name}'s {wider.mtu} bytes, and {plane.name}, on them without a VLAN, {plane.mtu}"
            hint = f"give {plane.name} a VLAN, or mtu: {wider.mtu} where its whole network has that"
            yield Problem(where=f"{PLACE}.{plane.name}.mtu", message=message, hint=hint)


def _twice(uplinks: Sequence[Uplink]) -> Iterator[Problem]:
    """Ports that two planes claim."""
    for one, other in combinations(uplinks, 2):
        taken = {nic.mac for nic in one.nics}
        for nic in other.nics:
            if nic.mac in taken:
                message = f"{nic.label} belongs to {one.owner.name} already"
                hint = f"write on: {one.owner.name} instead of nics, to share its ports"
                yield Problem(where=f"{PLACE}.{other.owner.name}.nics", message=message, hint=hint)


def _addresses(planes: Sequence[Plane]) -> Iterator[Problem]:
    """A node with two ways into one network, or two ways out, answers by the wrong one."""
    for one, other in combinations(planes, 2):
        where = f"{PLACE}.{other.name}"
        for a in map(ipaddress.ip_interface, one.spec.addresses):
            for b in map(ipaddress.ip_interface, other.spec.addresses):
                if a.version == b.version and a.network.overlaps(b.network):
                    message = f"{b} is in the network of {one.name} ({a.network})"
                    yield Problem(where=f"{where}.address", message=message, hint="give each plane a network of its own")
        mine = {ipaddress.ip_address(g).version for g in one.spec.gateways}
        if mine & {ipaddress.ip_address(g).version for g in other.spec.gateways}:
            message = f"{one.name} has a gateway already"
            yield Problem(where=f"{where}.gateway", message=message, hint="a node has one way out; use routes for the rest")
