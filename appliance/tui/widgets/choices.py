# SPDX-License-Identifier: Apache-2.0
"""A list to choose from with the arrow keys: one of it, or several. What cannot be chosen can still be read."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widgets.option_list import Option

from appliance.tui import table
from appliance.tui.widgets.cursorlist import CursorList


@dataclass(frozen=True)
class Choice:
    """`key` is what is chosen, `label` a line, `below` more lines; `barred` is why it cannot be chosen."""

    key: str
    label: str
    below: tuple[str, ...] = ()
    barred: bool = False


class Choices(CursorList):
    """`[x]` for several, `(*)` for one; `[-]` cannot be chosen."""

    BINDINGS = [("space", "select")]

    class Changed(Message):
        """Something else is chosen."""

        def __init__(self, choices: "Choices", chosen: tuple[str, ...]) -> None:
            super().__init__()
            self.choices, self.chosen = choices, chosen

        @property
        def control(self) -> "Choices":
            return self.choices

    class Looked(Message):
        """The cursor stands on another choice."""

        def __init__(self, choices: "Choices", key: str) -> None:
            super().__init__()
            self.choices, self.key = choices, key

        @property
        def control(self) -> "Choices":
            return self.choices

    def __init__(
        self, choices: Sequence[Choice], chosen: Sequence[str] = (), *, several: bool = False, id: str | None = None,
    ) -> None:  # fmt: skip
        self._choices = list(choices)
        self._several = several
        self._width = 75
        self.chosen = tuple(chosen)
        super().__init__(*(Option(self._prompt(c), id=str(i)) for i, c in enumerate(choices)), id=id, compact=True)
        self.highlighted = next((i for i, c in enumerate(choices) if c.key in self.chosen), None)
        if self.highlighted is None and choices:
            self.highlighted = next((i for i, c in enumerate(choices) if not c.barred), 0)

    def choose(self, *keys: str) -> None:
        """Choose these instead, without a message: it was not done here."""
        self.chosen = keys
        for index in range(len(self._choices)):
            self._redraw(index)

    def replace(self, choices: Sequence[Choice]) -> None:
        """The same choices as they are now, such as the state of a cable; the cursor stays."""
        if [c.key for c in choices] != [c.key for c in self._choices]:
            raise ValueError("the choices are others")
        for index, (old, new) in enumerate(zip(self._choices, choices, strict=True)):
            if old != new:
                self._choices[index] = new
                self._redraw(index)

    def on_option_list_option_selected(self, event: CursorList.OptionSelected) -> None:
        event.stop()
        choice = self._choices[event.option_index]
        if choice.barred:
            self.app.bell()
            return
        if self._several:
            taken = set(self.chosen) ^ {choice.key}
            self.chosen = tuple(c.key for c in self._choices if c.key in taken)
        else:
            self.chosen = (choice.key,)
        for index in range(len(self._choices)):
            self._redraw(index)
        self.post_message(self.Changed(self, self.chosen))

    def on_option_list_option_highlighted(self, event: CursorList.OptionHighlighted) -> None:
        event.stop()
        self.post_message(self.Looked(self, self._choices[event.option_index].key))

    def on_resize(self, event: events.Resize) -> None:
        """Text beneath a choice is wrapped here: its margin goes on in the next line."""
        width = event.size.width - 1  # the scroll bar's
        if width != self._width:
            self._width = width
            for index in range(len(self._choices)):
                self._redraw(index)

    def action_cursor_down(self) -> None:
        """At the end the next widget follows: the arrow keys reach everything on a screen."""
        if self.highlighted is None or self.highlighted < len(self._choices) - 1:
            super().action_cursor_down()
        else:
            self.screen.focus_next()

    def action_cursor_up(self) -> None:
        if self.highlighted:
            super().action_cursor_up()
        else:
            self.screen.focus_previous()

    def _redraw(self, index: int) -> None:
        self.replace_option_prompt_at_index(index, self._prompt(self._choices[index]))

    def _prompt(self, choice: Choice) -> Content:
        left, right = "[]" if self._several else "()"
        sign = "-" if choice.barred else ("x" if self._several else "*") if choice.key in self.chosen else " "
        lines = [f"{left}{sign}{right} {choice.label}"]
        lines += [table.paragraph(line, self._width, "    ") for line in choice.below]
        return Content("\n".join(lines))
