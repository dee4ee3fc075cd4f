# SPDX-License-Identifier: Apache-2.0
"""The program on one terminal: what it knows, what was answered, which page is shown. Rules are in draft.py."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from rich.console import RenderableType
from rich.segment import Segments
from rich.traceback import Traceback
from textual._compositor import CompositorUpdate
from textual.geometry import Size
from textual.screen import ModalScreen, Screen
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.theme import BUILTIN_THEMES, Theme

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.tui import draft as drafts
from appliance.tui import i18n
from appliance.tui.difference import Difference
from appliance.tui.draft import Draft, Verdict
from appliance.tui.line import OnALine
from appliance.tui.outcome import Live, Outcome
from appliance.tui.screens.base import Page
from appliance.tui.screens.plan import PlanPage
from appliance.tui.screens.progress import ProgressPage
from appliance.tui.screens.wizard import PAGES
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


_SECONDS = 1.0
"""Between two looks at whether an installation was begun on another terminal."""


class Console(OnALine[Outcome]):
    """The installer's wizard. Without `live` it ends with the plan: a dry run, which can be had of any recorded machine."""

    CSS_PATH = "appliance.tcss"
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = "#body *, Action"
    BINDINGS: ClassVar = [("ctrl+q,f10", "leave"), ("ctrl+l", "redraw")]

    def __init__(self, host: Host, terminal: Terminal, live: Live | None = None) -> None:
        self.host, self.terminal, self.live = host, terminal, live
        self.inventory: Inventory | None = None
        self.trouble = ""
        self.suggested = False
        self._shown: Sequence[Strip] = []
        self._shown_size = Size(0, 0)
        self.draft = Draft()
        self.verdict: Verdict | None = None
        PlainScrollBar.THUMB, PlainScrollBar.TRACK = ("█", "│") if terminal.utf8 else ("#", "|")
        ScrollBar.renderer = PlainScrollBar
        i18n.use("en")
        super().__init__()
        self.no_color = not terminal.colour

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.set_class(not self.terminal.colour, "mono")
        self.set_class(not self.terminal.utf8, "ascii")
        self.push_screen(PAGES[0]())
        self.run_worker(self._inspect, thread=True)
        if self.live is not None:
            self.set_interval(_SECONDS, self._join)
            self.call_later(self._join)

    def _join(self) -> None:
        """An installation is shown on every terminal, whichever it was begun on; also by a console that was started again."""
        work = self.live.begun() if self.live else None
        page = next((screen for screen in self.screen_stack if isinstance(screen, ProgressPage)), None)
        if work is None or (page and page.started.same(work)):
            return
        while len(self.screen_stack) > 1 and isinstance(self.screen, ModalScreen):
            self.pop_screen()
        self.draft, self.suggested = work.draft, True
        self.switch_screen(ProgressPage(work))

    def look_again(self) -> None:
        """After an installation that failed: what was answered stays, what the machine holds is read anew."""
        if self.live is not None:
            self.live.forget()
        self.inventory, self.verdict = None, None
        self.switch_screen(PlanPage())
        self.run_worker(self._inspect, thread=True)

    def _inspect(self) -> None:
        try:
            found: Inventory | None = flow.inspect(self.host)
            trouble = ""
            if found is not None and found.system.installed:
                # Here a plan would be one of the running node's services: the wizard's answers are not meant for that.
                found, trouble = None, "this node is installed already"
        except ApplianceError as error:
            found, trouble = None, str(error)
        self.call_from_thread(self.learn, found, trouble)

    def learn(self, inventory: Inventory | None, trouble: str = "") -> None:
        """What this machine is: now the wizard can suggest and judge."""
        self.inventory, self.trouble = inventory, trouble
        if inventory is not None:
            if not self.suggested:
                self.draft = drafts.suggested(inventory, self.draft.language)
                self.suggested = True
            self.verdict = drafts.judge(self.draft, inventory)
        if isinstance(self.screen, Page):
            self.screen.learned()

    def change(self, **answers: object) -> None:
        """An answer was typed."""
        self.put(self.draft.model_copy(update=answers))

    def put(self, draft: Draft) -> None:
        """The draft is another one; everything is judged anew, since answers depend on each other."""
        self.draft = draft
        if self.inventory is not None:
            self.verdict = drafts.judge(draft, self.inventory)
        if isinstance(self.screen, Page):
            self.screen.judge()

    def speak(self, language: Literal["en", "zh_CN"]) -> None:
        """Change the language of everything on the screen, and of the node."""
        i18n.use(language)
        self.draft = self.draft.model_copy(update={"language": language})
        if isinstance(self.screen, Page):
            self.screen.refresh(recompose=True)

    def _fatal_error(self) -> None:
        """Textual's own report shows the variables of each frame: here a typed password would be among them."""
        self.bell()
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
        super()._display(screen, renderable)

    def met(self) -> None:
        self.exit(Outcome("again"))

    def redrawn(self) -> None:
        self.action_redraw()

    def action_redraw(self) -> None:
        """Draw everything: the kernel, or somebody else, has written over the screen."""
        self._shown = []
        self.screen.refresh()

    async def action_leave(self) -> None:
        if isinstance(self.screen, Page):
            self.screen.action_leave()
