# SPDX-License-Identifier: Apache-2.0
"""Virtual time, hosts, a pool with a blocklist, and the rules that must hold at each moment. The product decides.

A host's process of a VM is a writer while the host is up, not frozen, reaches the pool and is not refused by it. A frozen host
is reset by its watchdog, if it has one. Each host has a monotonic clock of its own, which runs up to half a per cent wrong.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from appliance.cluster.agent import VMS
from appliance.cluster.state import Guest, Opinion
from appliance.model.ha import FACTS, Facts, HaConfig
from appliance.model.placement import Cell
from appliance.model.timers import NORMAL, Timers
from tests.sim.store import FakeEtcd

GRACE = 20.0
"""Seconds until Ceph's monitors take a silent host's disks for down."""
BOOT = 40.0


class Violation(AssertionError):
    """What must never happen has happened."""


@dataclass
class Options:
    """`wrong` names parts of the product that are left out, to show that the simulator sees it."""

    seed: int = 0
    hosts: int = 5
    guests: int = 30
    controls: int = 3
    memory: int = 64 * 2**30
    watchdogs: bool = True
    bmcs: bool = True
    lost_answers: float = 0.0
    latency: float = 0.02
    timers: Timers = NORMAL
    config: HaConfig = field(default_factory=lambda: HaConfig(enabled=True, balance="off"))
    wrong: frozenset[str] = frozenset()


class World:
    def __init__(self, options: Options) -> None:
        from tests.sim.hosts import Host  # noqa: PLC0415 - hosts know the world

        self.options, self.timers = options, options.timers
        self.random = random.Random(options.seed)
        self.now = 1000.0
        self.etcd = FakeEtcd()
        self.stalled = 0.0
        """Until when etcd answers nobody: an election that lasts."""
        self.blocked: set[str] = set()
        self.down: set[str] = set()
        self.holders: dict[str, set[str]] = {}
        self.doubled: set[str] = set()
        self.history: list[str] = []
        self.moves: list[tuple[float, str, str, str]] = []
        self.waits: dict[str, tuple[float, str]] = {}
        self.decided: list[float] = []
        self.guests_cache: dict[str, Guest] = {}
        self._on: dict[str, set[str]] = {}
        self._followed = 0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        names = [f"n{number}" for number in range(1, options.hosts + 1)]
        self.hosts = {name: Host(self, name, number < options.controls) for number, name in enumerate(names)}
        for name in names:
            cells = (Cell(id=0, cpus=tuple(range(32)), memory=options.memory),)
            facts = Facts(node=name, cpus=32, memory=options.memory, cells=cells, bmc=options.bmcs)
            self.etcd.txn(self.now, (), {FACTS + name: facts})
        for host in self.hosts.values():
            host.boot(0.0)

    # -- VMs ----------------------------------------------------------------------------------------------------------

    def add(self, guest: Guest) -> None:
        self.etcd.txn(self.now, (), {VMS + guest.name: guest})

    def populate(self) -> None:
        """VMs spread evenly, some of them with rules, of several orders."""
        names = [*self.hosts]
        for number in range(self.options.guests):
            node = names[number % len(names)]
            guest = Guest(
                name=f"v{number}", node=node, order=(10, 50, 50, 90)[number % 4], cpus=2,
                memory=self.random.choice((1, 2, 4)) * 2**30,
                apart=(f"a{number // (len(names) // 2)}",) if number % 7 == 0 else (),
                ha=number % 11 != 10,
            )  # fmt: skip
            self.add(guest)

    def guests(self) -> dict[str, Guest]:
        """The documents as they are, each with its revision; only what has changed is read again."""
        changes = self.etcd.changes
        for key in dict.fromkeys(changes[self._followed :]):
            if key.startswith(VMS):
                item, name = self.etcd.items[key], key[len(VMS) :]
                old = self.guests_cache.get(name)
                if old:
                    self._on[old.node].discard(name)
                self.guests_cache[name] = replace(item.value, revision=item.changed)
                self._on.setdefault(item.value.node, set()).add(name)
        self._followed = len(changes)
        return self.guests_cache

    def index(self, node: str, more: Iterable[str]) -> dict[str, Guest]:
        """What concerns one node."""
        guests = self.guests()
        return {name: guests[name] for name in sorted({*self._on.get(node, ()), *more})}

    def index_all(self) -> dict[str, Guest]:
        return dict(self.guests())

    # -- time ---------------------------------------------------------------------------------------------------------

    def at(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + max(0.0, seconds), next(self._count), what))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._queue and self._queue[0][0] <= end:
            self.now, _, what = heapq.heappop(self._queue)
            what()
            if self.doubled:
                self.check()
        self.now = end

    def delay(self) -> float:
        return self.random.uniform(0.2, 2.0) * self.options.latency

    def note(self, text: str) -> None:
        self.history.append(f"{self.now:8.2f}  {text}")

    # -- the pool -----------------------------------------------------------------------------------------------------

    def opinion(self, name: str) -> Opinion:
        return "dead" if name in self.down else "alive"

    def heard(self, name: str) -> None:
        """Look again in a while whether the pool hears a host that went silent."""

        def look() -> None:
            host = self.hosts[name]
            if not host.heard:
                self.down.add(name)

        self.at(GRACE + self.random.uniform(0, 3), look)

    # -- what must hold -----------------------------------------------------------------------------------------------

    def begins(self, guest: str, host: str) -> None:
        holders = self.holders.setdefault(guest, set())
        holders.add(host)
        self.note(f"{guest} runs on {host}")
        if len(holders) > 1:
            self.doubled.add(guest)

    def ends(self, guest: str, host: str) -> None:
        holders = self.holders.get(guest, set())
        holders.discard(host)
        if len(holders) < 2:
            self.doubled.discard(guest)

    def check(self) -> None:
        for guest in self.doubled:
            run = [self.hosts[name] for name in sorted(self.holders[guest]) if self.hosts[name].awake]
            writers = [host.name for host in run if host.writes and not host.incoming(guest)]
            if len(writers) > 1:
                raise Violation(f"{guest} has two writers, {' and '.join(writers)}:\n" + self.story(guest, writers))
            speakers = [host.name for host in run if host.speaks and not host.incoming(guest)]
            if len(speakers) > 1:
                said = f"{guest} is on the network twice, from {' and '.join(speakers)}"
                raise Violation(f"{said}:\n" + self.story(guest, speakers))

    def story(self, guest: str, hosts: list[str]) -> str:
        """The last of what happened to some."""
        words = {guest, *hosts}
        lines = [line for line in self.history if words & set(line.replace(":", " ").split())]
        return "\n".join([*lines[-60:], f"{self.now:8.2f}"])

    def settled(self) -> None:
        """After all faults have ended and some time has passed: all runs that fits, once, and by the rules."""
        guests = self.guests()
        groups: dict[tuple[str, str], str] = {}
        for name, guest in guests.items():
            if not guest.wanted or not guest.ha:
                continue
            holders = self.holders.get(name, set())
            if holders != {guest.node}:
                said = self.waits.get(name, (0.0, "nobody says why"))
                if self.now - said[0] < 5 and not holders:
                    continue
                raise Violation(f"{name} of {guest.node} runs on {sorted(holders)}, {said}:\n" + self.story(name, [guest.node]))
            if guest.nodes and guest.node not in guest.nodes:
                raise Violation(f"{name} is on {guest.node}, and may be on {guest.nodes} alone")
            for group in guest.apart:
                other = groups.setdefault((group, guest.node), name)
                if other != name:
                    raise Violation(f"{name} and {other} are both on {guest.node}:\n" + self.story(name, [other, guest.node]))
