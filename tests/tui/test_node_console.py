# SPDX-License-Identifier: Apache-2.0
"""The node's console, driven by keys: status, login, menu, what is read there; what it changes is in test_node_changes.py."""

import json
import time

import pytest

from appliance.model.document import load_spec
from appliance.model.nettest import Beginning, Finding
from appliance.tui.node.edge import IDLE, Door
from appliance.tui.node.lockout import FREE
from appliance.tui.terminal import Terminal
from tests.tui import nodes
from tests.tui.manage import Operator, change_address, manage
from tests.tui.pilot import PASSWORD

# Status and login.


def test_the_status_needs_no_login_and_nothing_else_is_to_be_had() -> None:
    async def story(person: Operator) -> None:
        assert person.page == "StatusPage"
        assert "storage 10.0.9.11/24" in person.words
        assert "! the gateway 10.0.2.2" not in person.screen, "it is the reason already"
        assert "the gateway 10.0.2.2 does not answer" in person.words
        assert "! 1 of 2 ports of bond-storage work" in person.words
        await person.press("escape", "down", "1", "ctrl+n", "f8", "l")
        assert person.page == "StatusPage"
        await person.press("f1")
        assert "nobody needs to log in" in person.words
        await person.press("escape", "f10")

    outcome, edge = manage(story, nodes.CABLE, nodes.GATEWAY)
    assert outcome is not None
    assert outcome.kind == "left"
    assert edge.started == edge.went == []


def test_a_wrong_password_says_so_and_no_more() -> None:
    async def story(person: Operator) -> None:
        await person.press("enter")
        await person.press("enter")
        assert "wrong password" not in person.screen, "nothing was typed"
        await person.type("guess")
        assert "guess" not in person.screen
        await person.press("enter")
        assert (person.page, person.value("password")) == ("LoginPage", "")
        assert "! wrong password" in person.screen
        await person.type(PASSWORD)
        assert "wrong password" not in person.screen
        await person.press("enter")
        assert person.page == "MenuPage"

    manage(story)


def test_after_five_nobody_may_try_for_a_while() -> None:
    async def story(person: Operator) -> None:
        await person.press("enter")
        for _ in range(FREE):
            await person.type("guess")
            await person.press("enter")
        assert "wrong password; try again in 0:30" in person.words
        await person.type(PASSWORD)
        await person.press("enter")
        assert person.page == "LoginPage", "the right one has to wait, too"
        person.data["files"]["/proc/uptime"] = f"{nodes.UPTIME + 31} 1.0"
        await person.type(PASSWORD)
        await person.press("enter")
        assert person.page == "MenuPage"

    manage(story)


CLOSED: list[tuple[Door, str]] = [
    ("no password", "Root has no password on this node"),
    ("unreadable", "This console may not read /etc/shadow, so it cannot tell whether a password is root's."),
]


@pytest.mark.parametrize(("door", "words"), CLOSED)
def test_where_no_password_can_be_asked_for_it_says_why(door: Door, words: str) -> None:
    async def story(person: Operator) -> None:
        person.edge.at_the_door = door
        await person.press("enter")
        assert words in person.words
        assert sum(sentence in person.words for _, sentence in CLOSED) == 1
        await person.press("enter")
        assert person.page == "StatusPage", "there is only the way back"

    manage(story)


@pytest.mark.slow
def test_ten_minutes_without_a_key_log_out() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Node", "Password")
        await person.type("not finished")
        now = time.monotonic()
        person.app.clock = lambda: now + IDLE - 60  # the last key is some time ago on a busy machine
        person.app._tick()
        assert person.page == "PasswordEdit"
        person.app.clock = lambda: now + IDLE + 1
        person.app._tick()
        await person.rest()
        assert person.page == "StatusPage"
        assert not person.app.logged_in
        assert "Log in" in person.screen
        await person.press("enter")
        assert person.page == "LoginPage"

    _, edge = manage(story)
    assert edge.notes == ["logged out, after ten minutes without a key"]


