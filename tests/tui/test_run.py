# SPDX-License-Identifier: Apache-2.0
"""The edge: a child process that outlives its parent, the password's hash, and how hard a password is to guess."""

import os
import subprocess
import sys
import time
from functools import partialmethod
from pathlib import Path

import pytest

from appliance.host import audit, child, framebuffer
from appliance.host.password import hashed
from appliance.host.playback import playback
from appliance.tui import strength
from appliance.tui.node.app import NodeConsole
from appliance.tui.node.edge import DryEdge
from appliance.tui.outcome import Outcome
from appliance.tui.terminal import Terminal
from tests.tui import nodes


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests start processes on purpose."""


def test_a_child_gets_its_input_and_its_output_is_in_files(tmp_path: Path) -> None:
    code = "import sys; print(sys.stdin.read().upper()); print('ouch', file=sys.stderr); sys.exit(5)"
    started = child.start([sys.executable, "-c", code], "spec", tmp_path / "run" / "out.jsonl")
    end = time.monotonic() + 20
    while (ended := started.ended()) is None and time.monotonic() < end:
        time.sleep(0.02)
    assert ended == 5
    assert (tmp_path / "run/out.jsonl").read_text() == "SPEC\n"
    assert (tmp_path / "run/out.err").read_text() == "ouch\n"
    assert (tmp_path / "run").stat().st_mode & 0o077 == 0


def test_a_child_goes_on_when_its_parent_dies(tmp_path: Path) -> None:
    work = f"import time; time.sleep(1); open({str(tmp_path / 'done')!r}, 'w').close()"
    parent = (
        "import os, sys, pathlib; from appliance.host import child;"
        f"child.start([sys.executable, '-c', {work!r}], '', pathlib.Path({str(tmp_path / 'out')!r}));"
        "os.killpg(0, 9)"
    )
    ended = subprocess.run([sys.executable, "-c", parent], check=False, start_new_session=True, cwd=Path(__file__).parents[2])
    assert ended.returncode == -9
    assert not (tmp_path / "done").exists()
    end = time.monotonic() + 20
    while not (tmp_path / "done").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert (tmp_path / "done").exists()


def test_a_password_is_hashed_as_the_spec_wants_it_and_never_twice_alike() -> None:
    one, other = hashed("correct horse"), hashed("correct horse")
    assert one.startswith(("$y$", "$6$"))
    assert one != other
    assert "correct" not in one


@pytest.mark.parametrize(("password", "points"), [("", -1), ("password", 0), ("Tr0ub4dour", 1), ("correct horse 7 staple", 4)])
def test_strength(password: str, points: int) -> None:
    assert strength.score(password) == points
    assert bool(strength.words(points)) == (points >= 0)


def test_a_very_long_password_is_judged_at_once() -> None:
    begun = time.monotonic()
    assert strength.score("correct horse " * 500) == 4
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("fbterm", "code", "ended"), [
    ('shift 3; "$@"', 0, 0),
    ('shift 3; "$@"; exit 0', 3, 3),  # it keeps to itself how the program in it has ended
    ("exit 1", 0, None),
    ("exit 0", 0, None),
])  # fmt: skip
def test_how_a_program_in_the_frame_buffer_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fbterm: str, code: int, ended: int | None
) -> None:
    program = tmp_path / "fbterm"
    program.write_text(f"#!/bin/sh\n{fbterm}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert framebuffer.inside(["sh", "-c", f"exit {code}"]) == ended


class Dying(NodeConsole):
    """Without its widgets it cannot begin."""

    def on_mount(self) -> None:
        raise LookupError("on purpose")


def test_a_crash_is_no_end_like_others(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    notes: list[str] = []
    monkeypatch.setattr(audit, "note", notes.append)
    monkeypatch.setattr(Dying, "run", partialmethod(Dying.run, headless=True))
    host = playback(nodes.record())
    assert Dying(host, Terminal(), DryEdge(host)).ended() == Outcome("crashed")
    assert "LookupError: on purpose" in notes[0]
    capsys.readouterr()
