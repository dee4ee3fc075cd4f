# SPDX-License-Identifier: Apache-2.0
"""A terminal at the end of a machine's serial line, and somebody in front of it: reads the screen, hits keys.

The screen is pyte's, which draws what a VT100 and its heirs draw, and answers when it is asked where its cursor is.
"""

from __future__ import annotations

import threading
import time

import pyte

from tests.vm.console import Console, ConsoleError

KEYS = {
    "enter": "\r", "tab": "\t", "esc": "\x1b", "space": " ", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C",
    "left": "\x1b[D", "home": "\x1b[H", "end": "\x1b[F", "f1": "\x1bOP", "f2": "\x1bOQ", "f10": "\x1b[21~",
    "ctrl+n": "\x0e", "ctrl+u": "\x15", "ctrl+l": "\x0c",
}  # fmt: skip
_SETTLED = 1.0
"""Seconds without a byte after which a screen is taken for drawn."""


class _Screen(pyte.Screen):
    """Answers on the line."""

    def __init__(self, console: Console, columns: int, rows: int) -> None:
        super().__init__(columns, rows)
        self._console = console

    def write_process_input(self, data: str) -> None:
        self._console.send(data)

    @property
    def rows(self) -> list[str]:
        """What is shown, a line each. pyte's own `display` fails at a wide character that is half overwritten."""
        return ["".join(self.buffer[y][x].data for x in range(self.columns)) for y in range(self.lines)]


class Terminal:
    """Plugged into a line from now on. `unplug` leaves the line to whoever comes next."""

    def __init__(self, console: Console, columns: int = 80, rows: int = 24) -> None:
        self._console = console
        self._screen = _Screen(console, columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._changed = threading.Condition()
        self._last = time.monotonic()
        console.watch(self._feed)

    def unplug(self) -> None:
        self._console.watch(None)

    @property
    def text(self) -> str:
        """What is on the screen, a line each."""
        with self._changed:
            return "\n".join(line.rstrip() for line in self._screen.rows)

    @property
    def words(self) -> str:
        """The same as one line, in which a wrapped sentence is whole again."""
        return " ".join(self.text.split())

    def resize(self, columns: int, rows: int) -> None:
        """Somebody pulls the window larger; a serial line does not tell anybody."""
        with self._changed:
            self._screen.resize(rows, columns)

    def press(self, *keys: str) -> None:
        """Keys by their names; what is no name is typed."""
        for key in keys:
            self._console.send(KEYS.get(key, key))
            time.sleep(0.3)  # a lone Escape is one because nothing follows it at once

    def wait(self, *texts: str, timeout: float = 60) -> str:
        """Wait until all of these are on the screen, which is returned, wrapped sentences whole."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                screen = " ".join("\n".join(self._screen.rows).split())
                if all(text in screen for text in texts):
                    return screen
                left = deadline - time.monotonic()
                if left <= 0:
                    shown = "\n".join(line.rstrip() for line in self._screen.rows)
                    raise ConsoleError(f"{self._console.name}: not on the screen within {timeout:.0f} s: {texts}\n{shown}")
                self._changed.wait(left)

    def settle(self, timeout: float = 60) -> str:
        """Wait until nothing is drawn any more."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with self._changed:
                quiet = time.monotonic() - self._last
            if quiet > _SETTLED:
                break
            time.sleep(_SETTLED - quiet + 0.01)
        return self.text

    def _feed(self, data: bytes) -> None:
        with self._changed:
            self._last = time.monotonic()
            self._stream.feed(data)
            self._changed.notify_all()
