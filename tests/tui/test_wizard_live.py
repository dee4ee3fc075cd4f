# SPDX-License-Identifier: Apache-2.0
"""What the wizard does where there is a machine: sticks, keys, LEDs, a shell, an answer file that was refused."""

import contextlib
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.host import led
from appliance.host.host import Host
from appliance.installer.stick import Stick
from appliance.model.answer import RefusedAnswer
from appliance.model.document import load_spec
from appliance.model.problem import Problem
from appliance.tui import draft as drafts
from appliance.tui import i18n, qr
from appliance.tui.draft import Language
from appliance.tui.terminal import Terminal
from tests.tui.installer import Installer
from tests.tui.pilot import HASH, Person, answer, walk

pytestmark = pytest.mark.slow


def test_an_answer_file_that_was_refused_is_named_on_the_first_page(tmp_path: Path) -> None:
    wrong = Problem(where="node.name", message="N1! is not a host name: lower-case letters, digits and inner hyphens, at most 63")
    answer_ = RefusedAnswer(source="spec.yaml on /dev/sdb", problems=(wrong,))

    async def story(person: Person) -> None:
        assert "The answer file was not followed: spec.yaml on /dev/sdb" in person.words
        assert "! node.name: N1! is not a host name: lower-case letters" in person.words
        await person.press("f2")
        assert "N1! 不是主机名" in person.words

    walk("small-bios", story, live=Installer(tmp_path, answer_))


def test_the_answers_are_saved_on_a_stick_that_is_plugged_in_when_it_is_asked_for(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await answer(person)
        assert "F5 Save the answers" in person.screen
        await person.press("f5")
        assert "There is no USB stick with a FAT file system." in person.words
        machine.plugged = [Stick("/dev/sdx1", "Cruzer Blade, /dev/sdx1")]
        await person.press("f5")
        assert "(*) Cruzer Blade, /dev/sdx1" in person.screen
        person.app.screen.query_one("#save").focus()
        machine.trouble = "the stick is full"
        await person.press("enter")
        assert "! the stick is full; try another stick" in person.screen
        machine.trouble = ""
        await person.pilot.pause(0.3)  # a button that was pressed takes no second press at once
        await person.press("enter")
        assert "Saved on Cruzer Blade, /dev/sdx1, and read back." in person.words
        await person.press("escape")
        assert person.page == "PlanPage"

    walk("small-bios", story, live=machine)
    node, text = machine.saved
    assert node == "/dev/sdx1"
    assert load_spec(text).node.name == "n1"


@pytest.mark.parametrize("source", ["", "https://keys.example/me"])
def test_the_key_is_taken_from_a_stick_or_an_address(tmp_path: Path, source: str) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await person.open("AdminPage")
        await person.fill("ssh", source)
        machine.trouble = "it cannot be read"
        await person.press("f5")
        assert "! it cannot be read; try another stick" in person.screen
        assert person.value("ssh") == source
        machine.trouble = ""
        await person.press("f5")
        assert "1 key was found." in person.screen
        assert person.app.draft.ssh.endswith(source or "stick")

    walk("small-bios", story, live=machine)


def test_a_port_that_cannot_blink_says_so_and_what_else_tells_it() -> None:
    async def story(person: Person) -> None:
        await person.open("NetworkPage")
        await person.press("f5")
        assert "! the driver of this port switches no LED; pull its cable and see which line changes" in person.words

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(led, "blink", _no_led)
        walk("small-bios", story)


def _no_led(host: Host, pci: str) -> None:
    raise ApplianceError("the driver of this port switches no LED", "pull its cable and see which line changes")


def test_a_shell_is_a_key_away_where_the_terminal_can_be_left(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await person.press("f9")
        assert "This terminal can be left to no other program." in person.words  # a test has none
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(person.app, "suspend", contextlib.nullcontext)
            await person.press("f9")
        assert machine.shells == 1
        assert "can be left" not in person.words

    walk("small-bios", story, live=machine)


async def _saving(person: Person) -> None:
    await answer(person)
    await person.press("f5")
    assert "F6 " in person.screen


@pytest.mark.parametrize("language", i18n.NAMES)
def test_the_answers_are_shown_as_a_code_where_the_terminal_is_large_enough(tmp_path: Path, language: Language) -> None:
    async def story(person: Person) -> None:
        person.app.speak(language)
        await _saving(person)
        await person.press("f6")
        assert person.page == "Code"
        drawn = qr.lines(drafts.shown(person.app.draft))
        assert [line.strip() for line in person.screen.splitlines()[: len(drawn)]] == [line.strip() for line in drawn]
        assert HASH not in drafts.shown(person.app.draft)
        below = person.screen.splitlines()[len(drawn)]
        assert ("without the password" if language == "en" else "不含密码") in below
        await person.press("f6")
        assert person.page == "SavePage"
        await person.press("f6")
        await person.pilot.resize_terminal(80, 24)
        await person.rest()
        assert person.page == "SavePage", "half a code is none"

    walk("small-bios", story, live=Installer(tmp_path), size=(120, 40))


def test_where_a_code_does_not_fit_it_says_what_it_needs(tmp_path: Path) -> None:
    async def story(person: Person) -> None:
        await _saving(person)
        await person.press("f6")
        drawn = qr.lines(drafts.shown(person.app.draft))
        words = f"! The QR code needs a terminal of {len(drawn[0])}x{len(drawn) + 1}, this one has 80x24. Save on a stick."
        assert words in person.words
        person.app.change(ssh="ssh-ed25519 " + "A" * 3000)
        await person.press("f6")
        assert "! The answers are too long for a QR code." in person.words

    walk("small-bios", story, live=Installer(tmp_path))


def test_where_there_are_only_letters_there_is_no_code(tmp_path: Path) -> None:
    async def story(person: Person) -> None:
        await _saving(person)
        await person.press("f6")
        assert "! This terminal has no characters that a QR code could be drawn of." in person.words
        assert person.screen.isascii()

    walk("small-bios", story, live=Installer(tmp_path), terminal=Terminal(utf8=False, chinese=False), size=(120, 40))
