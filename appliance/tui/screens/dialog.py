# SPDX-License-Identifier: Apache-2.0
"""Windows over a page: help, and a question whose safe answer has the focus."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from appliance.tui.i18n import _
from appliance.tui.widgets.frame import Action


class Help(ModalScreen[None]):
    """What a page is for."""

    BINDINGS: ClassVar = [Binding("escape,f1,f10", "close", priority=True)]

    def __init__(self, title: str, paragraphs: Sequence[str]) -> None:
        super().__init__()
        self._title, self._paragraphs = title, paragraphs

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Static(Content(self._title), classes="window-title")
            with VerticalScroll(can_focus=True):
                for text in self._paragraphs:
                    yield Static(Content(text), classes="paragraph")
            with Horizontal(classes="window-actions"):
                yield Action(_("Close"), id="close")

    def on_mount(self) -> None:
        self.query_one("#close").focus()

    @on(Action.Pressed)
    def action_close(self) -> None:
        self.dismiss(None)


class Ask(ModalScreen[bool]):
    """Yes or no. The focus is on no, and Escape says no."""

    BINDINGS: ClassVar = [Binding("escape", "stay", priority=True)]

    def __init__(self, title: str, question: str, *, stay: str, go: str) -> None:
        super().__init__()
        self._title, self._question, self._stay, self._go = title, question, stay, go

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Static(Content(self._title), classes="window-title")
            yield Static(Content(self._question), classes="paragraph")
            with Horizontal(classes="window-actions"):
                yield Action(self._stay, id="stay")
                yield Action(self._go, id="go")

    def on_mount(self) -> None:
        self.query_one("#stay").focus()

    @on(Action.Pressed, "#stay")
    def action_stay(self) -> None:
        self.dismiss(False)

    @on(Action.Pressed, "#go")
    def action_go(self) -> None:
        self.dismiss(True)
