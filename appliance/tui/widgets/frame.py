# SPDX-License-Identifier: Apache-2.0
"""The frame of each screen: a title, lines across, a row of buttons, the keys."""

from collections.abc import Sequence

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from appliance.tui.i18n import _


class Rule(Widget):
    """A line across, of the best character that the terminal has."""

    def render(self) -> str:
        terminal = self.app.terminal  # type: ignore[attr-defined]  # every app of ours has one
        return ("─" if terminal.utf8 else "-") * self.size.width


class Title(Widget):
    """The product, where one is, and which machine this is; the machine gives way when there is no room."""

    def __init__(self, left: str, middle: str, right: str) -> None:
        super().__init__()
        self._parts = (left, middle, right)

    def put(self, left: str, middle: str, right: str) -> None:
        """Say this instead."""
        if self._parts != (left, middle, right):
            self._parts = (left, middle, right)
            self.refresh()

    def render(self) -> Content:
        left, middle, right = (Content(part) for part in self._parts)
        width = self.size.width - 2
        room = width - left.cell_length - middle.cell_length
        if right.cell_length + 4 > room:
            right = right.truncate(max(0, room - 4), ellipsis=False)
        gap = max(2, (width - middle.cell_length) // 2 - left.cell_length)
        rest = max(1, width - left.cell_length - gap - middle.cell_length - right.cell_length)
        return Content.assemble(" ", left, " " * gap, (middle.plain, "bold"), " " * rest, right, " ")


class Keys(Static):
    """The keys that work here, each with its word."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(_keys(keys))

    def put(self, keys: Sequence[tuple[str, str]]) -> None:
        """Others work from now on."""
        self.update(_keys(keys))


def _keys(keys: Sequence[tuple[str, str]]) -> Content:
    return Content.assemble(*(part for key, word in keys for part in ((key, "bold"), f" {word}   ")))


class Action(Button):
    """A button of one line: `< Next >`. The arrow keys go from one to the next, as people expect of a row of buttons.

    One that does nothing now has no brackets: not every terminal can draw it dim.
    """

    BINDINGS = [
        ("left,up", "app.focus_previous"),
        ("right,down", "app.focus_next"),
    ]

    def __init__(self, label: str, *, id: str, disabled: bool = False) -> None:
        self._word = label
        super().__init__(Content(self._drawn(disabled)), id=id, compact=True, disabled=disabled)

    def _drawn(self, disabled: bool) -> str:
        return f"  {self._word}  " if disabled else f"< {self._word} >"

    def watch_disabled(self, disabled: bool) -> None:
        """It is drawn as what it is now."""
        super().watch_disabled(disabled)
        self.label = Content(self._drawn(disabled))


def button(name: str) -> str:
    """The word on a button that stands on many screens."""
    words = {"back": _("Back"), "next": _("Next"), "cancel": _("Cancel")}
    return words[name]
