# SPDX-License-Identifier: Apache-2.0
"""A fresh node is set up: what is written into its spec, what is wrong with an answer, and the pages, driven by keys."""

from collections.abc import Iterator

import pytest

from appliance import flow
from appliance.host.playback import playback
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.tui import i18n
from appliance.tui.node import edit, reading
from appliance.tui.node.edit import NodeDraft
from appliance.tui.node.pages.status import layout
from tests.tui import nodes
from tests.tui.manage import Operator, manage

# What is typed for a proposed plane, the field that it is wrong in, and why.
WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"storage_address": "10.0.9.11"}, "storage_address", "lacks its prefix length"),
    ({"storage_address": "10.0.9.0/24"}, "storage_address", "the address of the network itself"),
    ({"storage_address": "10.0.2.9/24"}, "storage_address", "in the network of management"),
    ({"storage_address": "ports"}, "storage_address", "not an address"),
    ({"storage_vlan": "5000"}, "storage_vlan", "at most 4094"),
    ({"storage_vlan": "x"}, "storage_vlan", "whole number"),
    ({"storage_vlan": "trunk"}, "storage_vlan", "not on a trunk"),
    ({"overlay_vlan": "20"}, "storage_vlan", "share their ports and VLAN 20"),
    ({"overlay_address": "10.0.9.12/24"}, "storage_address", "in the network of overlay"),
]
ANSWERS = {"storage_vlan": "20", "storage_address": "10.0.9.11/24", "overlay_vlan": "30", "overlay_address": "10.0.8.11/24"}


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    i18n.use("en")
    yield
    i18n.use("en")


# The planes that a node lacks.


def setup(
    name: str, planes: tuple[str, ...] = ("business", "storage", "overlay"), **answers: str
) -> tuple[NodeDraft, NodeDraft, Inventory]:
    inventory = flow.inspect(playback(nodes.fresh(name)))
    before = edit.draft_of(load_spec(nodes.FRESH), inventory)
    return before, before.model_copy(update={"planes": planes, **ANSWERS, **answers}), inventory


def test_planes_are_added_beneath_the_comments() -> None:
    before, after, inventory = setup("six-ports")
    text, kept = edit.text(nodes.FRESH, before, after)
    assert kept
    assert text.startswith(nodes.FRESH)
    assert text.removeprefix(nodes.FRESH).splitlines() == [
        "    business: {nics: [{mac: '52:54:00:00:00:03'}, {mac: '52:54:00:00:00:04'}], bond: active-backup, vlan: trunk}",
        "    storage: {nics: [{mac: '52:54:00:00:00:05'}, {mac: '52:54:00:00:00:06'}], bond: balance-alb, address: 10.0.9.11/24}",
        "    overlay: {'on': business, vlan: 30, address: 10.0.8.11/24}",
    ]
    verdict = edit.judge(nodes.FRESH, before, after, inventory)
    assert (verdict.ready, verdict.spec) == (True, load_spec(text))


@pytest.mark.parametrize("planes", [(), ("business",), ("storage",), ("business", "overlay")])
def test_a_plane_that_is_left_out_is_not_asked_for(planes: tuple[str, ...]) -> None:
    before, after, inventory = setup("six-ports", planes)
    verdict = edit.judge(nodes.FRESH, before, after, inventory)
    assert verdict.spec is not None
    assert tuple(verdict.spec.network.planes.given) == ("management", *planes)
    nothing = dict.fromkeys(ANSWERS, "")
    open_ = edit.judge(nodes.FRESH, before, after.model_copy(update=nothing), inventory).open
    assert open_ == {name for name in after.asked if name.partition("_")[0] in planes}


def test_a_plane_goes_with_the_one_that_it_stands_on_and_brings_it() -> None:
    before, _, _ = setup("six-ports")
    assert before.proposal.without_guests(("storage", "overlay")) == ("storage",)
    assert before.proposal.with_hosts(("overlay",)) == ("business", "overlay")
    lone, _, _ = setup("small-bios")
    assert lone.proposal.without_guests(("overlay",)) == ("overlay",), "management is always there"


