# SPDX-License-Identifier: Apache-2.0
"""The BMC from the console: what it is, another address, another user; the password goes to `trivet` by its input."""

import json

from tests.tui import nodes
from tests.tui.manage import Operator, manage

SECRET = "Corr#ct h0rse"


async def opened(person: Operator, line: str) -> None:
    person.edge.board = nodes.BOARD
    await person.log_in()
    await person.pick("Node", "BMC", line)
    await person.rest()


def test_what_it_is() -> None:
    async def story(person: Operator) -> None:
        await opened(person, "Show")
        assert "10.0.2.40" in person.words
        assert "root administrator: all of it" in person.words
        assert "old switched off" in person.words
        assert "255.255.255.0" in person.words

    manage(story)


def test_another_address() -> None:
    async def story(person: Operator) -> None:
        await opened(person, "Change the address")
        await person.press("ctrl+n")
        assert "Nothing is other than it was." in person.words
        await person.choose("method", 1)
        await person.fill("address", "10.0.0.50")
        assert "write it like 10.0.0.50/24" in person.words
        await person.fill("address", "10.0.0.50/24")
        await person.press("ctrl+n")
        assert "the gateway 10.0.2.2 is not in the BMC's network" in person.words
        await person.fill("gateway", "10.0.0.1")
        await person.fill("vlan", "many")
        await person.press("ctrl+n")
        assert "a VLAN is a number from 1 to 4094" in person.words
        await person.fill("vlan", "30")
        await person.press("ctrl+n")
        assert person.page == "BmcPlan"
        for step in ("put the BMC into VLAN 30", "give the BMC the address 10.0.0.50/24", "give the BMC the gateway 10.0.0.1"):
            assert step in person.words
        await person.press("enter")
        assert person.page == "BmcAddress", "the focus was on Cancel"
        assert not person.edge.started
        await person.press("ctrl+n", "right", "enter")
        assert person.page == "WorkPage"

    _, edge = manage(story)
    assert edge.started[0].arguments == ("bmc", "set", "-")
    wish = json.loads(edge.started[0].stdin)
    assert wish == {"version": 1, "address": "10.0.0.50/24", "gateway": "10.0.0.1", "vlan": "30"}


def test_a_new_user() -> None:
    async def story(person: Operator) -> None:
        await opened(person, "Change a user")
        await person.press("ctrl+n")
        assert "a new user of the BMC needs a password" in person.words
        await person.fill("name", "root")
        assert "user 2 has this name" in person.words
        await person.fill("name", "anna")
        await person.fill("password", SECRET)
        await person.press("ctrl+n")
        assert "the two are not the same" in person.words
        await person.fill("again", SECRET)
        await person.press("ctrl+n")
        assert person.page == "BmcPlan"
        assert "let user 5 of the BMC in as admin" in person.words
        assert SECRET not in person.screen
        await person.press("right", "enter")

    _, edge = manage(story)
    assert edge.started[0].arguments == ("bmc", "set", "-")
    assert json.loads(edge.started[0].stdin)["user"] == {"number": 5, "name": "anna", "role": "admin", "password": SECRET}
    assert not any(SECRET in note for note in edge.notes)


def test_the_role_of_a_user_and_no_new_password() -> None:
    async def story(person: Operator) -> None:
        await opened(person, "Change a user")
        await person.choose("people", 1)
        await person.rest()
        await person.choose("role", 0)
        await person.press("ctrl+n")
        assert person.words.count("BMC in as admin") == 1
        assert "password of user" not in person.words
        await person.press("right", "enter")

    _, edge = manage(story)
    assert json.loads(edge.started[0].stdin)["user"] == {"number": 3, "name": "night", "role": "admin"}


def test_a_server_without_one() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Node", "BMC", "Change a user")
        await person.rest()
        assert "This server has no BMC" in person.words
        await person.press("ctrl+n")
        assert person.page == "BmcPerson"

    manage(story)
