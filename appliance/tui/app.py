# SPDX-License-Identifier: Apache-2.0
"""The installer's wizard on one terminal: what it knows, what was answered, which page is shown. Rules are in draft.py."""

from typing import ClassVar

from textual.screen import ModalScreen

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.tui import draft as drafts
from appliance.tui.base import BaseConsole
from appliance.tui.draft import Draft, Language, Verdict
from appliance.tui.outcome import Live
from appliance.tui.screens.base import Page
from appliance.tui.screens.plan import PlanPage
from appliance.tui.screens.progress import ProgressPage
from appliance.tui.screens.wizard import PAGES
from appliance.tui.terminal import Terminal

_SECONDS = 1.0
"""Between two looks at whether an installation was begun on another terminal."""


class Console(BaseConsole):
    """The installer's wizard. Without `live` it ends with the plan: a dry run, which can be had of any recorded machine."""

    BINDINGS: ClassVar = [("f9", "shell")]

    def __init__(self, host: Host, terminal: Terminal, live: Live | None = None) -> None:
        super().__init__(host, terminal)
        self.live = live
        self.suggested = False

    def on_mount(self) -> None:
        super().on_mount()
        self.push_screen(PAGES[0]())
        self.run_worker(self._inspect, thread=True)
        if self.live is not None:
            self.set_interval(_SECONDS, self._join)
            self.call_later(self._join)

    def _join(self) -> None:
        """An installation is shown on every terminal, whichever it was begun on; also by a console that was started again."""
        begun = self.live.begun() if self.live else None
        page = next((screen for screen in self.screen_stack if isinstance(screen, ProgressPage)), None)
        if begun is None or (page and page.started.same(begun)):
            return
        while len(self.screen_stack) > 1 and isinstance(self.screen, ModalScreen):
            self.pop_screen()
        self.draft, self.suggested = begun.draft, True
        self.switch_screen(ProgressPage(begun))

    def action_shell(self) -> None:
        """For who wants to look for himself: on a live system everybody at a console is root."""
        if self.live is not None and isinstance(self.screen, Page):
            self.screen.notice(self.away(self.live.shell))

    def judged(self, draft: Draft, inventory: Inventory) -> Verdict:
        return drafts.judge(draft, inventory)

    def speak(self, language: Language) -> None:
        """Change the language of everything on the screen, and of the node that is installed."""
        self.draft = self.draft.model_copy(update={"language": language})
        super().speak(language)

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
