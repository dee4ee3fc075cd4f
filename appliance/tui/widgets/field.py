# SPDX-License-Identifier: Apache-2.0
"""A question of one line: its name, what is typed, and beneath it what is wrong with that."""

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from appliance.tui import draft


class Remark(Static):
    """What is wrong, or a hint; takes no line while there is nothing to say."""

    def on_mount(self) -> None:
        self.display = bool(self.content)

    def say(self, text: str, *, wrong: bool = False) -> None:
        self.display = bool(text)
        self.set_class(wrong, "wrong")
        self.update(Content(f"! {text}" if wrong else text))


class Entry(Input):
    """An input that Enter and the arrow keys lead out of. Secrets are drawn with a character that every terminal has."""

    BINDINGS = [("down,enter", "app.focus_next"), ("up", "app.focus_previous")]
    cursor_blink = False  # each blink would be sent over the serial line

    @property
    def _value(self) -> Text:
        if self.password:
            return Text("*" * len(self.value), no_wrap=True, overflow="ignore", end="")
        return super()._value


class Last(Entry):
    """Enter is the answer. Not a key of the page: that would come before the letters that were typed just before it."""

    BINDINGS = [("enter", "submit")]


class Field(Vertical):
    """A named input. `Changed` at each key; `Left` when one goes on, which is when an answer may be judged in words."""

    class Changed(Message):
        """`name` is the draft's field; `again`: this is the one in which a secret is typed for the second time."""

        def __init__(self, name: draft.Field, value: str, *, again: bool) -> None:
            super().__init__()
            self.name, self.value, self.again = name, value, again

    def __init__(
        self, name: draft.Field, label: str, value: str = "", *, hint: str = "", placeholder: str = "", secret: bool = False,
        suggester: Suggester | None = None, id: str | None = None, last: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(id=id or f"field-{name}", classes="field")
        self.field: draft.Field = name
        self._label, self._hint = label, hint
        kind = Last if last else Entry
        self._input = kind(value, placeholder=placeholder, password=secret, suggester=suggester, compact=True,
                           select_on_focus=False)  # fmt: skip

    def suggest(self, suggester: Suggester) -> None:
        """Offer these from now on."""
        self._input.suggester = suggester

    @property
    def again(self) -> bool:
        """Is this where a secret is typed for the second time?"""
        return self.id == "field-again"

    def focus_input(self) -> None:
        """Put the cursor here."""
        self._input.focus()

    @property
    def value(self) -> str:
        """What stands there, also when nobody has been told yet: keys may come faster than messages."""
        return self._input.value

    def put(self, text: str) -> None:
        """As if it had been typed."""
        self._input.value = text

    def empty(self) -> None:
        """As if nothing had been typed."""
        self.put("")

    def compose(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static(Content(self._label), classes="label")
            yield Static(Content("["), classes="edge")
            yield self._input
            yield Static(Content("]"), classes="edge")
        yield Remark(classes="remark")

    def on_mount(self) -> None:
        self.judge("")

    def judge(self, wrong: str) -> None:
        """Show what is wrong; without, the hint."""
        remark = self.query_one(Remark)
        remark.say(wrong or self._hint, wrong=bool(wrong))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.field, event.value, again=self.again))

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self.scroll_visible(animate=False)
