# SPDX-License-Identifier: Apache-2.0
"""Live migration: a process waits at the target, memory is copied for seconds, then one ends as the other begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sim.hosts import Host


def migrate(source: Host, guest: str, target: str) -> None:
    world, there = source.world, source.world.hosts[target]
    if not there.awake or guest in there.processes or source.processes.get(guest) != "runs":
        return
    source.migrating.add(guest)
    there.processes[guest] = "incoming"
    world.begins(guest, target)
    life = there.life

    def over() -> None:
        source.migrating.discard(guest)
        whole = there.life == life and there.awake and there.incoming(guest) and source.processes.get(guest) == "runs"
        if whole:
            there.processes[guest] = "runs"
            source.ended(guest)
            world.check()
            world.note(f"{guest} has moved from {source.name} to {target}")

    source.later(world.random.uniform(2.0, 8.0), over)
