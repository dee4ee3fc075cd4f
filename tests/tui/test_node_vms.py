# SPDX-License-Identifier: Apache-2.0
"""Virtual machines at the node's console: what is begun for a key, what is asked before, and what is never under the cursor."""

import uuid
from dataclasses import replace

from appliance.errors import ApplianceError
from appliance.model.cluster import ClusterDocument, Member
from appliance.model.vmrecord import VmView
from tests.tui import nodes
from tests.tui.manage import Operator, manage


def with_state(name: str, state: str) -> tuple[VmView, ...]:
    return tuple(vm.model_copy(update={"state": state}) if vm.name == name else vm for vm in nodes.VMS)


def asked(person: Operator) -> str:
    """The question in a window, as one line."""
    return " ".join(person.words.replace("│", " ").split())


def test_each_key_is_a_command_of_trivet() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("1", "2")
        assert person.page == "VmWork"
        assert person.edge.started[-1].arguments == ("vm", "start", "db")
        person.edge.started[-1].end()
        await person.second()
        assert "It runs." in person.words
        await person.press("enter")
        assert person.page == "VmMenu", "one comes back to the machine"
        await person.press("escape", "3", "6")
        assert person.edge.started[-1].arguments == ("vm", "suspend", "web")
        await person.press("escape", "escape", "2", "7")
        assert person.edge.started[-1].arguments == ("vm", "resume", "mail")
        await person.press("escape", "3")
        assert "This terminal can be left to no other program." in person.words, "a real one can: see test_node_terminal.py"

    manage(story)


def test_what_is_lost_is_named_and_the_focus_is_on_no() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("3", "8")
        assert person.focused == "stay"
        assert "has not written to disk0 is lost" in asked(person)
        await person.press("enter")
        assert person.edge.started == [], "Enter alone does nothing"
        await person.press("8", "right", "enter")
        assert person.edge.started[-1].arguments == ("vm", "stop", "web", "--force")
        await person.press("escape", "5", "right", "enter")
        assert person.edge.started[-1].arguments == ("vm", "stop", "web")
        await person.press("escape", "escape", "1", "4", "1", "1")
        assert "All that db has written to system, data since 2026-11-22 21:04:00 UTC is lost." in asked(person)
        await person.press("enter")
        assert len(person.edge.started) == 2
        await person.press("1", "right", "enter")
        assert person.edge.started[-1].arguments == ("vm", "revert", "db", "before-upgrade", "--yes")

    manage(story)


def test_going_back_waits_until_the_machine_is_off() -> None:
    async def story(person: Operator) -> None:
        person.edge.machines = with_state("db", "running")
        await person.log_in()
        await person.press("m")
        await person.press("1", "4", "1", "1")
        assert "db runs: switch it off first." in person.words
        assert person.edge.started == []

    manage(story)


def test_a_snapshot_is_taken_under_a_name_that_can_be_typed() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("3", "4", "t")
        await person.fill("snapshot", "Not A Name")
        await person.press("enter")
        assert "lower-case letters" in person.words
        assert person.edge.started == []
        await person.fill("snapshot", "monday")
        await person.press("enter")
        assert person.edge.started[-1].arguments == ("vm", "snapshot", "web", "monday")

    manage(story)


def test_the_cursor_stays_with_its_line_when_others_come_and_go() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("down")
        person.edge.machines = nodes.VMS[1:]
        person.app.screen.action_again()  # type: ignore[attr-defined]  # what the next seconds bring
        await person.rest()
        await person.press("enter")
        assert person.app.screen.heading() == "mail"  # type: ignore[attr-defined]  # a page

    manage(story)


def test_a_digit_means_the_same_whatever_the_machine_does() -> None:
    """Somebody's finger is on Start when another one starts it: nothing else happens."""

    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("1")
        person.edge.machines = with_state("db", "running")
        person.app.screen.action_again()  # type: ignore[attr-defined]  # as above
        await person.rest()
        await person.press("2", "2")
        assert person.edge.started == []

    manage(story)


def test_a_machine_that_is_gone_is_said_to_be() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("1")
        person.edge.machines = nodes.VMS[1:]
        person.app.screen.action_again()  # type: ignore[attr-defined]  # as above
        await person.rest()
        assert "It is not there any more." in person.words
        await person.press("escape", "1")
        assert person.app.screen.heading() == "mail"  # type: ignore[attr-defined]  # as above

    manage(story)


def test_what_cannot_be_read_is_said_and_looked_for_again() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        person.edge.trouble = "etcd does not answer: timed out"
        await person.press("m")
        assert "! the documents cannot be read, since etcd does not answer: timed out" in person.words
        person.edge.trouble = ""
        await person.press("f5")
        assert "suspended" in person.words

    manage(story)


def test_works_of_machines_have_their_names_in_the_list() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("m")
        await person.press("1", "2")
        person.edge.started[-1].end()
        await person.second()
        await person.press("escape", "escape", "escape", "w")
        assert "db: Start" in person.words
        await person.press("enter")
        assert person.page == "VmWork"

    manage(story)


def test_a_recorded_machine_refuses_and_stays() -> None:
    from appliance.tui.node.edge import DryEdge  # noqa: PLC0415 - what this test alone is about

    async def story(person: Operator) -> None:
        person.app.edge = DryEdge(person.app.host)
        await person.log_in()
        await person.press("m")
        assert "this is a recorded machine" in person.words
        for refused in (person.app.edge.networks, lambda: person.app.edge.serial("x", "")):
            try:
                refused()
            except ApplianceError as error:
                assert "nothing is done on it" in error.message
            else:
                raise AssertionError("a recorded machine has done something")

    manage(story)


def test_a_machine_moves_to_a_node_that_is_chosen() -> None:
    async def story(person: Operator) -> None:
        me = person.app.seen.machine_id
        first = Member(name="n1", machine_id=me, serial=1, address="10.7.0.1", storage="10.7.0.1", control=True)
        others = (
            first.model_copy(update={"name": "n2", "machine_id": "2" * 32, "address": "10.7.0.2"}),
            first.model_copy(update={"name": "w", "machine_id": "3" * 32, "witness": True}),
        )
        await person.log_in()
        await person.press("m", "3")
        assert "Move to another node" not in person.words, "there is none"
        lab = ClusterDocument(id=str(uuid.uuid4()), name="lab", members=(first, *others))
        person.app.seen = replace(person.app.seen, cluster=lab)
        await person.press("escape", "3", "9")
        assert "1 n2" in person.words
        assert "w" not in [line.strip()[2:] for line in person.screen.split("\n")], "a witness runs nothing"
        await person.press("1")
        assert person.edge.started[-1].arguments == ("vm", "migrate", "web", "n2")
        person.edge.started[-1].end()
        await person.second()
        assert "It runs on the other node." in person.words

    manage(story)
