# SPDX-License-Identifier: Apache-2.0
"""A node whose hardware has lost something comes up with everything else, says what is gone, and is whole when it is back.

The cases `gone-*` are recorded machines without some of their ports; here they lose and regain them, and every other case does.
"""

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from appliance import flow
from appliance.cli import main
from appliance.cli.render import status_text
from appliance.errors import Unsatisfiable
from appliance.host.playback import playback
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory, System
from appliance.model.machine import Iommu
from appliance.model.netreport import Probes
from appliance.model.network import Address, Nic, Sriov, Vf
from appliance.model.plan import ConfigureNetwork, ConfigureOvn, ConfigureVfs, KeepPorts, Pending, Plan
from appliance.model.selector import Chosen
from appliance.model.spec import Spec
from appliance.model.status import Boot, Status
from appliance.node import status
from appliance.services.network import health, networkd, ovn
from appliance.services.network.gone import remaining
from appliance.services.network.report import ports, report
from tests.tui import nodes
from tests.unit import network
from tests.unit.carried import carried_out, case_of, dark, machine_of, node, replugged, starting, unplugged
from tests.unit.test_golden import CASES

GONE = [case for case in CASES if (case / "gone").exists()]
WHOLE = [case for case in CASES if case not in GONE]
MAC = "52:54:00:00:00:0{}"


def test_there_are_cases() -> None:
    assert len(GONE) >= 7
    assert len(WHOLE) >= 20


@pytest.mark.parametrize("case", GONE, ids=lambda c: c.name)
def test_a_node_without_them_does_nothing_twice_and_is_whole_when_they_are_back(case: Path) -> None:
    before, spec = case_of(case)
    hardware = machine_of(case)
    whole = node(hardware, spec)
    after = carried_out(before, spec)
    assert flow.plan(after, spec, follow=True).lost
    assert after.chosen == whole.chosen, "what was chosen is remembered while it is gone"
    again = carried_out(replugged(after, hardware), spec)
    plan = flow.plan(again, spec, follow=True)
    assert (plan.steps, plan.lost) == ((), ())
    for fact in ("devices", "chassis", "firewall", "addresses", "chosen"):
        assert getattr(again, fact) == getattr(whole, fact), fact
    assert again.system.files == whole.system.files


@pytest.mark.parametrize("case", GONE, ids=lambda c: c.name)
def test_what_has_lost_nothing_stays_as_it_is(case: Path) -> None:
    """Neither when a card goes while the node runs, nor when it comes back, is anything else written or made anew.

    But for the way out of the node, which is offered where none is stated any more: that is read, and nothing is made anew.
    """
    hardware, (before, spec), gone = machine_of(case), case_of(case), (case / "gone").read_text().split()
    uplinks, _, alerts = remaining(before, spec)
    touched = {alert.where.split(".")[2] for alert in alerts if alert.where.startswith("network.planes.")}
    others = [uplink for uplink in uplinks if uplink.owner.name not in touched]
    moved = any(spec.network.planes.given[name].gateways for name in touched)
    whole = node(hardware, spec)
    pulled = whole.model_copy(update={"nics": tuple(nic for nic in whole.nics if nic.mac not in gone)})
    for now in (pulled, replugged(carried_out(before, spec), hardware)):
        steps = flow.plan(now, spec, follow=True).steps
        written = {f.path for s in steps if isinstance(s, ConfigureNetwork) for f in s.files}
        kept = {path for path in networkd.files(others) if path.endswith(".netdev") or not moved}
        assert not written & kept
        assert {device for uplink in others for device in uplink.devices} <= set(now.devices)
        assert {s.pci for s in steps if isinstance(s, ConfigureVfs)} <= {nic.pci for nic in hardware.nics if nic.mac in gone}


@pytest.mark.parametrize("case", WHOLE, ids=lambda c: c.name)
def test_whatever_port_is_gone_the_rest_is_planned(case: Path) -> None:
    """Each port of each case, each two of them, and all."""
    machine, (_, spec) = machine_of(case), case_of(case)
    used = {nic.mac for uplink in remaining(machine, spec)[0] for nic in uplink.nics}
    for lost in ({*some} for some in (*((mac,) for mac in used), *combinations(sorted(used), 2), used)):
        left = machine.model_copy(update={"nics": tuple(nic for nic in machine.nics if nic.mac not in lost)})
        before = starting(left, spec, machine)
        uplinks, problems, _ = remaining(before, spec)
        assert problems == []
        after = carried_out(before, spec)
        assert flow.plan(after, spec, follow=True).steps == ()
        there = {nic.mac for uplink in uplinks for nic in uplink.nics}
        assert there == used - lost, "each port that is left carries what it did, and no other one does"


# What is said.


