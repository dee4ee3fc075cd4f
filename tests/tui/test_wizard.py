# SPDX-License-Identifier: Apache-2.0
"""The wizard, driven by keys at recorded machines: each path, each refusal."""

import contextlib
import json
from pathlib import Path

import pytest
from textual import events

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host import led
from appliance.host.host import Host
from appliance.host.playback import recorded
from appliance.installer.stick import Stick
from appliance.model.answer import RefusedAnswer
from appliance.model.document import load_spec
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.tui.draft import Draft, suggested
from appliance.tui.outcome import Installation, Outcome
from appliance.tui.screens.admin import AdminPage
from appliance.tui.screens.wizard import PAGES
from appliance.tui.terminal import Terminal
from tests.tui.pilot import MACHINES, PASSWORD, Person, answer, walk

pytestmark = pytest.mark.slow


def test_from_the_first_page_to_the_plan_and_the_spec() -> None:
    async def story(person: Person) -> None:
        await person.to("NetworkPage")
        await person.choose("method", 1)
        await person.fill("address", "10.0.0.11/24")
        await person.fill("gateway", "10.0.0.1")
        await person.fill("dns", "10.0.0.1, 10.0.0.2")
        await person.to("NodePage")
        await person.press("n", "1", "enter", "ctrl+u", *"Asia", "slash", "S", "h", "a", "n", "right")
        await person.to("AdminPage")
        await person.fill("password", PASSWORD)
        await person.fill("again", PASSWORD)
        await person.to("PlanPage")
        await person.to("ConsentPage")
        assert "Nothing is lost" in person.words
        await person.press("right", "enter")

    outcome = walk("small-bios", story)
    assert outcome is not None
    assert outcome.kind == "planned"
    spec = load_spec(outcome.text)
    assert spec.node.name == "n1"
    assert spec.node.timezone == "Asia/Shanghai"
    plane = spec.network.planes.management
    assert (plane.address, plane.gateway, plane.dns) == ("10.0.0.11/24", "10.0.0.1", ("10.0.0.1", "10.0.0.2"))
    assert spec.secrets["admin.password_hash"].startswith("$y$")
    assert outcome.plan == flow.plan(flow.inspect(recorded(MACHINES / "small-bios")), spec)
    assert outcome.plan.steps


def test_a_pair_of_disks_and_a_bond_with_a_vlan() -> None:
    async def story(person: Person) -> None:
        await person.open("DiskPage")
        await person.choose("disks", 0)
        await person.choose("disks", 1)
        await person.to("NetworkPage")
        await person.choose("ports", 1)
        assert "802.3ad" in person.screen
        await person.choose("bond", 1)
        await person.fill("vlan", "30")
        await answer(person)
        await person.to("ConsentPage")
        await person.press("right", "enter")

    outcome = walk("two-sockets", story)
    assert outcome is not None
    spec = load_spec(outcome.text)
    assert spec.install is not None
    assert spec.install.disk.count == 2
    assert spec.network.planes.management.bond == "802.3ad"
    assert spec.network.planes.management.vlan == 30
    assert outcome.plan is not None
    assert sum(step.kind == "mirror-partition" for step in outcome.plan.steps) == 3


def test_a_disk_that_holds_data_takes_two_consents() -> None:
    async def story(person: Person) -> None:
        await person.open("DiskPage")
        await person.choose("disks", 4)
        assert "holds data: crypto_LUKS" in person.words
        await person.press("ctrl+n")
        assert (person.page, person.focused) == ("DiskPage", "wipe")
        await person.press("space")
        await answer(person)
        await person.to("ConsentPage")
        assert "ERASED" in person.screen
        assert "serial LUKS: crypto_LUKS" in person.words
        assert person.focused == "cancel"
        await person.press("ctrl+n", "f8")
        assert person.page == "ConsentPage"
        install = person.app.screen.query_one("#install")
        person.app.screen.query_one("#tail-0").focus()
        await person.type("LUKX")
        assert install.disabled
        await person.press("backspace")
        await person.type("s")
        assert not install.disabled
        await person.press("enter", "right", "enter")

    outcome = walk("full-disks", story)
    assert outcome is not None
    assert outcome.plan is not None
    assert outcome.plan.destroys == ("QEMU HARDDISK, 10 GiB, serial LUKS: crypto_LUKS",)


def test_cancel_goes_back_and_nothing_is_lost_on_the_way() -> None:
    async def story(person: Person) -> None:
        await answer(person)
        await person.to("ConsentPage")
        await person.press("enter")
        assert person.page == "PlanPage"
        await person.press("escape")
        assert "kept as it was typed before" in person.words
        before = person.app.draft
        await person.press("escape")
        assert person.value("name") == "n1"
        await person.press("escape", "escape", "escape")
        assert person.page == "MachinePage"
        await person.to("PlanPage")
        assert person.app.draft == before

    walk("small-bios", story)


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
        assert "cannot be used: held by LVM vg0" in person.words
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


def test_a_machine_that_cannot_be_installed_says_why_and_where() -> None:
    async def story(person: Person) -> None:
        await person.to("MachinePage")
        assert "this system brings no image that could be installed" in person.words
        await person.to("DiskPage")

    walk("build-machine", story)


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


