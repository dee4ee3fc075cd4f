# SPDX-License-Identifier: Apache-2.0
"""The engine's law: skip what is done, do the rest, prove it; failures are events and errors."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.engine.apply import Report, apply
from appliance.engine.journal import Journal
from appliance.errors import StalePlan, StepFailed
from appliance.model.events import Event, Progress
from appliance.model.plan import Plan, SetHostname, SetTimezone

HOST: Any = None
PLAN = Plan(steps=(SetHostname(name="n1", why="test"), SetTimezone(zone="Etc/UTC", why="test")))


@dataclass
class Doer:
    """A handler over a set: `lies` reports success without effect."""

    state: set[str] = field(default_factory=set)
    lies: bool = False
    error: Exception | None = None

    def done(self, step: Any, host: Any) -> bool:
        return step.kind in self.state

    def do(self, step: Any, host: Any, report: Report) -> None:
        if self.error:
            raise self.error
        report.progress(1, 2)
        if not self.lies:
            self.state.add(step.kind)


def run(doer: Doer) -> list[Event]:
    events: list[Event] = []
    apply(PLAN, HOST, {SetHostname: doer, SetTimezone: doer}, events.append)
    return events


def test_does_each_step_once() -> None:
    doer = Doer()
    assert [e.event for e in run(doer) if not isinstance(e, Progress)] == ["started", "finished"] * 2
    assert [e.skipped for e in run(doer) if e.event == "finished"] == [True, True]


def test_success_without_effect_is_a_failure() -> None:
    with pytest.raises(StepFailed, match="call this node n1: it was carried out, and is not in effect"):
        run(Doer(lies=True))


@pytest.mark.parametrize("error", [StalePlan("the disk holds something else"), OSError(28, "No space left on device")])
def test_a_failure_is_an_event_and_an_error_and_ends_the_run(error: Exception) -> None:
    events: list[Event] = []
    doer = Doer(error=error)
    with pytest.raises((StalePlan, StepFailed)):
        apply(PLAN, HOST, {SetHostname: doer, SetTimezone: doer}, events.append)
    assert [e.event for e in events] == ["started", "failed"]
    assert "call this node n1" in events[-1].message  # type: ignore[union-attr]


def test_a_plan_reads_back_as_itself_and_ids_are_of_the_content() -> None:
    again = Plan.model_validate_json(PLAN.model_dump_json())
    assert again == PLAN
    assert [s.id for s in again.steps] == [s.id for s in PLAN.steps]
    assert SetHostname(name="n2", why="test").id != PLAN.steps[0].id


def test_the_journal_is_lines_of_json(tmp_path: Path) -> None:
    with Journal("test", tmp_path) as journal:
        journal.plan(PLAN)
        apply(PLAN, HOST, {SetHostname: Doer(), SetTimezone: Doer()}, journal.event)
    lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert [line.get("event", "plan") for line in lines] == ["plan", "started", "finished", "started", "finished"]
