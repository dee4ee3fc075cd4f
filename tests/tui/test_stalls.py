# SPDX-License-Identifier: Apache-2.0
"""Nothing blocks: the longest time for which the program of a console does nothing else, while somebody pages through it.

Counted is processor time of the event loop's own thread, so that what other programs take of a busy machine is not in it. The
aim is 0.1 s on a server; the limit here leaves room for a machine of a quarter of its speed, whose clock is not ours, and what
blocks for a second, as an inspection in the wrong thread would, is seen all the same.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Iterator

import pytest

from appliance.tui.screens.wizard import PAGES
from tests.tui import nodes
from tests.tui.manage import Operator, manage
from tests.tui.pilot import Person, answer, walk

pytestmark = pytest.mark.slow
LIMIT = 0.4
"""Seconds of processor time between two turns of the loop."""


class Watch:
    """Looks at the loop's clock whenever one of its callbacks is through."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.longest, self.where = 0.0, ""
        run = asyncio.events.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            begun = time.thread_time()
            run(handle)
            self._saw(time.thread_time() - begun, handle)

        monkeypatch.setattr(asyncio.events.Handle, "_run", timed)

    def _saw(self, seconds: float, handle: asyncio.Handle) -> None:
        if seconds > self.longest:
            self.longest, self.where = seconds, repr(handle)

    def judged(self, report: Callable[[str, object], None]) -> None:
        report("longest_stall_ms", round(1000 * self.longest, 1))
        assert 0 < self.longest < LIMIT, f"{self.longest:.3f} s in {self.where}"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """What other tests have left in the memory is not this program's to look through: a console is a process of its own."""
    gc.collect()
    gc.freeze()
    yield Watch(monkeypatch)
    gc.unfreeze()


def test_the_wizard_of_a_hundred_disks(watch: Watch, record_property: Callable[[str, object], None]) -> None:
    async def story(person: Person) -> None:
        inventory = person.app.inventory
        assert inventory is not None
        person.app.put(person.app.draft.with_disks(next(disk.id for disk in inventory.disks if not disk.unusable)))
        person.app.change(wipe=True)
        await answer(person)
        await person.open(PAGES[0].__name__)
        for page in PAGES[1:]:
            await person.press("ctrl+n")
            assert person.page == page.__name__
            await person.press("pagedown", "pagedown", "down", "down", "pageup")
        for _ in PAGES[1:]:
            await person.press("escape")

    walk("hundred-disks", story)
    watch.judged(record_property)


def test_the_console_of_a_node_with_a_hundred_disks(watch: Watch, record_property: Callable[[str, object], None]) -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        for keys in ("3", "4", "5", "v", "11", "12", "s"):
            await person.press(*keys)
            await person.press("pagedown", "pagedown", "down", "pageup")
            while person.page != "MenuPage":
                await person.press("escape")

    manage(story, data=nodes.fresh("hundred-disks"))
    watch.judged(record_property)
