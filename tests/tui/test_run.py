# SPDX-License-Identifier: Apache-2.0
"""The edge: a child process that outlives its parent, the password's hash, and how hard a password is to guess."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.host import child
from appliance.host.password import hashed
from appliance.tui import strength


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
