# SPDX-License-Identifier: Apache-2.0
"""A terminal with letters alone and without colour: every page, at every moment, is drawn of ASCII, and by no colour."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.segment import Segment

from appliance.tui.screens.wizard import PAGES
from appliance.tui.terminal import Terminal
from tests.tui import moments, nodes
from tests.tui.installer import Installer
from tests.tui.manage import Operator, manage
from tests.tui.pilot import Person, answer, walk

PLAIN = Terminal(utf8=False, chinese=False, colour=False)


async def look(person: Person, story: AsyncIterator[str], least: int) -> None:
    """Each moment is plain."""
    seen = 0
    async for name in story:
        plain(person, name)
        seen += 1
    assert seen >= least


def plain(person: Person, name: str) -> None:
    """ASCII, and no segment with a colour of its own: the terminal's are left as they are."""
    assert person.screen.isascii(), (name, [line for line in person.screen.splitlines() if not line.isascii()])
    segments: list[Segment] = [segment for strip in person.app.screen._compositor.render_strips() for segment in strip]
    coloured = {(s.text, str(s.style)) for s in segments if s.style and _coloured(s)}
    assert not coloured, (name, coloured)


def _coloured(segment: Segment) -> bool:
    return any(c is not None and not c.is_default for c in (segment.style.color, segment.style.bgcolor))  # type: ignore[union-attr]


async def pages(person: Person) -> AsyncIterator[str]:
    """The pages themselves."""
    await answer(person)
    for page in PAGES:
        await person.open(page.__name__)
        yield page.__name__


def test_pages_of_the_wizard() -> None:
    async def story(person: Person) -> None:
        await look(person, pages(person), len(PAGES))
        lines = person.screen.splitlines()
        assert lines[1] == lines[-3] == "-" * 80

    walk("small-bios", story, terminal=PLAIN)


@pytest.mark.slow
def test_moments_of_the_wizard(tmp_path: Path) -> None:
    machine = Installer(tmp_path, moments.REFUSED)

    async def story(person: Person) -> None:
        await look(person, moments.own_pages(person, machine), 15)
        await look(person, moments.own_machine(person, machine), 10)

    walk("small-bios", story, terminal=PLAIN, live=machine)


@pytest.mark.slow
def test_the_node() -> None:
    async def story(person: Operator) -> None:
        await look(person, moments.door(person), 6)
        await look(person, moments.hours(person), 35)

    manage(story, nodes.CABLE, terminal=PLAIN)


@pytest.mark.slow
def test_a_fresh_node_with_functions() -> None:
    async def story(person: Operator) -> None:
        await look(person, moments.own_node(person), 11)

    manage(story, terminal=PLAIN, data=nodes.fresh("virtual-functions"))
