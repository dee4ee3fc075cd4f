# SPDX-License-Identifier: Apache-2.0
"""What goes wrong in a run: a list of faults, as hypothesis draws it or a seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.sim.world import World

Kind = Literal["power", "freeze", "etcd", "pool", "both", "slow", "stall", "restart"]
KINDS: tuple[Kind, ...] = ("power", "freeze", "etcd", "pool", "both", "slow", "stall", "restart")


@dataclass(frozen=True)
class Fault:
    """`at` and `seconds` of virtual time; `host` is a number, taken modulo how many there are."""

    at: float
    kind: Kind
    host: int
    seconds: float


def inflict(world: World, faults: Sequence[Fault]) -> None:
    hosts = [*world.hosts.values()]
    for fault in faults:
        world.at(fault.at, _effect(world, fault, hosts[fault.host % len(hosts)].name))


def _effect(world: World, fault: Fault, name: str) -> Callable[[], None]:
    host = world.hosts[name]

    def cut(*planes: str) -> None:
        world.note(f"{name} loses {' and '.join(planes)} for {fault.seconds:.1f}")
        for plane in planes:
            setattr(host, plane, False)
        if "reaches_pool" in planes:
            world.heard(name)
        world.at(fault.seconds, lambda: heal(*planes))

    def heal(*planes: str) -> None:
        world.note(f"{name} has {' and '.join(planes)} again")
        for plane in planes:
            setattr(host, plane, True)
        world.check()
        world.at(1.0, lambda: world.down.discard(name) if host.heard else None)

    def slow() -> None:
        host.slow = min(fault.seconds, 20.0)
        world.at(60.0, lambda: setattr(host, "slow", 0.0))

    def stall() -> None:
        world.stalled = world.now + min(fault.seconds, 4.0)

    def restart() -> None:
        """The agent alone: what it knew is gone, VMs go on."""
        if host.awake and host.up:
            host.restart()

    return {
        "power": lambda: host.off(fault.seconds),
        "freeze": lambda: host.freeze(fault.seconds),
        "etcd": lambda: cut("reaches_etcd"),
        "pool": lambda: cut("reaches_pool"),
        "both": lambda: cut("reaches_etcd", "reaches_pool"),
        "slow": slow,
        "stall": stall,
        "restart": restart,
    }[fault.kind]


def drawn(seed: int, count: int, span: float) -> list[Fault]:
    """A storm of faults from a seed."""
    chance = random.Random(seed)
    lengths = (0.5, 3, 7, 9, 12, 20, 45, 90)
    return [
        Fault(chance.uniform(0, span), chance.choice(KINDS), chance.randrange(1000), chance.choice(lengths)) for _ in range(count)
    ]
