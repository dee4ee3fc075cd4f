# SPDX-License-Identifier: Apache-2.0
"""What is proposed for a node of each recorded machine (tests/proposed), and that no proposal is ever refused.

`make golden` writes them anew: read the difference before you commit it.
"""

from functools import cache
from itertools import chain, combinations
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import flow
from appliance.host.playback import recorded
from appliance.model.inventory import Inventory
from appliance.model.network import Nic
from appliance.model.spec import Spec
from appliance.services.network.propose import Proposal, propose
from tests.unit.test_golden import TESTS, agree

MACHINES = sorted(path.parent.name for path in (TESTS / "machines").glob("*/machine.json"))
PROPOSED = TESTS / "proposed"
ANSWERS: dict[str, dict[str, Any]] = {
    "storage": {"address": "10.250.1.11/24", "vlan": 3001},
    "overlay": {"address": "10.250.2.11/24", "vlan": 3002},
}


@cache
def machine(name: str) -> Inventory:
    """A recorded machine, as if it were a node."""
    inventory = flow.inspect(recorded(TESTS / "machines" / name))
    return inventory.model_copy(update={"system": inventory.system.model_copy(update={"installed": True})})


def spec(sriov: tuple[dict[str, Any], ...] = (), **planes: Any) -> Spec:
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": planes, "sriov": sriov}})


def managed(inventory: Inventory, **more: Any) -> Spec:
    """Management on the first port, and nothing else."""
    return spec(management={"nics": [{"mac": inventory.nics[0].mac}], "address": "10.0.2.15/24"} | more)


def with_planes(wish: Spec, proposal: Proposal, names: tuple[str, ...]) -> Spec:
    """The wish with these of the proposed planes, and what a person would answer."""
    data = wish.model_dump(mode="json", exclude_defaults=True)
    for each in proposal.planes:
        if each.name in names:
            answers = {ask: ANSWERS[each.name][ask] for ask in each.asks}
            data["network"]["planes"][each.name] = each.data(**answers)
    return Spec.model_validate(data)


def choices(proposal: Proposal) -> set[tuple[str, ...]]:
    """What somebody can leave of it."""
    some = chain.from_iterable(combinations(proposal.names, number) for number in range(len(proposal.names) + 1))
    return {proposal.without_guests(names) for names in some}


def text(proposal: Proposal) -> str:
    lines = []
    for each in proposal.planes:
        asks = f"  (asks: {', '.join(each.asks)})" if each.asks else ""
        plane = yaml.safe_dump(each.data(), default_flow_style=True, sort_keys=False, width=10**6).strip()
        lines += [f"{each.name}: {plane}{asks}", f"  because: {each.why}"]
    lines += [f"no {left.what}: {left.why}" for left in proposal.left]
    lines += [f"left free, {spare.what}: {spare.why}" for spare in proposal.spare]
    return "\n".join(lines)


def changed(name: str, **nics: dict[str, object]) -> Inventory:
    """A recorded machine with other facts of some ports, by the last digit of their MAC address."""
    inventory = machine(name)
    new = tuple(nic.model_copy(update=nics.get(f"port{nic.mac[-1]}", {})) for nic in inventory.nics)
    return inventory.model_copy(update={"nics": new})


@pytest.mark.parametrize("name", MACHINES)
def test_each_machine(name: str) -> None:
    inventory = machine(name)
    wish = managed(inventory)
    proposal = propose(inventory, wish)
    agree(PROPOSED / f"{name}.txt", text(proposal))
    assert choices(proposal) > {()}
    for names in choices(proposal):
        assert flow.check(inventory, with_planes(wish, proposal, names)) == []
        assert flow.plan(inventory, with_planes(wish, proposal, names)).steps


def test_the_files_are_those_of_the_machines() -> None:
    assert {path.stem for path in PROPOSED.iterdir()} == set(MACHINES)
    assert len(MACHINES) > 8


