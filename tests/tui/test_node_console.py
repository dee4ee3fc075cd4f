# SPDX-License-Identifier: Apache-2.0
"""The node's console, driven by keys: each path, each refusal."""

import json
import time

import pytest

from appliance.model.document import load_spec, parse_yaml
from appliance.model.events import Failed, Started
from appliance.model.nettest import Finding
from appliance.tui.node.edge import IDLE
from appliance.tui.node.lockout import FREE
from appliance.tui.terminal import Terminal
from tests.tui import nodes
from tests.tui.manage import Operator, manage
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


def test_without_a_password_nobody_logs_in() -> None:
    async def story(person: Operator) -> None:
        person.edge.no_password = True
        await person.press("enter")
        assert "Root has no password on this node" in person.words
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
        person.app.clock = lambda: now + IDLE - 1
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
        assert "Name, time, language, password, SSH." in person.words
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


# What changes the node.


async def change_address(person: Operator) -> None:
    await person.log_in()
    await person.pick("Network", "Change the management network")
    await person.fill("address", "10.0.2.16/24")
    await person.press("ctrl+n")


def test_a_change_of_the_network_is_tried_and_kept() -> None:
    async def story(person: Operator) -> None:
        await change_address(person)
        assert (person.page, person.focused) == ("ChangePage", "back")
        assert "This is tried for 60 seconds" in person.words
        await person.press("right", "enter")
        assert person.page == "WorkPage"
        trivet = person.edge.started[-1]
        trivet.steps("configure the network")
        nodes.begin_trial(person.data, 60, trivet.stdin)
        trivet.end()
        await person.second()
        assert (person.page, person.focused) == ("TrialPage", "later")
        assert "taken back in 60 s," in person.words
        person.data["files"]["/proc/uptime"] = f"{nodes.UPTIME + 20} 1.0"
        await person.second()
        assert "taken back in 40 s," in person.words
        assert "node-a: on trial, 40 s" in person.screen
        await person.press("right", "enter")
        keep = person.edge.started[-1]
        keep.steps("save the spec")
        nodes.end_trial(person.data)
        keep.end()
        await person.second()
        assert "The change is kept" in person.words
        assert "on trial" not in person.screen
        await person.press("enter")
        assert person.page == "MenuPage"

    _, edge = manage(story)
    tried, kept = edge.started
    assert tried.arguments == ("net", "apply", "-", "--confirm-within", "60s")
    assert kept.arguments == ("net", "confirm")
    assert load_spec(tried.stdin).network.planes.management.address == "10.0.2.16/24"
    assert "# the port on the left" in tried.stdin


@pytest.mark.slow
def test_a_change_on_trial_is_taken_back_by_hand_or_by_itself() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        nodes.begin_trial(person.data, 60)
        await person.second()
        assert person.page == "TrialPage", "somebody else began it"
        await person.press("right", "right", "enter")
        trivet = person.edge.started[-1]
        assert trivet.arguments == ("net", "revert")
        nodes.end_trial(person.data)
        trivet.end()
        await person.second()
        assert "The network is as the saved spec says." in person.words
        await person.press("escape")
        nodes.begin_trial(person.data, 30)
        await person.second()
        assert person.page == "TrialPage"
        nodes.end_trial(person.data)
        await person.second()
        assert "The trial is over" in person.words
        await person.press("right", "enter")
        assert person.page in ("TrialPage", "MenuPage")
        assert len(person.edge.started) == 1, "there is nothing to keep any more"

    manage(story)


@pytest.mark.slow
def test_a_trial_can_be_put_off_and_stays_in_sight() -> None:
    async def story(person: Operator) -> None:
        nodes.begin_trial(person.data, 50)
        await person.second()
        assert person.page == "StatusPage"
        assert "taken back in 50 s," in person.words
        await person.log_in_to_trial()
        await person.press("enter")
        assert person.page == "MenuPage"
        await person.second()
        assert person.page == "MenuPage", "it was put off"
        assert "0 Change on trial" in person.screen
        assert "node-a: on trial, 50 s" in person.screen
        await person.pick("Network", "Change the management network")
        assert person.page == "NetworkMenu"
        assert "A change is on trial" in person.words
        await person.press("escape", "0")
        assert person.page == "TrialPage"
        await person.press("f10")
        assert (person.page, person.app.logged_in) == ("StatusPage", False)

    manage(story)


