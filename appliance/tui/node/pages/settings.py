# SPDX-License-Identifier: Apache-2.0
"""Pages that change something: those of the wizard, begun with what the spec says, and leading to a plan."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding

from appliance.tui import draft as drafts
from appliance.tui.i18n import N_, NAMES, _, said
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.change import ChangePage
from appliance.tui.screens.admin import AdminPage
from appliance.tui.screens.base import paragraph
from appliance.tui.screens.node import NodePage
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import Action, button

LAYOUTS = {
    "us": N_("United States"), "uk": N_("United Kingdom"), "de-latin1": N_("Germany"), "sg-latin1": N_("Switzerland, German"),
    "fr-latin9": N_("France"), "fr_CH-latin1": N_("Switzerland, French"), "es": N_("Spain"), "it": N_("Italy"),
    "pt-latin1": N_("Portugal"), "br-abnt2": N_("Brazil"), "nl": N_("Netherlands"), "be-latin1": N_("Belgium"),
    "dk-latin1": N_("Denmark"), "no-latin1": N_("Norway"), "se-latin1": N_("Sweden"), "fi-latin1": N_("Finland"),
    "pl": N_("Poland"), "cz-lat2": N_("Czechia"), "hu": N_("Hungary"), "ru": N_("Russia"), "trq": N_("Turkey"),
    "jp106": N_("Japan"),
}  # fmt: skip
"""Where the keyboards that a spec may name are used."""


class Edit(Manage):
    """Ctrl+N leads to the plan, when something is other than it was; Esc forgets what was typed."""

    def actions(self) -> tuple[Action, ...]:
        return (Action(button("back"), id="back"), Action(self.onward(), id="next"))

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("Ctrl+N", self.onward()), ("F10", _("Log out"))]

    def onward(self) -> str:
        """Where Ctrl+N leads."""
        return _("Plan")

    def body(self) -> ComposeResult:
        if self.node.trouble:
            yield paragraph(_("Nothing can be changed here: {reason}").format(reason=said(self.node.trouble)), "wrong")
        elif self.node.before is None:
            yield paragraph(_("Looking at this machine ..."))
        else:
            yield from self.fields()

    def fields(self) -> ComposeResult:
        """What is asked."""
        raise NotImplementedError

    def go(self, by: int) -> None:
        if by < 0:
            super().go(by)
        elif self.node.before is None:
            self.app.bell()
        elif not self.node.changed():
            self.notice(_("Nothing is other than it was."))
        else:
            self.app.push_screen(ChangePage())


class NameEdit(Edit, NodePage):
    """Name, time zone, time servers."""

    def fields(self) -> ComposeResult:
        yield from NodePage.body(self)


class PasswordEdit(AdminPage, Edit):
    """Root's password, typed twice. It leaves this page as a hash, in the spec that is applied."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("password",)

    def heading(self) -> str:
        return _("Password")

    def help(self) -> Sequence[str]:
        return (
            _("With this password root logs in on this console. The one that you type here holds as soon as the plan was carried "
              "out; there is no way back to the old one but to type it again."),
            _("Below it stands how hard it is to guess. Several unusual words are better than one word with a digit."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield from Edit.body(self)

    def fields(self) -> ComposeResult:
        yield paragraph(_("Which password shall root have from now on?"))
        yield Field("password", _("Password"), self._first, secret=True)
        yield Remark(id="strength")
        yield Field("password", _("The same again"), self._again, secret=True, id="field-again")

    def stuck(self) -> drafts.Field | None:
        return "password" if not self._first or self._first != self._again else None

    def wrong(self, name: drafts.Field) -> str:
        if not self._first:
            return self.wanted("password") if self.insisted and name == "password" else ""
        return super().wrong(name)

    def _missing(self) -> str:
        return self.wrong("password") if not self._first else ""

    def wanted(self, name: drafts.Field) -> str:
        return _("type the new password, twice")


class SshEdit(Edit):
    """Whether root may log in by SSH, and with which keys."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("ssh",)

    def heading(self) -> str:
        return "SSH"

    def help(self) -> Sequence[str]:
        return (
            _("SSH is off unless it is switched on here. Root may log in there with a key only, never with the password."),
            _("Paste the one line of a .pub file to add a key; it begins with ssh-ed25519 or the like. The keys that are there "
              "already are counted below; Ctrl+D takes all of them away."),
        )  # fmt: skip

    BINDINGS: ClassVar = [Binding("ctrl+d", "forget", priority=True)]

    def __init__(self) -> None:
        super().__init__()
        self._added = ""

    def fields(self) -> ComposeResult:
        on_ = ("on",) if getattr(self.node.draft, "ssh_on", False) else ()
        yield Choices([Choice("on", _("Root may log in by SSH, with a key"))], on_, several=True, id="ssh-on")
        yield Remark(id="keys")
        yield Field("ssh", _("Add a public key"), self._added)

    def judge(self) -> None:
        super().judge()
        for remark in self.query("#keys").results(Remark):
            remark.say("\n".join(self._known()) or _("No key is known, so nobody could log in."))

    def _old(self) -> list[str]:
        typed = self._added.strip()
        return [line for line in self.node.draft.ssh.splitlines() if line.strip() and line.strip() != typed]

    def _known(self) -> list[str]:
        return [_("key: {name}").format(name=_short(line)) for line in self._old()]

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        old = self._old()
        self._added = value
        self.node.change(ssh="\n".join([*old, value.strip()] if value.strip() else old))

    def action_forget(self) -> None:
        self.node.change(ssh=self._added.strip())

    @on(Choices.Changed, "#ssh-on")
    def _switched(self, event: Choices.Changed) -> None:
        self.node.change(ssh_on=bool(event.chosen))


def _short(key: str) -> str:
    """What tells a key from others: its kind, its end, whose it is."""
    kind, _space, rest = key.partition(" ")
    data, _space, comment = rest.partition(" ")
    return f"{kind} ...{data[-8:]} {comment}".strip()


class LanguageEdit(Edit):
    """The language of the node."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("language",)

    def heading(self) -> str:
        return _("Language")

    def help(self) -> Sequence[str]:
        return (
            _("The language that this console begins with, wherever it can be shown. F2 changes it for this screen alone."),
            _("A screen that the kernel draws itself has no Chinese characters; a terminal on the serial line may have them."),
        )

    def fields(self) -> ComposeResult:
        yield paragraph(_("In which language shall the console begin?"))
        yield Choices([Choice(name, text) for name, text in NAMES.items()], (self.node.draft.language,), id="language")

    @on(Choices.Changed, "#language")
    def _chosen(self, event: Choices.Changed) -> None:
        self.node.change(language=event.chosen[0])


class KeyboardEdit(Edit):
    """The layout of the keyboard at the server itself."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("keyboard",)

    def heading(self) -> str:
        return _("Keyboard")

    def help(self) -> Sequence[str]:
        return (
            _("The layout of the keyboard that is plugged into this server, or of its remote screen. China uses that of the "
              "United States."),
            _("A terminal on the serial line, and SSH, bring the layout of whoever sits there."),
        )  # fmt: skip

    def fields(self) -> ComposeResult:
        yield paragraph(_("Which keyboard is plugged into this server?"))
        chosen = (getattr(self.node.draft, "keyboard", "us"),)
        yield Choices([Choice(name, _(text)) for name, text in LAYOUTS.items()], chosen, id="keyboard")

    @on(Choices.Changed, "#keyboard")
    def _chosen(self, event: Choices.Changed) -> None:
        self.node.change(keyboard=event.chosen[0])
