# SPDX-License-Identifier: Apache-2.0
"""`trivet` at work as a child: its steps as they come, then how it ended. The page may go; the work goes on."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.binding import Binding

from appliance.tui.i18n import _
from appliance.tui.node.pages.base import Manage
from appliance.tui.outcome import Work
from appliance.tui.progress import Work as Progress
from appliance.tui.screens.progress import ProgressPage
from appliance.tui.widgets.frame import Action


class WorkPage(ProgressPage, Manage):
    """`well` is what is said when it has ended as it should. Closed, it leads to the trial that it began, or to the menu."""

    BINDINGS: ClassVar = [Binding("f10", "nothing", priority=True), Binding("escape", "close", priority=True)]

    def __init__(self, title: str, started: Work, well: str) -> None:
        super().__init__(started)
        self._title_text, self._said = title, well
        self._code: int | None = None

    def heading(self) -> str:
        return self._title_text

    def help(self) -> Sequence[str]:
        return (
            _("What is done is done by `trivet`, as on the command line; its journal is in /var/lib/trivet/log."),
            _("If this screen goes away, the work goes on."),
        )

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Close"))]

    def actions(self) -> Iterable[Action]:
        return (Action(_("Close"), id="close", disabled=not self.over),)

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
        self.query_one("#close", Action).disabled = False
        self.query_one("#close", Action).focus()

    def _bar(self, work: Progress) -> str:
        """By steps: none of a node's counts bytes."""
        share = len(work.steps) / work.total if work.total else float(self._well)
        return self.bar(share)

    def _after(self) -> str:
        return self._said

    @on(Action.Pressed, "#close")
    def action_close(self) -> None:
        """Only when it is over: there is nothing to go back to before."""
        if self.over:
            self.node.back_to_menu()
        else:
            self.app.bell()
