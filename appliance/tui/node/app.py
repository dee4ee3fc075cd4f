# SPDX-License-Identifier: Apache-2.0
"""The console of an installed node on one terminal: what is seen of it, who is logged in, which page is shown."""

import time

from textual import events
from textual.screen import ModalScreen

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.model.netreport import NetworkReport
from appliance.node.published import seconds_left
from appliance.tui.base import BaseConsole
from appliance.tui.draft import Draft, Verdict
from appliance.tui.node import edit, reading
from appliance.tui.node.edge import IDLE, Edge
from appliance.tui.node.edit import NodeDraft
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.status import StatusPage
from appliance.tui.node.seen import Seen
from appliance.tui.outcome import Outcome
from appliance.tui.screens.base import Page
from appliance.tui.terminal import Terminal

_SECOND = 1.0
_FILES, _NETWORK = 3, 6
"""Seconds between two looks at the files of /run, and at the network: the latter costs some hundredths of a second of CPU."""


class NodeConsole(BaseConsole):
    """`before` and `saved` are what the pages that change something began with: the fields, and the text of the spec."""

    def __init__(self, host: Host, terminal: Terminal, edge: Edge) -> None:
        super().__init__(host, terminal)
        self.edge = edge
        self.seen: Seen = reading.seen(host)
        self.logged_in = False
        self.postponed = False
        self.saved = ""
        self.before: NodeDraft | None = None
        self._ticks = 0
        self.clock = time.monotonic
        self._key_at = self.clock()
        self._network: NetworkReport | None = None
        self._trouble = ""
        self._looking = False
        self._inspection = 0
        self._plane = "management"

    def on_mount(self) -> None:
        super().on_mount()
        self.push_screen(StatusPage())
        self.set_interval(_SECOND, self._tick)
        self.call_after_refresh(self.look_at_network)

    # What is seen of the node.

    def _tick(self) -> None:
        """Each second: the countdown, the time without a key; the rest less often."""
        self._ticks += 1
        if self.seen.reverts_in is not None or self._ticks % _FILES == 0 or self._begun():
            self._see()
        if self._ticks % _NETWORK == 0:
            self.look_at_network()
        if self.logged_in and self.clock() - self._key_at > IDLE:
            self.edge.note("logged out, after ten minutes without a key")
            self.log_out()

    def _begun(self) -> bool:
        return seconds_left(self.host) is not None

    def _see(self) -> None:
        before = self.seen
        self.seen = reading.seen(self.host, self._network, self._trouble)
        if self.seen.reverts_in is None:
            self.postponed = False
        elif before.reverts_in is None:
            self.look_at_network()
        if self.logged_in and self.seen.reverts_in is not None and not self.postponed:
            self._ask_about_the_trial()
        if self.seen != before and isinstance(self.screen, Page):
            self.screen.judge()

    def _ask_about_the_trial(self) -> None:
        """At once, whoever began it. What this console itself is at is not interrupted: it leads there by itself."""
        from appliance.tui.node.pages.trial import TrialPage  # noqa: PLC0415 - the first frame needs none of it
        from appliance.tui.node.pages.work import WorkPage  # noqa: PLC0415 - the same

        if not isinstance(self.screen, TrialPage | WorkPage | ModalScreen):
            self.push_screen(TrialPage())

    def look_at_network(self) -> None:
        """In a worker, and only where somebody sees it."""
        if not self._looking and isinstance(self.screen, Manage) and self.screen.WATCHES_NETWORK:
            self._looking = True
            self.run_worker(self._look_at_network, thread=True, group="network")

    def _look_at_network(self) -> None:
        found, trouble = reading.network(self.host)
        self.call_from_thread(self._saw_network, found, trouble)

    def _saw_network(self, found: NetworkReport | None, trouble: str) -> None:
        self._network, self._trouble, self._looking = found, trouble, False
        self._see()

    # Who is here.

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste):
            self.stay()
        await super().on_event(event)

    def stay(self) -> None:
        """Somebody is there."""
        self._key_at = self.clock()

    def open(self, page: Page) -> None:
        """A page over the one that is shown."""
        self.push_screen(page)

    def back_to_menu(self) -> None:
        """Every page goes down to the first menu, or to the status for who has logged out meanwhile."""
        from appliance.tui.node.pages.menu import MenuPage  # noqa: PLC0415 - the first frame needs none of it

        while not isinstance(self.screen, MenuPage | StatusPage):
            self.pop_screen()
        if self.logged_in and isinstance(self.screen, StatusPage):
            self.push_screen(MenuPage())

    def trial_begun(self) -> bool:
        """Is there something to keep or to take back, that nobody has put off?"""
        self._see()
        return bool(self.seen.reverts_in) and not self.postponed

    def log_in(self) -> None:
        """The password was right."""
        from appliance.tui.node.pages.menu import MenuPage  # noqa: PLC0415 - as above

        self.logged_in = True
        self.stay()
        self.switch_screen(MenuPage())
        self._see()

    def log_out(self) -> None:
        """Back to what everybody may see."""
        self.logged_in, self.before, self.verdict, self.inventory = False, None, None, None
        self.draft, self.saved = Draft(), ""
        self.home()

    def home(self) -> None:
        """Every page goes but the first."""
        while not isinstance(self.screen, StatusPage):
            self.pop_screen()
        self.screen.judge()

    # What is changed.

    def begin(self, plane: str = "management") -> None:
        """Begin with what the node follows now, and with what the machine is now: in a worker, which takes about a second."""
        self._plane = plane
        self.inventory, self.verdict, self.before, self.trouble = None, None, None, ""
        self._inspection += 1
        number = self._inspection
        self.run_worker(lambda: self._inspect(number), thread=True, group="inspect")

    def look_again(self) -> None:
        self.begin(self._plane)

    def _inspect(self, number: int) -> None:
        from appliance import flow  # noqa: PLC0415 - as above
        from appliance.node.status import followed  # noqa: PLC0415 - as above

        try:
            inventory = flow.inspect(self.host)
        except Exception as error:  # whatever it is, it must not end the console: it is said where the machine would be
            self.call_from_thread(self.learn, number, None, reading.plain(error))
            return
        try:
            spec, text = followed(self.host)
        except ApplianceError as error:
            self.call_from_thread(self.learn, number, inventory, str(error))
            return
        self.call_from_thread(self.learn, number, inventory, "", text, edit.draft_of(spec, inventory, self._plane))

    def learn(
        self, number: int, inventory: Inventory | None, trouble: str, saved: str = "", before: NodeDraft | None = None,
    ) -> None:  # fmt: skip
        """What was found; `trouble` is why nothing can be changed here. What is not the latest look would undo what is typed."""
        if number != self._inspection or not self.logged_in:
            return
        self.inventory, self.trouble, self.saved, self.before = inventory, trouble, saved, before
        if before is not None:
            self.draft = before = edit.first(before)
        if inventory is not None and before is not None:
            self.verdict = self.judged(before, inventory)
        if isinstance(self.screen, Page):
            self.screen.learned()

    def judged(self, draft: Draft, inventory: Inventory) -> Verdict:
        if self.before is None or not isinstance(draft, NodeDraft):
            raise TypeError("nothing was begun that could be judged")
        return edit.judge(self.saved, self.before, draft, inventory)

    def changed(self) -> frozenset[str]:
        """The fields that say something else than what the node follows."""
        return edit.changed(self.before, self.draft) if self.before and isinstance(self.draft, NodeDraft) else frozenset()

    def text(self) -> tuple[str, bool]:
        """The spec with what was typed, and whether its comments are still there."""
        if self.before and isinstance(self.draft, NodeDraft):
            return edit.text(self.saved, self.before, self.draft)
        return self.saved, True

    def put(self, draft: Draft) -> None:
        if self.before is not None:
            super().put(draft)

    async def action_leave(self) -> None:
        """F10: log out; from the first page, out of the program."""
        if isinstance(self.screen, ModalScreen):
            return
        if isinstance(self.screen, StatusPage):
            self.exit(Outcome("left"))
        elif isinstance(self.screen, Page):
            self.screen.action_leave()
