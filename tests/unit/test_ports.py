# SPDX-License-Identifier: Apache-2.0
"""A selector that asks for what comes and goes chooses when it is planned with first, and means those ports from then on."""

from dataclasses import replace
from typing import Any

import pytest

from appliance import flow
from appliance.cli import main
from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host.host import Host
from appliance.host.playback import playback
from appliance.model.inventory import Inventory, System
from appliance.model.network import Neighbour, Nic
from appliance.model.plan import ConfigureNetwork, KeepPorts, Plan, ReplaceSpec
from appliance.model.selector import Chosen
from appliance.model.spec import Spec
from appliance.services.network import observe, ports, report
from appliance.services.network.apply import HANDLERS
from appliance.services.network.topology import resolve
from tests.unit import network
from tests.unit.carried import carried_out, dark, node

MAC = "52:54:00:00:00:0{}"


def port(number: int, **facts: Any) -> Nic:
    given = {"driver": "igb", "pci": f"0000:0{number}:00.0", "link": True, "speed": 10000}
    return Nic(mac=MAC.format(number), **given | {"neighbours": (Neighbour(system="sw1", port=f"Eth{number}"),)} | facts)


def machine(*nics: Nic) -> Inventory:
    return Inventory(nics=nics, system=System(installed=True))


def wish(*nics: dict[str, Any], name: str = "n1", **more: Any) -> Spec:
    planes = {"management": {"nics": nics, "address": "dhcp", **more}}
    return Spec.model_validate({"version": 1, "node": {"name": name}, "network": {"planes": planes}})


def meant(inventory: Inventory, spec: Spec) -> list[str]:
    """The last digits of the ports that carry management."""
    uplinks, problems = resolve(inventory, spec)
    assert not problems
    return [nic.mac[-1] for nic in uplinks[0].nics]


def with_cable(inventory: Inventory, number: int, **facts: Any) -> Inventory:
    """Other facts of one port."""
    changed = (nic.model_copy(update=facts) if nic.mac == MAC.format(number) else nic for nic in inventory.nics)
    return inventory.model_copy(update={"nics": tuple(changed)})


FACTS = [{"link": True}, {"speed": ">= 10G"}, {"lldp": "sw1/Eth2"}]
OTHER = {"link": False, "speed": 0, "neighbours": ()}


@pytest.mark.parametrize("selector", FACTS, ids=lambda selector: next(iter(selector)))
def test_a_node_starts_without_any_cable(selector: dict[str, Any]) -> None:
    """No port has a link yet when trivetd plans, and LLDP is not heard before networkd listens."""
    before, spec = machine(port(1, **OTHER), port(2)), wish(selector)
    assert meant(before, spec) == ["2"]
    after = carried_out(before, spec)
    assert meant(dark(after), spec) == ["2"]
    assert flow.plan(dark(after), spec).steps == ()
    boot = after.model_copy(update={"devices": (), "system": System(installed=True, spec=spec.digest)})
    assert flow.plan(dark(boot), spec).steps
    with pytest.raises(Unsatisfiable):
        flow.plan(dark(boot.model_copy(update={"chosen": Chosen()})), spec)


def test_the_installer_chooses_for_the_node() -> None:
    """What its first boot looks like is what `node` begins with."""
    spec = wish({"lldp": "sw1/Eth2"})
    assert meant(dark(node(machine(port(1), port(2)), spec)), spec) == ["2"]


def test_what_the_switch_no_longer_lets_be_heard_stays() -> None:
    """The kernel gives what comes in on a port of Open vSwitch to it, and networkd hears nobody there any more."""
    before = machine(port(1), port(2), port(3))
    planes = {
        "management": {"nics": [{"mac": MAC.format(1)}], "address": "dhcp"},
        "business": {"nics": [{"lldp": "sw1/Eth2"}, {"lldp": "sw1/Eth3"}], "bond": "active-backup", "vlan": "trunk"},
    }
    spec = Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": planes}})
    after = carried_out(before, spec)
    deaf = with_cable(with_cable(after, 2, neighbours=()), 3, neighbours=())
    assert flow.plan(deaf, spec).steps == ()


