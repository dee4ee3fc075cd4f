# SPDX-License-Identifier: Apache-2.0
"""What a page costs on a serial line: at 115200 baud a quarter of a second is 2880 bytes. Counted as they would go to it."""

import pytest
from rich.console import Console as Rich
from textual._compositor import CompositorUpdate
from textual.app import App

from appliance.tui.screens.wizard import PAGES
from tests.tui import nodes
from tests.tui.manage import Operator, manage
from tests.tui.pilot import PASSWORD, Person, answer, walk

pytestmark = pytest.mark.slow
QUARTER_OF_A_SECOND = 115200 // 10 // 4


class Line:
    """Counts what the console sends."""

    def __init__(self) -> None:
        self._rich = Rich(color_system="standard", force_terminal=True, legacy_windows=False)
        self._sent = self.updates = 0

    def send(self, update: object) -> None:
        if isinstance(update, CompositorUpdate):
            self.updates += 1
            self._sent += len(update.render_segments(self._rich).encode())

    def since(self) -> int:
        sent, self._sent = self._sent, 0
        return sent


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    """In the place of the driver, which a test has not: the console has cut its updates down before they come here."""
    line = Line()

    def display(app: App[None], _screen: object, update: object) -> None:
        line.send(update)
        app._previous_cursor_position = app.cursor_position

    monkeypatch.setattr(App, "_display", display)
    return line


@pytest.mark.parametrize("machine", ["small-bios", "hundred-disks", "full-disks"])
def test_each_page_of_the_wizard_from_its_neighbours(machine: str, line: Line) -> None:
    costs: dict[str, int] = {}

    async def story(person: Person) -> None:
        inventory = person.app.inventory
        assert inventory is not None
        person.app.put(person.app.draft.with_disks(next(disk.id for disk in inventory.disks if not disk.unusable)))
        person.app.change(wipe=True)
        await answer(person)
        for language in ("Chinese", "English"):
            await person.open(PAGES[0].__name__)
            line.since()
            await person.press("f2")
            costs[f"{language}: the other language"] = line.since()
            for key, pages in (("ctrl+n", PAGES[1:]), ("escape", PAGES[-2::-1])):
                for page in pages:
                    await person.press(key)
                    assert person.page == page.__name__, person.screen
                    costs[f"{language}: {key} to {person.page}"] = line.since()
            await person.press("f1")
            costs[f"{language}: help"] = line.since()
            await person.press("f1")

    walk(machine, story)
    _cheap(costs, 2 * (2 * (len(PAGES) - 1) + 2))


def test_each_page_of_a_node_from_its_neighbours(line: Line) -> None:
    costs: dict[str, int] = {}
    places = ("1", "11", "14", "2", "21", "22", "23", "24", "3", "4", "5", "6", "7", "9")

    async def story(person: Operator) -> None:
        costs["status"] = line.since()
        await person.press("enter")
        costs["login"] = line.since()
        await person.type(PASSWORD)
        line.since()
        await person.press("enter")
        costs["menu"] = line.since()
        for language in ("English", "Chinese"):
            for place in places:
                line.since()
                await person.press(*place)
                costs[f"{language}: {place}, {person.page}"] = line.since()
                while person.page != "MenuPage" or len(person.app.screen_stack) > 3:
                    await person.press("escape")
            line.since()
            await person.press("f2")
            costs[f"{language}: the other language"] = line.since()

    manage(story, nodes.CABLE)
    _cheap(costs, 3 + 2 * (len(places) + 1))


def test_an_idle_console_sends_nothing_and_the_status_what_has_changed(line: Line) -> None:
    async def story(person: Operator) -> None:
        for login in (False, True):
            if login:
                await person.log_in()
            await person.second()
            line.since()
            before = line.updates
            for number in range(1, 20):
                person.data["files"]["/proc/uptime"] = f"{nodes.UPTIME + number} 1.0"
                await person.second()
            assert line.since() == 0
            assert line.updates == before, "where the cursor is would be sent, too"
        await person.press("escape")
        line.since()
        person.data["files"]["/proc/uptime"] = f"{nodes.UPTIME + 60} 1.0"
        await person.second()
        sent = line.since()
        assert 0 < sent < 60, "a digit and its place, and not the board"

    manage(story, nodes.CABLE)


def _cheap(costs: dict[str, int], number: int) -> None:
    assert len(costs) == number
    assert [place for place, cost in costs.items() if cost < 50] == [], "nothing was counted"
    assert {place: cost for place, cost in costs.items() if cost > QUARTER_OF_A_SECOND} == {}
