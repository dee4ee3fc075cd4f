# SPDX-License-Identifier: Apache-2.0
"""A program on a serial line: nobody says when a terminal is plugged in, or another one, so each is asked when keys come."""

import sys
import time
from typing import TypeVar

from textual import events
from textual.app import App

from appliance.host import line
from appliance.tui.terminal import Terminal

Result = TypeVar("Result")
_PAUSE = 30.0
"""Seconds without a key after which the next one may come from another terminal."""


class OnALine(App[Result]):
    """Knows the size of a terminal that cannot be asked through the kernel. `met` is called when the first one answers."""

    terminal: Terminal
    _last_key = float("-inf")

    async def on_event(self, event: events.Event) -> None:
        """Keys that come after a pause have the terminal asked for its size, and drawn anew."""
        if isinstance(event, events.Key) and self.terminal.serial:
            before, self._last_key = self._last_key, time.monotonic()
            if self._last_key - before > _PAUSE and self._driver is not None:
                self._driver.write(line.SIZE_QUESTION)
        await super().on_event(event)

    def on_cursor_position(self, event: events.CursorPosition) -> None:
        """Where the cursor went when it was sent as far as it goes."""
        if not self.terminal.serial:
            return
        if not self.terminal.answered:
            self.met()
        elif (event.x + 1, event.y + 1) != tuple(self.size):
            line.resize(sys.__stdout__.fileno() if sys.__stdout__ else 1, event.x + 1, event.y + 1)
        else:
            self.redrawn()

    def met(self) -> None:
        """Somebody is there now: what the terminal can is not known yet."""

    def redrawn(self) -> None:
        """The terminal may have been off, or another one."""