@pytest.mark.slow
def test_the_status_says_who_is_logged_in_and_the_menu_is_one_key_away() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.press("escape")
        assert person.page == "StatusPage"
        assert "< Log out >" in person.screen
        await person.press("enter")
        assert person.page == "MenuPage"
        await person.press("f10")
        assert (person.page, person.app.logged_in) == ("StatusPage", False)
        assert "< Log out >" not in person.screen

    _, edge = manage(story)
    assert edge.notes == ["logged out"]


def test_the_status_follows_the_node() -> None:
    async def story(person: Operator) -> None:
        assert "WARNING" not in person.screen
        person.data["files"]["/run/trivet/status.json"] = json.dumps({"failed": "the spec cannot be met"})
        person.app._see()
        await person.rest()
        assert "the spec cannot be met" in person.screen
        person.data["netlink"]["addresses"] = []
        await person.second()
        assert "no address" in person.screen

    manage(story)


# The menu.


def test_digits_arrows_and_the_description() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        assert "Show it, change the management network" in person.words
        await person.press("down")
        assert "Name, time, language, keyboard," in person.words
        await person.press("1")
        assert person.page == "NetworkMenu"
        await person.press("right")
        assert person.page == "NetworkPage"
        await person.press("escape", "escape")
        assert (person.page, person.app.screen.query_one("#items").highlighted) == ("MenuPage", 0)

    manage(story)


READ = {
    ("Network", "Show"): ["bond-storage (active-backup) carries storage", "52:54:00:00:00:03"],
    ("Network", "SR-IOV"): ["3 of 7 virtual functions", "VLAN 100"],
    ("Disks",): ["NV0", "role none yet", "nvme-QEMU_NVMe_Ctrl_NV0"],
    ("Hardware",): ["Trivet Lab machine", "3 network ports"],
    ("Alerts",): ["warning: storage", "put in its cable, or look at the switch"],
    ("Logs",): ["trivetd: no link on storage"],
}


def test_a_page_that_had_to_look_first_begins_at_its_first_field() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change the management network")
        assert person.focused == "ports"
        await person.press("tab")
        assert person.focused == "method"
        await person.press("f2")
        assert person.focused == "method", "another language, the same field"

    manage(story)


@pytest.mark.slow
@pytest.mark.parametrize("path", READ, ids="-".join)
def test_pages_to_read(path: tuple[str, ...]) -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick(*path)
        text = person.words
        for _ in range(6):
            await person.press("pagedown")
            text += " " + person.words
        for words in READ[path]:
            assert words in text
        await person.press("f1")
        assert person.page == "Help"
        await person.press("escape", "escape")
        assert "Menu" in person.page

    manage(story, nodes.CABLE)


@pytest.mark.slow
def test_a_node_without_a_spec_says_so_on_each_page() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Show")
        assert "no saved spec" in person.words
        await person.press("escape")
        for path in ("Change the management network",):
            await person.pick(path)
            assert "Nothing can be changed here" in person.words
            await person.press("ctrl+n")
            assert person.page == "NetworkEdit"

    manage(story, data=nodes.record(files={"/var/lib/trivet/spec.yaml": ""}))


@pytest.mark.slow
def test_who_leaves_before_it_is_read_is_not_troubled_by_it() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        for keys in ("3<", "5<", "6<", "21<<", "11<<"):
            for key in keys:
                await person.pilot.press("escape" if key == "<" else key)
        await person.rest()
        assert person.page == "MenuPage"
        await person.press("f10")
        assert person.page == "StatusPage"

    manage(story)


