# SPDX-License-Identifier: Apache-2.0
"""A host of the simulator: power, clock, planes, processes, a watchdog; and the loops that drive the product's agent and leader.

Each question to etcd takes its time both ways, may find nobody, and its answer may be lost or come to a host that has been frozen
meanwhile. So what was decided on may be old when it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.cluster.agent import VMS, Arrived, Begin, Enter, Halt, Migrate, NodeView, Pat, act, standing
from appliance.cluster.state import Compare
from appliance.model.ha import FENCES, NODES, Beat
from tests.sim.clients import Questions
from tests.sim.leading import Leading
from tests.sim.moving import migrate

if TYPE_CHECKING:
    from tests.sim.world import World

STEP = 1.0


class Host(Questions):
    def __init__(self, world: World, name: str, control: bool) -> None:
        self.world, self.name, self.control = world, name, control
        self.skew = world.random.uniform(0.995, 1.005)
        self.base = world.random.uniform(0, 1e6)
        self.up = self.frozen = False
        self.reaches_etcd = self.reaches_pool = True
        self.slow = 0.0
        self.life = self.agent = 0
        """Counts boots: what was begun in one is not gone on with in the next."""
        self.processes: dict[str, str] = {}
        """VM -> "runs", "ends" or "incoming"."""
        self.starting: set[str] = set()
        self.migrating: set[str] = set()
        self.patted = world.now
        self._held: list[Callable[[], None]] = []
        self._forget()

    def _forget(self) -> None:
        self.sent: float | None = None
        self.lease = 0
        self.acked = ""
        self.agent += 1
        self._beginning: set[str] = set()
        self._asking = self._renewing = False
        self._renewed = 0.0
        self._beat: Beat | None = None
        self.leading = Leading(self) if self.control else None

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def clock(self) -> float:
        return self.base + self.world.now * self.skew

    @property
    def awake(self) -> bool:
        return self.up and not self.frozen

    @property
    def heard(self) -> bool:
        """Do the others' disks hear its disks?"""
        return self.awake and self.reaches_pool

    @property
    def writes(self) -> bool:
        return self.heard and self.name not in self.world.blocked

    @property
    def speaks(self) -> bool:
        """Is it known that it cannot have gone on without noticing? Only then must its VMs be silent in time."""
        return self.awake and self.world.options.watchdogs

    def incoming(self, guest: str) -> bool:
        return self.processes.get(guest) == "incoming"

    # -- power --------------------------------------------------------------------------------------------------------

    def boot(self, seconds: float) -> None:
        life = self.life

        def up() -> None:
            if self.life == life and not self.up:
                self.up, self.frozen = True, False
                self.patted = self.world.now + 60
                self.world.note(f"{self.name} is up")
                self.world.at(self.world.random.uniform(0, 3), lambda: self._heard_again(life))
                self.world.at(self.world.random.uniform(0, STEP), lambda: self._tick(life))

        self.world.at(seconds, up)

    def _heard_again(self, life: int) -> None:
        if self.life == life and self.heard:
            self.world.down.discard(self.name)

    def off(self, again: float | None) -> None:
        """The power goes; it is back after so many seconds."""
        if self.up:
            self.world.note(f"{self.name} loses its power")
        self.up, self.life = False, self.life + 1
        for guest in [*self.processes]:
            self.ended(guest)
        self.starting.clear()
        self.migrating.clear()
        self._held.clear()
        self._forget()
        self.world.heard(self.name)
        if again is not None:
            self.boot(again)

    def restart(self) -> None:
        """The agent alone begins anew; the VMs go on, and so does the watchdog."""
        self.world.note(f"the agent of {self.name} starts again")
        self._forget()

    def freeze(self, seconds: float) -> None:
        if not self.awake:
            return
        self.world.note(f"{self.name} is frozen for {seconds:.1f}")
        self.frozen, life = True, self.life
        self.world.heard(self.name)

        def thaw() -> None:
            if self.life == life and self.frozen:
                self.world.note(f"{self.name} goes on")
                self.frozen = False
                self.world.check()
                held, self._held = self._held, []
                self.world.random.shuffle(held)
                for what in held:
                    self.world.at(self.world.random.uniform(0, 0.05), what)
                self.world.at(self.world.random.uniform(0, 3), lambda: self._heard_again(life))

        self.world.at(seconds, thaw)
        self.world.at(self.patted + self.world.timers.watchdog - self.world.now, lambda: self._bark(life))

    def _bark(self, life: int) -> None:
        """The watchdog, whatever the processors do."""
        late = self.world.now - self.patted >= self.world.timers.watchdog - 1e-6
        if self.world.options.watchdogs and self.up and self.life == life and late:
            self.world.note(f"{self.name} is reset by its watchdog")
            self.off(40.0)

    # -- the agent ----------------------------------------------------------------------------------------------------

    def _tick(self, life: int) -> None:
        if self.life != life or not self.up:
            return
        if not self.frozen:
            self._renew()
            self._look()
            if self.leading:
                self.leading.tick()
            self._bark(life)
        self.world.at(STEP * self.world.random.uniform(0.8, 1.2), lambda: self._tick(life))

    def _renew(self) -> None:
        if self.sent is None or self._renewing or self.clock - self._renewed < self.world.timers.renew:
            return
        sent, lease, timers = self.clock, self.lease, self.world.timers
        self._renewing, self._renewed = True, sent

        def answered(said: bool | None) -> None:
            self._renewing = False
            if said is False:
                self.world.note(f"{self.name} has no lease any more")
                self.sent, self.lease = None, 0
            elif said and self.lease == lease and self.sent is not None and self.clock - sent <= timers.answer:
                self.sent = max(self.sent, sent)
                self.patted = self.world.now
            else:
                self._renewed = 0.0  # at once again

        self.ask(lambda: self.world.etcd.renew(lease, self.world.now, timers.ttl), answered)

    def _look(self) -> None:
        """What runs is looked at first, then etcd; without an answer one acts by what one knows."""
        running = frozenset(name for name, state in self.processes.items() if state in ("runs", "incoming"))
        if standing(self._view({}, running)) == "late":
            self._perform(act(self._view({}, running, known=True)))
        if self._asking:
            return
        self._asking = True

        def question() -> NodeView:
            etcd = self.world.etcd
            etcd.expire(self.world.now)
            guests = self.world.index(self.name, running)
            fence, key = etcd.value(FENCES + self.name), NODES + self.name
            return replace(
                self._view(guests, running),
                lease=etcd.made(key), fence=fence, fence_revision=etcd.changed(FENCES + self.name),
            )  # fmt: skip

        def answer(view: NodeView | None) -> None:
            self._asking = False
            if view is not None:
                now = self._view(view.guests, running)
                own = {"incoming": now.incoming, "migrating": now.migrating, "starting": now.starting}
                view = replace(view, now=now.now, sent=now.sent, acked=now.acked, **own)
                self._perform(act(view))
                self._say(view)

        self.ask(question, answer)

    def _view(self, guests: Mapping[str, Any], running: frozenset[str], *, known: bool = False) -> NodeView:
        if known:
            guests = {name: self.world.etcd.value(VMS + name) for name in running}  # its own copy would say the same
        if "early ack" in self.world.options.wrong:
            running = frozenset()
        return NodeView(
            me=self.name, now=self.clock, sent=self.sent, lease=0, fence=None, fence_revision=0, guests=guests,
            running=running, incoming=frozenset(name for name in running if self.incoming(name)),
            migrating=frozenset(self.migrating), acked=self.acked, timers=self.world.timers,
            starting=frozenset(self.starting | self._beginning),
        )  # fmt: skip

    def _perform(self, deeds: list[Any]) -> None:
        for deed in deeds:
            match deed:
                case Pat():
                    pass  # at the answer to the renewal alone
                case Halt(guest, why):
                    self.halt(guest, why)
                case Begin(guest, compares):
                    self._begin(guest, compares)
                case Enter(acked, compares):
                    self._enter(acked, compares)
                case Migrate(guest, target):
                    migrate(self, guest, target)
                case Arrived(guest, compares):
                    old = self.world.guests_cache[guest]
                    self.txn(compares, {VMS + guest: replace(old, node=old.moving, moving="")}, lambda said: None)

    def halt(self, guest: str, why: str) -> None:
        if self.processes.get(guest) in ("runs", "incoming"):
            self.world.note(f"{self.name} stops {guest}: {why}")
            self.processes[guest] = "ends"
            self.starting.add(guest)  # nobody is clean while a process is there
            self.later(self.world.random.uniform(0.05, 0.8), lambda: self.ended(guest))

    def ended(self, guest: str) -> None:
        self.starting.discard(guest)
        if self.processes.pop(guest, None):
            self.world.ends(guest, self.name)

    def _begin(self, guest: str, compares: tuple[Compare, ...]) -> None:
        self._beginning.add(guest)
        value = self.world.etcd.value(VMS + guest)

        def answered(said: bool | None) -> None:
            self._beginning.discard(guest)
            if said:  # without an answer it may have taken place, or not: one looks again
                self.starting.add(guest)
                self.later(self.world.random.uniform(0.1, 2.0), started)

        def started() -> None:
            self.starting.discard(guest)
            self.processes[guest] = "runs"
            self.world.begins(guest, self.name)
            self.world.check()

        self.txn(compares, {VMS + guest: value}, answered)

    def _enter(self, acked: str, compares: tuple[Compare, ...]) -> None:
        timers, sent = self.world.timers, self.clock
        if self._renewing:
            return
        self._renewing = True
        lease = self.world.etcd.grant(self.world.now, timers.ttl) if not (acked and self.sent is not None) else self.lease
        beat = Beat(node=self.name, boot=str(self.life), acked=acked)

        def answered(said: bool | None) -> None:
            self._renewing = False
            if said and self.clock - sent <= timers.answer:
                self.world.note(f"{self.name} has a lease {acked and 'and says that nothing of it runs'}")
                self.sent, self.lease, self.acked, self._beat = sent, lease, acked, beat
                self.patted = self.world.now

        self.txn(compares, {NODES + self.name: beat}, answered, lease)

    def _say(self, view: NodeView) -> None:
        """Its sign of life tells what runs here."""
        if self.sent is None or not view.lease:
            return
        beat = Beat(
            node=self.name, boot=str(self.life), acked=self.acked, storage=self.reaches_pool,
            running=tuple(sorted(name for name, state in self.processes.items() if state == "runs")),
        )  # fmt: skip
        if beat != self._beat:
            self._beat = beat
            key = NODES + self.name
            self.txn((Compare(key, view.lease, made=True),), {key: beat}, lambda said: None, self.lease)
