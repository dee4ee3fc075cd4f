# SPDX-License-Identifier: Apache-2.0
"""The edge of the node's console: who may log in, what is counted, what is written into the journal."""

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.host import audit, child
from appliance.host.files import LiveFiles
from appliance.host.password import hashed, matches
from appliance.host.playback import playback
from appliance.node import bmc
from appliance.tui.node import edge as edges
from appliance.tui.node.edge import DryEdge, LiveEdge
from appliance.tui.node.lockout import FREE
from appliance.tui.run import installed
from tests.tui import nodes

PASSWORD = "correct horse 7 staple"


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests write files, and one starts a process."""


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    found: list[str] = []
    monkeypatch.setattr(audit, "note", found.append)
    return found


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notes: list[str]) -> LiveEdge:
    """Two consoles of one machine, whose root is a folder."""
    monkeypatch.setattr(edges, "FOLDER", str(tmp_path / "run/trivet/console"))
    monkeypatch.setattr(edges, "_ATTEMPTS", "/run/trivet/console/attempts.json")
    (tmp_path / "etc").mkdir()
    (tmp_path / "proc").mkdir()
    (tmp_path / "etc/shadow").write_text(f"daemon:*:1::::::\nroot:{hashed(PASSWORD)}:20000:0:99999:7:::\n")
    (tmp_path / "proc/uptime").write_text("100.0 1.0\n")
    return another(tmp_path)


def another(root: Path) -> LiveEdge:
    return LiveEdge(replace(playback(nodes.record()), files=LiveFiles(str(root))))


def test_a_password_and_its_hash() -> None:
    field = hashed(PASSWORD)
    assert matches(PASSWORD, field)
    assert not matches(PASSWORD + " ", field)
    assert matches("很好", hashed("很好"))
    for locked in ("", "*", "!", f"!{field}", "!*", "x", "$y$", "$nonsense$x"):
        assert not matches("", locked)
        assert not matches(PASSWORD, locked)
    assert not matches("a\0b", field)


def test_who_has_the_password_is_in_and_wrong_ones_are_forgotten(edge: LiveEdge, notes: list[str]) -> None:
    assert edge.door() == "open"
    assert not edge.opens("guess")
    assert edge.attempts().failures == 1
    assert edge.opens(PASSWORD)
    assert edge.attempts().failures == 0
    assert notes == ["wrong password, number 1", "root logged in"]


def test_consoles_count_together_and_the_right_one_waits_too(edge: LiveEdge, tmp_path: Path, notes: list[str]) -> None:
    other = another(tmp_path)
    for number in range(FREE):
        assert not (edge if number % 2 else other).opens("guess")
    assert other.attempts().left(100.0) == 30
    assert not other.opens(PASSWORD)
    (tmp_path / "proc/uptime").write_text("131.0 1.0\n")
    assert other.opens(PASSWORD)
    assert "guess" not in " ".join(notes)


def test_two_at_once(edge: LiveEdge, tmp_path: Path) -> None:
    with (
        edges.only_one(tmp_path / "run/trivet/console/login.lock", "x", "y"),
        pytest.raises(ApplianceError, match="somebody logs in at another console"),
    ):
        edge.opens(PASSWORD)


def test_a_damaged_count_and_a_full_disk_keep_nobody_out(edge: LiveEdge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run/trivet/console/attempts.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    assert edge.attempts().failures == 0

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LiveFiles, "write", full)
    assert edge.opens(PASSWORD)


def test_root_without_a_password(edge: LiveEdge, tmp_path: Path) -> None:
    for field in ("*", "!*", "", f"!{hashed('')}"):
        (tmp_path / "etc/shadow").write_text(f"root:{field}:1::::::\n")
        assert edge.door() == "no password"
        assert not edge.opens("")


def test_who_may_not_read_the_passwords_does_not_say_that_there_is_none(edge: LiveEdge, tmp_path: Path) -> None:
    (tmp_path / "etc/shadow").unlink()  # to who is not root it looks the same
    assert edge.door() == "unreadable"
    assert not edge.opens(PASSWORD)


def test_trivet_is_started_with_its_input_and_noted_without(
    edge: LiveEdge, notes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], str, Path]] = []

    def start(argv: list[str], stdin: str, output: Path, more: dict[str, str]) -> child.Child:
        assert more == {"TRIVET_ERRAND": str(output.with_suffix(".ended")), "TRIVET_LINE": audit.terminal()}
        started.append((argv, stdin, output))
        return child.Another(1)

    monkeypatch.setattr(child, "start", start)
    one, two = edge.start("net", "apply", "-", stdin="password_hash: $y$secret"), edge.start("net", "revert")
    assert [each.arguments for each in another(tmp_path).works()] == [("net", "revert"), ("net", "apply", "-")]
    assert started[0][0] == [sys.executable, "-m", "appliance.cli.main", "net", "apply", "-", "--json"]
    assert started[0][1] == "password_hash: $y$secret"
    assert one.events != two.events
    assert notes == ["began: trivet net apply -", "began: trivet net revert"]


def test_a_shell_is_noted_and_leaves_by_itself(edge: LiveEdge, notes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[object] = []
    monkeypatch.setattr(child, "foreground", lambda *words: ran.append(words) or 3)
    assert edge.shell() == 3
    assert ran == [(["bash", "--login"], {"TMOUT": "600"})]
    assert notes == ["began: a shell", "the shell has ended with 3"]


def test_a_program_in_the_foreground() -> None:
    begun = time.monotonic()
    assert child.foreground([sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['X']))"], {"X": "7"}) == 7
    assert time.monotonic() - begun < 20


def test_a_serial_line_is_left_when_nobody_hits_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal itself counts: each key is a read of it."""
    master, slave = os.openpty()
    with open(slave) as terminal, open(master):
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(child, "_GLANCE", 0.05)
        begun = time.monotonic()
        assert child.foreground([sys.executable, "-c", "import time; time.sleep(300)"], {}, idle=0.2) == -signal.SIGTERM
        assert time.monotonic() - begun < 60
        assert child.foreground([sys.executable, "-c", "raise SystemExit(3)"], {}, idle=300) == 3


def test_a_serial_line_is_noted_and_says_how_to_leave(
    edge: LiveEdge, notes: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(child, "foreground", lambda argv, more, idle: ran.append((argv[-3:], idle)) or 0)
    assert edge.serial("web", "Ctrl+] comes back") == 0
    assert ran == [(["vm", "console", "web"], 600)]
    assert capfd.readouterr().out == "Ctrl+] comes back\n"
    assert notes == ["began: trivet vm console web", "the serial line of web was left with 0"]


def test_a_server_without_a_bmc() -> None:
    assert bmc.view(playback(nodes.fresh("small-bios"))) is None
    with pytest.raises(ApplianceError, match="ipmi"):  # this one has one, whose words were not recorded
        bmc.view(playback(nodes.record()))


def test_a_recorded_machine_lets_everybody_in_and_does_nothing() -> None:
    dry = DryEdge(playback(nodes.record()))
    assert dry.opens("")
    assert dry.door() == "open"
    for act in (lambda: dry.start("apply"), dry.shell, lambda: dry.power("reboot"), lambda: dry.log("all")):
        with pytest.raises(ApplianceError, match="recorded machine"):
            act()


def test_which_console_a_machine_gets() -> None:
    assert installed(playback(nodes.record()))
    container = nodes.record(files={"/proc/cmdline": "quiet"})
    assert installed(playback(container))
    del container["files"]["/var/lib/trivet/spec.yaml"]
    assert not installed(playback(container))