class Process:
    """Is over or not: what the progress page asks of a child."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None

    def ended(self) -> int | None:
        return self.code


class Installer:
    """Starts nothing: a test says what the process would have said, and when it would have ended."""

    def __init__(self, folder: Path, answer: RefusedAnswer | None = None) -> None:
        self._folder, self._answer = folder, answer
        self.plans: list[Plan] = []
        self.plugged: list[Stick] = []
        self.saved = ("", "")
        self.trouble = ""
        self.shells = 0
        self.work: Installation | None = None

    def start(self, draft: Draft, text: str, plan: Plan) -> Installation:
        self.plans.append(plan)
        events = self._folder / f"{len(self.plans)}.jsonl"
        events.write_text("")
        self.process = Process(len(self.plans))
        self.work = Installation(self.process, events, draft)
        return self.work

    def say(self, *lines: dict[str, object]) -> None:
        assert self.work
        with self.work.events.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    def begun(self) -> Installation | None:
        return self.work

    def forget(self) -> None:
        self.work = None

    def sticks(self) -> list[Stick]:
        return self.plugged

    def save(self, stick: Stick, text: str) -> None:
        if self.trouble:
            raise ApplianceError(self.trouble, "try another stick")
        self.saved = (stick.node, text)

    def shell(self) -> int:
        self.shells += 1
        return 0

    def keys(self, source: str) -> list[str]:
        if self.trouble:
            raise ApplianceError(self.trouble, "try another stick")
        return [f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSBoYXMgdGhlIHByaXZhdGUgaGFsZiBvZiB0aGlz {source or 'stick'}"]

    def refused(self) -> RefusedAnswer | None:
        return self._answer


async def _agree(person: Person) -> None:
    await answer(person)
    await person.to("ConsentPage")
    await person.press("right", "enter")


def test_progress_is_drawn_from_the_events_of_the_process(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await _agree(person)
        (plan,) = machine.plans
        total = len(plan.steps)
        for index, step in enumerate(plan.steps, 1):
            machine.say({"event": "started", "step": step.id, "title": str(step), "index": index, "total": total})
            if step.kind == "write-slot":
                machine.say({"event": "progress", "step": step.id, "done": 50 * 2**20, "total": 200 * 2**20, "rate": 2**20})
                await person.pilot.pause(0.5)
                assert f"Step {index} of {total}: write version" in person.words
                assert "25%" in person.screen
                assert "50 MiB of 200 MiB, 1 MiB a second, 2:30 left" in person.words
                await person.press("escape", "f10", "ctrl+n")
                assert person.page == "ProgressPage"
            machine.say({"event": "finished", "step": step.id})
        machine.process.code = 0
        await person.pilot.pause(0.6)
        assert "n1 is installed. Remove the medium, then restart." in person.words
        assert person.focused == "restart"
        await person.press("enter")

    assert walk("small-bios", story, live=machine) == Outcome("restart")


def test_an_installation_that_fails_says_why_and_leads_back_to_the_plan(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await _agree(person)
        machine.say({"event": "failed", "message": "the disk went away", "hint": "look at its cable"})
        machine.process.code = 5
        await person.pilot.pause(0.6)
        assert "! the disk went away; look at its cable" in person.screen
        assert "is installed" not in person.screen
        assert person.focused == "again"
        await person.press("enter")
        assert person.page == "PlanPage"
        assert person.app.draft.name == "n1"

    walk("small-bios", story, live=machine)


def test_a_process_that_dies_without_a_word_is_a_failure(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await _agree(person)
        assert machine.work
        machine.work.events.with_suffix(".err").write_text("Traceback\nMemoryError: no memory\n")
        machine.process.code = 1
        await person.pilot.pause(0.6)
        assert "! MemoryError: no memory" in person.screen

    walk("small-bios", story, live=machine)


def test_an_installation_begun_elsewhere_is_shown_wherever_one_is(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await person.open("NetworkPage")
        await person.press("f1")
        # On the other terminal somebody agrees to the plan.
        inventory = person.app.inventory
        assert inventory is not None
        draft = suggested(inventory).model_copy(update={"name": "other"})
        machine.start(draft, "", Plan())
        machine.say({"event": "started", "step": "a", "title": "make the state file system", "index": 1, "total": 1})
        await person.pilot.pause(1.5)
        assert person.page == "ProgressPage"
        assert "Step 1 of 1: make the state file system" in person.words
        machine.say({"event": "finished", "step": "a"})
        machine.process.code = 0
        await person.pilot.pause(0.6)
        assert "other is installed. Remove the medium, then restart." in person.words

    walk("small-bios", story, live=machine)


def test_a_console_that_was_started_again_shows_the_installation_at_once(tmp_path: Path) -> None:
    machine = Installer(tmp_path)
    machine.start(Draft(name="n1"), "", Plan())
    machine.say({"event": "failed", "message": "the disk went away", "hint": "look at its cable"})

    async def story(person: Person) -> None:
        await person.pilot.pause(0.6)
        assert person.page == "ProgressPage"
        machine.process.code = 5
        await person.pilot.pause(0.6)
        assert person.focused == "again"
        await person.press("enter")
        await person.pilot.pause(1.5)
        assert person.page == "PlanPage"

    walk("small-bios", story, live=machine)


def test_a_console_that_was_started_again_knows_what_is_being_installed(tmp_path: Path) -> None:
    machine = Installer(tmp_path)
    machine.start(Draft(name="n1"), "", Plan())
    machine.say(
        {"event": "started", "step": "a", "title": "save the spec", "index": 1, "total": 1},
        {"event": "finished", "step": "a"},
    )
    machine.process.code = 0

    async def story(person: Person) -> None:
        await person.pilot.pause(0.6)
        assert person.app.inventory is not None
        assert "n1 is installed." in person.words

    walk("small-bios", story, live=machine)


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
