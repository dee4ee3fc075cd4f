# SPDX-License-Identifier: Apache-2.0
"""A change on trial, whoever began it: keep it, or let it take itself back. Doing nothing is the safe answer."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from appliance.tui import table
from appliance.tui.i18n import _
from appliance.tui.node import big
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.seen import planes, trial
from appliance.tui.screens.base import paragraph
from appliance.tui.widgets.frame import Action

_WIDTH = 74


class TrialPage(Manage):
    """The focus is on deciding later: it comes up under the fingers of somebody who types, and no stray key decides."""

    WATCHES_NETWORK: ClassVar[bool] = True

    def heading(self) -> str:
        return _("Keep this change?")

    def help(self) -> Sequence[str]:
        return (
            _("The network of this node was changed, and the change is in effect now. Unless somebody keeps it, it is taken back "
              "when the time is over, whatever happens to this screen until then."),
            _("Look below whether the node has the addresses that it should; see from another machine whether it answers."),
            _("Keep: it is saved, and the next starts follow it. Take back: the saved network again, at once. Decide later leads "
              "to the menu, where the network can be tested; the time goes on."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Static(id="seconds")
        yield paragraph("", "lead")
        yield Static(id="now")

    def actions(self) -> Iterable[Action]:
        return (
            Action(_("Decide later"), id="later"),
            Action(_("Keep"), id="keep"),
            Action(_("Take back now"), id="revert"),
        )

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Decide later")), ("F10", _("Log out"))]

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#later").focus()
        self.node.look_at_network()

    async def recompose(self) -> None:
        await super().recompose()
        self.query_one("#later").focus()

    def judge(self) -> None:
        super().judge()
        if not self.query("#now"):
            return
        seen = self.node.seen
        left = seen.reverts_in
        figure = f"{left // 60}:{left % 60:02}" if left is not None else ""
        drawn = big.lines(figure, utf8=self.node.terminal.utf8) if figure else []
        self.query_one("#seconds", Static).update(Content("\n".join(drawn)))
        lead = self.query_one(".lead", Static)
        if left is None:
            lead.update(Content(_("The trial is over: the change was kept, or it was taken back.")))
        else:
            lead.update(Content(trial(left)))
        rows = [table.hanging(name, text, _WIDTH) for name, text in table.rows(list(planes(seen.network)))]
        self.query_one("#now", Static).update(Content("\n".join([_("The network now:"), *rows]) if rows else ""))
        for name in ("keep", "revert"):
            button = self.query_one(f"#{name}", Action)
            if button.disabled != (not left):
                button.disabled = not left
                if self.focused is None:
                    self.query_one("#later").focus()

    def go(self, by: int) -> None:
        """The time goes on, and the title of every page says so."""
        self.node.postponed = True
        self.node.back_to_menu()

    @on(Action.Pressed, "#later")
    def _later(self) -> None:
        self.go(-1)

    @on(Action.Pressed, "#keep")
    def _keep(self) -> None:
        self._begin("confirm")

    @on(Action.Pressed, "#revert")
    def _revert(self) -> None:
        self._begin("revert")

    def _begin(self, verb: str) -> None:
        if works.begin(self, "net", verb, instead=True):
            self.node.postponed = True
