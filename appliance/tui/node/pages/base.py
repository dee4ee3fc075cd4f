# SPDX-License-Identifier: Apache-2.0
"""What the pages of a node's console share: the name of the node in the title, Esc one page back, F10 out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widget import Widget

from appliance.errors import ApplianceError
from appliance.tui import table
from appliance.tui.i18n import _, said
from appliance.tui.screens.base import Page, advice, paragraph
from appliance.tui.widgets.frame import Action, Title, button

if TYPE_CHECKING:
    from appliance.tui.node.app import NodeConsole


class Manage(Page):
    """A page of this console. A page of the wizard becomes one by standing before it among the bases."""

    WATCHES_NETWORK: ClassVar[bool] = False
    """Does it show the network as it is now?"""

    @property
    def node(self) -> NodeConsole:
        """The program that this is a page of."""
        return cast("NodeConsole", self.app)

    def product(self) -> str:
        return "Trivet"

    def place(self) -> str:
        return self.heading()

    def corner(self) -> str:
        """The node; while a change is on trial, how long yet: on every page."""
        seen = self.node.seen
        if seen.reverts_in is None:
            return seen.name
        return _("{name}: on trial, {number} s").format(name=seen.name, number=seen.reverts_in)

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("F10", _("Log out"))]

    def actions(self) -> Iterable[Widget]:
        return (Action(button("back"), id="back"),)

    def go(self, by: int) -> None:
        """There is nothing after it; before it is the page that led here."""
        if by < 0:
            self.app.pop_screen()

    def judge(self) -> None:
        super().judge()
        for title in self.query(Title):
            title.put(self.product(), self.place(), self.corner())

    def action_leave(self) -> None:
        self.node.edge.note("logged out")
        self.node.log_out()

    def refused(self, error: ApplianceError) -> None:
        """Say why something cannot be done, beside the buttons."""
        self.notice(advice(error.message, error.hint))


Line = tuple[str, str]
"""A line of a report and its class: "", "subhead", "wrong"."""


class Report(Manage):
    """A page to read, put together in a worker: the arrow keys scroll it."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[Line] | None = None

    def load(self) -> list[Line]:
        """What it says. In a thread; ApplianceError is said in its place."""
        raise NotImplementedError

    def keys(self) -> list[tuple[str, str]]:
        return [*super().keys()[:2], ("F5", _("Look again")), ("F10", _("Log out"))]

    BINDINGS: ClassVar = [("f5", "again")]

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            if self._lines is None:
                yield paragraph(_("Looking at this machine ..."))
            for text, classes in self._lines or ():
                yield paragraph(text, classes)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_again()

    def action_again(self) -> None:
        self.run_worker(self._load, thread=True)

    def _load(self) -> None:
        try:
            lines = self.load()
        except Exception as error:  # whatever it is, it is said here: a page that cannot be read is no reason to die
            lines = [(f"! {said(line)}", "wrong") for line in (str(error) or type(error).__name__).splitlines()]
        self.app.call_from_thread(self._loaded, lines)

    def _loaded(self, lines: list[Line]) -> None:
        self._lines = lines
        if self.is_attached:  # nobody may want to read it any more
            self.refresh(recompose=True)

    def learned(self) -> None:
        """It looks for itself."""


def rows(pairs: Iterable[tuple[str, str]], width: int = 74) -> list[Line]:
    """Names and what there is to say of each, wrapped behind them."""
    return [(table.hanging(name, text, width), "") for name, text in table.rows(list(pairs))]


def sentence(text: str, hint: str = "") -> str:
    """What the pure code says, and its remedy, in the console's language."""
    return advice(text, hint) if hint else said(text)