@pytest.mark.parametrize(("answers", "field", "words"), WRONG)
def test_what_is_wrong_with_an_answer_is_said_in_its_field(answers: dict[str, str], field: str, words: str) -> None:
    before, after, inventory = setup("small-bios", **answers)
    verdict = edit.judge(nodes.FRESH, before, after, inventory)
    assert set(verdict.wrong) == {field}
    assert words in verdict.wrong[field][0].message  # type: ignore[index]


@pytest.mark.parametrize(("answers", "field", "words"), WRONG)
def test_it_is_said_in_chinese(answers: dict[str, str], field: str, words: str) -> None:
    before, after, inventory = setup("small-bios", **answers)
    i18n.use("zh_CN")
    for problem in edit.judge(nodes.FRESH, before, after, inventory).wrong[field]:  # type: ignore[index]
        assert i18n.said(problem.message) != problem.message
        assert not problem.hint or i18n.said(problem.hint) != problem.hint


def test_who_has_management_alone_is_told_of_it_once_logged_in() -> None:
    def lines(name: str, *, known: bool) -> str:
        host = playback(nodes.fresh(name) if name else nodes.record())
        found = reading.seen(host, *reading.network(host))
        return " ".join(line.text for line in layout(found, 74, 18, utf8=True, known=known))

    assert "Only the management network is set up" in lines("six-ports", known=True)
    assert "Only the management network is set up" not in lines("six-ports", known=False)
    assert "Only the management network is set up" not in lines("", known=True)


# The pages.


async def to_planes(person: Operator) -> None:
    await person.log_in()
    await person.pick("Set up this node")
    assert (person.page, person.focused) == ("RolePage", "role")
    await person.press("ctrl+n")
    assert (person.page, person.focused) == ("PlanesPage", "planes")


def test_a_fresh_node_gets_its_planes() -> None:
    async def story(person: Operator) -> None:
        await to_planes(person)
        assert "storage has two ports to itself" in person.words
        assert "needs an answer" not in person.words
        await person.press("ctrl+n")
        assert (person.page, person.app.focused.parent.parent.id) == ("PlanesPage", "field-storage_address")
        assert "Something is still open above." in person.words
        await person.type("10.0.2.9/24")
        assert "! 10.0.2.9/24 is in the network of management" in person.words
        await person.fill("storage_address", "10.0.9.11/24")
        await person.fill("overlay_vlan", "30")
        await person.fill("overlay_address", "10.0.8.11/24")
        await person.press("escape")
        assert person.page == "RolePage"
        await person.press("ctrl+n")
        assert (person.value("overlay_vlan"), person.value("storage_address")) == ("30", "10.0.9.11/24")
        await person.press("ctrl+n")
        assert (person.page, person.focused) == ("ChangePage", "back")
        assert "This is tried for 60 seconds" in person.words
        await person.press("escape")
        assert (person.page, person.value("overlay_vlan")) == ("PlanesPage", "30")
        await person.press("ctrl+n", "right", "enter")
        trivet = person.edge.started[-1]
        nodes.begin_trial(person.data, 60, trivet.stdin)
        trivet.end()
        await person.second()
        assert person.page == "TrialPage"

    _, edge = manage(story, data=nodes.fresh("six-ports"))
    assert [trivet.arguments for trivet in edge.started] == [("net", "apply", "-", "--confirm-within", "60s")]
    text = edge.started[0].stdin
    assert text.startswith(nodes.FRESH), "comments and all"
    planes = load_spec(text).network.planes
    assert tuple(planes.given) == ("management", "business", "overlay", "storage")
    assert (planes.storage.address, planes.overlay.vlan) == ("10.0.9.11/24", 30)  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_fresh_node_may_begin_or_join_a_cluster() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("s")
        assert person.page == "RolePage"
        await person.choose("role", 1)
        await person.press("ctrl+n")
        assert person.page == "FoundEdit"
        await person.press("escape")
        await person.choose("role", 2)
        await person.press("ctrl+n")
        assert person.page == "JoinEdit"
        await person.press("escape", "f1")
        assert "the management network is enough" in person.words
        await person.press("escape", "escape")
        assert person.page == "MenuPage"

    manage(story, data=nodes.fresh("six-ports"))


