# SPDX-License-Identifier: Apache-2.0
"""(inventory, spec) -> the planes that the node lacks, on the ports that it has, each with its reason. Pure.

What the spec has stays as it is: management's ports and address above all. A plane gets a pair of free ports, so that one of
them may fail; where no pair is left it stands on the ports that the others share, with a VLAN of its own. What only a person
can know, an address or a VLAN, is asked and never made up. Nothing is proposed that `check` refuses: it is asked here.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal

from appliance.model.base import Model
from appliance.model.inventory import Inventory
from appliance.model.network import Nic
from appliance.model.selector import NicSelector
from appliance.model.spec import VLAN_MAX, PlaneSpec, Spec
from appliance.services.network import sriov
from appliance.services.network.plan import check
from appliance.services.network.topology import ETHERNET, Uplink, resolve

Name = Literal["business", "storage", "overlay"]
Ask = Literal["address", "vlan"]
ORDER: tuple[Name, ...] = ("business", "storage", "overlay")
"""Who chooses first: VMs' networks take the fastest ports, and the overlay stands on theirs."""
_BONDS = {"business": "active-backup", "storage": "balance-alb"}
"""Neither needs anything of the switch."""
_UNNEEDED = "no plane needs it yet"


class Proposed(Model):
    """A plane as it would stand in the spec, but for what a person is asked; `why` is a sentence."""

    name: Name
    plane: PlaneSpec
    asks: tuple[Ask, ...] = ()
    why: str

    def data(self, **answers: object) -> dict[str, Any]:
        """The plane of the spec, with the answers."""
        return self.plane.model_dump(mode="json", exclude_defaults=True) | answers


class Left(Model):
    """What is not proposed, a plane or a port by its label, and why."""

    what: str
    why: str


