# SPDX-License-Identifier: Apache-2.0
"""Drive the console as a person does: keys in, text out. `walk` runs a coroutine with it at a recorded machine."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from pydantic import SecretStr
from textual import events
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from appliance.host.playback import recorded
from appliance.tui.app import Console
from appliance.tui.outcome import Live, Outcome
from appliance.tui.screens.wizard import PAGES
from appliance.tui.terminal import Terminal

MACHINES = Path(__file__).parents[1] / "machines"
SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
PASSWORD = "correct horse 7 staple"
HASH = "$y$j9T$salt$hash"


class Person:
    """Somebody at a console."""

    def __init__(self, app: Console, pilot: Pilot[Outcome]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        """Keys, and the time until everything that they set off is drawn."""
        await self.pilot.press(*keys)
        await self.rest()

    async def rest(self) -> None:
        with suppress(WorkerCancelled):  # on a slow machine a look at the cables may be replaced by the next one
            await self.app.workers.wait_for_complete()
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """All of it at once, as a terminal pastes."""
        assert self.app.focused is not None
        self.app.focused.post_message(events.Paste(text))
        await self.pilot.pause()
        await self.rest()

    async def fill(self, field: str, text: str) -> None:
        """Put the cursor into a field, and type in the place of what is there."""
        self.app.screen.query_one(f"#field-{field} Input").focus()
        await self.press("end", "ctrl+u")
        await self.type(text)

    def value(self, field: str) -> str:
        return str(self.app.screen.query_one(f"#field-{field} Input").value)  # type: ignore[attr-defined]

    async def choose(self, list_: str, number: int) -> None:
        """The so manieth of a list, from 0."""
        self.app.screen.query_one(f"#{list_}").focus()
        await self.press("home", *["down"] * number, "space")

    async def to(self, page: str) -> None:
        """Next, and next again, until the page is there; a page that is in the way fails the test."""
        while self.page != page:
            before = self.page
            await self.press("ctrl+n")
            assert self.page != before, f"stuck:\n{self.screen}"

    async def open(self, page: str) -> None:
        """The page at once, for a test that is not about the way there."""
        self.app.switch_screen(next(each for each in PAGES if each.__name__ == page)())
        await self.pilot.pause()
        await self.rest()

    @property
    def page(self) -> str:
        return type(self.app.screen).__name__

    @property
    def focused(self) -> str:
        return (self.app.focused.id or "") if self.app.focused else ""

    @property
    def screen(self) -> str:
        """What is on the screen, as text."""
        strips = self.app.screen._compositor.render_strips()  # textual exports pictures only; a test needs the text
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    @property
    def words(self) -> str:
        """The same as one line with single spaces, in which a wrapped sentence is whole again."""
        return " ".join(self.screen.split())


def walk(
    machine: str, story: Callable[[Person], Awaitable[None]], *, terminal: Terminal = Terminal(),  # noqa: B008 - frozen
    live: Live | None = None, size: tuple[int, int] = (80, 24),
) -> Outcome | None:  # fmt: skip
    """Run a story, and give how the console ended."""

    async def run() -> Outcome | None:
        app = Console(recorded(MACHINES / machine), terminal, live)
        async with app.run_test(size=size) as pilot:
            person = Person(app, pilot)
            await person.rest()
            await story(person)
        return app.return_value

    return asyncio.run(run())


async def answer(person: Person) -> None:
    """What a machine still lacks for its plan, but for its disk, as if it had been typed; then to the plan."""
    person.app.change(name="n1", timezone="Asia/Shanghai", password_hash=SecretStr(HASH), strength=4)
    await person.open("PlanPage")
