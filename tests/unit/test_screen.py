# SPDX-License-Identifier: Apache-2.0
"""What an installation shows on every console."""

import io
from pathlib import Path

import pytest

from appliance.cli import screen as module
from appliance.cli.screen import Screen, progress_line
from appliance.host.consoles import Consoles
from appliance.model.events import Failed, Finished, Progress, Started


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Screen, Path, Clock, io.StringIO]:
    clock, console, output = Clock(), tmp_path / "console", io.StringIO()
    monkeypatch.setattr(module, "time", clock)
    console.touch()
    return Screen(Consoles([str(console), str(tmp_path / "no such")]), output, by_hand=False), console, clock, output


def test_lines_are_wrapped_and_kept(shown: tuple[Screen, Path, Clock, io.StringIO]) -> None:
    screen, console, _, output = shown
    screen.say("  - " + "word " * 30)
    lines = console.read_bytes().decode().split("\r\n")
    assert max(map(len, lines)) <= 79
    assert lines[1].startswith("    word")
    assert screen.transcript == output.getvalue() == "\n".join(lines)


def test_progress_is_one_line_at_most_once_a_second(shown: tuple[Screen, Path, Clock, io.StringIO]) -> None:
    screen, console, clock, output = shown
    screen.event(Started(step="x", title="write", index=1, total=2))
    for done in range(0, 1001, 100):
        screen.event(Progress(step="x", done=done, total=1000, rate=100))
        clock.now += 0.3
    screen.event(Finished(step="x", seconds=3.0))
    said = console.read_bytes().decode()
    assert said.count("\r   ") == 4
    assert said.count("\n") == 3
    assert "100%" in said
    assert screen.transcript == output.getvalue() == "[1/2] write\n      done in 3 s\n"


def test_a_failure_is_said(shown: tuple[Screen, Path, Clock, io.StringIO]) -> None:
    screen, *_ = shown
    screen.event(Failed(step="x", message="no space", hint="take a larger disk"))
    assert screen.transcript == "failed: no space; take a larger disk\n"


def test_the_progress_line() -> None:
    line = progress_line(Progress(step="x", done=350 * 2**20, total=700 * 2**20, rate=100 * 2**20))
    assert line == "       50%  350 MiB of 700 MiB, 100 MiB/s, 4 s left"
    assert progress_line(Progress(step="x", done=0, total=0)) == "      100%  0 B of 0 B"
