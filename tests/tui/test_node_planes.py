# SPDX-License-Identifier: Apache-2.0
"""Every plane from the console: changed, added, taken away; and what keeps one from it."""

import pytest

from appliance import flow
from appliance.host.playback import playback
from appliance.model.document import load_spec, parse_yaml
from appliance.model.spec import PlaneSpec
from appliance.tui.node import edit
from tests.tui import nodes
from tests.tui.manage import Operator, manage

ALL = """\
version: 1
node: {name: node-a}
network:
  planes:
    management:
      nics: [{mac: "52:54:00:00:00:01"}]
      address: 10.0.2.15/24
      gateway: 10.0.2.2  # the lab's router
    business:
      nics: [{driver: igb, count: 2}]  # both of the card
      bond: active-backup
      vlan: trunk
    overlay: {on: business, vlan: 30, address: dhcp}
    storage: {on: business, vlan: 31, address: 10.0.9.11/24, mtu: 1500, routes: [{to: 10.9.0.0/16, via: 10.0.9.1}]}
"""


def begun(text: str, plane: str) -> tuple[edit.NodeDraft, flow.Inventory]:
    inventory = flow.inspect(playback(nodes.record()))
    return edit.draft_of(load_spec(text), inventory, plane), inventory


@pytest.mark.parametrize("plane", ["management", "business", "overlay", "storage"])
def test_what_is_not_changed_is_not_written(plane: str) -> None:
    before, _ = begun(ALL, plane)
    assert (before.plane, before.there) == (plane, True)
    assert edit.text(ALL, before, edit.first(before)) == (ALL, True)


@pytest.mark.parametrize(("plane", "changes", "expected"), [
    ("business", {"mtu": "9000"}, {"mtu": 9000}),
    ("business", {"vlan": ""}, {"vlan": None}),
    ("overlay", {"method": "static", "address": "10.0.8.1/24"}, {"address": "10.0.8.1/24", "on": "business"}),
    ("overlay", {"on": "management"}, {"on": "management", "nics": None}),
    ("overlay", {"on": "", "ports": ("52:54:00:00:00:09",)}, {"on": None, "nics": [{"mac": "52:54:00:00:00:09"}]}),
    ("storage", {"routes": "10.9.0.0/16 via 10.0.9.2, 10.8.0.0/16 10.0.9.3"},
     {"routes": [{"to": "10.9.0.0/16", "via": "10.0.9.2"}, {"to": "10.8.0.0/16", "via": "10.0.9.3"}]}),
    ("storage", {"routes": ""}, {"routes": None}),
    ("storage", {"method": "none"}, {"address": None}),
    ("storage", {"method": "slaac"}, {"address": "slaac"}),
])  # fmt: skip
def test_each_field_of_each_plane(plane: str, changes: dict[str, object], expected: dict[str, object]) -> None:
    before, _ = begun(ALL, plane)
    text, whole = edit.text(ALL, before, before.model_copy(update=changes))
    planes, old = parse_yaml(text)["network"]["planes"], parse_yaml(ALL)["network"]["planes"]
    assert {key: planes[plane].get(key) for key in expected} == expected
    assert {name: value for name, value in planes.items() if name != plane} == {n: v for n, v in old.items() if n != plane}
    assert whole
    assert "# the lab's router" in text


def test_a_plane_is_taken_away() -> None:
    before, inventory = begun(ALL, "storage")
    after = before.model_copy(update={"taken": True})
    text, _ = edit.text(ALL, before, after)
    assert set(parse_yaml(text)["network"]["planes"]) == {"management", "business", "overlay"}
    assert edit.judge(ALL, before, after, inventory).ready
    assert edit.changed(before, after) <= edit.NETWORK


@pytest.mark.parametrize(("plane", "changes", "field"), [
    ("storage", {"address": "10.0.9.11"}, "address"),
    ("storage", {"mtu": "100"}, "mtu"),
    ("storage", {"mtu": "much"}, "mtu"),
    ("storage", {"vlan": "30"}, "vlan"),
    ("storage", {"routes": "10.9.0.0/16"}, "routes"),
    ("storage", {"routes": "10.9.0.0/16 via 10.7.7.7"}, "routes"),
    ("overlay", {"on": "", "ports": ("52:54:00:00:00:01",)}, "ports"),
])  # fmt: skip
def test_what_is_wrong_is_said_of_its_field(plane: str, changes: dict[str, object], field: str) -> None:
    before, inventory = begun(ALL, plane)
    verdict = edit.judge(ALL, before, before.model_copy(update=changes), inventory)
    assert field in verdict.wrong, verdict.wrong


def test_a_plane_that_is_not_there_begins_as_it_is_proposed() -> None:
    before, inventory = begun(nodes.FRESH, "business")
    first = edit.first(before)
    assert not before.there
    spec = load_spec(edit.text(nodes.FRESH, before, first)[0])
    assert spec.network.planes.business == PlaneSpec.model_validate(before.proposal.planes[0].data())
    assert edit.judge(nodes.FRESH, before, first, inventory).ready


def test_storage_is_changed_and_tried() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change another plane", "storage")
        assert person.page == "NetworkEdit"
        assert "The plane storage" in person.screen
        assert person.value("address") == "10.0.9.11/24"
        await person.fill("mtu", "9000")
        await person.press("ctrl+n")
        assert person.page == "ChangePage"
        assert "This is tried for 60 seconds" in person.words
        await person.press("right", "enter")

    _, edge = manage(story)
    (trivet,) = edge.started
    assert trivet.arguments == ("net", "apply", "-", "--confirm-within", "60s")
    assert load_spec(trivet.stdin).network.planes.given["storage"].mtu == 9000
    assert "# the port on the left" in trivet.stdin


@pytest.mark.slow
def test_storage_is_taken_away_and_what_is_seen_of_it() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change another plane", "storage")
        await person.press("ctrl+d")
        assert (person.page, person.focused) == ("ChangePage", "back")
        await person.press("escape")
        assert person.page == "NetworkEdit"
        await person.press("ctrl+n")
        assert "Nothing is other than it was." in person.words, "it is not taken away any more"
        await person.press("ctrl+d", "right", "enter")

    _, edge = manage(story)
    (trivet,) = edge.started
    assert "storage" not in load_spec(trivet.stdin).network.planes.given


@pytest.mark.slow
def test_a_plane_is_added_on_the_ports_of_another() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change another plane", "overlay")
        assert "This node has no plane overlay yet." in person.words
        assert "Ctrl+D" not in person.screen
        await person.press("ctrl+d")
        assert person.page == "NetworkEdit", "there is nothing to take away"
        await person.fill("vlan", "30")
        await person.fill("address", "10.0.8.11/24")
        await person.press("ctrl+n")
        assert person.page == "ChangePage", person.screen
        await person.press("right", "enter")

    _, edge = manage(story)
    overlay = load_spec(edge.started[0].stdin).network.planes.given["overlay"]
    assert (overlay.on, overlay.vlan, overlay.address) == ("management", 30, "10.0.8.11/24")


@pytest.mark.slow
def test_the_management_plane_cannot_be_taken_away() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change the management network")
        await person.press("ctrl+d")
        assert person.page == "NetworkEdit"
        assert "Ports of its own" not in person.screen
        assert "No address" not in person.screen

    manage(story)


@pytest.mark.slow
def test_the_led_of_a_port_is_noted() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change the management network")
        await person.press("f5")
        assert person.edge.notes == ["has the LED of 0000:03:00.0 blink"]

    manage(story)
