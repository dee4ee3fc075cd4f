# SPDX-License-Identifier: Apache-2.0
"""A program at the end of a line: keys may come faster than they are worked off, and from another terminal than before."""

import asyncio
import contextlib
import sys
import time
from typing import TypeVar

from textual import content, events
from textual.app import App

from appliance.host import line
from appliance.tui.terminal import Terminal
from appliance.tui.wrap import divide_line

content.divide_line = divide_line  # type: ignore[attr-defined]  # textual's is rich's, which knows no Chinese

Result = TypeVar("Result")
_PAUSE = 30.0
"""Seconds without a key after which the next one may come from another terminal."""


_DIGESTION = 2.0
"""Seconds that a key is waited for at most: one that opens a long work must not keep the others from the screen."""


class OnALine(App[Result]):
    """Takes one key after the other, and knows the size of a terminal that cannot be asked through the kernel.

    `met` is called when the first terminal answers.
    """

    terminal: Terminal
    _last_key = float("-inf")

    async def on_event(self, event: events.Event) -> None:
        """Keys that come after a pause have the terminal asked for its size, and drawn anew."""
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
            return
        before, self._last_key = self._last_key, time.monotonic()
        if self.terminal.serial and self._last_key - before > _PAUSE and self._driver is not None:
            self._driver.write(line.SIZE_QUESTION)
        # A key that means something here, and is no text, is worked off at once. Else it would go to the widget and, from one to
        # the next around it, come back to the end of the queue, behind the keys that were hit after it.
        if await self._check_bindings(event.key, priority=True) or (
            not event.is_printable and await self._check_bindings(event.key)
        ):
            return
        await super().on_event(event)
        await self._digested()

    async def _digested(self) -> None:
        """Wait until the widget that has the key, and what it told others of it, are through.

        Textual lays keys into the queue of whatever has the focus at that moment: who types ahead, or pastes a password, Enter
        and the password again, would find both in the first field.
        """
        for node in (self.focused, self.screen if self.screen_stack else None):
            if node is None or not node.is_running:
                continue
            done = asyncio.Event()
            node.call_later(done.set)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), _DIGESTION)

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
