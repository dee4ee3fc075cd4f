# SPDX-License-Identifier: Apache-2.0
"""What the program on a terminal is, whether it installs a node or manages one: its look, its language, how it draws and dies."""

import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType
from rich.segment import Segments
from rich.traceback import Traceback
from textual import events
from textual._compositor import CompositorUpdate
from textual.app import SuspendNotSupported
from textual.filter import LineFilter, NoColor
from textual.geometry import Size
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.theme import BUILTIN_THEMES, Theme

from appliance.host import audit
from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.tui import i18n
from appliance.tui.difference import Difference
from appliance.tui.draft import Draft, Language, Verdict
from appliance.tui.i18n import _
from appliance.tui.line import OnALine
from appliance.tui.memory import Keeper
from appliance.tui.outcome import Live, Outcome
from appliance.tui.screens.base import Page
from appliance.tui.terminal import Terminal
from appliance.tui.widgets.scrollbar import PlainScrollBar

# The sixteen colours of the terminal itself: on a kernel's screen they are what there is, elsewhere they are what the
# person has chosen. Nothing depends on them: focus is reversed video, a fault has its "!" and its sentence.
THEME = Theme(
    name="trivet", ansi=True, dark=True,
    primary="ansi_blue", secondary="ansi_cyan", accent="ansi_cyan",
    warning="ansi_yellow", error="ansi_bright_red", success="ansi_green",
    foreground="ansi_default", background="ansi_default", surface="ansi_default", panel="ansi_default", boost="ansi_default",
    variables=BUILTIN_THEMES["ansi-dark"].variables | {
        "block-cursor-foreground": "ansi_default", "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "block-cursor-blurred-foreground": "ansi_default", "block-cursor-blurred-background": "ansi_default",
        "block-cursor-blurred-text-style": "none",
        "button-focus-text-style": "reverse",
        "input-cursor-text-style": "reverse",
    },
)  # fmt: skip


_NO_COLOUR = NoColor()
_SEARCH = 0.5
"""Seconds between two looks whether Python may search for memory that nobody holds (memory.py)."""


class BaseConsole(OnALine[Outcome]):
    """`inventory` is what this machine has, once somebody has looked; `draft` what was typed, `verdict` what is wrong with it."""

    CSS_PATH = Path(__file__).with_name("appliance.tcss")
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = "#body *, Action"
    BINDINGS: ClassVar = [("ctrl+q,f10", "leave"), ("ctrl+l", "redraw")]

    def __init__(self, host: Host, terminal: Terminal) -> None:
        self.host, self.terminal = host, terminal
        self.language: Language = "en"
        self.inventory: Inventory | None = None
        self.trouble = ""
        self.draft = Draft()
        self.verdict: Verdict | None = None
        self.live: Live | None = None
        self._shown: Sequence[Strip] = []
        self._shown_size = Size(0, 0)
        self._memory, self._stirred = Keeper(), time.monotonic()
        PlainScrollBar.THUMB, PlainScrollBar.TRACK = ("█", "│") if terminal.utf8 else ("#", "|")
        ScrollBar.renderer = PlainScrollBar
        i18n.use("en")
        super().__init__()
        self.no_color = not terminal.colour

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual makes its own before it is told that there is no colour: styles of single words would keep theirs."""
        return [*super().get_line_filters(), *(() if self.terminal.colour else (_NO_COLOUR,))]

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.set_class(not self.terminal.colour, "mono")
        self.set_class(not self.terminal.utf8, "ascii")
        self.call_after_refresh(self._memory.begin)
        self.set_interval(_SEARCH, lambda: self._memory.look(time.monotonic() - self._stirred))

    def on_unmount(self) -> None:
        self._memory.end()

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste):
            self._stirred = time.monotonic()
        await super().on_event(event)

    def ended(self) -> Outcome:
        """Run until it ends: how. Who has started it counts the crashes."""
        outcome = self.run(mouse=False)
        return outcome or Outcome("crashed" if self.return_code else "left")

    # What a page changes, and what follows from it.

    def judged(self, draft: Draft, inventory: Inventory) -> Verdict:
        """What is wrong with the answers."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Something was done that failed: what the machine holds is read anew."""
        raise NotImplementedError

    def change(self, **answers: object) -> None:
        """An answer was typed."""
        self.put(self.draft.model_copy(update=answers))

    def put(self, draft: Draft) -> None:
        """The draft is another one; everything is judged anew, since answers depend on each other."""
        self.draft = draft
        if self.inventory is not None:
            self.verdict = self.judged(draft, self.inventory)
        if isinstance(self.screen, Page):
            self.screen.judge()

    def speak(self, language: Language) -> None:
        """Change the language of everything on the screen."""
        i18n.use(language)
        self.language = language
        if isinstance(self.screen, Page):
            self.screen.refresh(recompose=True)

    def _fatal_error(self) -> None:
        """Textual's own report shows the variables of each frame: here a typed password would be among them."""
        self.bell()
        audit.note(f"the console crashed\n{traceback.format_exc()}")  # the screen is somebody else's at once
        self._exit_renderables.append(Segments(self.console.render(Traceback(show_locals=False, width=None))))
        self._close_messages_no_wait()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        """Textual's one way to the terminal: what goes there is cut down to what differs from what is there."""
        drawn = self._running and not self._closed and not self._batch_count and self._driver is not None
        if drawn and isinstance(renderable, CompositorUpdate):
            if screen is not self.screen or self._shown_size != self.size:
                self._shown = []  # a terminal that was resized shows nobody knows what
            lines, self._shown_size = screen._compositor.render_strips(), self.size
            renderable, self._shown = Difference(self._shown, lines), lines
            if self._previous_cursor_position == self.cursor_position and not renderable.render_segments(self.console):
                self.post_display_hook()
                return  # an idle console sends nothing, not even where the cursor is
        super()._display(screen, renderable)

    def _set_pointer_shape(self, shape: str) -> None:
        """There is no mouse, and fbterm writes what it does not know of the sequence onto the screen."""

    def met(self) -> None:
        self.exit(Outcome("again"))

    def redrawn(self) -> None:
        self.action_redraw()

    def action_redraw(self) -> None:
        """Draw everything: the kernel, or somebody else, has written over the screen."""
        self._shown = []
        self.screen.refresh()

    def away(self, program: Callable[[], object]) -> str:
        """Leave the terminal to another program until it ends, then draw everything. Why that cannot be, or ""."""
        try:
            with self.suspend():
                program()
        except SuspendNotSupported:
            return _("This terminal can be left to no other program.")
        self.action_redraw()
        return ""

    async def action_leave(self) -> None:
        if isinstance(self.screen, Page):
            self.screen.action_leave()
