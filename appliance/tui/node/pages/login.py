# SPDX-License-Identifier: Apache-2.0
"""The password of root, before anything but the status. The same few words whatever was wrong with it."""

from collections.abc import Iterable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from appliance.node.published import uptime
from appliance.tui.i18n import _, said
from appliance.tui.node.edge import Door
from appliance.tui.node.lockout import FREE
from appliance.tui.node.pages.base import Manage
from appliance.tui.screens.base import paragraph
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import Action, button


class LoginPage(Manage):
    """What is typed leaves this page for nowhere but libcrypt."""

    def __init__(self) -> None:
        super().__init__()
        self._wrong = False
        self._trouble = ""

    def heading(self) -> str:
        return _("Log in")

    def help(self) -> Sequence[str]:
        return (
            _("Type the password of root: the one that was chosen at the installation, or set since."),
            _("After {number} wrong ones in a row this node lets nobody try for a while, on none of its consoles; each further "
              "one doubles the time, up to a quarter of an hour.").format(number=FREE),
            _("After ten minutes without a key you are logged out. Who logged in and what was begun is in the journal."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield paragraph(_("Who manages this node is root, and says so with its password."))
        door = self.node.edge.door()
        if door != "open":
            why, remedy = _closed(door)
            yield paragraph(f"! {why}", "wrong")
            yield paragraph(remedy)
            return
        yield Field("password", _("Password"), secret=True, last=True)
        yield Remark(id="about-login")

    def actions(self) -> Iterable[Action]:
        return (Action(button("back"), id="back"), Action(_("Log in"), id="login", disabled=self.node.edge.door() != "open"))

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("Enter", _("Log in"))]

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(1.0, self.judge)
        self.run_worker(_preload, thread=True)

    def judge(self) -> None:
        super().judge()
        left = self.node.edge.attempts().left(uptime(self.node.host))
        text = said(self._trouble) or (_("wrong password") if self._wrong else "")
        if left:
            minutes, seconds = divmod(left, 60)
            text = _("wrong password; try again in {time}").format(time=f"{minutes}:{seconds:02}")
        for remark in self.query("#about-login").results(Remark):
            remark.say(text, wrong=True)

    def typed(self, name: str, value: str, *, again: bool) -> None:
        if value:
            self._wrong, self._trouble = False, ""
        self.judge()

    @on(Input.Submitted)
    @on(Action.Pressed, "#login")
    def _try(self) -> None:
        typed = ""
        for field in self.query(Field):
            typed = field.value
            field.empty()
        if typed and not self.node.edge.attempts().left(uptime(self.node.host)):
            self.run_worker(lambda: self._ask(typed), thread=True)

    def _ask(self, typed: str) -> None:
        try:
            good, trouble = self.node.edge.opens(typed), ""
        except Exception as error:  # nobody is let in by a fault
            good, trouble = False, str(error) or type(error).__name__
        self.app.call_from_thread(self._answered, good, trouble)

    def _answered(self, good: bool, trouble: str) -> None:
        if good and self.is_current:
            self.node.log_in()
            return
        self._wrong, self._trouble = not trouble, trouble
        self.judge()
        for field in self.query(Field):
            field.focus_input()

    def action_leave(self) -> None:
        self.action_back()


def _closed(door: Door) -> tuple[str, str]:
    """Why nobody can log in here, and what to do."""
    if door == "unreadable":
        return (
            _("This console may not read /etc/shadow, so it cannot tell whether a password is root's."),
            _("Start it as root: trivet console"),
        )
    return (
        _("Root has no password on this node, so nobody can log in here: its spec sets none."),
        _("Set admin.password_hash in the spec, by SSH: trivet apply spec.yaml"),
    )


def _preload() -> None:
    """All that the menu leads to, while somebody types: no page waits for it then."""
    from appliance.tui.node.pages import change, logs, menu, nettest, reports, settings, trial  # noqa: F401, PLC0415
