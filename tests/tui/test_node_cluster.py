# SPDX-License-Identifier: Apache-2.0
"""The cluster at the node's console: what is begun, with what it is given, and what is asked before a node goes."""

from appliance.model.joining import Arrived, Offered
from tests.tui import nodes
from tests.tui.manage import Operator, manage
from tests.tui.test_node_vms import asked


def test_a_cluster_is_founded_by_its_name() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("c")
        assert "This node is alone" in person.words
        await person.press("1", "enter")
        assert person.edge.started == []
        await person.fill("cluster", "rack-1")
        await person.press("enter")
        assert person.edge.started[-1].arguments == ("cluster", "create", "rack-1")
        person.edge.started[-1].steps("make the cluster's authority", "write the cluster's document")
        person.edge.started[-1].end()
        await person.second()
        assert "The cluster is there." in person.words

    manage(story)


def test_words_are_judged_here_and_never_on_a_command_line() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("c", "2")
        await person.fill("words", "abandon abilty able about")
        await person.press("enter", "enter")
        assert person.edge.started == []
        assert "did you mean ability?" in " ".join(person.words.split())
        await person.fill("words", "Aban abil able abou")
        await person.fill("address", "10.0.0.11")
        await person.press("enter")
        begun = person.edge.started[-1]
        assert begun.arguments == ("cluster", "join", "--words-file", "-", "--address", "10.0.0.11")
        assert begun.stdin == "abandon ability able about\n"

    manage(story)


def test_words_are_shown_until_somebody_has_joined() -> None:
    async def story(person: Operator) -> None:
        person.edge.nodes_together = nodes.CLUSTER
        await person.log_in()
        await person.press("c", "l")
        assert person.edge.started[-1].arguments == ("cluster", "pair")
        offered = Offered(words="abandon ability able about", cluster="rack-1", address="10.0.0.11", fingerprint="5f0c")
        person.edge.started[-1].say(offered.model_dump_json())
        await person.second()
        assert "abandon ability able about" in person.words
        await person.press("f4")
        assert person.edge.notes[-1] == "stop"
        person.edge.started[-1].say(Arrived(name="c5", fingerprint="0a1b").model_dump_json())
        person.edge.started[-1].end()
        await person.second()
        assert "c5 has joined. Its fingerprint: 0a1b" in person.words
        assert "abandon" not in person.words, "they are good no more"

    manage(story)


def test_who_goes_is_named_and_the_focus_is_on_no() -> None:
    async def story(person: Operator) -> None:
        person.edge.nodes_together = nodes.CLUSTER
        await person.log_in()
        await person.press("c", "1")
        assert "This is c1 itself" in person.words
        await person.press("3")
        assert "Take c3 out of the cluster?" in asked(person)
        assert person.focused == "stay"
        await person.press("enter")
        assert person.edge.started == []
        await person.press("3", "right", "enter")
        assert person.edge.started[-1].arguments == ("cluster", "remove", "c3")
        await person.press("escape", "c", "q", "right", "enter")
        assert person.edge.started[-1].arguments == ("cluster", "leave")

    manage(story)


def test_words_that_are_taken_back_are_no_failure() -> None:
    async def story(person: Operator) -> None:
        person.edge.nodes_together = nodes.CLUSTER
        await person.log_in()
        await person.press("c", "l", "f4")
        person.edge.started[-1].end(143)
        await person.second()
        assert "The words are good no more." in person.words
        assert "143" not in person.words

    manage(story)
