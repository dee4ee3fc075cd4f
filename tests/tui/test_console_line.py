# SPDX-License-Identifier: Apache-2.0
"""The launcher of the console on a line: again and again, and a login prompt when the console cannot live.

The script is the image's own; `trivet`, `agetty` and `logger` are in its way here, and write down how they were called.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "elements/trivet-node/static/usr/lib"
SCRIPT = ROOT / "trivet/console-line"
GENERATOR = ROOT / "systemd/system-generators/trivet-generator"
FAILED = {"EXIT_CODE": "exited", "EXIT_STATUS": "1"}
KILLED = {"EXIT_CODE": "killed", "EXIT_STATUS": "SEGV"}
WELL = {"EXIT_CODE": "exited", "EXIT_STATUS": "0"}


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests run a script on purpose."""


class Line:
    """A line of a node, and what systemd does with it."""

    def __init__(self, folder: Path) -> None:
        self.run, self.log, self.live = folder / "run", folder / "log", folder / "live"
        programs = folder / "bin"
        programs.mkdir()
        for name in ("trivet", "agetty", "logger"):
            (programs / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {self.log}\n')
            (programs / name).chmod(0o755)
        self._path = f"{programs}:{os.environ['PATH']}"

    def call(self, verb: str, line: str, **more: str) -> list[str]:
        """What the script has started."""
        self.log.write_text("")
        places = {"TRIVET_CONSOLES": str(self.run), "TRIVET_LIVE": str(self.live)}
        environment = {"PATH": self._path, "TERM": "vt220", **places, **more}
        subprocess.run([str(SCRIPT), verb, line], check=True, env=environment)
        return self.log.read_text().splitlines()

    def lives(self, line: str, seconds: int, **ended: str) -> list[str]:
        """It is started, and ends after so many seconds. What was said of that."""
        assert self.call("start", line) == ["trivet console"]
        begun = self.run / f"{line}.started"
        begun.write_text(str(int(begun.read_text()) - seconds))
        return self.call("ended", line, **ended)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path)


def test_three_deaths_in_a_row_give_the_line_to_a_login_prompt_and_then_the_console_is_tried_again(line: Line) -> None:
    for _ in range(2):
        (said,) = line.lives("ttyS0", 2, **FAILED)
        assert said.endswith("ttyS0: the console has died after 2 s: exited 1")
        assert "-t trivet-console" in said
    line.lives("ttyS0", 3, **KILLED)
    said, prompt = line.call("start", "ttyS0")
    assert said.endswith("ttyS0: the console has died 3 times in a row, killed SEGV: a login prompt takes its place")
    issue = line.run / "ttyS0.issue"
    wanted = f"agetty --noreset --noclear --issue-file {issue} --keep-baud 115200,57600,38400,9600 - vt220"
    assert prompt == wanted
    assert issue.read_text() == "The console died 3 times in a row (killed SEGV). See: journalctl -t trivet-console\n"
    assert line.call("ended", "ttyS0", **FAILED) == [], "it was the prompt that has ended"
    assert line.call("start", "ttyS0") == ["trivet console"]


def test_what_is_no_failure_in_a_row(line: Line) -> None:
    for ended, seconds in ((FAILED, 1), (FAILED, 1), (WELL, 5), (FAILED, 1), (FAILED, 1), (FAILED, 3600), (FAILED, 1)):
        line.lives("tty1", seconds, **ended)
    line.lives("hvc0", 1, **FAILED)
    assert line.call("start", "hvc0") == ["trivet console"], "each line has its own count"
    line.lives("tty1", 1, **FAILED)
    assert line.call("start", "tty1")[-1].startswith("agetty")


def test_a_live_system_has_no_password_and_its_prompt_asks_none(line: Line) -> None:
    line.live.mkdir()
    for _ in range(3):
        line.lives("tty1", 1, **FAILED)
    prompt = line.call("start", "tty1")[-1]
    assert "--autologin root" in prompt
    assert "--keep-baud" not in prompt


def test_systemd_starts_it_again_for_ever() -> None:
    """Its own limit is five starts in ten seconds, and then the line would stay dark."""
    unit = re.search(r"60-trivet-console.conf.*?\nUNIT\n", GENERATOR.read_text(), re.DOTALL)
    assert unit
    for wanted in ("StartLimitIntervalSec=0", "Restart=always", "RestartSec=1", "console-line start %I", "console-line ended %I"):
        assert wanted in unit[0]
