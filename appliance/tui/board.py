# SPDX-License-Identifier: Apache-2.0
"""`trivet pxe board`: who is where in a rack, once a second; whoever needs somebody is at the top.

It asks the server and holds nothing, so it may be closed, and there may be several. What is said here is said to the server.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual.widgets.option_list import Option

from appliance.errors import ApplianceError
from appliance.pxe import boards, client
from appliance.pxe.rack import Machine, Rack
from appliance.tui import i18n, table
from appliance.tui.base import THEME
from appliance.tui.i18n import N_, _, ngettext
from appliance.tui.line import OnALine
from appliance.tui.run import draw_on_stdout, here
from appliance.tui.screens.dialog import Ask
from appliance.tui.terminal import Terminal
from appliance.tui.widgets.cursorlist import CursorList
from appliance.tui.widgets.frame import Keys, Rule, Title

_SECOND = 1.0
_LOG = 5
_APART = 8
"""Cells between the title's parts, and at its ends."""
STATES = {
    "failed": N_("failed"), "waiting": N_("waits"), "discovered": N_("discovered"), "fetching": N_("fetches"),
    "writing": N_("writes"), "rebooting": N_("restarts"), "joining": N_("joins"), "ready": N_("ready"),
    boards.MOVES: N_("under way"),
}  # fmt: skip


class Door(Protocol):
    """The server of the rack. ApplianceError when it cannot be asked."""

    def rack(self) -> Rack: ...

    def approve(self, machines: Sequence[str]) -> list[str]: ...

    def again(self, machines: Sequence[str]) -> list[str]: ...

    def power(self, machines: Sequence[str]) -> list[str]: ...


class Server:
    """The one whose socket this is."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rack(self) -> Rack:
        return client.rack(self._path)

    def approve(self, machines: Sequence[str]) -> list[str]:
        return client.approve(self._path, machines)

    def again(self, machines: Sequence[str]) -> list[str]:
        return client.again(self._path, machines)

    def power(self, machines: Sequence[str]) -> list[str]:
        """Off and on again by their BMCs, into the network; each machine's log says what became of it."""
        return list(client.power(self._path, machines, "cycle", network=True))


