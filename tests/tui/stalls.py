# SPDX-License-Identifier: Apache-2.0
"""How long the program of a console does nothing else, at most, while somebody pages through it: as a process of its own.

`python -m tests.tui.stalls wizard|node` prints the seconds of processor time of the longest turn of the event loop, and which it
was. Processor time, so that what other programs take of a busy machine is not in it.
"""

import asyncio
import gc
import json
import sys
import time

from appliance.tui.screens.wizard import PAGES
from tests.tui import nodes
from tests.tui.manage import Operator, manage
from tests.tui.pilot import Person, answer, walk


class Watch:
    """Looks at the thread's clock around each of the loop's callbacks."""

    def __init__(self) -> None:
        self.longest, self.where, self._page = 0.0, "", ""
        run = asyncio.events.Handle._run

        def timed(handle: asyncio.Handle) -> None:
            begun = time.thread_time()
            run(handle)
            self._saw(time.thread_time() - begun, handle)

        asyncio.events.Handle._run = timed  # type: ignore[method-assign]  # this process is for nothing else

    def at(self, page: str) -> None:
        """Somebody goes there now."""
        self._page = page

    def _saw(self, seconds: float, handle: asyncio.Handle) -> None:
        if seconds > self.longest:
            self.longest, self.where = seconds, f"{self._page}: {handle!r}"


def wizard(watch: Watch) -> None:
    """All pages, on a machine of a hundred disks, with a plan."""

    async def story(person: Person) -> None:
        inventory = person.app.inventory
        assert inventory is not None
        person.app.put(person.app.draft.with_disks(next(disk.id for disk in inventory.disks if not disk.unusable)))
        person.app.change(wipe=True)
        await answer(person)
        await person.open(PAGES[0].__name__)
        for page in PAGES[1:]:
            watch.at(page.__name__)
            await person.press("ctrl+n")
            assert person.page == page.__name__
            await person.press("pagedown", "pagedown", "down", "down", "pageup")
        for _ in PAGES[1:]:
            await person.press("escape")

    walk("hundred-disks", story)


def node(watch: Watch) -> None:
    """The pages of such a node that show much."""

    async def story(person: Operator) -> None:
        await person.log_in()
        for keys in ("3", "4", "5", "v", "11", "12", "s", "u"):
            watch.at(keys)
            await person.press(*keys)
            await person.press("pagedown", "pagedown", "down", "pageup")
            while person.page != "MenuPage":
                await person.press("escape")

    manage(story, data=nodes.fresh("hundred-disks"))


if __name__ == "__main__":
    gc.collect()
    gc.freeze()
    seen = Watch()
    {"wizard": wizard, "node": node}[sys.argv[1]](seen)
    print(json.dumps({"seconds": seen.longest, "where": seen.where}))
