# SPDX-License-Identifier: Apache-2.0
"""The administrator: a password that nobody else has chosen, and a key for SSH."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import SecretStr
from textual.app import ComposeResult
from textual.binding import Binding

from appliance.errors import ApplianceError
from appliance.host import password as passwords
from appliance.tui import draft as drafts
from appliance.tui import strength
from appliance.tui.i18n import _, ngettext
from appliance.tui.outcome import Live
from appliance.tui.screens.base import Page, advice, paragraph
from appliance.tui.widgets.field import Field, Remark


class AdminPage(Page):
    """What is typed as a password stays on this page; the draft gets its hash when one goes on."""

    BINDINGS: ClassVar = [Binding("f5", "fetch", priority=True)]
    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("password", "ssh")

    def __init__(self) -> None:
        super().__init__()
        self._first, self._again = "", ""
        self._score = -1

    def heading(self) -> str:
        return _("Administrator")

    def help(self) -> Sequence[str]:
        return (
            _("With this password the administrator, called root, logs in on this screen. There is no default password, and "
              "nobody can log in without one: do not forget it."),
            _("Below it stands how hard it is to guess. Several unusual words are better than one word with a digit."),
            _("SSH is off unless you give a public key; root may log in there with that key only, never with the password. Paste "
              "the one line of a .pub file; it begins with ssh-ed25519 or the like."),
            _("F5 takes the key from a USB stick (FAT, a file whose name ends in .pub), or, when an address that begins with "
              "http:// or https:// stands in the field, from there."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        kept = self.console.draft.password_hash is not None and not self._first
        hint = _("kept as it was typed before; type to replace it") if kept else ""
        yield paragraph(_("How does the administrator (root) log in?"))
        yield Field("password", _("Password"), self._first, secret=True, hint=hint)
        yield Remark(id="strength")
        yield Field("password", _("The same again"), self._again, secret=True, id="field-again")
        yield Field("ssh", _("SSH public key"), self.console.draft.ssh, hint=_("may stay empty: SSH is off then"))
        yield Remark(id="found-keys")

    def own_keys(self) -> list[tuple[str, str]]:
        return [("F5", _("Read a key"))] if self.console.live else []

    def action_fetch(self) -> None:
        """In a worker: the network takes its time."""
        live = self.console.live
        if live is not None:
            field = self.query_one("#field-ssh", Field)
            source = field.value.strip() if field.value.strip().startswith(("http://", "https://")) else ""
            self._say_of_keys(_("Looking for a key ..."))
            self.run_worker(lambda: self._fetch(live, source), thread=True, exclusive=True, group="keys")

    def _fetch(self, live: Live, source: str) -> None:
        try:
            found, trouble = live.keys(source), ""
        except ApplianceError as error:
            found, trouble = [], advice(error.message, error.hint)
        self.app.call_from_thread(self._fetched, found, trouble)

    def _fetched(self, found: list[str], trouble: str) -> None:
        if not found:
            self._say_of_keys(trouble or _("There is no public key: on a stick it is in a file that ends in .pub."), wrong=True)
            return
        self.query_one("#field-ssh", Field).put(found[0])
        more = ngettext("{number} key was found.", "{number} keys were found; the first one is taken.", len(found))
        self._say_of_keys(more.format(number=len(found)))

    def _say_of_keys(self, text: str, *, wrong: bool = False) -> None:
        self.query_one("#found-keys", Remark).say(text, wrong=wrong)

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(strength.load, thread=True)  # its word lists take their time, and nobody has typed yet

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        """The password stays on this page; its hash is the answer."""
        if name != "password":
            super().typed(name, value, again=again)
        elif again:
            self._again = value
            self.judge()
        elif value != self._first:
            self._first = value
            self.run_worker(self._weigh, thread=True, exclusive=True, group="strength")
            self.judge()

    def _weigh(self) -> None:
        typed = self._first
        score = strength.score(typed)
        self.app.call_from_thread(self._weighed, typed, score)

    def _weighed(self, typed: str, score: int) -> None:
        if typed == self._first:
            self._score = score
            self.judge()

    def judge(self) -> None:
        super().judge()
        for field in self.query("#field-password").results(Field):
            field.judge(self._missing())
        for field in self.query("#field-again").results(Field):
            field.judge(self._differs())
        for remark in self.query("#strength").results(Remark):
            remark.say(strength.words(self._score) if self._first else "")

    def _missing(self) -> str:
        return "" if self._first else super().wrong("password")

    def _differs(self) -> str:
        """Said when as much was typed the second time, or when one wants to go on."""
        if self._first == self._again or not (self.insisted or len(self._again) >= len(self._first)):
            return ""
        return _("the two are not the same")

    def wrong(self, name: drafts.Field) -> str:
        return super().wrong(name) if name != "password" else self._missing() or self._differs()

    def wanted(self, name: drafts.Field) -> str:
        return _("choose a password; there is none by default")

    def stuck(self) -> drafts.Field | None:
        if self._first or self._again:
            return "password" if self._first != self._again else "ssh" if self.wrong("ssh") else None
        return super().stuck()

    def go(self, by: int) -> None:
        """The password goes into the draft as a hash, made in a thread: it takes a moment by design."""
        if self._first and self._first == self._again:
            self.run_worker(lambda: self._hash(by), thread=True, exclusive=True, group="hash")
        else:
            super().go(by)

    def _hash(self, by: int) -> None:
        try:
            made = passwords.hashed(self._first)
        except ApplianceError as error:
            self.app.call_from_thread(self.notice, str(error))
            return
        self.app.call_from_thread(self._hashed, made, by)

    def _hashed(self, made: str, by: int) -> None:
        self.console.change(password_hash=SecretStr(made), strength=self._score)
        super().go(by)
