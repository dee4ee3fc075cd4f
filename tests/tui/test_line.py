# SPDX-License-Identifier: Apache-2.0
"""A serial line: what the terminal at its end answers, on a pseudo terminal whose other end is played here."""

import os
import pty
import termios
import threading
from collections.abc import Iterator

import pytest

from appliance.host import line
from appliance.host.line import Answer
from appliance.tui.terminal import Terminal, on_line


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """The terminal's end of a line, and the program's."""
    theirs, ours = pty.openpty()
    yield theirs, ours
    os.close(theirs)
    os.close(ours)


def test_a_terminal_that_answers_says_its_size_and_what_it_reads(ends: tuple[int, int]) -> None:
    theirs, ours = ends

    def terminal() -> None:
        asked = b""
        while asked.count(b"\x1b[6n") < 3:
            asked += os.read(theirs, 1024)
        os.write(theirs, b"x\x1b[1;2R\x1b[1;3Ry\x1b[40;120R")

    far = threading.Thread(target=terminal)
    far.start()
    before = termios.tcgetattr(ours)
    assert line.ask(ours) == Answer(columns=120, rows=40, utf8=True, wide=True)
    far.join()
    assert tuple(os.get_terminal_size(ours)) == (120, 40)
    assert termios.tcgetattr(ours) == before


def test_a_line_without_anybody_gets_the_usual_size(ends: tuple[int, int]) -> None:
    assert line.ask(ends[1]) is None
    assert tuple(os.get_terminal_size(ends[1])) == line.USUAL


@pytest.mark.parametrize(("replies", "expected"), [
    (b"\x1b[1;2R\x1b[1;3R\x1b[24;80R", Answer(80, 24, utf8=True, wide=True)),
    (b"\x1b[1;2R\x1b[1;2R\x1b[24;80R", Answer(80, 24, utf8=True, wide=False)),
    (b"\x1b[1;3R\x1b[1;4R\x1b[24;80R", Answer(80, 24, utf8=False, wide=False)),
    (b"\x1b[1;2R\x1b[1;3R", None),
    (b"root\r\n", None),
])  # fmt: skip
def test_what_is_understood(replies: bytes, expected: Answer | None) -> None:
    assert line.understood(replies) == expected


@pytest.mark.parametrize(("name", "is_line"), [
    ("/dev/ttyS0", True), ("/dev/ttyAMA1", True), ("/dev/hvc0", True), ("/dev/ttyUSB0", True),
    ("/dev/tty1", False), ("/dev/pts/3", False), ("/dev/console", False),
])  # fmt: skip
def test_what_a_line_is(name: str, is_line: bool) -> None:
    assert line.is_line(name) is is_line


def test_what_a_terminal_on_a_line_can_show() -> None:
    environment = {"TERM": "vt220", "LANG": "C.UTF-8"}
    assert on_line(environment, None) == Terminal(utf8=False, chinese=False, colour=False, serial=True, answered=False)
    answer = Answer(100, 30, utf8=True, wide=True)
    assert on_line(environment, answer) == Terminal(utf8=True, chinese=True, colour=False, serial=True)