def test_a_cable_that_is_out_takes_no_member_from_a_bond() -> None:
    spec = wish({"link": True}, bond="active-backup")
    after = carried_out(machine(port(1), port(2), port(3, **OTHER)), spec)
    assert meant(after, spec) == ["1", "2"]
    assert flow.plan(with_cable(after, 2, **OTHER), spec).steps == ()
    assert flow.plan(with_cable(after, 3, link=True), spec).steps == (), "nor does one that is put in give it another"


def test_cables_that_have_changed_places_choose_no_other_port() -> None:
    spec = wish({"lldp": "sw1/Eth2"})
    after = carried_out(machine(port(1), port(2)), spec)
    swapped = with_cable(after, 1, neighbours=after.nics[1].neighbours)
    swapped = with_cable(swapped, 2, neighbours=after.nics[0].neighbours)
    assert meant(swapped, spec) == ["2"]
    anew = swapped.model_copy(update={"chosen": Chosen()})
    assert meant(anew, spec) == ["1"]


def test_a_selector_that_is_written_otherwise_chooses_anew() -> None:
    after = carried_out(machine(port(1, **OTHER), port(2)), wish({"link": True}))
    moved = with_cable(with_cable(after, 2, **OTHER), 1, link=True)
    assert meant(moved, wish({"link": True})) == ["2"]
    assert meant(moved, wish({"link": True, "count": 1})) == ["2"], "it is the same with the count that it had"
    assert meant(moved, wish({"link": True, "driver": "igb"})) == ["1"]


def test_a_new_spec_has_the_ports_of_the_selectors_that_it_has_from_the_saved_one() -> None:
    after = dark(carried_out(machine(port(1), port(2)), wish({"lldp": "sw1/Eth2"})))
    assert meant(after, wish({"lldp": "sw1/Eth2"}, name="n2")) == ["2"]


@pytest.mark.parametrize("facts", [{"mac": MAC.format(9)}, {"driver": "ixgbe"}])
def test_a_port_that_is_not_the_same_any_more_is_replaced(facts: dict[str, Any]) -> None:
    """A card was changed: another port is at the cable, or what the selector says besides holds no longer."""
    spec = wish({"driver": "igb", "link": True})
    after = carried_out(machine(port(1, **OTHER), port(2)), spec)
    assert meant(with_cable(with_cable(after, 2, **facts, link=False), 1, link=True), spec) == ["1"]


def test_twins_are_told_by_nothing_that_is_kept() -> None:
    spec = wish({"lldp": "sw1/Eth2"})
    after = carried_out(machine(port(1), port(2)), spec)
    assert resolve(dark(with_cable(after, 1, mac=MAC.format(2))), spec)[1]


def test_the_port_of_virtual_functions_is_kept_too() -> None:
    document = wish({"mac": MAC.format(1)}).model_dump(mode="json", exclude_none=True)
    document["network"]["sriov"] = [{"nic": {"lldp": "sw1/Eth2"}, "vfs": 0}]
    (choice,) = ports.choices(machine(port(1), port(2)), Spec.model_validate(document))
    assert choice.macs == (MAC.format(2),)
    assert choice.selector.count == 1


def test_what_a_port_is_told_by_at_any_time_needs_no_memory() -> None:
    plan = flow.plan(machine(port(1), port(2)), wish({"mac": MAC.format(1)}))
    assert not [step for step in plan.steps if isinstance(step, KeepPorts)]


