# SPDX-License-Identifier: Apache-2.0
"""When memory is searched for what nobody holds: never under somebody's fingers, and not for nothing."""

import gc
from collections.abc import Iterator

import pytest

from appliance.tui import memory
from appliance.tui.memory import CALM, FEW, MANY, Keeper
from tests.tui.manage import Operator, manage


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    made = Keeper()
    made.begin()
    yield made
    made.end()


def garbage(number: int) -> list[list[object]]:
    """So many objects that could be part of a circle."""
    return [[] for _ in range(number)]


def test_it_waits_until_nobody_types(keeper: Keeper) -> None:
    kept = garbage(FEW + 1)
    assert not keeper.look(CALM / 2)
    assert keeper.look(CALM * 2)
    assert gc.get_count()[0] < len(kept)


def test_it_does_not_look_for_what_is_not_there(keeper: Keeper) -> None:
    assert not keeper.look(60)


def test_it_does_not_wait_for_ever(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MANY", 100)
    assert len(garbage(200)) < MANY
    kept = garbage(200)
    assert keeper.look(0)
    assert kept


def test_a_console_leaves_python_as_it_was() -> None:
    assert gc.isenabled()

    async def story(person: Operator) -> None:
        await person.log_in()
        assert not gc.isenabled()

    manage(story)
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
