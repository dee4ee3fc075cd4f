# SPDX-License-Identifier: Apache-2.0
"""The node's console on a real terminal: the status, a login by somebody who types ahead, a shell and the way back."""

import shutil
from pathlib import Path

import pytest

from tests.tui.test_terminal import Tmux, same_as

pytestmark = pytest.mark.slow
PICTURES = Path(__file__).parent / "node_screens"


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: this test starts processes on purpose."""


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.parametrize(("term", "locale"), [("linux", "C.UTF-8"), ("vt100", "C"), ("xterm-256color", "C.UTF-8")])
def test_the_node_on_a_real_terminal(tmp_path: Path, term: str, locale: str) -> None:
    # On a node standard error is the journal's, and a shell prints its prompt there.
    tmux = Tmux(tmp_path / "tmux", term, locale, "-m", "tests.tui.shell_node", "2>/dev/null")
    try:
        tmux.wait("active-backup")
        if term == "xterm-256color":
            same_as(tmux, PICTURES / "en-80x24/status.txt")
        if locale == "C":
            assert tmux.show().isascii()
        tmux.keys("Enter")
        tmux.wait("Who manages this node")
        tmux.type("a password\r")
        tmux.wait("9 Restart or switch off")
        tmux.keys("8")
        tmux.wait("here>")
        tmux.type("echo sum $((20 + 3))\r")
        tmux.wait("sum 23")
        tmux.type("exit\r")
        screen = tmux.wait("9 Restart or switch off")
        assert "sum 23" not in screen
        tmux.keys("1")
        tmux.wait("5 Change another plane")
        tmux.keys("5")
        tmux.wait("3 storage")
        tmux.keys("3")
        tmux.wait("Ctrl+D Take away")
        if term == "xterm-256color":
            same_as(tmux, PICTURES / "en-80x24/plane.txt")
        for before in ("3 storage", "5 Change another plane", "9 Restart or switch off"):
            tmux.keys("Escape")
            tmux.wait(before)
        tmux.keys("Escape")
        tmux.wait("Log out >")
        tmux.resize(120, 40)
        tmux.wait("F10")
        tmux.keys("F10")
        tmux.wait("over")
        assert "Traceback" not in tmux.show()
    finally:
        tmux.close()
