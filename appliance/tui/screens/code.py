# SPDX-License-Identifier: Apache-2.0
"""A QR code over the whole terminal: what a page has around it would cost it the lines that it needs."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.widgets import Static


class Code(ModalScreen[None]):
    """`below` is the one line beneath it. Esc leads back, and so does a terminal that became too small for it."""

    BINDINGS: ClassVar = [Binding("escape,enter,f1,f6,f10", "close", priority=True)]

    def __init__(self, lines: tuple[str, ...], below: str) -> None:
        super().__init__()
        self._lines, self._below = lines, below

    def compose(self) -> ComposeResult:
        yield Static(Content("\n".join(self._lines)), id="code")
        yield Static(Content(self._below), id="below")

    def on_resize(self, event: events.Resize) -> None:
        if self.is_current and not fits(self._lines, event.size):  # more than one of these may be on its way
            self.action_close()

    def action_close(self) -> None:
        self.dismiss(None)


def needs(lines: tuple[str, ...]) -> Size:
    """The terminal that it takes, with the line beneath it."""
    return Size(len(lines[0]), len(lines) + 1)


def fits(lines: tuple[str, ...], size: Size) -> bool:
    """Is the terminal large enough?"""
    wanted = needs(lines)
    return wanted.width <= size.width and wanted.height <= size.height