class BoardPage(Screen[None]):
    """The machines, and below them what is known of the one under the cursor."""

    AUTO_FOCUS = "CursorList"
    BINDINGS: ClassVar = [
        ("a", "approve"), ("A", "approve_all"), ("i", "again"), ("p", "power"), ("f2", "app.language"),
        ("escape,q,f10,ctrl+q", "app.leave"), ("ctrl+l", "app.redraw"),
    ]  # fmt: skip

    def compose(self) -> ComposeResult:
        yield Title(_("Trivet rack"), "", "")
        yield Rule()
        yield CursorList(id="machines", markup=False)
        yield Rule()
        yield Static(id="machine", markup=False)
        yield Static(id="said", markup=False)
        other = i18n.NAMES["zh_CN" if self.board.language == "en" else "en"]
        words = [("a", _("Approve")), ("A", _("All")), ("i", _("Install again")), ("p", _("Power")), ("Esc", _("Leave"))]
        yield Keys([*words, *([("F2", other)] if self.board.terminal.chinese else [])])

    @property
    def board(self) -> "Board":
        board = self.app
        if not isinstance(board, Board):
            raise TypeError("a page of the board")
        return board

    @property
    def chosen(self) -> Machine | None:
        """The machine under the cursor."""
        listed = self.query_one(CursorList)
        option = None if listed.highlighted is None else listed.get_option_at_index(listed.highlighted)
        return self.board.rack.machines.get(option.id or "") if option else None

    def on_mount(self) -> None:
        self.show()

    def on_option_list_option_highlighted(self) -> None:
        self._details()

    def show(self) -> None:
        """Draw what is known now; the cursor stays with its machine. A page that is still being made is drawn when it is."""
        if not self.query("#said"):
            return
        listed, before = self.query_one(CursorList), self.chosen
        machines = boards.ordered(self.board.rack)
        if [m.mac for m in machines] == [option.id for option in listed.options]:
            for index, machine in enumerate(machines):
                listed.replace_option_prompt_at_index(index, self._row(machine))
        else:
            listed.clear_options()
            listed.add_options(Option(self._row(machine), id=machine.mac) for machine in machines)
            names = [machine.mac for machine in machines]
            listed.highlighted = names.index(before.mac) if before and before.mac in names else 0 if names else None
        number = len(machines)
        total = ngettext("{number} machine", "{number} machines", number).format(number=number)
        self.query_one(Title).put(_("Trivet rack"), self._counted(total) or _("no machine has been seen yet"), total)
        rack = self.board.rack
        self.say(next(filter(None, (self.board.trouble, *rack.warnings, *rack.strangers[-1:])), ""))
        self._details()

    def _counted(self, total: str) -> str:
        """How many are in each state; where that is too long for the line, those that somebody waits for in one number."""
        counts = boards.counts(self.board.rack)
        room = self.size.width - cell_len(_("Trivet rack")) - cell_len(total) - _APART
        for found in (counts, boards.together(counts)):
            text = _(", ").join(" ".join((str(number), _(STATES[state]))) for state, number in found)
            if cell_len(text) <= room:
                break
        return text

    def say(self, text: str) -> None:
        self.query_one("#said", Static).update(Content(text))

    def _row(self, machine: Machine) -> Content:
        mark = "!" if machine.state in ("failed", "waiting") else " "
        since = boards.lasts(self.board.clock() - machine.since)
        text = boards.moves(machine) or machine.cause
        name = machine.name or machine.serial or machine.mac
        return Content(table.row((mark, 1), (name, 17), (_(STATES[machine.state]), 10), (since, 6), (text, 0)))

    def _details(self) -> None:
        machine = self.chosen
        if machine is None:
            self.query_one("#machine", Static).update("")
            return
        facts = (machine.mac, machine.product, machine.serial, machine.address, machine.template)
        lines = [_(", ").join(fact for fact in facts if fact), machine.cause, *machine.log[-_LOG:]]
        self.query_one("#machine", Static).update(Content("\n".join(line for line in lines if line)))

    def action_approve(self) -> None:
        if machine := self.chosen:
            self.board.do(self.board.door.approve, [machine.mac])

    def action_approve_all(self) -> None:
        waiting = [m.mac for m in boards.ordered(self.board.rack) if m.state == "waiting"]
        number = len(waiting)
        question = ngettext("Install {number} machine that waits?", "Install {number} machines that wait?", number)
        self._asked(_("Approve all"), question.format(number=number), self.board.door.approve, waiting)

    def action_again(self) -> None:
        if machine := self.chosen:
            question = _("Install {name} again, at its next start over the network?").format(name=machine.name or machine.mac)
            self._asked(_("Install again"), question, self.board.door.again, [machine.mac])

    def action_power(self) -> None:
        if machine := self.chosen:
            question = _("Switch {name} off and on by its BMC, and start it over the network?")
            question = question.format(name=machine.name or machine.mac)
            self._asked(_("Power"), question, self.board.door.power, [machine.mac], go=_("Switch"))

    def _asked(
        self, title: str, question: str, work: Callable[[Sequence[str]], list[str]], machines: list[str], go: str = ""
    ) -> None:
        """What may erase a disk or ends what runs is asked, with the focus on no."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.board.do(work, machines)

        if machines:
            self.board.push_screen(Ask(title, question, stay=_("Cancel"), go=go or _("Install")), answered)


class Board(OnALine[None]):
    """`rack` is what the server said last, `trouble` why it says nothing now."""

    CSS_PATH = Path(__file__).with_name("appliance.tcss")
    CSS = """
    #machines { height: 1fr; border: none; text-wrap: nowrap; text-overflow: clip; }
    #machine { height: 7; padding: 0 1; }
    #said { height: 1; padding: 0 1; }
    """
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, door: Door, terminal: Terminal, clock: Callable[[], float] = time.time) -> None:
        self.door, self.terminal, self.clock = door, terminal, clock
        self.language = "en"
        self.rack, self.trouble, self._looking = Rack(), "", False
        i18n.use("en")
        super().__init__()
        self.no_color = not terminal.colour

    def on_mount(self) -> None:
        self.register_theme(THEME)
        self.theme = THEME.name
        self.set_class(not self.terminal.colour, "mono")
        self.set_class(not self.terminal.utf8, "ascii")
        self.push_screen(BoardPage())
        self.look()
        self.set_interval(_SECOND, self.look)

    def look(self) -> None:
        """Ask the server, in a thread: it may take its time, and is not asked again before it has answered."""
        if not self._looking:
            self._looking = True
            self.run_worker(self._ask, thread=True)

    def do(self, work: Callable[[Sequence[str]], list[str]], machines: Sequence[str]) -> None:
        """Tell the server something, and show what has become of it."""

        def told() -> None:
            try:
                work(machines)
            except ApplianceError as error:
                self.call_from_thread(self._heard, self.rack, str(error))
            else:
                self._ask()

        self.run_worker(told, thread=True)

    def _ask(self) -> None:
        try:
            rack, trouble = self.door.rack(), ""
        except ApplianceError as error:
            rack, trouble = self.rack, str(error)
        self.call_from_thread(self._heard, rack, trouble)

    def _heard(self, rack: Rack, trouble: str) -> None:
        self.rack, self.trouble, self._looking = rack, trouble, False
        if isinstance(self.screen, BoardPage):
            self.screen.show()

    async def action_language(self) -> None:
        if self.terminal.chinese:
            self.language = "zh_CN" if self.language == "en" else "en"
            i18n.use(self.language)
            await self.switch_screen(BoardPage())

    def action_leave(self) -> None:
        self.exit()

    def action_redraw(self) -> None:
        self.screen.refresh()

    def redrawn(self) -> None:
        self.action_redraw()


def run(path: Path) -> None:
    """The board on this terminal, until somebody leaves it."""
    draw_on_stdout()
    client.rack(path)  # that there is no server is said before anything is drawn
    Board(Server(path), here()).run(mouse=False)
