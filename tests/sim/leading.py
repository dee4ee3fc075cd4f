# SPDX-License-Identifier: Apache-2.0
"""A control node as the leader: it campaigns with its own lease, looks, has the product decide, and does what that says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from appliance.cluster.agent import VMS
from appliance.cluster.decide import decide
from appliance.cluster.state import Action, Claim, Compare, Do, Memory, Move, Peer, Settle, View, Waits, Write
from appliance.model.ha import FACTS, FENCES, LEADER, NODES, Fence

if TYPE_CHECKING:
    from tests.sim.hosts import Host


class Leading:
    def __init__(self, host: Host) -> None:
        self.host, self.world = host, host.world
        self.memory = Memory()
        self.token = 0
        self.answers: dict[tuple[Any, str], bool] = {}
        self._busy = False
        self._doing: set[tuple[str, str]] = set()

    def tick(self) -> None:
        host = self.host
        if self._busy or host.sent is None or host.clock - host.sent >= self.world.timers.patience:
            return
        self._busy = True
        host.ask(self._look, self._decide)

    def _look(self) -> tuple[View, str] | None:
        """Who leads, and all that a leader knows; read at one revision."""
        etcd, world = self.world.etcd, self.world
        etcd.expire(world.now)
        leader = etcd.value(LEADER)
        if leader != self.host.name:
            own = Compare(NODES + self.host.name, etcd.made(NODES + self.host.name), made=True)
            if leader is None and own.revision:
                etcd.txn(world.now, (Compare(LEADER, 0), own), {LEADER: self.host.name}, self.host.lease)
            return None
        peers = {}
        for name in world.hosts:
            peers[name] = Peer(
                name=name, facts=etcd.value(FACTS + name), lease=etcd.made(NODES + name), beat=etcd.value(NODES + name),
                fence=etcd.value(FENCES + name), fence_revision=etcd.changed(FENCES + name), opinion=world.opinion(name),
            )  # fmt: skip
        view = View(
            now=self.host.clock, token=etcd.made(LEADER), peers=peers, guests=world.index_all(), answers=dict(self.answers),
            config=world.options.config, timers=world.timers,
        )  # fmt: skip
        return view, leader

    def _decide(self, seen: tuple[View, str] | None) -> None:
        self._busy = False
        if seen is None:
            return
        view, _ = seen
        if view.token != self.token:
            self.world.note(f"{self.host.name} leads")
            self.token, self.memory, self.answers = view.token, Memory(), {}
            return
        view = replace(view, now=self.host.clock)
        begun = time.thread_time()
        actions = decide(view, self.memory)
        self.world.decided.append(time.thread_time() - begun)
        self._busy = bool(self.host.slow)

        def carry_out() -> None:
            self._busy = False
            for action in actions:
                self._do(action, view)

        if self.host.slow:
            self.host.later(self.host.slow, carry_out)
        else:
            carry_out()

    def _do(self, action: Action, view: View) -> None:
        match action:
            case Write():
                value = None if action.text is None else Fence.model_validate_json(action.text)
                self._txn(action.key, value, action.compares, action.why)
            case Claim():
                guest = replace(view.guests[action.guest], node=action.target, moving="")
                self._txn(VMS + guest.name, guest, action.compares, f"{guest.name} goes from {action.source} to {action.target}")
            case Settle():
                guest = replace(view.guests[action.guest], moving="")
                self._txn(VMS + guest.name, guest, action.compares, f"{guest.name}: {action.why}")
            case Move(recommended=False):
                guest = replace(view.guests[action.guest], moving=action.target)
                source, target = view.peers[action.source], view.peers[action.target]
                rests = (
                    Compare(LEADER, view.token, made=True), Compare(VMS + guest.name, guest.revision),
                    Compare(NODES + source.name, source.lease, made=True), Compare(NODES + target.name, target.lease, made=True),
                    Compare(FENCES + source.name, 0), Compare(FENCES + target.name, 0),
                )  # fmt: skip
                self.world.moves.append((self.world.now, guest.name, source.name, target.name))
                self._txn(VMS + guest.name, guest, rests, f"{guest.name} shall move to {target.name}: {action.why}")
            case Do():
                self._effect(action)
            case Waits():
                self.world.waits[action.what] = (self.world.now, action.why)

    def _txn(self, key: str, value: Any, compares: tuple[Compare, ...], why: str) -> None:
        if "no compare" in self.world.options.wrong:
            compares = ()

        def answered(said: bool | None) -> None:
            word = {True: "", False: " (refused)", None: " (no answer)"}[said]
            self.world.note(f"{self.host.name} writes{word}: {why}")

        self.host.txn(compares, {key: value}, answered)

    def _effect(self, action: Do) -> None:
        """Something in the pool or at a BMC: it takes its time, and is not begun again meanwhile."""
        key, world = (action.effect, action.fence), self.world
        if key in self._doing:
            return
        self._doing.add(key)

        def there() -> None:
            sent = self.host.sent
            if sent is None or self.host.clock - sent >= world.timers.patience:
                self._doing.discard(key)  # it does not lead any more, as far as it knows
                return
            done = self.host.reaches_pool or action.effect == "power"
            if done:
                self._take_place(action)
            lost = world.random.random() < world.options.lost_answers
            self.host.later(world.delay(), lambda: back(done and not lost))

        def back(done: bool) -> None:
            self._doing.discard(key)
            if done or action.effect == "power":
                self.answers[key] = done

        self.host.later(world.random.uniform(0.2, 2.0) if action.effect == "power" else world.delay(), there)

    def _take_place(self, action: Do) -> None:
        world = self.world
        world.note(f"{self.host.name} has done: {action.effect} {action.node}")
        effects: dict[str, Callable[[], None]] = {
            "power": lambda: world.hosts[action.node].off(60.0),
            "block": lambda: None if "no fence" in world.options.wrong else world.blocked.add(action.node),
            "unblock": lambda: world.blocked.discard(action.node),
            "down": lambda: world.down.add(action.node),
        }
        effects[action.effect]()
        world.check()
