# SPDX-License-Identifier: Apache-2.0
"""Drive the console of the installed node of nodes.py, by keys; what it would do to a machine is written down instead."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.playback import playback
from appliance.model.bmc import BmcView
from appliance.model.clusterview import ClusterView
from appliance.model.events import Event, Finished, Started
from appliance.model.poolreport import StorageView
from appliance.model.vmrecord import VmView
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import RouterView
from appliance.node.errands import Errand
from appliance.node.published import uptime
from appliance.tui.node.app import NodeConsole
from appliance.tui.node.edge import Door
from appliance.tui.node.lockout import Attempts
from appliance.tui.node.pages.work import WorkPage
from appliance.tui.outcome import Outcome, Work
from appliance.tui.terminal import Terminal
from tests.tui import nodes
from tests.tui.pilot import PASSWORD, Person


@dataclass
class Child:
    """A process that ends when the test says so."""

    code: int | None = None
    pid: int = 0

    def ended(self) -> int | None:
        return self.code


@dataclass
class Trivet:
    """A `trivet` that was started: its arguments, what it was given, and what it says."""

    arguments: tuple[str, ...]
    stdin: str
    events: Path
    begun: float = 0.0
    child: Child = field(default_factory=Child)

    def say(self, *events: Event | str) -> None:
        with self.events.open("a") as file:
            file.writelines((e if isinstance(e, str) else e.model_dump_json()) + "\n" for e in events)

    def steps(self, *titles: str) -> None:
        """All steps begin and end."""
        for number, title in enumerate(titles, 1):
            self.say(Started(step=str(number), title=title, index=number, total=len(titles)), Finished(step=str(number)))

    def end(self, code: int = 0, complaint: str = "") -> None:
        self.events.with_suffix(".err").write_text(complaint)
        self.child.code = code


class FakeEdge:
    """Counts, notes and answers; nothing leaves it."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host, self.folder = host, folder
        self.tried = Attempts()
        self.at_the_door: Door = "open"
        self.notes: list[str] = []
        self.started: list[Trivet] = []
        self.went: list[str] = []
        self.trouble = ""
        self.board: BmcView | None = None
        self.nodes_together = ClusterView()
        self.machines: tuple[VmView, ...] = nodes.VMS
        self.logs = {"trivetd": ["10:00 trivetd: configure the network", "10:01 trivetd: no link on storage"]}

    def attempts(self) -> Attempts:
        return self.tried

    def door(self) -> Door:
        return self.at_the_door

    def opens(self, password: str) -> bool:
        good = password == PASSWORD
        self.tried = Attempts() if good else self.tried.failed(uptime(self.host))
        return good

    def note(self, text: str) -> None:
        self.notes.append(text)

    def start(self, *arguments: str, stdin: str = "") -> Work:
        self._fail()
        events = self.folder / f"{len(self.started)}.jsonl"
        events.touch()
        self.started.append(Trivet(arguments, stdin, events, uptime(self.host)))
        return Work(self.started[-1].child, events)

    def works(self) -> list[Errand]:
        found = [
            Errand(name=str(number), arguments=each.arguments, line="tty1", begun=each.begun, pid=number)
            for number, each in enumerate(self.started)
        ]
        return found[::-1]

    def work(self, errand: Errand) -> Work:
        begun = self.started[errand.pid]
        return Work(begun.child, begun.events)

    def stop(self, work: Work) -> None:
        self.notes.append("stop")

    def shell(self) -> int:
        self.notes.append("shell")
        return 0

    def vms(self) -> tuple[VmView, ...]:
        self._fail()
        return self.machines

    def networks(self) -> tuple[NetworkRecord, ...]:
        self._fail()
        return nodes.NETWORKS

    def cluster(self) -> ClusterView:
        self._fail()
        return self.nodes_together

    def routers(self) -> tuple[RouterView, ...]:
        self._fail()
        return nodes.ROUTERS

    def storage(self) -> StorageView:
        self._fail()
        return nodes.POOL

    def bmc(self) -> BmcView | None:
        return self.board

    def serial(self, name: str, leave: str) -> int:
        self.notes.append(f"serial {name}")
        return 0

    def power(self, verb: str) -> None:
        self._fail()
        self.went.append(verb)

    def log(self, unit: str) -> list[str]:
        self._fail()
        return self.logs.get(unit, [f"10:00 a line of {unit}"])

    def _fail(self) -> None:
        if self.trouble:
            raise ApplianceError(self.trouble, "try again")


class Operator(Person):
    """Somebody at the node's console."""

    app: NodeConsole
    edge: FakeEdge
    data: dict[str, Any]

    async def log_in(self) -> None:
        await self.press("enter")
        await self.type(PASSWORD)
        await self.press("enter")
        assert self.page == "MenuPage"

    async def log_in_to_trial(self) -> None:
        """As above, while a change is on trial: it is what one sees first."""
        await self.press("enter")
        await self.type(PASSWORD)
        await self.press("enter")
        assert self.page == "TrialPage"

    async def pick(self, *labels: str) -> None:
        """The lines of the menu, one level after the other."""
        for label in labels:
            items = self.app.screen.query_one("#items")
            number = next(i for i, item in enumerate(items.items) if item.label == label)  # type: ignore[attr-defined]
            await self.press("home", *["down"] * number, "enter")

    async def second(self) -> None:
        """What a few seconds bring, without the wait: a look at the node, and at the work that is shown."""
        self.app._see()
        self.app.look_at_network()
        await self.rest()
        if isinstance(self.app.screen, WorkPage):
            self.app.screen._follow()
        await self.rest()


def manage(
    story: Callable[[Operator], Awaitable[None]], *alerts: Any, size: tuple[int, int] = (80, 24),
    terminal: Terminal = Terminal(), data: dict[str, Any] | None = None,  # noqa: B008 - frozen
) -> tuple[Outcome | None, FakeEdge]:  # fmt: skip
    """Run a story. How the console ended, and what it did."""
    record = nodes.record(*alerts) if data is None else data

    async def run() -> tuple[Outcome | None, FakeEdge]:
        host = playback(record)
        with tempfile.TemporaryDirectory() as folder:
            edge = FakeEdge(host, Path(folder))
            app = NodeConsole(host, terminal, edge)
            async with app.run_test(size=size) as pilot:
                person = Operator(app, pilot)  # type: ignore[arg-type]  # it is driven like the wizard
                person.edge, person.data = edge, record
                await person.rest()
                await story(person)
            return app.return_value, edge

    return asyncio.run(run())


async def change_address(person: Operator) -> None:
    """Log in, and type another address for management: the plan is shown."""
    await person.log_in()
    await person.pick("Network", "Change the management network")
    await person.fill("address", "10.0.2.16/24")
    await person.press("ctrl+n")
