# SPDX-License-Identifier: Apache-2.0
"""The board of a rack, by keys, at 80x24: in English and Chinese, without colour, and with a server that goes away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from appliance.errors import ApplianceError
from appliance.pxe.rack import Machine, Rack, State
from appliance.tui.board import Board
from appliance.tui.terminal import Terminal

MACHINES = (
    Machine(mac="02:00:00:00:00:01", state="writing", since=70, name="n1", done=30, total=120, rate=2**20, address="10.0.0.101"),
    Machine(mac="02:00:00:00:00:02", state="waiting", since=40, serial="S2", product="R640", cause="rack.yaml: no rule holds",
            log=("starts over the network", "waits: rack.yaml: no rule holds")),
    Machine(mac="02:00:00:00:00:03", state="ready", since=-3600, name="n3"),
    Machine(mac="02:00:00:00:00:04", state="failed", since=0, name="n4", cause="the disk is broken; replace it"),
    Machine(mac="02:00:00:00:00:05", state="waiting", since=40, serial="S5", cause="rack.yaml: no rule holds"),
)  # fmt: skip


class Door:
    """A server that does what the test says."""

    def __init__(self) -> None:
        self.shown = Rack(machines={machine.mac: machine for machine in MACHINES})
        self.trouble = ""
        self.told: list[tuple[str, list[str]]] = []

    def rack(self) -> Rack:
        if self.trouble:
            raise ApplianceError(self.trouble, "start one")
        return self.shown

    def approve(self, machines: Sequence[str]) -> list[str]:
        self.told.append(("approve", list(machines)))
        return self.again(machines)[:0]

    def again(self, machines: Sequence[str]) -> list[str]:
        self.told.append(("again", list(machines)))
        if self.trouble:
            raise ApplianceError(self.trouble)
        return list(machines)

    def power(self, machines: Sequence[str]) -> list[str]:
        self.told.append(("power", list(machines)))
        return list(machines)


class Person:
    def __init__(self, app: Board, pilot: Pilot[None], door: Door) -> None:
        self.app, self.pilot, self.door = app, pilot, door

    async def press(self, *keys: str) -> str:
        """What is on the screen when all that they set off is done."""
        await self.pilot.press(*keys)
        await self.app.workers.wait_for_complete()
        self.app.look()
        await self.app.workers.wait_for_complete()
        await self.pilot.pause()
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def walk(story: Callable[[Person], Awaitable[None]], terminal: Terminal = Terminal()) -> None:  # noqa: B008 - frozen
    async def run() -> None:
        door = Door()
        app = Board(door, terminal, clock=lambda: 100.0)
        async with app.run_test(size=(80, 24)) as pilot:
            await story(Person(app, pilot, door))

    asyncio.run(run())


def test_who_needs_somebody_is_at_the_top() -> None:
    async def story(person: Person) -> None:
        lines = (await person.press()).splitlines()
        assert "1 failed, 2 waits, 1 writes, 1 ready" in lines[0]
        assert lines[2].split() == ["!", "n4", "failed", "2", "min", "the", "disk", "is", "broken;", "replace", "it"]
        assert lines[5].split() == ["n1", "writes", "30", "s", "25%,", "1", "MiB/s,", "0", "s", "left"]
        assert any("the disk is broken; replace it" in line for line in lines[15:]), "below, the cause is said whole"

    walk(story)


@pytest.mark.parametrize("terminal", [Terminal(), Terminal(colour=False), Terminal(utf8=False, chinese=False)])
def test_every_line_fits(terminal: Terminal) -> None:
    async def story(person: Person) -> None:
        screen = await person.press("down")
        assert len(screen.splitlines()) == 24
        assert "R640, S2" in screen
        assert "waits: rack.yaml: no rule holds" in screen
        assert terminal.utf8 or screen.isascii()

    walk(story, terminal)


def test_a_machine_has_one_line_however_much_there_is_to_say() -> None:
    """All states at once, more machines than lines, and causes that are longer than the screen is wide."""

    async def story(person: Person) -> None:
        states: tuple[State, ...] = ("failed", "waiting", "discovered", "fetching", "writing", "rebooting", "joining", "ready")
        found = [
            Machine(mac=f"02:00:00:00:01:{number:02x}", name=f"node-{number}", state=state, cause="it does not do that " * 6)
            for number, state in enumerate(states * 3)
        ]
        person.door.shown = Rack(machines={machine.mac: machine for machine in found})
        lines = (await person.press()).splitlines()
        assert "3 failed, 3 waits, 15 under way, 3 ready" in lines[0]
        assert lines[0].endswith("24 machines")
        assert [line.split()[1] for line in lines[2:8]] == [f"node-{number}" for number in (0, 16, 8, 1, 17, 9)]
        assert max(cell_len(line) for line in lines) <= 80
        assert "Leave   F2 简体中文" in lines[-1], "no key is cut off"

    walk(story)


def test_approve_one() -> None:
    async def story(person: Person) -> None:
        await person.press("down", "a")
        assert person.door.told[0] == ("approve", ["02:00:00:00:00:02"])

    walk(story)


def test_approve_all_asks_first_and_the_focus_is_on_no() -> None:
    async def story(person: Person) -> None:
        assert "Install 2 machines that wait?" in await person.press("A")
        await person.press("enter")
        assert person.door.told == []
        await person.press("A", "right", "enter")
        assert person.door.told[0] == ("approve", ["02:00:00:00:00:02", "02:00:00:00:00:05"])

    walk(story)


def test_install_again_asks_first() -> None:
    async def story(person: Person) -> None:
        assert "Install n4 again, at its next start over the network?" in " ".join((await person.press("i")).split())
        await person.press("escape")
        assert person.door.told == []
        await person.press("i", "right", "enter")
        assert person.door.told == [("again", ["02:00:00:00:00:04"])]

    walk(story)


def test_power_asks_first() -> None:
    async def story(person: Person) -> None:
        asked = " ".join((await person.press("p")).split())
        assert "Switch n4 off and on by its BMC, and start it over the network?" in asked
        await person.press("enter")
        assert person.door.told == []
        await person.press("p", "right", "enter")
        assert person.door.told == [("power", ["02:00:00:00:00:04"])]

    walk(story)


def test_chinese() -> None:
    async def story(person: Person) -> None:
        screen = await person.press("f2")
        assert "Trivet 机架" in screen
        assert "1 失败" in screen
        assert "Trivet rack" in await person.press("f2")

    walk(story)


def test_a_server_that_goes_away_and_comes_back() -> None:
    async def story(person: Person) -> None:
        await person.press()
        person.door.trouble = "no server of a rack is at x"
        screen = await person.press("a")
        assert "no server of a rack is at x" in screen
        assert "n4" in screen, "what was known is still shown"
        person.door.trouble = ""
        assert "no server of a rack" not in await person.press()

    walk(story)


def test_an_empty_rack_and_a_machine_that_goes() -> None:
    async def story(person: Person) -> None:
        await person.press("down", "down")
        person.door.shown = Rack()
        assert "no machine has been seen yet" in await person.press()
        await person.press("a", "i", "A")
        assert person.door.told == []

    walk(story)