@pytest.mark.slow
def test_planes_can_be_left_out() -> None:
    async def story(person: Operator) -> None:
        await to_planes(person)
        await person.choose("planes", 0)
        assert person.app.draft.planes == ("storage",)  # type: ignore[attr-defined]
        assert "overlay: VLAN" not in person.screen
        assert "[ ] business" in person.screen
        assert "[ ] overlay" in person.screen
        await person.choose("planes", 2)
        assert "[x] business" in person.screen, "the overlay stands on it"
        await person.choose("planes", 0)
        await person.choose("planes", 1)
        await person.press("ctrl+n")
        assert person.page == "PlanesPage"
        assert "No plane is to be added." in person.words
        await person.press("escape", "ctrl+n")
        assert "[ ] storage" in person.screen, "what was left out stays so"
        await person.choose("planes", 0)
        await person.press("f1")
        assert "only you know them" in person.words
        await person.press("escape", "ctrl+n")
        assert person.page == "ChangePage"
        assert "business on bond-business" in person.words

    manage(story, data=nodes.fresh("six-ports"))


@pytest.mark.slow
def test_one_port_carries_all_of_it() -> None:
    async def story(person: Operator) -> None:
        await to_planes(person)
        for field, text in (("storage_vlan", "20"), ("overlay_vlan", "20"), ("storage_address", "10.0.9.11/24")):
            await person.fill(field, text)
        await person.fill("overlay_address", "dhcp")
        assert "share their ports and VLAN 20; give each a VLAN of its own" in person.words
        await person.fill("overlay_vlan", "30")
        assert "share their ports and VLAN" not in person.words
        await person.press("ctrl+n")
        assert person.page == "ChangePage"
        assert "planes: management and business and overlay and storage on 52:54:00:00:00:01" in person.words

    manage(story, data=nodes.fresh("small-bios"))


@pytest.mark.slow
def test_nothing_is_left_to_set_up_or_nothing_can_be() -> None:
    whole = nodes.FRESH + "".join(
        f"    {name}: {{'on': management, vlan: {vlan}, address: 10.0.{vlan}.11/24}}\n"
        for vlan, name in enumerate(("business", "storage", "overlay"), 20)
    )

    async def all_there(person: Operator) -> None:
        await to_planes_of(person)
        assert "This node has all its planes." in person.words
        await person.press("ctrl+n")
        assert person.page == "PlanesPage"
        assert "No plane is to be added." in person.words

    async def wrong(person: Operator) -> None:
        await to_planes_of(person)
        assert "* business cannot be proposed: what the spec says now is to be put right first: nothing matches" in person.words
        await person.press("ctrl+n")
        assert person.page == "PlanesPage"

    lost = nodes.FRESH.replace("52:54:00:00:00:01", "52:54:00:00:00:99")
    for text, story in ((whole, all_there), (lost, wrong)):
        data = nodes.fresh("small-bios")
        data["files"]["/var/lib/trivet/spec.yaml"] = text
        manage(story, data=data)


async def to_planes_of(person: Operator) -> None:
    await person.log_in()
    await person.press("s", "ctrl+n")
    assert person.page == "PlanesPage"


@pytest.mark.slow
def test_no_set_up_while_a_change_is_on_trial() -> None:
    async def story(person: Operator) -> None:
        nodes.begin_trial(person.data, 50, nodes.FRESH)
        await person.second()
        await person.log_in_to_trial()
        await person.press("enter", "s")
        assert person.page == "MenuPage"
        assert "A change is on trial" in person.words

    manage(story, data=nodes.fresh("six-ports"))
