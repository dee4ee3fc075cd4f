# SPDX-License-Identifier: Apache-2.0
"""The wizard, driven by keys at recorded machines: each path to a plan."""

import pytest

from appliance import flow
from appliance.host.playback import recorded
from appliance.model.document import load_spec
from tests.tui.pilot import MACHINES, PASSWORD, Person, answer, walk

pytestmark = pytest.mark.slow


def test_from_the_first_page_to_the_plan_and_the_spec() -> None:
    async def story(person: Person) -> None:
        await person.to("NetworkPage")
        await person.choose("method", 1)
        await person.fill("address", "10.0.0.11/24")
        await person.fill("gateway", "10.0.0.1")
        await person.fill("dns", "10.0.0.1, 10.0.0.2")
        await person.to("NodePage")
        await person.press("n", "1", "enter", "ctrl+u", *"Asia", "slash", "S", "h", "a", "n", "right")
        await person.to("AdminPage")
        await person.fill("password", PASSWORD)
        await person.fill("again", PASSWORD)
        await person.to("PlanPage")
        await person.to("ConsentPage")
        assert "Nothing is lost" in person.words
        await person.press("right", "enter")

    outcome = walk("small-bios", story)
    assert outcome is not None
    assert outcome.kind == "planned"
    spec = load_spec(outcome.text)
    assert spec.node.name == "n1"
    assert spec.node.timezone == "Asia/Shanghai"
    plane = spec.network.planes.management
    assert (plane.address, plane.gateway, plane.dns) == ("10.0.0.11/24", "10.0.0.1", ("10.0.0.1", "10.0.0.2"))
    assert spec.secrets["admin.password_hash"].startswith("$y$")
    assert outcome.plan == flow.plan(flow.inspect(recorded(MACHINES / "small-bios")), spec)
    assert outcome.plan.steps


def test_a_pair_of_disks_and_a_bond_with_a_vlan() -> None:
    async def story(person: Person) -> None:
        await person.open("DiskPage")
        await person.choose("disks", 0)
        await person.choose("disks", 1)
        await person.to("NetworkPage")
        await person.choose("ports", 1)
        assert "802.3ad" in person.screen
        await person.choose("bond", 1)
        await person.fill("vlan", "30")
        await answer(person)
        await person.to("ConsentPage")
        await person.press("right", "enter")

    outcome = walk("two-sockets", story)
    assert outcome is not None
    spec = load_spec(outcome.text)
    assert spec.install is not None
    assert spec.install.disk.count == 2
    assert spec.network.planes.management.bond == "802.3ad"
    assert spec.network.planes.management.vlan == 30
    assert outcome.plan is not None
    assert sum(step.kind == "mirror-partition" for step in outcome.plan.steps) == 3


def test_a_disk_that_holds_data_takes_two_consents() -> None:
    async def story(person: Person) -> None:
        await person.open("DiskPage")
        await person.choose("disks", 4)
        assert "holds data: crypto_LUKS" in person.words
        await person.press("ctrl+n")
        assert (person.page, person.focused) == ("DiskPage", "wipe")
        await person.press("space")
        await answer(person)
        await person.to("ConsentPage")
        assert "ERASED" in person.screen
        assert "serial LUKS: crypto_LUKS" in person.words
        assert person.focused == "cancel"
        await person.press("ctrl+n", "f8")
        assert person.page == "ConsentPage"
        install = person.app.screen.query_one("#install")
        person.app.screen.query_one("#tail-0").focus()
        await person.type("LUKX")
        assert install.disabled
        await person.press("backspace")
        await person.type("s")
        assert not install.disabled
        await person.press("enter", "right", "enter")

    outcome = walk("full-disks", story)
    assert outcome is not None
    assert outcome.plan is not None
    assert outcome.plan.destroys == ("QEMU HARDDISK, 10 GiB, serial LUKS: crypto_LUKS",)


def test_cancel_goes_back_and_nothing_is_lost_on_the_way() -> None:
    async def story(person: Person) -> None:
        await answer(person)
        await person.to("ConsentPage")
        await person.press("enter")
        assert person.page == "PlanPage"
        await person.press("escape")
        assert "kept as it was typed before" in person.words
        before = person.app.draft
        await person.press("escape")
        assert person.value("name") == "n1"
        await person.press("escape", "escape", "escape")
        assert person.page == "MachinePage"
        await person.to("PlanPage")
        assert person.app.draft == before

    walk("small-bios", story)
