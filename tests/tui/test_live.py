# SPDX-License-Identifier: Apache-2.0
"""What one console leaves for the others of its machine: an installation, its answers without a secret, a refused answer file."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from appliance.host import audit, child
from appliance.host.files import LiveFiles
from appliance.host.playback import recorded
from appliance.model.answer import REFUSED, RefusedAnswer
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.tui.draft import Draft
from appliance.tui.live import BEGUN, EVENTS, ThisMachine
from tests.tui.pilot import HASH, MACHINES


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests write files."""


def console(root: Path) -> ThisMachine:
    return ThisMachine(replace(recorded(MACHINES / "small-bios"), files=LiveFiles(str(root))))


def test_what_one_console_begins_another_sees_until_it_was_read_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[list[str], str, Path]] = []

    def start(argv: list[str], text: str, events: Path, _more: dict[str, str]) -> child.Child:
        given.append((argv, text, events))
        return child.Another(os.getpid())

    notes: list[str] = []
    monkeypatch.setattr(audit, "note", notes.append)
    monkeypatch.setattr(child, "start", start)
    one, other = console(tmp_path), console(tmp_path)
    assert other.begun() is None
    plan = Plan()
    begun = one.start(Draft(name="n1", password_hash=SecretStr(HASH)), "the spec", plan)
    ((argv, text, events),) = given
    assert argv[-4:] == ["-", "--agreed", plan.digest, "--json"]
    assert (text, events) == ("the spec", EVENTS)
    assert notes == [f"began: trivet install, for the plan {plan.digest}"]
    seen = other.begun()
    assert seen is not None
    assert seen.same(begun)
    assert seen.draft.name == "n1"
    assert seen.child.ended() is None
    assert HASH not in (tmp_path / BEGUN[1:]).read_text()
    other.forget()
    other.forget()
    assert one.begun() is None


def test_an_answer_file_that_was_refused(tmp_path: Path) -> None:
    assert console(tmp_path).refused() is None
    answer = RefusedAnswer(source="spec.yaml on /dev/sdb", problems=(Problem(where="node.name", message="wrong"),))
    path = tmp_path / REFUSED[1:]
    path.parent.mkdir(parents=True)
    path.write_text(answer.model_dump_json())
    assert console(tmp_path).refused() == answer