def test_nothing_is_proposed_twice() -> None:
    inventory = machine("six-ports")
    wish = managed(inventory)
    whole = with_planes(wish, propose(inventory, wish), ("business", "storage", "overlay"))
    assert propose(inventory, whole).names == ()
    assert propose(inventory, whole).left == ()


def test_what_is_there_is_stood_upon() -> None:
    """Business on a bond of its own, whose switch has large frames: the others share it, as large, and take none of its ports."""
    inventory = machine("four-ports")
    business = {"nics": [{"mac": f"52:54:00:00:00:0{n}"} for n in (2, 3, 4)], "bond": "802.3ad", "mtu": 9000}
    proposal = propose(inventory, spec(**managed(inventory).network.planes.model_dump(exclude_none=True), business=business))
    assert [(each.name, each.data()) for each in proposal.planes] == [
        ("storage", {"on": "business", "mtu": 9000}),
        ("overlay", {"on": "business", "mtu": 9000}),
    ]


def test_management_on_the_ports_of_business_shares_them() -> None:
    inventory = machine("two-ports")
    both = [{"mac": nic.mac} for nic in inventory.nics]
    wish = spec(business={"nics": both, "bond": "active-backup"}, management={"on": "business", "vlan": 10, "address": "dhcp"})
    assert [each.plane.on for each in propose(inventory, wish).planes] == ["business", "business"]


def test_one_bond_of_two_ports_carries_all() -> None:
    inventory = machine("two-ports")
    both = [{"mac": nic.mac} for nic in inventory.nics]
    proposal = propose(inventory, managed(inventory, nics=both, bond="active-backup"))
    assert [each.plane.on for each in proposal.planes] == ["management"] * 3
    assert proposal.spare == ()


def test_the_fastest_pair_is_for_vms_and_a_port_without_a_cable_for_nobody() -> None:
    inventory = changed("six-ports", port3={"link": False, "speed": 0}, port5={"speed": 25000}, port6={"speed": 25000})
    proposal = propose(inventory, managed(inventory))
    business, storage, _ = proposal.planes
    assert [selector.mac for selector in business.plane.nics] == ["52:54:00:00:00:05", "52:54:00:00:00:06"]
    assert storage.plane.on == "business", "one e1000e and one igb are no pair"
    assert {spare.what.split()[0]: spare.why for spare in proposal.spare} == {
        "52:54:00:00:00:02": "no free port is like it, to make a pair",
        "52:54:00:00:00:03": "it has no cable, or its other end is off",
        "52:54:00:00:00:04": "no free port is like it, to make a pair",
    }


def test_ports_of_unlike_speed_are_no_pair() -> None:
    inventory = changed("four-ports", port3={"speed": 10000})
    assert propose(inventory, managed(inventory)).planes[0].plane.on == "management"


def test_ports_whose_functions_are_for_vms_and_twins_are_left_alone() -> None:
    inventory = changed("four-ports", port2={"mac": "52:54:00:00:00:03"})
    planes = managed(inventory).network.planes.model_dump(exclude_none=True)
    proposal = propose(inventory, spec(({"nic": {"pci": "0000:05:00.0"}, "vfs": 2},), **planes))
    assert [spare.why for spare in proposal.spare] == [
        "another port has the same MAC address",
        "another port has the same MAC address",
        "the spec gives its virtual functions to VMs",
    ]
    assert all(each.plane.on == "management" for each in proposal.planes)


def test_what_check_refuses_is_said_and_not_proposed() -> None:
    """Over a management of 1300 bytes tunnels leave VMs too little, so neither VMs' networks nor their tunnels can be there."""
    inventory = machine("six-ports")
    proposal = propose(inventory, managed(inventory, mtu=1300))
    assert proposal.names == ("storage",)
    assert [(left.what, left.why) for left in proposal.left] == [
        ("business", "of 1300 bytes the tunnels leave VMs' networks 1242, and IPv6 needs 1280"),
        ("overlay", "of 1300 bytes the tunnels leave VMs' networks 1222, and IPv6 needs 1280"),
    ]


