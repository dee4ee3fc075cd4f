# SPDX-License-Identifier: Apache-2.0
"""What an unattended program shows: plain text of 79 columns, and one line of progress that is written over."""

import textwrap
import time
from typing import TextIO

from appliance.cli import render
from appliance.host.consoles import Consoles
from appliance.model.events import Event, Finished, Progress
from appliance.model.units import format_size


class Screen:
    """Speaks on all consoles and on standard output, which is the journal's when no person started the program."""

    def __init__(self, consoles: Consoles, output: TextIO, *, by_hand: bool) -> None:
        self._consoles, self._output, self._by_hand = consoles, output, by_hand
        self._lines: list[str] = []
        self._last = 0.0
        self._open = False

    @property
    def transcript(self) -> str:
        """All that was said, without progress."""
        return "".join(f"{line}\n" for line in self._lines)

    def say(self, *lines: str) -> None:
        """Whole lines, wrapped."""
        wrapped = [part for line in lines for part in _wrap(line)]
        text, end_of_progress = "".join(f"{line}\n" for line in wrapped), "\n" if self._open else ""
        self._open = False
        self._lines += wrapped
        self._consoles.write(end_of_progress + text)
        print(end_of_progress * self._by_hand + text, end="", file=self._output, flush=True)

    def event(self, event: Event) -> None:
        """What apply reports."""
        if isinstance(event, Progress):
            self._progress(event)
        elif isinstance(event, Finished) and not event.skipped and event.seconds >= 1:
            self.say(f"      done in {event.seconds:.0f} s")
        elif line := render.event_text(event):
            self.say(line)

    def _progress(self, event: Progress) -> None:
        """At most one a second, but the last one always: a serial line has better things to carry."""
        now = time.monotonic()
        if now - self._last < 1 and event.done < event.total:
            return
        self._last, self._open = now, True
        text = "\r" + progress_line(event).ljust(render.WIDTH)
        self._consoles.write(text)
        if self._by_hand:
            print(text, end="", file=self._output, flush=True)


def progress_line(event: Progress) -> str:
    """How far, how fast, how long yet."""
    share = 100 * event.done // event.total if event.total else 100
    line = f"      {share:3}%  {format_size(event.done)} of {format_size(event.total)}"
    if event.rate:
        left = (event.total - event.done) / event.rate
        line += f", {format_size(event.rate)}/s" + (f", {left:.0f} s left" if event.done < event.total else "")
    return line


def _wrap(line: str) -> list[str]:
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return textwrap.wrap(line, render.WIDTH, subsequent_indent=indent, break_on_hyphens=False) or [""]
