# SPDX-License-Identifier: Apache-2.0
"""What is at the other end of a serial line. The line has no size and no name for its terminal, so the terminal is asked.

Everything that has drawn text since the VT100 answers where its cursor is. Two characters are printed, and the cursor says
whether they were read as UTF-8 and whether a Chinese one takes two cells; then it is sent as far as it goes.
"""

import contextlib
import os
import re
import select
import termios
import time
import tty
from dataclasses import dataclass

_WHERE = b"\x1b[6n"
_FAR = b"\x1b[999;999H"
_QUESTION = b"\r\xc3\xa9" + _WHERE + b"\r\xe4\xb8\xad" + _WHERE + b"\r\x1b[K" + _FAR + _WHERE + b"\x1b[H"
_REPLIES = 3
_REPLY = re.compile(rb"\x1b\[(\d+);(\d+)R")
_PATIENCE = 1.0
"""Seconds: a BMC far away takes 0.3 for the way there and back."""
_LINE = re.compile(r"/dev/(tty[A-Z]+|hvc)\d+")
SIZE_QUESTION = "\x1b7" + _FAR.decode() + _WHERE.decode() + "\x1b8"
"""Asks for the size alone, and leaves the cursor where it was."""
USUAL = (80, 24)


@dataclass(frozen=True)
class Answer:
    """Cells across and down; `utf8`: characters beyond ASCII arrive; `wide`: and a Chinese one takes two cells."""

    columns: int
    rows: int
    utf8: bool
    wide: bool


def is_line(name: str) -> bool:
    """Is this device node a serial line, or a hypervisor's likeness of one?"""
    return _LINE.fullmatch(name) is not None


def ask(descriptor: int) -> Answer | None:
    """Ask the terminal of a line, and tell the kernel its size. None when nobody answers within a second."""
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor, termios.TCSAFLUSH)
    try:
        os.write(descriptor, _QUESTION)
        answer = understood(_replies(descriptor))
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
    resize(descriptor, *((answer.columns, answer.rows) if answer else USUAL))
    return answer


def resize(descriptor: int, columns: int, rows: int) -> None:
    """Tell the kernel the size of a line; it tells the program when that is another one."""
    with contextlib.suppress(OSError):  # a line that was pulled meanwhile
        termios.tcsetwinsize(descriptor, (rows, columns))


def understood(replies: bytes) -> Answer | None:
    """What the replies say; None while one is missing. Keys that somebody hits between them do not matter. Pure."""
    found = [(int(row), int(column)) for row, column in _REPLY.findall(replies)]
    if len(found) < _REPLIES:
        return None
    (_, narrow), (_, wide), (rows, columns) = found[-_REPLIES:]
    return Answer(columns, rows, utf8=narrow == 1 + 1, wide=wide == 1 + 2)


def _replies(descriptor: int) -> bytes:
    end = time.monotonic() + _PATIENCE
    data = b""
    while (left := end - time.monotonic()) > 0 and understood(data) is None:
        if select.select([descriptor], [], [], left)[0]:
            data += os.read(descriptor, 1024)
    return data
