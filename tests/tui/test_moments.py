# SPDX-License-Identifier: Apache-2.0
"""Help, refusals, questions, work and its end as text, at two sizes, in both languages (tests/tui/moments); see test_screens.py.

What is this machine's own is shown on four of them: one disk and one port; a hundred disks; two ports with all their virtual
functions; a pair of BIOS RAID beside a disk that holds data.
"""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from appliance.tui import i18n
from appliance.tui.draft import Draft
from appliance.tui.widgets.frame import Keys
from tests.tui import moments, nodes
from tests.tui.installer import Installer
from tests.tui.manage import Operator, manage
from tests.tui.pilot import SIZES, Person, walk
from tests.tui.test_screens import SCREENS as PAGES
from tests.tui.test_screens import agree

MOMENTS = Path(__file__).parent / "moments"
NODE_PAGES = Path(__file__).parent / "node_screens"
NODES: dict[str, Callable[[Operator], AsyncIterator[str]]] = {
    "door": moments.door, "hours": moments.hours, "machines": moments.machines, "pool": moments.pool,
    "together": moments.together,
}  # fmt: skip
LEAST = {"wizard": 19, "door": 6, "hours": 35, "machines": 18, "pool": 8, "together": 14,
         **dict.fromkeys(moments.CHOSEN, 12), **{f"node-{m}": 11 for m in moments.CHOSEN}}
"""So many moments each story has at least."""


async def look(person: Person, story: AsyncIterator[str], folder: Path, language: str, size: str) -> None:
    """A picture of each moment."""
    cells = SIZES[size]
    shown: set[str] = set()
    async for name in story:
        lines = person.screen.split("\n")
        assert len(lines) == cells[1]
        assert max(map(cell_len, lines)) <= cells[0]
        for keys in person.app.screen.query(Keys):
            assert lines[-1].strip() == str(keys.content).strip(), "keys that are cut off"
        agree(folder / f"{language}-{size}" / f"{name}.txt", person.screen)
        shown.add(name)
    assert shown == {path.stem for path in (folder / f"{language}-{size}").iterdir()}, "a picture that no test writes any more"
    assert len(shown) >= LEAST[folder.name]


each = pytest.mark.parametrize(("language", "size"), [(language, size) for language in i18n.NAMES for size in SIZES])


@pytest.mark.slow
@each
def test_the_wizard(language: str, size: str, tmp_path: Path) -> None:
    machine = Installer(tmp_path, moments.REFUSED)

    async def story(person: Person) -> None:
        person.app.speak(language)  # type: ignore[arg-type]  # one of the two
        await person.rest()
        await look(person, moments.own_pages(person, machine), MOMENTS / "wizard", language, size)

    walk("small-bios", story, live=machine, size=SIZES[size])


@pytest.mark.slow
@each
@pytest.mark.parametrize("name", moments.CHOSEN)
def test_the_wizard_on_a_machine(name: str, language: str, size: str, tmp_path: Path) -> None:
    machine = Installer(tmp_path)

    async def story(person: Person) -> None:
        person.app.speak(language)  # type: ignore[arg-type]  # one of the two
        assert isinstance(person.app.draft, Draft)
        await look(person, moments.own_machine(person, machine), MOMENTS / name, language, size)

    walk(name, story, live=machine, size=SIZES[size])


@pytest.mark.slow
@each
@pytest.mark.parametrize("name", NODES)
def test_the_node(name: str, language: str, size: str) -> None:
    async def story(person: Operator) -> None:
        person.app.speak(language)  # type: ignore[arg-type]  # one of the two
        await person.rest()
        await look(person, NODES[name](person), MOMENTS / name, language, size)

    manage(story, nodes.CABLE, size=SIZES[size], data=nodes.pooled() if name == "pool" else None)


@pytest.mark.slow
@each
@pytest.mark.parametrize("name", moments.CHOSEN)
def test_the_node_on_a_machine(name: str, language: str, size: str) -> None:
    async def story(person: Operator) -> None:
        person.app.speak(language)  # type: ignore[arg-type]  # one of the two
        await person.rest()
        await look(person, moments.own_node(person), MOMENTS / f"node-{name}", language, size)

    manage(story, size=SIZES[size], data=nodes.fresh(name))


def test_there_are_no_other_pictures() -> None:
    assert {path.name for path in MOMENTS.iterdir()} == LEAST.keys()
    for folder in MOMENTS.iterdir():
        assert {path.name for path in folder.iterdir()} == {f"{language}-{size}" for language in i18n.NAMES for size in SIZES}


QUOTED = re.compile(r"`[^`]*`|'[^']*'|\"[^\"]*\"|\[[^]]*\]")
"""Commands, what was typed, and fields with what was typed."""
ENGLISH = re.compile(
    r"\b(the|is|are|be|not|no|and|or|of|with|for|must|this|that|it|its|has|have|see|give|write|which|cannot|nothing|there)\b"
)


def test_no_english_is_left_on_a_chinese_screen() -> None:
    """Names of models, commands and keys stay; a word that only sentences have does not."""
    pictures = [path for root in (PAGES, NODE_PAGES, MOMENTS) for path in root.rglob("zh_CN-*/*.txt")]
    assert len(pictures) > 300
    for path in (picture for picture in pictures if not picture.stem.startswith("logs")):  # the journal is English
        for line in path.read_text().splitlines():
            assert not ENGLISH.search(QUOTED.sub("", line)), f"{path}: {line}"
