# SPDX-License-Identifier: Apache-2.0
"""Work that is left running and looked at again, from any console; and the throughput to another node."""

import pytest

from appliance.model.events import Finished, Started
from appliance.model.nettest import Beginning, Finding, Listening, Received
from appliance.node.errands import KILLED
from tests.tui import nodes
from tests.tui.manage import Operator, manage


def test_work_is_left_running_and_found_again() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("w")
        assert "Nothing was begun from a console" in person.words
        await person.press("enter", "escape")
        await person.pick("Apply the spec again")
        await person.press("right", "enter")
        trivet = person.edge.started[-1]
        trivet.say(Started(step="1", title="configure the network", index=1, total=2))
        await person.second()
        assert "< Leave it running >" in person.screen
        await person.press("escape")
        assert person.page == "MenuPage"
        person.data["files"]["/proc/uptime"] = f"{nodes.UPTIME + 75} 1.0"
        await person.second()
        await person.press("w")
        assert person.page == "WorksPage"
        assert "1 Applying" in person.screen
        for words in ("trivet apply", "Begun on tty1, 1:15 ago.", "It runs now."):
            assert words in person.words
        await person.press("enter")
        assert person.page == "WorkPage"
        await person.second()
        assert "Step 1 of 2: configure the network" in person.words
        trivet.say(Finished(step="1"), Started(step="2", title="save the spec", index=2, total=2), Finished(step="2"))
        trivet.end()
        await person.second()
        assert "Done, and saved." in person.words
        assert "< Close >" in person.screen
        await person.press("enter", "w")
        assert "It has ended well." in person.words
        await person.press("enter")
        await person.second()
        assert "done: save the spec" in person.words, "also when it is over"

    manage(story)


@pytest.mark.slow
def test_how_works_have_ended_and_one_that_ends_meanwhile() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        for arguments in (("net", "test", "--steps"), ("apply", "-"), ("net", "revert"), ("net", "test", "--listen", "--steps")):
            person.edge.start(*arguments)
        for trivet, code in zip(person.edge.started, (5, 1, KILLED), strict=False):
            trivet.end(code)
        await person.press("w")
        found = []
        for _ in range(4):
            found.append(person.words)
            await person.press("down")
        assert [text for text, words in zip(
            ("It runs now.", "It was killed.", "It has failed.", "It has ended: tests failed."), found, strict=True,
        ) if text not in words] == []  # fmt: skip
        assert "1 Waiting for another node 2 Taking" not in found[0]
        await person.press("home")
        person.edge.started[-1].end()
        await person.rest()
        person.app.screen._look()  # type: ignore[attr-defined]
        await person.rest()
        assert "It has ended well." in person.words

    manage(story)


@pytest.mark.slow
def test_f10_logs_out_while_work_goes_on() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Test")
        await person.press("f10")
        assert (person.page, person.app.logged_in) == ("StatusPage", False)
        assert person.edge.started[0].child.ended() is None
        assert "stop" not in person.edge.notes

    manage(story)


@pytest.mark.slow
def test_the_throughput_to_another_node() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Throughput")
        await person.type("10.0.9")
        await person.press("enter")
        assert "this is no IP address" in person.words
        await person.fill("peer", "10.0.9.12")
        await person.press("enter")
        assert person.page == "TestPage"
        assert "Throughput" in person.screen
        trivet = person.edge.started[-1]
        assert trivet.arguments == ("net", "test", "--peer", "10.0.9.12", "--steps")
        trivet.say(Beginning(plane="storage", test="throughput", target="10.0.9.12", seconds=5).model_dump_json())
        await person.second()
        assert "storage throughput 10.0.9.12 ..." in person.words
        assert "%" in person.screen, "how far it is"
        done = Finding(plane="storage", test="throughput", target="10.0.9.12", outcome="ok", message="9.4 Gbit/s to it over 5 s")
        trivet.say(done.model_dump_json())
        trivet.end()
        await person.second()
        assert "9.4 Gbit/s to it over 5 s" in person.words
        assert "%" not in person.screen

    manage(story)


@pytest.mark.slow
def test_this_node_waits_for_another_one_and_may_be_told_to_stop() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Throughput")
        await person.press("tab", "right", "right", "enter")
        assert person.page == "ListenPage"
        trivet = person.edge.started[-1]
        assert trivet.arguments == ("net", "test", "--listen", "--steps")
        assert "F4 Stop" in person.screen
        trivet.say(Listening(addresses=("10.0.9.11",), port=5201, seconds=600).model_dump_json())
        await person.second()
        assert "This node waits at TCP 5201." in person.words
        assert "10.0.9.11" in person.screen
        await person.press("f4")
        assert person.edge.notes == ["stop"]
        trivet.say(Received(received=9400).model_dump_json())
        trivet.end()
        await person.second()
        assert "9.4 Gbit/s came in." in person.words
        assert "F4 Stop" not in person.screen
        await person.press("f4")
        assert person.edge.notes == ["stop"], "there is nothing to stop any more"

    manage(story)
