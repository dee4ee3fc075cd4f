# SPDX-License-Identifier: Apache-2.0
"""What all pages share: the frame, the keys, going on and back, saying what is wrong beside the field that it is wrong in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from appliance.model.problem import Problem
from appliance.tui import draft as drafts
from appliance.tui import i18n
from appliance.tui.i18n import _, said
from appliance.tui.outcome import Outcome
from appliance.tui.screens.dialog import Ask, Help
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import Action, Keys, Rule, Title, button

if TYPE_CHECKING:
    from appliance.tui.base import BaseConsole


class Page(Screen[None]):
    """A page of a console. Its answers live in the app's draft, so pages come and go and nothing that was typed is lost."""

    BINDINGS: ClassVar = [
        Binding("escape", "back", priority=True),
        Binding("f1", "help", priority=True),
        Binding("f2", "language", priority=True),
        Binding("ctrl+n,f8", "next", priority=True),
    ]
    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ()
    """The fields that are answered here, in the order of the page."""
    REMARKS: ClassVar[dict[drafts.Field, str]] = {}
    """Where what is wrong with a field is said, when that is no Field: a selector of a Remark."""

    def __init__(self) -> None:
        super().__init__()
        self.insisted = False

    @property
    def console(self) -> BaseConsole:
        """The program that this page is a page of."""
        return cast("BaseConsole", self.app)

    # What a page is made of.

    def heading(self) -> str:
        """Its name."""
        raise NotImplementedError

    def help(self) -> Sequence[str]:
        """What F1 says of it, a paragraph each."""
        raise NotImplementedError

    def body(self) -> ComposeResult:
        """What is asked or shown."""
        raise NotImplementedError

    def actions(self) -> Iterable[Widget]:
        """The buttons, the first one the way back."""
        return (Action(button("back"), id="back"), Action(button("next"), id="next"))

    def compose(self) -> ComposeResult:
        yield Title(self.product(), self.place(), self.corner())
        yield Rule()
        with VerticalScroll(id="body", can_focus=False):
            yield from self.body()
        yield Rule()
        with Horizontal(id="actions"):
            yield from self.actions()
            yield Remark(id="notice")
        yield Keys(self._keys())

    def product(self) -> str:
        """What program this is: the left end of the title."""
        return _("Trivet installer")

    def place(self) -> str:
        """Where one is: the middle of the title."""
        from appliance.tui.screens.wizard import number_of  # noqa: PLC0415 - the order of the pages knows the pages

        number, total = number_of(type(self))
        return f"{self.heading()}  ({number}/{total})" if number else self.heading()

    def corner(self) -> str:
        """Which machine this is: the right end of the title."""
        inventory = self.console.inventory
        if inventory is None:
            return ""
        dmi = inventory.machine.dmi
        return " ".join(word for word in (dmi.manufacturer, dmi.product) if word)

    def _keys(self) -> list[tuple[str, str]]:
        first, *others = self.keys()
        own = self.own_keys()
        if own:  # of all keys everybody knows this one
            others = [key for key in others if key[0] != "Tab"]
        language = ("F2", i18n.NAMES["zh_CN" if self.console.language == "en" else "en"])
        return [first, *([language] if self.console.terminal.chinese else []), *own, *others]

    def keys(self) -> list[tuple[str, str]]:
        """The keys that work here, the first one F1; that of the other language is added where it can be shown."""
        return [("F1", _("Help")), ("Esc", _("Back")), ("Ctrl+N", _("Next")), ("F10", _("Leave")), ("Tab", _("next field"))]

    def own_keys(self) -> list[tuple[str, str]]:
        """Those that work on this page alone."""
        return []

    # What happens on it.

    def on_mount(self) -> None:
        self.judge()

    def learned(self) -> None:
        """The inventory is there, or is another one."""
        self.refresh(recompose=True)

    async def recompose(self) -> None:
        """One stays where one was; who waited on a page that had nothing yet begins at its first field."""
        at = next((each.id for each in self.focused.ancestors_with_self if each.id), "") if self.focused else ""
        await super().recompose()
        same = self.query(f"#body #{at}, #body #{at} *") if at else ()
        places = (*same, *self.query("#body *, Action"))
        self.set_focus(next((place for place in places if place.focusable), None))
        self.judge()

    def judge(self) -> None:
        """Say beside each field what is wrong with it; what is merely not answered yet, only to who wants to go on."""
        for name in self.FIELDS:
            text = self.wrong(name)
            for field in self.query(Field):
                if field.field == name:
                    field.judge(text)
            if selector := self.REMARKS.get(name):
                for remark in self.query(selector).results(Remark):
                    remark.say(text, wrong=True)
        if not any(self.wrong(name) for name in self.FIELDS):
            self.notice("")

    def wrong(self, name: drafts.Field) -> str:
        """What is wrong with a field, as a sentence; "" when nothing is, or when it is not yet the time to say so."""
        verdict = self.console.verdict
        if verdict is None:
            return ""
        if name in verdict.open:
            return self.wanted(name) if self.insisted else ""
        return sentence(verdict.wrong[name][0]) if name in verdict.wrong else ""

    def wanted(self, name: drafts.Field) -> str:
        """What to say of a field that has no answer."""
        return _("this needs an answer")

    def notice(self, text: str) -> None:
        """A line beside the buttons."""
        for remark in self.query("#notice").results(Remark):
            remark.say(said(text), wrong=True)

    def stuck(self) -> drafts.Field | None:
        """The first field that keeps one from going on."""
        verdict = self.console.verdict
        if verdict is None:
            return None
        return next((name for name in self.FIELDS if name in verdict.open or name in verdict.wrong), None)

    async def action_next(self) -> None:
        """Go on, or say what keeps one here and go to that field."""
        for field in self.query(Field):  # the last key may still be on its way from the input to here
            self.typed(field.field, field.value, again=field.again)
        self.insisted = True
        self.judge()
        name = self.stuck()
        if name is None:
            self.go(1)
            return
        self.notice(_("Something is still open above."))
        for field in self.query(Field):
            if field.field == name:
                field.focus_input()
                return
        for choices in self.query(f"#{name}"):
            choices.focus()

    def action_back(self) -> None:
        """One page back; from the first page there is no way back."""
        self.go(-1)

    def go(self, by: int) -> None:
        """To another page of the wizard."""
        from appliance.tui.screens.wizard import neighbour  # noqa: PLC0415 - as above

        if page := neighbour(type(self), by):
            self.app.switch_screen(page())

    def action_help(self) -> None:
        self.app.push_screen(Help(self.heading(), self.help()))

    def action_language(self) -> None:
        if self.console.terminal.chinese:
            self.console.speak("zh_CN" if self.console.language == "en" else "en")

    def action_leave(self) -> None:
        """Ask, with the focus on staying."""
        question = _("Leave the installer? Nothing has been changed on this machine. What you typed is lost.")
        self.app.push_screen(Ask(_("Leave"), question, stay=_("Stay"), go=_("Leave")), self._leave)

    def _leave(self, sure: bool | None) -> None:
        if sure:
            self.console.exit(Outcome("left"))

    @on(Action.Pressed, "#back")
    def _pressed_back(self) -> None:
        self.action_back()

    @on(Action.Pressed, "#next")
    async def _pressed_next(self) -> None:
        await self.action_next()

    @on(Field.Changed)
    def _typed(self, event: Field.Changed) -> None:
        event.stop()
        self.typed(event.name, event.value, again=event.again)

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        """A field holds this text. Only what is different is an answer: a field says so when it is made, too."""
        if getattr(self.console.draft, name) != value:
            self.console.change(**{name: value})


def paragraph(text: str, classes: str = "") -> Static:
    """Text as it is: a model's name may hold what textual would take for markup."""
    return Static(Content(text), classes=classes)


def sentence(problem: Problem) -> str:
    """What is wrong and what to do, in the console's language."""
    return advice(problem.message, problem.hint)


def advice(message: str, hint: str) -> str:
    """A sentence and its remedy, which may be ""."""
    remedy = said(hint)
    return _("{message}; {hint}").format(message=said(message), hint=remedy) if remedy else said(message)