def port(number: int, **facts: Any) -> Nic:
    given = {"driver": "igb", "pci": f"0000:0{number}:00.0", "link": True, "speed": 10000}
    return Nic(mac=MAC.format(number), **given | facts)


def spec_of(sriov: list[dict[str, Any]] | None = None, **planes: dict[str, Any]) -> Spec:
    given = {"management": {"nics": [{"mac": MAC.format(1)}], "address": "10.0.0.11/24"}} | planes
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": given, "sriov": sriov or []}})


def saved(spec: Spec, *nics: Nic, **facts: Any) -> Inventory:
    return Inventory(nics=nics, system=System(installed=True, spec=spec.digest), **facts)


def said(inventory: Inventory, spec: Spec) -> dict[str, tuple[str, str]]:
    return {alert.where: (alert.severity, alert.message) for alert in remaining(inventory, spec)[2]}


def mac(number: int) -> dict[str, str]:
    return {"mac": MAC.format(number)}


def test_each_loss_has_its_place_its_sentence_and_a_remedy() -> None:
    spec = spec_of(
        business={"nics": [mac(2), {"driver": "ixgbe", "count": 2}], "bond": "active-backup", "vlan": "trunk"},
        storage={"nics": [mac(4)], "address": "10.0.1.11/24"},
        overlay={"on": "storage", "vlan": 3, "address": "10.0.2.11/24"},
        sriov=[{"nic": mac(5), "vfs": 2}],
    )
    now = saved(spec, port(2), port(3, driver="ixgbe"))
    assert said(now, spec) == {
        "network.planes.management": (
            "critical",
            f"the port with mac {MAC.format(1)} is not there: no port is left, and nobody reaches this node by its management "
            "network",
        ),
        "network.planes.business.nics[1]": (
            "warning",
            f"1 of 2 ports with driver ixgbe is not there: the bond goes on with {MAC.format(2)} (igb, 0000:02:00.0), "
            f"{MAC.format(3)} (ixgbe, 0000:03:00.0)",
        ),
        "network.planes.storage": (
            "critical", f"the port with mac {MAC.format(4)} is not there: no port is left, and the plane is left out"
        ),
        "network.planes.overlay": ("critical", "no port of storage is left, on whose ports it stands: it is left out, too"),
        "network.sriov[0].nic": (
            "warning", f"the port with mac {MAC.format(5)} is not there: its virtual functions are left out"
        ),
    }  # fmt: skip
    plan = flow.plan(now, spec, follow=True)
    assert {pending.where for pending in plan.lost} == set(said(now, spec)), "each is said once"
    assert all(pending.hint for pending in plan.lost)


def test_a_new_spec_is_refused_with_all_problems_at_once() -> None:
    spec = spec_of(storage={"nics": [mac(4)], "address": "10.0.1.11/24"}, sriov=[{"nic": mac(5), "vfs": 2}])
    now = saved(spec_of(), port(1))
    for follow in (False, True):
        with pytest.raises(Unsatisfiable) as caught:
            flow.plan(now, spec, follow=follow)
        assert [p.where for p in caught.value.problems] == ["network.planes.storage.nics[0]", "network.sriov[0].nic"]
    with pytest.raises(Unsatisfiable):
        flow.plan(saved(spec, port(1)), spec)
    assert flow.plan(saved(spec, port(1)), spec, follow=True).steps


def test_what_is_wrong_with_the_spec_itself_is_refused_also_when_it_is_followed() -> None:
    two = {"nics": [mac(2), mac(3)], "address": "10.0.1.11/24"}
    for plane, where in ((two, "bond"), ({"address": "10.0.1.11/24"}, "nics")):
        spec = spec_of(storage=plane)
        now = saved(spec, port(1), port(2), port(3))
        with pytest.raises(Unsatisfiable) as caught:
            flow.plan(now, spec, follow=True)
        assert [p.where for p in caught.value.problems] == [f"network.planes.storage.{where}"]
        assert [u.owner.name for u in remaining(now, spec)[0]] == ["management"], "who looks at the network sees the rest"


def test_management_on_a_plane_without_ports_is_said_plainly() -> None:
    spec = spec_of(management={"on": "business", "vlan": 5, "address": "dhcp"}, business={"nics": [mac(2)], "vlan": "trunk"})
    message = said(saved(spec, port(1)), spec)["network.planes.management"][1]
    assert message == (
        "no port of business is left, on whose ports it stands: nobody reaches this node by its management network"
    )