def test_a_change_on_trial_does_not_forget_what_is_gone_back_to() -> None:
    saved, tried = wish({"lldp": "sw1/Eth1"}), wish({"lldp": "sw1/Eth2"})
    before = carried_out(machine(port(1), port(2)), saved)
    on_trial = before
    for step in flow.plan(before, tried).without(ReplaceSpec).steps:
        if isinstance(step, KeepPorts):
            on_trial = before.model_copy(update={"chosen": step.chosen})
    for spec, number in ((saved, "1"), (tried, "2")):
        assert meant(dark(on_trial), spec) == [number]
    kept = carried_out(dark(on_trial), tried)
    assert meant(dark(kept), tried) == ["2"]
    third = flow.plan(with_cable(kept, 1, link=True), wish({"link": True}))
    (step,) = (step for step in third.steps if isinstance(step, KeepPorts))
    assert saved.digest not in step.chosen.specs, "only what may be gone back to is remembered"
    assert Plan.model_validate_json(third.model_dump_json()) == third


def test_a_person_has_them_choose_anew() -> None:
    """For the saved spec: of another one, what the saved one would be gone back to by would be forgotten."""
    spec = wish({"lldp": "sw1/Eth2"})
    after = carried_out(machine(port(1), port(2)), spec)
    after = after.model_copy(update={"nics": (port(1, neighbours=after.nics[1].neighbours), port(2, neighbours=()))})
    kept, anew = (flow.plan(main.as_it_is(after, anew=anew), spec) for anew in (False, True))
    assert kept.steps == ()
    assert [type(step) for step in anew.steps] == [KeepPorts, ConfigureNetwork]
    for line in ("plan --anew new.yaml", "apply --anew new.yaml"):
        args = main._parser().parse_args(line.split())
        with pytest.raises(ApplianceError, match="--anew is for the spec that is saved on this node"):
            main._plan_of(args, playback({"origin": "a test"}), spec)


# What is written and read.


def written(host: Host) -> tuple[Host, dict[str, str]]:
    texts: dict[str, str] = {}

    class Files:
        def write(self, path: str, text: str, mode: int = 0o644) -> None:
            texts[path] = text

        def read(self, path: str) -> str | None:
            return texts[path].rstrip() if path in texts else host.files.read(path)

        def list(self, path: str) -> tuple[str, ...]:
            return host.files.list(path)

        def link(self, path: str) -> str | None:
            return host.files.link(path)

    return replace(host, files=Files()), texts  # type: ignore[arg-type]  # so much of the door as is used


def test_the_choice_is_saved_where_the_spec_is() -> None:
    spec = wish({"link": True})
    (step,) = (s for s in flow.plan(machine(port(1)), spec).steps if isinstance(s, KeepPorts))
    host, texts = written(playback({"origin": "a test"}))
    handler = HANDLERS[KeepPorts]
    assert not handler.done(step, host)
    handler.do(step, host, lambda *_: None)
    assert handler.done(step, host)
    assert list(texts) == ["/var/lib/trivet/ports.json"]
    texts["/var/lib/trivet/ports.json"] = '{"specs": {"half'
    assert observe.chosen(host) == Chosen(), "what cannot be read is chosen again"


def test_who_looks_at_the_network_knows_a_plane_whose_cable_is_out() -> None:
    """It is said of the plane that its port has no link, and not that there is no such port."""
    spec = network.spec(management={"nics": [{"link": True, "driver": "ixgbe", "pci": "*:00:00.0"}], "address": "dhcp"})
    host = network.node()
    chosen = Chosen(specs={spec.digest: ports.choices(report.ports(host), spec)})
    out, texts = written(replace(host, netlink=Unplugged(host.netlink)))
    assert {plane.name for plane in report.report(out, report.ports(out), spec).planes} == {"storage", "overlay"}
    texts[ports.PORTS] = chosen.model_dump_json()
    now = report.report(out, report.ports(out), spec)
    management = now.planes[0]
    assert management.name == "management"
    assert not now.uplink(management).link


class Unplugged:
    """eth0 has no cable."""

    def __init__(self, netlink: Any) -> None:
        self._netlink = netlink

    def links(self) -> tuple[dict[str, Any], ...]:
        return tuple({**link, "carrier": link["carrier"] and link["name"] != "eth0"} for link in self._netlink.links())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._netlink, name)
