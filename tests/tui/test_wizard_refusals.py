# SPDX-License-Identifier: Apache-2.0
"""What the wizard refuses, in which words, and when it says so."""

import pytest

from appliance import flow
from tests.tui.pilot import PASSWORD, Person, walk

pytestmark = pytest.mark.slow


REFUSED = [
    ("name", "N1", "NodePage", "is not a host name"),
    ("timezone", "Mars/Base", "NodePage", "no time zone of this name"),
    ("vlan", "5000", "NetworkPage", "from 1 to 4094"),
    ("address", "10.0.0.11", "NetworkPage", "lacks its prefix length; write it like 10.0.0.11/24"),
    ("address", "", "NetworkPage", "give the node's address"),
    ("gateway", "10.9.9.9", "NetworkPage", "in none of the plane's networks"),
    ("dns", "dns", "NetworkPage", "is not an IPv4 or IPv6 address"),
    ("ssh", "ssh-rsa", "AdminPage", "is not a public key"),
]


@pytest.mark.parametrize(("field", "text", "page", "words"), REFUSED)
def test_what_is_wrong_is_said_beside_the_field_and_keeps_one_there(field: str, text: str, page: str, words: str) -> None:
    async def story(person: Person) -> None:
        await person.open(page)
        if page == "NetworkPage":
            await person.choose("method", 1)
            await person.fill("address", "10.0.0.11/24")
        if page == "AdminPage":
            await person.fill("password", PASSWORD)
            await person.fill("again", PASSWORD)
        if page == "NodePage":
            await person.fill("name", "n1")
        await person.fill(field, text)
        if text:
            assert words in person.words  # while it is typed
        await person.press("ctrl+n")
        assert person.page == page
        assert words in person.words
        assert "Something is still open above." in person.words
        assert person.app.focused is not None
        assert person.app.focused.parent.parent.id == f"field-{field}"  # type: ignore[union-attr]  # field, row, input

    walk("small-bios", story)


def test_what_is_not_answered_is_said_when_one_wants_to_go_on_and_not_before() -> None:
    async def story(person: Person) -> None:
        await person.open("NodePage")
        assert "!" not in person.screen
        await person.press("ctrl+n")
        assert "! this needs an answer" in person.screen
        await person.type("n1")
        assert "!" not in person.screen

    walk("small-bios", story)


def test_a_disk_must_be_chosen_and_one_that_cannot_be_used_is_not() -> None:
    async def story(person: Person) -> None:
        await person.to("DiskPage")
        await person.press("end", "space")
        assert person.app.draft.disks == ()
        assert "cannot be used: in use as swap" in person.words
        await person.press("ctrl+n")
        assert "choose a disk with Space or Enter" in person.screen
        assert (person.page, person.focused) == ("DiskPage", "disks")

    walk("full-disks", story)


def test_passwords_that_differ_and_one_that_is_weak() -> None:
    async def story(person: Person) -> None:
        await person.open("AdminPage")
        person.app.change(name="n1")
        await person.press("ctrl+n")
        assert "choose a password; there is none by default" in person.screen
        await person.fill("password", "password")
        assert "very weak" in person.screen
        await person.fill("again", "passwore")
        assert "the two are not the same" in person.screen
        await person.press("ctrl+n")
        assert person.page == "AdminPage"
        assert person.app.draft.password_hash is None
        await person.fill("password", PASSWORD)
        await person.fill("again", PASSWORD)
        assert "strength: very good" in person.screen
        assert PASSWORD not in person.screen
        await person.press("ctrl+n")
        assert person.page == "PlanPage"
        assert person.app.draft.strength == 4
        assert "$y$" not in person.screen

    walk("small-bios", story)


def test_a_machine_that_cannot_be_installed_says_why_and_where() -> None:
    async def story(person: Person) -> None:
        await person.to("MachinePage")
        assert "this system brings no image that could be installed" in person.words
        await person.to("DiskPage")

    walk("build-machine", story)


def test_a_node_that_is_installed_is_not_installed_again() -> None:
    async def story(person: Person) -> None:
        assert person.app.inventory is not None
        system = person.app.inventory.system.model_copy(update={"installed": True})
        installed = person.app.inventory.model_copy(update={"system": system})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flow, "inspect", lambda host: installed)
            person.app.look_again()
            await person.rest()
        await person.open("MachinePage")
        assert "Nothing can be installed here: this node is installed already" in person.words
        assert person.app.screen.query_one("#next").disabled
        await person.press("ctrl+n", "ctrl+n", "ctrl+n", "ctrl+n", "ctrl+n", "ctrl+n", "ctrl+n")
        assert person.page != "ConsentPage"

    walk("small-bios", story)
