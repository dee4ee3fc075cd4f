# SPDX-License-Identifier: Apache-2.0
"""The installation as the wizard shows it: at work, failed, done, begun at another terminal."""

from pathlib import Path

import pytest

from appliance.model.plan import Plan
from appliance.tui.draft import Draft, suggested
from appliance.tui.outcome import Outcome
from tests.tui.installer import Installer, agree
from tests.tui.pilot import Person, walk

pytestmark = pytest.mark.slow


def test_progress_is_drawn_from_the_events_of_the_process(tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        await agree(person)
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
        await agree(person)
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
        await agree(person)
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
