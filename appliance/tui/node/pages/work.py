# SPDX-License-Identifier: Apache-2.0
"""`trivet` at work as a child: its steps as they come, then how it ended. The page may go; the work goes on."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding
from textual.content import Content

from appliance.tui.i18n import _
from appliance.tui.node.pages.base import Manage
from appliance.tui.outcome import Work
from appliance.tui.progress import Work as Progress
from appliance.tui.screens.progress import ProgressPage
from appliance.tui.widgets.frame import Action, Keys


class WorkPage(ProgressPage, Manage):
    """`well` is what is said when it has ended as it should. Closed, it leads to the trial that it began, or to the menu.

    It may be left before: then it is found again in the list of works (pages/works.py), on every console.
    """

    BINDINGS: ClassVar = [Binding("f10", "leave", priority=True), Binding("escape", "close", priority=True)]

    def __init__(self, title: str, started: Work, well: str) -> None:
        super().__init__(started)
        self._title_text, self._said = title, well
        self._code: int | None = None

    def heading(self) -> str:
        return self._title_text

    def help(self) -> Sequence[str]:
        return (
            _("What is done is done by `trivet`, as on the command line; its journal is in /var/lib/trivet/log."),
            _("If this screen goes away, the work goes on. Esc leaves it; Work in the menu leads back, on every console."),
        )

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", self._away()), ("F10", _("Log out"))]

    def _away(self) -> str:
        return _("Close") if self.over else _("Leave it running")

    def actions(self) -> Iterable[Action]:
        return (Action(self._away(), id="close"),)

    def succeeded(self, code: int) -> bool:
        self._code = code
        return code == 0

    @property
    def _well(self) -> bool:
        return self.over and self._code == 0 and self.work.failed is None

    def _finish(self) -> None:
        if self._well and self.node.trial_begun():
            from appliance.tui.node.pages.trial import TrialPage  # noqa: PLC0415 - which leads back here

            self.app.switch_screen(TrialPage())
            return
        self.judge()
        self._close()

    def _close(self) -> None:
        self.query_one(Keys).put(self._keys())
        self.query_one("#close", Action).label = Content(f"< {self._away()} >")
        self.query_one("#close", Action).focus()

    def _bar(self, work: Progress) -> str:
        """By steps: none of a node's counts bytes."""
        share = len(work.steps) / work.total if work.total else float(self._well)
        return self.bar(share)

    def _after(self) -> str:
        return self._said

    @on(Action.Pressed, "#close")
    def action_close(self) -> None:
        """The work does not need this page."""
        self.go_on()

    def go_on(self) -> None:
        """Where it leads."""
        self.node.back_to_menu()

    def action_leave(self) -> None:
        Manage.action_leave(self)