@pytest.mark.slow
def test_a_change_that_fails_says_why() -> None:
    async def story(person: Operator) -> None:
        await change_address(person)
        await person.press("right", "enter")
        trivet = person.edge.started[-1]
        trivet.say(Started(step="1", title="configure the network", index=1, total=1))
        trivet.say(Failed(step="1", message="networkd does not answer", hint="see its journal"))
        trivet.end(5)
        await person.second()
        assert person.page == "WorkPage"
        assert "! networkd does not answer; see its journal" in person.words
        await person.press("enter")
        assert person.page == "MenuPage"
        await person.pick("Apply the spec again")
        await person.press("right", "enter")
        person.edge.started[-1].end(1, "trivet: another change is being made; wait for it")
        await person.second()
        assert "another change is being made" in person.words

    manage(story)


@pytest.mark.slow
def test_what_keeps_a_change_from_being_made() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Network", "Change the management network")
        await person.press("ctrl+n")
        assert "Nothing is other than it was." in person.words
        for field, text, words in (
            ("address", "10.0.2.16", "lacks its prefix length"),
            ("gateway", "10.9.9.9", "is in none of"),
            ("vlan", "5000", "from 1 to 4094"),
        ):
            before = person.value(field) if field != "vlan" else ""
            await person.fill(field, text)
            await person.press("ctrl+n")
            assert person.page == "NetworkEdit"
            assert words in person.words
            await person.fill(field, before)
        await person.press("ctrl+n")
        assert person.page == "NetworkEdit"
        await person.fill("address", "10.0.2.16/24")
        await person.press("ctrl+n")
        person.edge.trouble = "there is no trivet"
        await person.press("right", "enter")
        assert person.page == "ChangePage"
        assert "there is no trivet" in person.words
        await person.press("escape", "escape")
        assert person.page == "NetworkMenu"

    _, edge = manage(story)
    assert edge.started == []


@pytest.mark.slow
@pytest.mark.parametrize("item", ["Name and time", "Language", "SSH"])
def test_settings_are_applied_at_once(item: str) -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Node", item)
        if item == "Name and time":
            await person.fill("name", "node-b")
        elif item == "Language":
            await person.choose("language", 1)
        else:
            await person.choose("ssh-on", 0)
        await person.press("ctrl+n")
        assert person.page == "ChangePage"
        assert "tried for" not in person.words
        await person.press("right", "enter")
        person.edge.started[-1].steps("call this node node-b")
        person.edge.started[-1].end()
        await person.second()
        assert "Done, and saved." in person.words

    _, edge = manage(story)
    (trivet,) = edge.started
    assert trivet.arguments == ("apply", "-")
    before, after = parse_yaml(nodes.SPEC), parse_yaml(trivet.stdin)
    differ = {(k, x) for k, v in after.items() if isinstance(v, dict) for x in v if v[x] != before[k].get(x)}
    assert differ == {{"Name and time": ("node", "name"), "Language": ("node", "language"), "SSH": ("admin", "ssh")}[item]}


@pytest.mark.slow
def test_keys_of_ssh() -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOTHER me@desk"

    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Node", "SSH")
        assert "key: ssh-ed25519 ...ADEUPKEY ops@lab" in person.words
        await person.fill("ssh", "nonsense")
        assert "is not a public key" in person.words
        await person.fill("ssh", key)
        assert "is not a public key" not in person.words
        await person.press("ctrl+n", "right", "enter")

    _, edge = manage(story)
    keys = load_spec(edge.started[0].stdin).admin.ssh.authorized_keys
    assert [k.split()[-1] for k in keys] == ["ops@lab", "me@desk"]


@pytest.mark.slow
def test_a_new_password_is_a_hash_in_the_spec_and_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Node", "Password")
        await person.press("ctrl+n")
        assert person.page == "PasswordEdit"
        assert "type the new password, twice" in person.words
        await person.fill("password", "another horse 8 staple")
        assert "strength" in person.words
        await person.fill("again", "another horse 9 staple")
        await person.press("ctrl+n")
        assert "the two are not the same" in person.words
        await person.fill("again", "another horse 8 staple")
        await person.press("ctrl+n")
        await person.rest()
        assert person.page == "ChangePage"
        assert "set the admin password" in person.words
        assert "$y$" not in person.screen
        await person.press("right", "enter")

    _, edge = manage(story)
    (trivet,) = edge.started
    secret = load_spec(trivet.stdin).secrets["admin.password_hash"]
    assert secret.startswith(("$y$", "$6$"))
    everything = " ".join([*edge.notes, *trivet.arguments, capsys.readouterr().out])
    assert "horse" not in everything + trivet.stdin
    assert secret not in everything


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
        await person.press("escape")
        assert person.page == "TestPage", "it is still at it"
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
    assert edge.started[0].arguments == ("net", "test")


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
    """The driver of the tests is such a one; a real terminal is in test_terminal.py."""

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
