# SPDX-License-Identifier: Apache-2.0
"""The console on a real terminal: its own process, 80x24, by tmux, under the names that screens and serial lines have."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.tui.terminal import Terminal, terminal

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PICTURES = Path(__file__).parent / "screens/small-bios"
PATIENCE = 30
"""Seconds for one screen on a machine that has much else to do."""


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests start processes on purpose."""


class Tmux:
    """A terminal of its own server, so that nobody else's is touched."""

    def __init__(self, socket: Path, term: str, locale: str, *program: str) -> None:
        self._base = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        wizard = ("-m", "appliance.cli.main", "console", "--machine", "tests/machines/small-bios")
        argv = [sys.executable, *(program or wizard)]
        # COLUMNS and LINES are there as in a shell that exports them: the terminal's own word counts.
        clean = ["env", "-u", "LC_ALL", "-u", "LC_CTYPE", "-u", "NO_COLOR", "-u", "COLORTERM",
                 "COLUMNS=80", "LINES=24", f"TERM={term}", f"LANG={locale}"]  # fmt: skip
        line = " ".join([*clean, *argv]) + "; echo over; sleep 60"
        self._run("-u", "new-session", "-d", "-x", "80", "-y", "24", "-c", str(ROOT), line)

    def _run(self, *arguments: str) -> str:
        return subprocess.run([*self._base, *arguments], check=True, capture_output=True, text=True).stdout

    def keys(self, *names: str) -> None:
        self._run("send-keys", *names)

    def type(self, text: str) -> None:
        """All at once, as somebody types who does not look."""
        self._run("send-keys", "-l", text)

    def show(self, *more: str) -> str:
        return self._run("capture-pane", "-p", *more)

    def wait(self, text: str) -> str:
        end = time.monotonic() + PATIENCE
        while text not in (screen := self.show()):
            assert time.monotonic() < end, f"{text!r} is not on the screen:\n{screen}"
            time.sleep(0.05)
        return screen

    def resize(self, width: int, height: int) -> None:
        self._run("resize-window", "-x", str(width), "-y", str(height))

    def write(self, text: str) -> None:
        """On the terminal, past the program: as the kernel does."""
        Path(self._run("display-message", "-p", "#{pane_tty}").strip()).write_text(text)

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)


def same_as(tmux: Tmux, picture: Path) -> None:
    """The terminal shows, to the last character, what the page is: only differences were sent, and they add up."""
    wanted = picture.read_text()
    end = time.monotonic() + PATIENCE
    while (screen := lines(tmux.show())) != lines(wanted):
        assert time.monotonic() < end, screen
        time.sleep(0.05)


def lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize(("term", "locale"), [("linux", "C.UTF-8"), ("vt100", "C"), ("xterm-256color", "C.UTF-8")])
def test_the_wizard_on_a_real_terminal(tmp_path: Path, term: str, locale: str) -> None:
    tmux = Tmux(tmp_path / "tmux", term, locale)
    try:
        first = tmux.wait("Trivet Lab machine")
        assert "Language" in first
        assert ("Chinese: this terminal cannot show it" in first) == (term != "xterm-256color")
        assert ("─" * 80 in first) == (locale == "C.UTF-8")
        assert ("-" * 80 in first) == (locale == "C")
        tmux.keys("F1")
        tmux.wait("Choose the language of this console")
        tmux.keys("Escape")
        tmux.wait("You answer eight short pages.")
        for page in ("This machine", "System disk", "Management network", "Name and time"):
            tmux.keys("C-n")
            tmux.wait(f"{page}  (")
        tmux.keys("n", "1", "Enter")
        assert "[n1 " in tmux.wait("[n1 ")
        tmux.keys("Escape")
        tmux.wait("Management network  (")
        coloured = tmux.show("-e")
        assert ("\x1b[44m" in coloured) == (term != "vt100")
        if term == "xterm-256color":
            tmux.keys("Escape", "Escape")
            same_as(tmux, PICTURES / "en-80x24/2-MachinePage.txt")
            tmux.keys("F2")
            same_as(tmux, PICTURES / "zh_CN-80x24/2-MachinePage.txt")
            tmux.resize(120, 40)
            same_as(tmux, PICTURES / "zh_CN-120x40/2-MachinePage.txt")
            tmux.resize(80, 24)
            tmux.keys("F1", "F1")
            same_as(tmux, PICTURES / "zh_CN-80x24/2-MachinePage.txt")
            tmux.write("kernel: something happened\r\n" * 5)
            tmux.wait("something happened")
            tmux.keys("C-l")
            same_as(tmux, PICTURES / "zh_CN-80x24/2-MachinePage.txt")
            tmux.keys("F2")
        tmux.keys("F10")
        tmux.wait("Leave the installer?")
        tmux.keys("Right", "Enter")
        tmux.wait("over")
        assert "Traceback" not in tmux.show()
    finally:
        tmux.close()


@pytest.mark.parametrize(("environment", "expected"), [
    ({"TERM": "linux", "LANG": "zh_CN.UTF-8"}, Terminal(utf8=True, chinese=False, colour=True)),
    ({"TERM": "xterm-256color", "LANG": "en_GB.utf8"}, Terminal()),
    ({"TERM": "linux", "LANG": "C.UTF-8", "TRIVET_FRAMEBUFFER": "1"}, Terminal(utf8=True, chinese=True, colour=True)),
    ({"TERM": "vt220", "LANG": "C.UTF-8"}, Terminal(utf8=True, chinese=True, colour=False)),
    ({"TERM": "vt100", "LC_CTYPE": "C.UTF-8"}, Terminal(utf8=False, chinese=False, colour=False)),
    ({"TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "POSIX"}, Terminal(utf8=False, chinese=False, colour=True)),
    ({"TERM": "xterm", "LANG": "C.UTF-8", "NO_COLOR": ""}, Terminal(utf8=True, chinese=True, colour=False)),
    ({}, Terminal(utf8=False, chinese=False, colour=False)),
])  # fmt: skip
def test_what_a_terminal_can_show(environment: dict[str, str], expected: Terminal) -> None:
    assert terminal(environment) == expected
