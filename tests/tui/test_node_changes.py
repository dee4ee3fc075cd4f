# SPDX-License-Identifier: Apache-2.0
"""What changes a node from its console, driven by keys: each path, each refusal."""

import pytest

from appliance.model.document import load_spec, parse_yaml
from appliance.model.events import Failed, Started
from tests.tui import nodes
from tests.tui.manage import Operator, change_address, manage


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
        assert person.edge.started[-1].arguments == ("apply",), "the saved one, which a card that died keeps from nothing"
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


def test_another_keyboard_is_saved_in_the_spec() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Node", "Keyboard")
        await person.choose("keyboard", 2)
        await person.press("ctrl+n")
        assert "write /etc/default/keyboard" in person.words
        await person.press("right", "enter")

    _, edge = manage(story)
    assert load_spec(edge.started[0].stdin).node.keyboard == "de-latin1"
    assert "# the port on the left" in edge.started[0].stdin, "comments stay"
