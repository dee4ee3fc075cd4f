# SPDX-License-Identifier: Apache-2.0
"""A rack in a few words: a line for each machine, and what the whole of it is at. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from appliance.model.units import format_size
from appliance.pxe.rack import Machine, Rack

ORDER = ("failed", "waiting", "discovered", "fetching", "writing", "rebooting", "joining", "ready")
"""Whoever needs somebody comes first."""
MOVES = "under way"
"""All of them that go on by themselves."""
_STILL = ("failed", "waiting", "ready")
_MINUTE, _HOUR = 60, 3600


def ordered(rack: Rack) -> list[Machine]:
    """Whoever needs somebody first, then by name."""
    return sorted(rack.machines.values(), key=lambda m: (ORDER.index(m.state), m.name or "~", m.mac))


def counts(rack: Rack) -> list[tuple[str, int]]:
    """How many are in each state, of the states that there are."""
    found: Counter[str] = Counter(machine.state for machine in rack.machines.values())
    return [(state, found[state]) for state in ORDER if found[state]]


def together(counts: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """In fewer words: those that go on by themselves in one number."""
    moving = sum(number for state, number in counts if state not in _STILL)
    still = [(state, number) for state, number in counts if state in _STILL]
    return [*(each for each in still if each[0] != "ready"), (MOVES, moving), *(each for each in still if each[0] == "ready")]


def moves(machine: Machine) -> str:
    """How far, how fast, how long yet: "45%, 98 MiB/s, 4 s left"; "" while nothing is under way."""
    if not machine.total:
        return ""
    share = f"{100 * min(machine.done, machine.total) // machine.total}%"
    if not machine.rate or machine.done >= machine.total:
        return share
    return f"{share}, {format_size(machine.rate)}/s, {lasts((machine.total - machine.done) / machine.rate)} left"


def lasts(seconds: float) -> str:
    """A time of two digits or three."""
    if seconds < _MINUTE:
        return f"{max(0, seconds):.0f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < _HOUR else f"{seconds / _HOUR:.1f} h"


def text(rack: Rack, now: float) -> Iterator[str]:
    """The board as lines of at most 79 columns, but for causes, which are said whole."""
    yield from (f"! {line}" for line in rack.warnings)
    yield ", ".join(f"{number} {state}" for state, number in counts(rack)) or "no machine has been seen yet"
    for machine in ordered(rack):
        since = lasts(now - machine.since)
        yield f"{machine.mac}  {machine.state:10}  {since:>7}  {machine.name or machine.serial:15.15}  {moves(machine)}".rstrip()
        yield from [f"    {machine.cause}"] if machine.cause else []
    yield from _strangers(rack.strangers)


def _strangers(lines: Sequence[str]) -> Iterator[str]:
    yield from ["strangers:", *(f"    {line}" for line in lines[-5:])] if lines else []


def shown(rack: Rack) -> dict[str, Any]:
    """The rack for the board: without what belongs to credentials."""
    hidden = {"machines": {"__all__": {"token", "bound", "claim"}}}
    return rack.model_dump(mode="json", exclude=hidden)