def test_a_port_that_now_has_the_place_of_two_is_managements() -> None:
    """Without a card the others are counted otherwise: what was at 04:00.0 is at 03:00.0."""
    spec = spec_of(
        management={"nics": [{"pci": "0000:03:00.0"}], "address": "dhcp"},
        storage={"nics": [mac(4), {"driver": "ixgbe"}], "bond": "active-backup", "address": "10.0.1.11/24"},
        business={"nics": [mac(4)], "vlan": "trunk"},
    )
    now = saved(spec, port(4, pci="0000:03:00.0"), port(5, driver="ixgbe"))
    assert [[nic.mac[-1] for nic in uplink.nics] for uplink in remaining(now, spec)[0]] == [["4"], ["5"]]
    label = now.nics[0].label
    assert said(now, spec) == {
        "network.planes.business": (
            "critical", f"{label} belongs to management already: no port is left, and the plane is left out"
        ),
        "network.planes.storage.nics[0]": (
            "warning", f"{label} belongs to management already: the bond goes on with {now.nics[1].label}"
        ),
    }  # fmt: skip


def test_a_card_too_many_is_nobodys() -> None:
    """Which of them is meant is for a person to say; what does not depend on it comes up."""
    spec = spec_of(storage={"nics": [{"driver": "ixgbe"}], "address": "10.0.1.11/24"})
    now = saved(spec, port(1), port(2, driver="ixgbe"), port(3, driver="ixgbe"))
    assert "2 match, and 1 is asked for" in said(now, spec)["network.planes.storage"][1]
    assert len(remaining(now, spec)[0]) == 1


# What was chosen by a cable.


def test_no_other_port_is_chosen_in_the_place_of_one_that_is_gone() -> None:
    """The other one has a link, too, and a cable that leads who knows where."""
    spec = spec_of(
        management={"nics": [{"link": True, "driver": "igb"}], "address": "dhcp"},
        sriov=[{"nic": {"link": True, "driver": "ixgbe"}, "vfs": 1}],
    )
    sriov = Sriov(total=7)
    machine = saved(spec, port(1), port(2, driver="ixgbe", sriov=sriov))
    whole = carried_out(machine, spec)
    others = (port(3), port(4, driver="ixgbe", sriov=sriov))
    lost = carried_out(whole.model_copy(update={"nics": others}), spec)
    assert remaining(lost, spec)[0] == ()
    assert set(said(lost, spec)) == {"network.planes.management", "network.sriov[0].nic"}
    assert lost.chosen == whole.chosen
    assert all(nic.sriov == port_.sriov for nic, port_ in zip(lost.nics, others, strict=True))
    back = whole.nics[0].model_copy(update={"link": False, "speed": 0})
    again = carried_out(lost.model_copy(update={"nics": (back, *others)}), spec)
    assert remaining(again, spec)[0][0].nics == (back,)
    anew = flow.plan(lost.model_copy(update={"chosen": Chosen()}), spec, follow=True)
    assert [type(step) for step in anew.steps][:2] == [KeepPorts, ConfigureNetwork], "a person has it choose again"


def test_a_bond_of_cables_goes_on_with_the_rest_of_them() -> None:
    spec = spec_of(storage={"nics": [{"link": True, "driver": "ixgbe"}], "bond": "802.3ad", "address": "10.0.1.11/24"})
    fast = {"driver": "ixgbe"}
    whole = carried_out(saved(spec, port(1), port(2, **fast), port(3, **fast)), spec)
    lost = dark(whole.model_copy(update={"nics": (*whole.nics[:2], port(4, **fast))}))
    assert [nic.mac[-1] for nic in remaining(lost, spec)[0][1].nics] == ["2"]
    assert said(lost, spec)["network.planes.storage.nics[0]"][1] == (
        f"the port {MAC.format(3)}, chosen by driver ixgbe, link true, is not there: the bond goes on with {lost.nics[1].label}"
    )


def test_which_of_two_ports_with_one_address_was_chosen_nobody_knows() -> None:
    spec = spec_of(management={"nics": [{"link": True, "driver": "ixgbe"}], "address": "dhcp"}, storage={
        "nics": [mac(3)], "address": "10.0.1.11/24"})  # fmt: skip
    whole = carried_out(saved(spec, port(2, driver="ixgbe"), port(3)), spec)
    twins = whole.model_copy(update={"nics": (*whole.nics, port(2, driver="ixgbe", pci="0000:09:00.0"))})
    assert [uplink.owner.name for uplink in remaining(twins, spec)[0]] == ["storage"]
    assert flow.plan(twins, spec, follow=True).lost


# What planes carry.


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"nic": mac(2), "vfs": 1, "driver": "vfio-pci"}, "[0].driver"),  # the firmware has forgotten its settings
        ({"nic": mac(3), "vfs": 1}, "[0].nic"),
        ({"nic": mac(2), "vfs": 3}, "[0].vfs"),  # while a VM has one of the two that there are
    ],
)
def test_functions_that_cannot_be_keep_nothing_else_from_being(entry: dict[str, Any], where: str) -> None:
    spec = spec_of(sriov=[entry])
    used = Vf(index=0, pci="0000:02:10.0", driver="igbvf", used_by="web1")
    made = Sriov(total=7, vfs=(used, used.model_copy(update={"index": 1, "used_by": ""})))
    now = saved(spec, port(1), port(2, sriov=made), port(3))
    plan = flow.plan(now, spec, follow=True)
    assert f"network.sriov{where}" in [pending.where for pending in plan.lost]
    assert any(isinstance(step, ConfigureNetwork) for step in plan.steps)
    assert not any(isinstance(step, ConfigureVfs) for step in plan.steps), "what is there may be what is meant"


