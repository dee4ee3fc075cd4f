# SPDX-License-Identifier: Apache-2.0
"""What everybody may see: name, address and health, so large that they are read from two metres; then the rest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from appliance.tui import table
from appliance.tui.i18n import _, ngettext
from appliance.tui.node import big
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.seen import Grade, Seen, alert_text, bare, facts, health
from appliance.tui.widgets.frame import Action

_STYLES: dict[Grade, str] = {
    "good": "bold $success", "busy": "bold", "warning": "bold $warning", "fault": "bold $error",
}  # fmt: skip
_MORE_ADDRESSES = 3


@dataclass(frozen=True)
class Line:
    """A line of the screen."""

    text: str
    style: str = ""


def layout(seen: Seen, width: int, height: int, *, utf8: bool, known: bool = False) -> list[Line]:
    """As much as there is room for, the most important first; large is what still fits so. Pure.

    `known`: somebody is logged in, and may be told what there is to do.
    """
    found = health(seen)
    style = _STYLES[found.grade]
    first, *others = seen.addresses or ("",)
    reason = [Line(line, "bold") for line in table.paragraph(found.reason, width).split("\n")]
    rest = [Line(table.hanging(name, text, width)) for name, text in table.rows(facts(seen), 3)]
    rest = [Line(text) for line in rest for text in line.text.split("\n")]
    if known and bare(seen):
        hint = _("Only the management network is set up. Next: Menu, Set up this node.")
        rest += [Line(""), *(Line(line) for line in table.paragraph(hint, width).split("\n"))]
    alerts = _alerts(seen, width)
    more = [Line(_("also {addresses}").format(addresses=_(", ").join(others[:_MORE_ADDRESSES])))] if others else []
    # Name, address and word take a line each, with a line between; what is left makes them large, one after the other.
    room = height - (5 + len(reason) + len(more) + 1 + len(rest) + (1 + len(alerts) if alerts else 0))
    tall = big.height(utf8=utf8) - 1
    large: set[str] = set()
    for text in (found.word, first, seen.name):
        if text and room >= tall and _fits(text, width, utf8=utf8):
            large.add(text)
            room -= tall
    lines = [*_drawn(seen.name, large, "bold", utf8=utf8), Line("")]
    lines += [*_drawn(first or _("no address"), large, "bold", utf8=utf8), *more, Line("")]
    lines += [*_drawn(found.word, large, style, utf8=utf8), *reason, Line(""), *rest]
    return [*lines, *([Line(""), *alerts] if alerts else [])]


def _fits(text: str, width: int, *, utf8: bool) -> bool:
    drawn = big.lines(text, utf8=utf8)
    return bool(drawn) and len(drawn[0]) <= width


def _drawn(text: str, large: set[str], style: str, *, utf8: bool) -> list[Line]:
    return [Line(line, style) for line in big.lines(text, utf8=utf8)] if text in large else [Line(text, style)]


def _alerts(seen: Seen, width: int) -> list[Line]:
    """Those that the word's reason does not say already: each in one line."""
    others = [alert for alert in seen.alerts if alert_text(alert) != health(seen).reason]
    if not others:
        return []
    shown = [f"! {alert_text(alert)}" for alert in others[:2]]
    lines = [text if cell_len(text) <= width else table.column(text, width - 4) + " ..." for text in shown]
    if left := len(others) - len(shown):
        lines.append(ngettext("! and {number} more", "! and {number} more", left).format(number=left))
    return [Line(line, _STYLES["warning"]) for line in lines]


class Board(Widget):
    """The lines, drawn."""

    def __init__(self, seen: Seen, *, known: bool) -> None:
        super().__init__(id="board")
        self._seen, self._known = seen, known

    def show(self, seen: Seen, *, known: bool) -> None:
        """Draw this instead; what does not differ on the screen is not sent."""
        self._seen, self._known = seen, known
        self.refresh()

    def render(self) -> Content:
        utf8 = self.app.terminal.utf8  # type: ignore[attr-defined]  # every app of ours has one
        lines = layout(self._seen, self.size.width, self.size.height, utf8=utf8, known=self._known)[: self.size.height]
        return Content("\n").join(Content.styled(line.text, line.style) for line in lines)


class StatusPage(Manage):
    """The first page. Enter leads on."""

    WATCHES_NETWORK: ClassVar[bool] = True
    BINDINGS: ClassVar = [("l", "logout")]

    def heading(self) -> str:
        return _("Status")

    def help(self) -> Sequence[str]:
        return (
            _("This is how the node is now; nobody needs to log in to see it. The large word is its health: READY, STARTING, "
              "WARNING, FAULT, or ON TRIAL while a change of the network waits for somebody who keeps it."),
            _("Enter leads to the menu, after the password of root. There everything about the node is shown and changed."),
            _("Ctrl+L draws the screen anew when something has written over it."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Board(self.node.seen, known=self.node.logged_in)

    def actions(self) -> Iterable[Action]:
        if self.node.logged_in:
            return (Action(_("Menu"), id="menu"), Action(_("Log out"), id="logout"))
        return (Action(_("Log in"), id="menu"),)

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Enter", _("Menu") if self.node.logged_in else _("Log in")), ("F10", _("Leave"))]

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#menu").focus()

    def on_screen_resume(self) -> None:
        """Whoever comes back may have logged in or out meanwhile."""
        self.refresh(recompose=True)
        self.node.look_at_network()

    def judge(self) -> None:
        super().judge()
        for board in self.query(Board):
            board.show(self.node.seen, known=self.node.logged_in)

    def action_back(self) -> None:
        """It is the first page."""

    @on(Action.Pressed, "#menu")
    def action_menu(self) -> None:
        from appliance.tui.node.pages.login import LoginPage  # noqa: PLC0415 - the first frame needs none of it
        from appliance.tui.node.pages.menu import MenuPage  # noqa: PLC0415 - the same

        self.app.push_screen(MenuPage() if self.node.logged_in else LoginPage())

    @on(Action.Pressed, "#logout")
    def action_logout(self) -> None:
        if self.node.logged_in:
            self.action_leave()