class Proposal(Model):
    """`planes` stand in ORDER; one may stand on an earlier one. `left` are planes, `spare` ports."""

    planes: tuple[Proposed, ...] = ()
    left: tuple[Left, ...] = ()
    spare: tuple[Left, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the planes."""
        return tuple(each.name for each in self.planes)

    def with_hosts(self, names: Collection[str]) -> tuple[str, ...]:
        """These planes, and those that they stand on."""
        hosts = {each.plane.on for each in self.planes if each.name in names}
        return tuple(name for name in self.names if name in names or name in hosts)

    def without_guests(self, names: Collection[str]) -> tuple[str, ...]:
        """These planes, but for those that stand on a proposed one that is not among them."""
        absent = set(self.names) - set(names)
        return tuple(each.name for each in self.planes if each.name in names and each.plane.on not in absent)


def propose(inventory: Inventory, spec: Spec) -> Proposal:
    """What this node could have besides what its spec gives it."""
    missing = [name for name in ORDER if name not in spec.network.planes.given]
    if wrong := next(check(inventory, spec), None):
        why = f"what the spec says now is to be put right first: {wrong.message}"
        return Proposal(left=tuple(Left(what=name, why=why) for name in missing))
    free, spare = _ports(inventory, spec)
    pairs = list(_pairs(free))
    planes: list[Proposed] = []
    left: list[Left] = []
    for name in missing:
        pair = pairs[0] if pairs and name in _BONDS else ()
        proposed = _apart(name, pair) if pair else _shared(name, _host(inventory, spec))
        wished = _with(spec, proposed)
        if problem := next(check(inventory, wished), None):
            left.append(Left(what=name, why=problem.message))
            continue
        spec = wished
        planes.append(proposed)
        pairs = pairs[1:] if pair else pairs
    unused = [nic for pair in pairs for nic in pair]
    taken = {selector.mac for each in planes for selector in each.plane.nics}
    why = _alone(planes)
    for nic in (nic for nic in free if nic.mac not in taken):
        spare.append(Left(what=nic.label, why=_UNNEEDED if nic in unused else why))
    return Proposal(planes=tuple(planes), left=tuple(left), spare=tuple(spare))


def _alone(planes: Sequence[Proposed]) -> str:
    """Why a port is left free that makes no pair."""
    hosts = {each.plane.on for each in planes if each.name in _BONDS} - {None}
    if not hosts:
        return _UNNEEDED
    # One bond that all planes share would be best here, but management's ports are not ours to change.
    bond, pair = "it would make a bond for all planes with management's port", "no free port is like it, to make a pair"
    return bond if all(each.plane.on == "management" for each in planes) else pair


def _ports(inventory: Inventory, spec: Spec) -> tuple[list[Nic], list[Left]]:
    """The ports that a plane may have, and why not the others. Virtual functions are no ports."""
    uplinks, _ = resolve(inventory, spec)
    taken = {nic.mac for uplink in uplinks for nic in uplink.nics}
    described = {port.nic.pci for port in sriov.resolve(inventory, spec, uplinks)[0] if port.spec.vfs}
    ports = [nic for nic in inventory.nics if not nic.vf_of]
    macs = [nic.mac for nic in ports]
    free, spare = [], []
    for nic in sorted(ports, key=lambda nic: (nic.pci, nic.mac)):
        if nic.mac in taken:
            continue
        if nic.unusable:
            spare.append(Left(what=nic.label, why=nic.unusable[0]))
        elif not nic.link:
            spare.append(Left(what=nic.label, why="it has no cable, or its other end is off"))
        elif nic.pci in described:
            spare.append(Left(what=nic.label, why="the spec gives its virtual functions to VMs"))
        elif macs.count(nic.mac) > 1:
            spare.append(Left(what=nic.label, why="another port has the same MAC address"))
        else:
            free.append(nic)
    return free, spare


def _pairs(free: Sequence[Nic]) -> Iterator[tuple[Nic, Nic]]:
    """Two and two of the same speed and driver, the fastest first."""

    def kind(nic: Nic) -> tuple[int, str]:
        return -nic.speed, nic.driver

    for _, group in groupby(sorted(free, key=lambda nic: (*kind(nic), nic.pci, nic.mac)), kind):
        nics = list(group)
        yield from zip(nics[::2], nics[1::2], strict=False)


def _host(inventory: Inventory, spec: Spec) -> Uplink:
    """The ports that planes share: those that VMs' networks leave by, else management's."""
    uplinks, _ = resolve(inventory, spec)
    name = "business" if spec.network.planes.business else "management"
    return next(uplink for uplink in uplinks if any(plane.name == name for plane in uplink.planes))


def _apart(name: Name, pair: Sequence[Nic]) -> Proposed:
    """A plane with a pair of ports to itself."""
    nics = tuple(NicSelector(mac=nic.mac) for nic in pair)
    ports = " and ".join(nic.label for nic in pair)
    given: dict[str, Any] = {"nics": nics, "bond": _BONDS[name]}
    if name == "business":
        why = f"VMs' networks have the two fastest free ports with a cable, and every VLAN: {ports}"
        return Proposed(name=name, plane=PlaneSpec(**given, vlan="trunk"), why=why)
    why = f"storage has two ports to itself, and uses both: {ports}"
    return Proposed(name=name, plane=PlaneSpec(**given), asks=("address",), why=why)


def _shared(name: Name, host: Uplink) -> Proposed:
    """A plane on another one's ports. It lets through what they do, so it asks nothing else of the planes there."""
    owner = host.owner.name
    plane = PlaneSpec.model_validate({"on": owner, "mtu": host.mtu if host.mtu != ETHERNET else None})
    if name == "business":
        why = f"VMs' networks share the ports of {owner}: no two free ports with a cable have the same speed and driver"
        return Proposed(name=name, plane=plane, why=why)
    whys = {
        "storage": f"no pair of free ports is left, so storage has a VLAN of its own on the ports of {owner}",
        "overlay": f"tunnels of VMs' networks have a VLAN of their own on the ports of {owner}; without it they use management",
    }
    return Proposed(name=name, plane=plane, asks=("vlan", "address"), why=whys[name])


def _with(spec: Spec, proposed: Proposed) -> Spec:
    """The spec as it is judged: in the place of each answer stands one that fits."""
    used = {plane.vlan for plane in spec.network.planes.given.values()}
    vlan = next(number for number in range(1, VLAN_MAX) if number not in used)
    answers = {"address": "dhcp", "vlan": vlan}
    plane = proposed.plane.model_copy(update={ask: answers[ask] for ask in proposed.asks})
    planes = spec.network.planes.model_copy(update={proposed.name: plane})
    return spec.model_copy(update={"network": spec.network.model_copy(update={"planes": planes})})