def test_functions_of_other_ports_are_made() -> None:
    spec = spec_of(sriov=[{"nic": mac(2), "vfs": 1}, {"nic": mac(3), "vfs": 2, "driver": "vfio-pci"}])
    iommu = saved(spec).machine.model_copy(update={"iommu": Iommu(available=True, groups=9)})
    now = saved(spec, port(1), port(3, sriov=Sriov(total=7)), machine=iommu)
    (step,) = (s for s in flow.plan(now, spec, follow=True).steps if isinstance(s, ConfigureVfs))
    assert (step.pci, len(step.vfs)) == ("0000:03:00.0", 2)


OVERLAY = {"nics": [mac(3)], "address": "10.0.2.11/24"}
BUSINESS = {"nics": [mac(2)], "vlan": "trunk"}


def chassis(now: Inventory, spec: Spec) -> Any:
    return next((s.chassis for s in flow.plan(now, spec, follow=True).steps if isinstance(s, ConfigureOvn)), None)


def test_tunnels_go_to_no_other_plane_and_vms_keep_the_networks_that_are_there() -> None:
    spec = spec_of(business=BUSINESS, overlay=OVERLAY)
    assert chassis(saved(spec, port(1), port(2)), spec).model_dump(include={"encap", "mappings"}) == {
        "encap": "10.0.2.11", "mappings": (("business", "br-business"),),
    }  # fmt: skip
    assert chassis(saved(spec, port(1), port(3)), spec).mappings == ()
    assert chassis(saved(spec_of(business=BUSINESS), port(2)), spec_of(business=BUSINESS)).encap == "10.0.0.11"


def test_tunnels_without_any_address_are_said_and_not_waited_for() -> None:
    spec = spec_of(business=BUSINESS, overlay=OVERLAY | {"address": "dhcp"})
    now = saved(spec, port(1), port(2))
    plan = flow.plan(now, spec, follow=True)
    assert (chassis(now, spec), plan.awaited) == (None, ())
    assert "OVN needs an address here for its tunnels" in " ".join(pending.why for pending in plan.lost)
    waits = flow.plan(saved(spec, port(1), port(2), port(3)), spec, follow=True)
    assert ([pending.where for pending in waits.awaited], waits.lost) == (["network.planes.overlay.address"], ())
    held = (Address(link=MAC.format(3), address="10.9.0.5/24"),)
    assert ovn.address(saved(spec, port(1), port(2), port(3), addresses=held), spec) == "10.9.0.5"


# Who follows, and who shows it.


def test_trivetd_and_trivet_without_a_spec_follow_the_saved_one() -> None:
    record = unplugged(nodes.record(), MAC.format(2))
    host = playback(record)
    _, _, wanted = status.wanted(host, flow.inspect(host))
    assert [pending.where for pending in wanted.lost] == ["network.planes.storage.nics[0]"]
    args = main._parser().parse_args(["plan"])
    assert main._plan_of(args, host, load_spec(nodes.SPEC)) == wanted
    named = main._parser().parse_args(["plan", "spec.yaml"])
    with pytest.raises(Unsatisfiable, match="only 1 matches, and 2 is asked for"):
        main._plan_of(named, host, load_spec(nodes.SPEC))
    nodes.begin_trial(record, 60, nodes.SPEC.replace("10.0.9.11/24", "10.0.9.12/24"))
    with pytest.raises(Unsatisfiable):
        status.wanted(playback(record), flow.inspect(playback(record)))


def test_the_health_of_the_network_has_it() -> None:
    host = network.node()
    storage = {"nics": [mac(2), mac(3), mac(9)], "bond": "802.3ad", "vlan": 20, "mtu": 9000, "address": "10.0.1.11/24"}
    now = report(host, ports(host), network.spec(storage=storage, overlay=None))
    (alert,) = health.alerts(now, Probes())
    assert (alert.where, alert.severity) == ("network.planes.storage.nics[2]", "warning")
    assert alert.hint


def test_a_status_with_losses_is_not_ready() -> None:
    lost = Pending(where="network.planes.storage", why="no port is left", hint="put it in", lost=True)
    assert status._differs(Plan(pending=(lost,)), Boot())
    assert not status._differs(Plan(pending=(Pending(where="node.language", why="later"),)), Boot())
    text = status_text(Status(state="differs", name="n1", version="1", pending=(lost,)))
    assert "not yet  network.planes.storage: no port is left; put it in" in text

