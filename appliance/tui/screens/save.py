# SPDX-License-Identifier: Apache-2.0
"""Save the answers on a USB stick, or show them as a QR code. Reached from the plan, and leads back to it."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding

from appliance.errors import ApplianceError
from appliance.installer.media import FILE
from appliance.installer.plan import ANSWER_LABEL
from appliance.installer.stick import Stick
from appliance.tui import draft as drafts
from appliance.tui import qr
from appliance.tui.i18n import _
from appliance.tui.screens.base import Page, advice, paragraph
from appliance.tui.screens.code import Code, fits, needs
from appliance.tui.screens.plan import PlanPage
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Remark
from appliance.tui.widgets.frame import Action, button


class SavePage(Page):
    """Looks for sticks when it comes up, and again when it is told to: they are plugged in when they are asked for."""

    BINDINGS: ClassVar = [Binding("f5", "look", priority=True), Binding("f6", "code", priority=True)]

    def __init__(self) -> None:
        super().__init__()
        self._sticks: list[Stick] | None = None

    def heading(self) -> str:
        return _("Save the answers")

    def help(self) -> Sequence[str]:
        return (
            _("The answers are written into the file {file} of a USB stick with a FAT file system, and the stick is called "
              "{label}. An installer that finds such a stick asks nothing: it installs by that file."
              ).format(file=FILE, label=ANSWER_LABEL),
            _("Name and address are this node's: change them in the file for another one."),
            _("The file holds the hash of the administrator's password: keep the stick as you keep keys."),
            _("F6 shows the answers as a QR code, for a telephone's camera. The password is not in it: who sees the screen would "
              "have its hash. The code needs a larger terminal than 80x24."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        if self._sticks is None:
            yield paragraph(_("Looking for sticks ..."))
        elif not self._sticks:
            yield paragraph(_("There is no USB stick with a FAT file system. Plug one in, then look again with F5."), "lead")
        else:
            yield paragraph(_("On which stick? It is called {label} afterwards.").format(label=ANSWER_LABEL), "lead")
            choices = [Choice(stick.node, stick.name) for stick in self._sticks]
            yield Choices(choices, (self._sticks[0].node,), id="sticks")
        yield Remark(id="saved")

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("F5", _("Look again")), ("F6", _("QR code")), ("Esc", _("Back"))]

    def actions(self) -> Iterable[Action]:
        return (Action(button("back"), id="back"), Action(_("Save"), id="save", disabled=not self._sticks))

    def on_mount(self) -> None:
        super().on_mount()
        self.action_look()

    def action_look(self) -> None:
        """In a worker: udev may have to settle."""
        self.run_worker(self._look, thread=True, exclusive=True)

    def action_code(self) -> None:
        """In a worker: it is much to compute. Where it cannot be drawn it says why."""
        if not self.console.terminal.utf8:
            self._said(_("This terminal has no characters that a QR code could be drawn of. Save on a stick."), True)
            return
        text = drafts.shown(self.console.draft)
        self.run_worker(lambda: self.app.call_from_thread(self._coded, qr.lines(text)), thread=True, exclusive=True, group="code")

    def _coded(self, lines: tuple[str, ...]) -> None:
        here = self.app.size
        if not lines:
            self._said(_("The answers are too long for a QR code. Save on a stick."), True)
        elif fits(lines, here):
            self._said("", False)
            self.app.push_screen(Code(lines, _("The answers without the password.  Esc Back")))
        else:
            wanted = needs(lines)
            why = _("The QR code needs a terminal of {width}x{height}, this one has {columns}x{lines}. Save on a stick.")
            said = why.format(width=wanted.width, height=wanted.height, columns=here.width, lines=here.height)
            self._said(said, True)

    def _look(self) -> None:
        live = self.console.live
        found = live.sticks() if live else []
        self.app.call_from_thread(self._found, found)

    def _found(self, found: list[Stick]) -> None:
        self._sticks = found
        self.refresh(recompose=True)

    def go(self, by: int) -> None:
        """Back to the plan, whatever the key."""
        self.app.switch_screen(PlanPage())

    @on(Action.Pressed, "#save")
    def _save(self) -> None:
        chosen = self.query_one("#sticks", Choices).chosen
        stick = next(stick for stick in self._sticks or () if stick.node in chosen)
        text = drafts.text(self.console.draft)
        self.run_worker(lambda: self._write(stick, text), thread=True, exclusive=True)

    def _write(self, stick: Stick, text: str) -> None:
        try:
            if self.console.live:
                self.console.live.save(stick, text)
            said, wrong = _("Saved on {stick}, and read back.").format(stick=stick.name), False
        except ApplianceError as error:
            said, wrong = advice(error.message, error.hint), True
        self.app.call_from_thread(self._said, said, wrong)

    def _said(self, text: str, wrong: bool) -> None:
        self.query_one("#saved", Remark).say(text, wrong=wrong)
