# SPDX-License-Identifier: Apache-2.0
"""5,000 machines that are switched on within a minute, with and without nodes that give the image on: by the `Shares` that serve.

Links of 1 Gbit/s, shared evenly by those who use them, and switches that carry all of it; the image of 444 MiB, a minute to write
it and a minute and a half to come up. The time is the simulation's; the rules are the program's own.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

import pytest

from appliance.pxe.peers import MOST, SERVER, Shares

LINK = 1e9 / 8 * 0.94
"""Bytes a second, without what Ethernet, IP and TCP need."""
IMAGE = 444 * 2**20
UNTIL_READY = 150.0
STEP = 1.0


@dataclass
class Link:
    """What leaves one place. `served` is how much each of its users has got since the beginning: they get the same."""

    served: float = 0.0
    users: list[tuple[float, str]] = field(default_factory=list)

    def advance(self) -> list[str]:
        """One step; who has all of it now."""
        if self.users:
            self.served += LINK * STEP / len(self.users)
        done = []
        while self.users and self.users[0][0] <= self.served:
            done.append(heapq.heappop(self.users)[1])
        return done


@dataclass
class Outcome:
    first: float
    slowest: float
    most_at_once: int


def rack(count: int, *, peers: bool, seed: int = 1, dead: float = 0.0) -> Outcome:
    """`dead` is the share of nodes that do not give what they promise."""
    chance = random.Random(seed)
    shares, links = Shares(), {SERVER: Link()}
    ready: list[str] = []
    asks = [(chance.uniform(0, 60), 2.0, f"m{number}") for number in range(count)]
    heapq.heapify(asks)
    comes_up: list[tuple[float, str]] = []
    installed: list[float] = []
    now, most = 0.0, 0
    while len(installed) < count:
        now += STEP
        while asks and asks[0][0] <= now:
            _, pause, machine = heapq.heappop(asks)
            place = shares.take(machine, ready, now) if peers else SERVER
            if place is None or place in broken(ready, dead):
                heapq.heappush(asks, (now + pause * chance.uniform(1, 2), min(30.0, 2 * pause), machine))
                continue
            link = links.setdefault(place, Link())
            heapq.heappush(link.users, (link.served + IMAGE, machine))
            most = max(most, len(link.users))
        for link in links.values():
            for machine in link.advance():
                shares.done(machine)
                heapq.heappush(comes_up, (now + UNTIL_READY, machine))
        while comes_up and comes_up[0][0] <= now:
            ready.append(heapq.heappop(comes_up)[1])
            installed.append(now)
        assert now < 100_000, "somebody is never served"
    return Outcome(installed[0], installed[-1], most)


def broken(ready: list[str], share: float) -> set[str]:
    return {node for node in ready if int(node[1:]) % 100 < 100 * share} if share else set()


def test_with_nodes_that_give_it_on_a_rack_takes_minutes() -> None:
    alone, together = rack(5000, peers=False), rack(5000, peers=True)
    print(
        f"alone: {alone.slowest / 3600:.1f} h; together: {together.slowest / 60:.0f} min, the first {together.first / 60:.1f} min"
    )
    assert alone.slowest > 5000 * IMAGE / LINK, "one link carries it all"
    assert together.slowest < 30 * 60
    assert together.first < 5 * 60, "the first are not kept waiting by the others"
    assert together.most_at_once <= MOST + 1


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nodes_that_give_nothing_keep_nobody_from_it(seed: int) -> None:
    """A fifth of the nodes promise and do not give: all are installed, in less than twice the time."""
    assert rack(500, peers=True, seed=seed, dead=0.2).slowest < 2 * rack(500, peers=True, seed=seed).slowest


def test_a_handful_is_not_made_to_wait() -> None:
    assert rack(8, peers=True).slowest <= rack(8, peers=False).slowest + STEP
