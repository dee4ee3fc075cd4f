# SPDX-License-Identifier: Apache-2.0
"""What holds on every page of the wizard: languages, sizes, help, fast fingers, leaving, a crash."""

import pytest
from textual import events

from appliance.tui.outcome import Outcome
from appliance.tui.screens.admin import AdminPage
from appliance.tui.screens.wizard import PAGES
from appliance.tui.terminal import Terminal
from tests.tui.pilot import PASSWORD, Person, answer, walk

pytestmark = pytest.mark.slow


def test_the_language_changes_everything_but_what_was_typed() -> None:
    async def story(person: Person) -> None:
        await person.open("NodePage")
        await person.fill("name", "N1")
        await person.press("f2")
        assert "名称和时间" in person.screen
        assert "不是主机名" in person.screen
        assert person.value("name") == "N1"
        await person.press("f2")
        assert "is not a host name" in person.words

    walk("small-bios", story)


def test_where_chinese_cannot_be_drawn_it_is_not_offered() -> None:
    async def story(person: Person) -> None:
        assert "Chinese: this terminal cannot show it" in person.screen
        await person.press("down", "space", "f2")
        assert person.app.draft.language == "en"
        assert person.screen.isascii()
        await answer(person)
        assert person.screen.isascii()
        await person.press("f1")
        assert person.screen.isascii()

    walk("small-bios", story, terminal=Terminal(utf8=False, chinese=False, colour=False))


def test_each_page_explains_itself() -> None:
    async def story(person: Person) -> None:
        await answer(person)
        for page in PAGES:
            await person.open(page.__name__)
            paragraphs = person.app.screen.help()  # type: ignore[attr-defined]  # a Page
            assert paragraphs
            await person.press("f1")
            for paragraph in paragraphs:
                assert paragraph[:50].rsplit(" ", 1)[0] in person.words
            await person.press("f1")

    walk("small-bios", story, size=(120, 40))


def test_leaving_asks_and_the_focus_is_on_staying() -> None:
    async def story(person: Person) -> None:
        await person.press("f10")
        assert person.focused == "stay"
        await person.press("enter")
        assert person.page == "LanguagePage"
        await person.press("f10", "right", "enter")

    assert walk("small-bios", story) == Outcome("left")


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
def test_every_page_at_every_size(size: tuple[int, int]) -> None:
    async def story(person: Person) -> None:
        await answer(person)
        await person.pilot.resize_terminal(*size)
        for page in reversed(PAGES[:7]):
            assert person.page == page.__name__
            assert len(person.screen.splitlines()) == size[1]
            await person.press("escape")

    walk("small-bios", story)


def test_a_crash_shows_where_and_no_password(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    typed = "-".join(("hunter", "2"))

    def fails(page: AdminPage) -> str:
        raise RuntimeError(f"boom, in a page whose variables hold {len(page._first)} characters")

    async def story(person: Person) -> None:
        await person.open("AdminPage")
        await person.fill("password", typed)
        monkeypatch.setattr(AdminPage, "_differs", fails)
        await person.fill("again", typed)

    with pytest.raises(RuntimeError, match="hold 8 characters"):
        walk("small-bios", story)
    shown = capsys.readouterr()
    assert "boom, in a page" in shown.err + shown.out
    assert typed not in shown.err + shown.out


def test_keys_that_come_faster_than_they_are_worked_off_go_where_they_were_meant_for() -> None:
    async def story(person: Person) -> None:
        await person.open("NodePage")
        # As a terminal sends them: no key waits for what the one before it has set off.
        for key in (*"n1", "ctrl+n", *PASSWORD, "enter", *PASSWORD, "ctrl+n"):
            name = {" ": "space", "+": "plus"}.get(key, key)
            character = key if len(key) == 1 else None
            person.app.post_message(events.Key(name, character))
        for _ in range(100):
            await person.pilot.pause(0.05)
            if person.page == "PlanPage":
                break
        assert person.page == "PlanPage", person.screen
        assert person.app.draft.name == "n1"
        assert person.app.draft.password_hash is not None

    walk("small-bios", story)


def test_a_port_where_no_dhcp_server_answers_is_told_from_one_where_one_has() -> None:
    async def story(person: Person) -> None:
        await person.open("NetworkPage")
        nics = person.app.inventory.nics  # type: ignore[union-attr]
        person.app.change(ports=(next(nic.mac for nic in nics if nic.link and not nic.unusable),))  # type: ignore[arg-type]
        for addresses, said in (((), True), (("fe80::1/64",), True), (("10.0.2.15/24", "fe80::1/64"), False)):
            now = tuple(each.model_copy(update={"addresses": addresses}) for each in nics)
            person.app.screen._seen(now)  # type: ignore[attr-defined]  # what the next look finds
            await person.rest()
            assert ("No DHCP server has answered" in person.words) == said, addresses
        person.app.screen._seen(nics)  # type: ignore[attr-defined]
        await person.fill("vlan", "20")
        assert "No DHCP server has answered" not in person.words, "nobody was asked with that tag"

    walk("two-ports", story)


@pytest.mark.parametrize("page", [each.__name__ for each in PAGES])
def test_another_language_leaves_one_where_one_was(page: str) -> None:
    async def story(person: Person) -> None:
        await person.open(page)
        before = person.focused
        assert person.app.focused is not None
        await person.press("f2")
        assert person.app.focused is not None, "keys would do nothing"
        assert person.focused == before

    walk("six-ports", story)
