# SPDX-License-Identifier: Apache-2.0
"""What a console has `trivet` do: the journal hears of it from `trivet` itself, and every console can look at it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import StepFailed
from appliance.host import audit, child, errand
from appliance.host.files import LiveFiles
from appliance.host.playback import playback
from appliance.model.events import Failed, Finished, Output, Started
from appliance.node import errands
from appliance.node.errands import KILLED, Errand, Following
from appliance.tui.node.edge import LiveEdge
from tests.tui import nodes

ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests start processes on purpose."""


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(audit, "note", found.append)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """This process is on an errand."""
    place = tmp_path / "1.ended"
    for name, value in errand.environment(place).items():
        monkeypatch.setenv(name, value)
    before = signal.getsignal(signal.SIGTERM)
    yield place
    signal.signal(signal.SIGTERM, before)


def test_each_step_and_how_it_ended(place: Path, notes: list[str]) -> None:
    with errand.told(["net", "apply", "-"]):
        for event in (
            Started(step="1", title="configure the network", index=1, total=2), Output(step="1", line="not for the journal"),
            Finished(step="1"), Started(step="2", title="save the spec", index=2, total=2), Finished(step="2", skipped=True),
        ):  # fmt: skip
            errand.event(event)
    assert notes[:3] == ["step 1 of 2: configure the network", "step 2 of 2: save the spec", "that was so already"]
    assert re.fullmatch(r"trivet net apply -: done, after \d\.\d s", notes[3])
    assert place.read_text() == "0\n"


@pytest.mark.parametrize(("end", "code", "how"), [
    (StepFailed("networkd does not answer", "see its journal"), "5", "failed: networkd does not answer; see its journal"),
    (SystemExit(5), "5", "ended with 5"),
    (SystemExit(0), "0", "done"),
    (LookupError("eth0"), "1", "died: LookupError: eth0"),
])  # fmt: skip
def test_each_way_to_end(place: Path, notes: list[str], end: BaseException, code: str, how: str) -> None:
    with pytest.raises(type(end)), errand.told(["apply"]):
        errand.event(Failed(message="as it says"))
        raise end
    assert notes[0] == "failed: as it says"
    assert notes[1].startswith(f"trivet apply: {how}, after")
    assert place.read_text() == f"{code}\n"


def test_without_a_console_nothing_is_told(notes: list[str]) -> None:
    with errand.told(["apply"]):
        errand.event(Started(step="1", title="x", index=1, total=1))
    assert notes == []


def test_the_line_is_the_persons_and_not_that_of_fbterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(audit.LINE, "tty1")
    assert audit.terminal() == "tty1"


@pytest.fixture
def edge(tmp_path: Path, notes: list[str], monkeypatch: pytest.MonkeyPatch) -> LiveEdge:
    """A console of a machine, whose /run/trivet/console/works is a folder here; /proc is the real one."""
    monkeypatch.setattr(errands, "FOLDER", str(tmp_path / "works"))
    return LiveEdge(replace(playback(nodes.record()), files=LiveFiles()))


def wait(following: Following) -> int:
    end = time.monotonic() + 30
    while (code := following.ended()) is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    return code


def test_another_console_sees_what_runs_and_how_it_has_ended(edge: LiveEdge, notes: list[str], tmp_path: Path) -> None:
    (tmp_path / "works").mkdir()
    spec = tmp_path / "wrong.yaml"
    spec.write_text("version: 2\n")
    work = edge.start("check", str(spec))
    (seen,) = edge.works()
    assert seen.arguments == ("check", str(spec))
    following = edge.work(seen)
    assert following.same(work)
    assert wait(Following(edge._host, seen)) == 3
    assert "version" in following.events.with_suffix(".err").read_text()
    assert work.child.ended() in (None, 3)
    while work.child.ended() is None:
        time.sleep(0.05)
    assert notes == [f"began: trivet check {spec}"], "the rest is said by the program itself"


def sleeper(folder: Path) -> tuple[Errand, child.Child]:
    """A program that works until it is asked to end."""
    code = (
        "import time, pathlib; from appliance.host import errand, audit\n"
        f"audit.note = lambda text: open({str(folder / 'notes')!r}, 'a').write(text + '\\n')\n"
        f"with errand.told(['net', 'test']):\n pathlib.Path({str(folder / 'ready')!r}).touch()\n time.sleep(60)"
    )
    more = errand.environment(folder / "1.ended") | {"PYTHONPATH": str(ROOT)}
    started = child.start([sys.executable, "-c", code], "", folder / "1.jsonl", more)
    end = time.monotonic() + 30
    while not (folder / "ready").exists() and time.monotonic() < end:
        time.sleep(0.02)
    return Errand(name="1", arguments=("net", "test"), line="tty1", begun=1.0, pid=started.pid), started


@pytest.mark.parametrize("kill", [False, True], ids=["asked to end", "killed"])
def test_what_is_asked_to_end_and_what_is_killed(edge: LiveEdge, tmp_path: Path, kill: bool) -> None:
    folder = tmp_path / "works"
    seen, started = sleeper(folder)
    following = Following(edge._host, seen)
    assert following.ended() is None
    if kill:
        os.kill(started.pid, signal.SIGKILL)
    else:
        edge.stop(edge.work(seen))
    assert wait(following) == (KILLED if kill else 128 + signal.SIGTERM)
    assert kill or (folder / "notes").read_text().startswith("trivet net test: ended with 143, after")
    while started.ended() is None:
        time.sleep(0.02)
    child.stop(started.pid)  # it is gone: nothing happens


def test_the_oldest_are_forgotten_when_they_are_over(edge: LiveEdge, tmp_path: Path) -> None:
    folder = tmp_path / "works"
    folder.mkdir()
    for number in range(errands.KEPT + 3):
        said = Errand(name=f"{number:03}", arguments=("apply",), line="tty1", begun=number, pid=1)
        (folder / f"{said.name}.json").write_text(said.model_dump_json())
        (folder / f"{said.name}.ended").write_text("0\n")
    (folder / "999.json").write_text("{")
    errands.forget(edge._host)
    assert [each.name for each in edge.works()][-1] == "003"
    assert not (folder / "002.ended").exists()


def test_main_tells() -> None:
    """The whole program, as a console starts it."""
    code = "from appliance.host import audit; audit.note = print; from appliance.cli.main import main; "
    code += "main(['check', '/none', '--json'])"
    environment = {**os.environ, "TRIVET_ERRAND": "/dev/null"}
    result = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT, env=environment)
    assert result.returncode == 1
    assert "trivet check /none: failed: /none cannot be read" in result.stdout