@pytest.mark.slow
def test_logs_are_searched_and_changed() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Logs")
        await person.press("slash", *"link")
        assert "no link on storage" in person.screen
        assert "configure the network" not in person.screen
        await person.press(*"xyz")
        assert "No line has linkxyz." in person.words
        await person.press("ctrl+u", "f3")
        assert "Logs: this console" in person.screen
        assert "a line of trivet-console" in person.screen
        person.edge.trouble = "journalctl is not there"
        await person.press("f3")
        assert "! journalctl is not there" in person.screen
        await person.press("escape")
        assert person.page == "MenuPage"

    manage(story)


@pytest.mark.slow
def test_the_network_is_tested_before_ones_eyes() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Test")
        trivet = person.edge.started[-1]
        good = Finding(plane="management", test="ping", target="10.0.2.2", outcome="ok", message="it answers")
        hint = "see whether it is a name server, and whether there is a way to it"
        silent = "no answer within 4 s"
        bad = Finding(plane="management", test="DNS", target="10.0.2.3", outcome="failed", message=silent, hint=hint)
        trivet.say(good.model_dump_json())
        await person.second()
        assert "ping 10.0.2.2: ok it answers" in person.words
        assert "testing ..." in person.words
        trivet.say(Beginning(plane="management", test="DNS", target="10.0.2.3").model_dump_json())
        await person.second()
        assert "management DNS 10.0.2.3 ..." in person.words
        trivet.say(bad.model_dump_json())
        trivet.end(5, "trivet: 1 of 2 tests failed")
        await person.second()
        assert f"! management DNS 10.0.2.3: FAILED no answer within 4 s {hint}" in person.words
        assert "1 of 2 tests failed." in person.words
        await person.press("enter")
        assert person.page == "MenuPage"
        person.edge.trouble = "no trivet"
        await person.pick("Network", "Test")
        assert "no trivet" in person.words

    _, edge = manage(story)
    assert edge.started[0].arguments == ("net", "test", "--steps")


@pytest.mark.slow
def test_restarting_and_switching_off_ask_first() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Restart or switch off")
        for _ in range(2):
            await person.press("1")
            assert (person.page, person.focused) == ("Ask", "stay")
            assert "Running on it: web." in person.words
            await person.press("enter")
        assert person.edge.went == []
        await person.press("2", "right", "enter")
        assert person.edge.went == ["poweroff"]
        person.edge.trouble = "systemd does not answer"
        await person.press("1", "right", "enter")
        assert "systemd does not answer" in person.words

    manage(story)


@pytest.mark.slow
def test_a_terminal_that_cannot_be_left_says_so() -> None:
    """The driver of the tests is such a one; a real terminal is in test_node_terminal.py."""

    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Shell")
        assert "This terminal can be left to no other program." in person.words

    _, edge = manage(story)
    assert "shell" not in edge.notes


@pytest.mark.slow
@pytest.mark.parametrize("terminal", [Terminal(utf8=False, chinese=False, colour=False), Terminal(chinese=False)])
def test_without_colour_and_beyond_ascii(terminal: Terminal) -> None:
    async def story(person: Operator) -> None:
        if not terminal.utf8:
            assert person.screen.isascii()
        await change_address(person)
        if not terminal.utf8:
            assert person.screen.isascii()
        await person.press("f2")
        assert "Plan" in person.screen, "this terminal has no Chinese"
        nodes.begin_trial(person.data, 60)
        await person.second()
        assert person.page == "TrialPage"
        if not terminal.utf8:
            assert person.screen.isascii()
            assert "###" in person.screen

    manage(story, terminal=terminal)


@pytest.mark.slow
def test_the_language_is_the_screens_and_not_the_specs() -> None:
    async def story(person: Operator) -> None:
        await person.press("f2")
        assert "状态" in person.screen
        await change_address_in_chinese(person)
        assert "计划" in person.screen
        await person.press("right", "enter")

    _, edge = manage(story)
    assert load_spec(edge.started[0].stdin).node.language == "en"


async def change_address_in_chinese(person: Operator) -> None:
    await person.log_in()
    await person.press("1", "2")
    await person.fill("address", "10.0.2.16/24")
    await person.press("ctrl+n")