def test_no_vms_networks_on_a_bond_that_rewrites_what_they_send() -> None:
    inventory = machine("two-ports")
    management = {"nics": [{"pci": nic.pci} for nic in inventory.nics], "bond": "balance-alb", "address": "10.0.0.11/24"}
    proposal = propose(inventory, spec(management=management))
    assert "business" not in proposal.names
    (left,) = (left for left in proposal.left if left.what == "business")
    assert left.why.startswith("balance-alb writes the ports' own addresses")


def test_a_spec_that_is_wrong_is_to_be_put_right_first() -> None:
    inventory = machine("six-ports")
    proposal = propose(inventory, spec(management={"nics": [{"driver": "bnxt_en"}], "address": "dhcp"}))
    assert proposal.planes == ()
    assert [left.what for left in proposal.left] == ["business", "storage", "overlay"]
    assert all(left.why.startswith("what the spec says now is to be put right first: nothing matches") for left in proposal.left)


# Whatever ports there are, and whatever the spec says already: a proposal is never refused, and leaves what is there alone.

FACTS = st.fixed_dictionaries(
    {}, optional={
        "link": st.booleans(), "speed": st.sampled_from([0, 1000, 10000]), "driver": st.sampled_from(["igb", "ixgbe"]),
        "unusable": st.sampled_from([(), ("it is broken",)]), "mac": st.sampled_from(["52:54:00:00:00:01", "52:54:00:00:00:03"]),
    },
)  # fmt: skip
BONDS = st.sampled_from(["active-backup", "802.3ad", "balance-alb", "balance-tlb"])
COMMON = {"mtu": st.sampled_from([1280, 1300, 1400, 1500, 9000])}


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Inventory, Spec]:
    inventory = machine(
        draw(st.sampled_from(["small-bios", "two-ports", "four-ports", "six-ports", "eight-ports", "two-sockets"]))
    )
    nics = tuple(nic.model_copy(update=draw(FACTS)) for nic in inventory.nics)
    ports = draw(st.permutations([nic.pci for nic in nics if not nic.vf_of]))
    planes: dict[str, Any] = {}
    for number, name in enumerate(
        ("management", *draw(st.sets(st.sampled_from(["business", "storage", "overlay"]), max_size=2)))
    ):
        plane = draw(st.fixed_dictionaries({}, optional=COMMON | {"vlan": st.integers(10, 12)}))
        if name != "business":
            plane["address"] = f"10.0.{number}.11/24"
        own = [ports.pop() for _ in range(min(draw(st.integers(1, 2)), len(ports)))]
        if own and (name == "management" or draw(st.booleans())):
            plane |= {"nics": [{"pci": pci} for pci in own]} | ({"bond": draw(BONDS)} if len(own) > 1 else {})
        else:
            plane["on"] = "management"
        planes[name] = plane
    functions = draw(st.sampled_from([(), ({"nic": {"pci": "0000:04:00.0"}, "vfs": 2},)]))
    return inventory.model_copy(update={"nics": nics}), spec(functions, **planes)


@given(wishes())
@settings(max_examples=300, deadline=None)
def test_a_proposal_is_never_refused(case: tuple[Inventory, Spec]) -> None:
    inventory, wish = case
    proposal = propose(inventory, wish)
    assert set(proposal.names).isdisjoint(wish.network.planes.given)
    before = flow.check(inventory, wish)
    assert not (before and proposal.planes)
    taken = [selector.mac for each in proposal.planes for selector in each.plane.nics]
    assert len(set(taken)) == len(taken)
    ports: dict[str, Nic] = {nic.mac: nic for nic in inventory.nics if not nic.vf_of}
    assert all(ports[str(mac)].link for mac in taken)
    for names in choices(proposal):
        assert flow.check(inventory, with_planes(wish, proposal, names)) == before, names
