# SPDX-License-Identifier: Apache-2.0
"""The journal: whose lines, and among them those that have a word."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from appliance.errors import ApplianceError
from appliance.tui.i18n import N_, _
from appliance.tui.node.edge import UNITS
from appliance.tui.node.pages.base import Manage
from appliance.tui.screens.base import advice
from appliance.tui.widgets.field import Entry
from appliance.tui.widgets.frame import Action, button

NAMES = {"trivetd": "trivetd", "trivet-console": N_("this console"), "kernel": N_("kernel"), "all": N_("all")}
_SHOWN = 400
"""Lines that are drawn: those of a few hours, and little enough for a slow machine."""


class LogsPage(Manage):
    """The newest lines are at the end, which is in sight."""

    BINDINGS: ClassVar = [
        Binding("slash", "search"),
        Binding("f3", "unit", priority=True),
        Binding("f5", "again", priority=True),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._unit = "trivetd"
        self._lines: list[str] | None = None
        self._word = ""

    def heading(self) -> str:
        return _("Logs: {unit}").format(unit=_(NAMES[self._unit]))

    def help(self) -> Sequence[str]:
        return (
            _("The last thousand lines of the journal of this start. The arrow keys and PgUp scroll; the newest are at the end."),
            _("/ leads to the search field: only lines that have what you type there are shown. Enter leads back to them."),
            _("F3 shows the lines of somebody else: trivetd, this console, the kernel, all. F5 reads again."),
        )

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("F3", _("Whose")), ("F5", _("Look again")), ("/", _("Search"))]

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            yield Static(id="lines")

    def actions(self) -> Iterable[Widget]:
        yield Action(button("back"), id="back")
        yield Static(Content(_("Search") + " ["), id="search-name")
        yield Entry(self._word, id="search", compact=True, select_on_focus=False)
        yield Static("]", markup=False, classes="edge")

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#report").focus()
        self.action_again()

    def action_again(self) -> None:
        unit = self._unit
        self.run_worker(lambda: self._read(unit), thread=True)

    def _read(self, unit: str) -> None:
        try:
            lines = self.node.edge.log(unit)
        except ApplianceError as error:
            lines = [f"! {advice(error.message, error.hint)}"]
        except Exception as error:  # as for every report
            lines = [f"! {error}"]
        self.app.call_from_thread(self._have, unit, lines)

    def _have(self, unit: str, lines: list[str]) -> None:
        if unit == self._unit:
            self._lines = lines
            self._draw()

    def _draw(self) -> None:
        for static in self.query("#lines").results(Static):
            static.update(Content(self._text()))
        for report in self.query("#report").results(VerticalScroll):
            report.scroll_end(animate=False)

    def _text(self) -> str:
        if self._lines is None:
            return _("Reading the journal ...")
        found = [line for line in self._lines if self._word.lower() in line.lower()]
        if not found:
            return _("No line has {word}.").format(word=self._word) if self._word else _("There are no lines.")
        return "\n".join(found[-_SHOWN:])

    def judge(self) -> None:
        super().judge()
        if self.query("#lines") and not self.query_one("#lines", Static).content:
            self._draw()

    def action_unit(self) -> None:
        """The next of those whose lines there are."""
        names = list(UNITS)
        self._unit = names[(names.index(self._unit) + 1) % len(names)]
        self._lines = None
        self.judge()
        self._draw()
        self.action_again()

    def action_search(self) -> None:
        self.query_one("#search", Entry).focus()

    @on(Input.Changed, "#search")
    def _sought(self, event: Input.Changed) -> None:
        event.stop()
        self._word = event.value
        self._draw()
