# SPDX-License-Identifier: Apache-2.0
"""The wizard's doors on a live system, in the hands of a test."""

import json
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.installer.stick import Stick
from appliance.model.answer import RefusedAnswer
from appliance.model.plan import Plan
from appliance.tui.draft import Draft
from appliance.tui.outcome import Installation
from tests.tui.pilot import Person, answer


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


async def agree(person: Person) -> None:
    """Answer what is open, and consent to the plan."""
    await answer(person)
    await person.to("ConsentPage")
    await person.press("right", "enter")
