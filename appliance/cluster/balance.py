# SPDX-License-Identifier: Apache-2.0
"""VMs off a node that is too full or too busy, or that lost its business plane; each move with its reason. Pure.

No ping-pong: a node must have been over the threshold for the whole time that was set; the node that takes the VM must stay
well under it, and be less used afterwards than the other one was; and a VM that was moved stays for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.cluster.spread import Spread
from appliance.cluster.state import Guest, Memory, Move, Peer, View

MARGIN = 0.1
"""How far under the threshold the node stays that takes a VM, and by how much the worst of the two gets better at least."""
STAYS = 1800.0
"""Seconds for which a VM that was moved is not moved again."""
PER_NODE = 2
"""Moves from or to one node at a time."""


@dataclass(frozen=True, slots=True)
class Use:
    """Shares of a node's processors and memory that are used."""

    cpu: float
    memory: float

    @property
    def worst(self) -> float:
        return max(self.cpu, self.memory)


def use(peer: Peer, spread: Spread) -> Use:
    """How used a node is: processors as measured, memory as given out."""
    room = spread.rooms[peer.name]
    return Use(peer.facts.load if peer.facts else 0.0, 1 - room.free / (room.memory or 1))


def balance(view: View, memory: Memory, spread: Spread) -> Iterator[Move]:
    """The moves that would help now."""
    if view.config.balance == "off":
        return
    now = _Now(view, memory, spread)
    for name in [*memory.hot]:
        if name not in now.uses or not now.hot(name):
            del memory.hot[name]
    for name in sorted(now.uses, key=lambda name: -now.uses[name].worst):
        if now.busy.get(name, 0) >= PER_NODE or not now.hot(name):
            continue
        wait = view.timers.plane if now.cut_off(name) else view.config.after
        if memory.since(memory.hot, name, view.now) >= wait and (move := now.best(name)):
            if view.config.balance == "automatic":
                memory.moved[move.guest] = view.now
            now.moving(move.source, move.target)
            yield move


def movable(guest: Guest) -> bool:
    """May it be moved without asking anybody?"""
    return guest.wanted and not guest.fixed and not guest.moving and not guest.pin


class _Now:
    """How used the nodes are, and how many moves each takes part in."""

    def __init__(self, view: View, memory: Memory, spread: Spread) -> None:
        self.view, self.memory, self.spread = view, memory, spread
        self.uses = {peer.name: use(peer, spread) for peer in view.peers.values() if peer.alive and peer.facts}
        self.busy: dict[str, int] = {}
        for guest in view.guests.values():
            if guest.moving:
                self.moving(guest.node, guest.moving)
        reach = {peer.name: peer.beat.business for peer in view.peers.values() if peer.alive and peer.beat}
        self._cut_off = {name for name, there in reach.items() if not there} if any(reach.values()) else set()

    def moving(self, *names: str) -> None:
        for name in names:
            self.busy[name] = self.busy.get(name, 0) + 1

    def cut_off(self, name: str) -> bool:
        """Nobody reaches the VMs there, and they could be reached elsewhere."""
        return name in self._cut_off

    def hot(self, name: str) -> bool:
        return self.uses[name].worst > self.view.config.threshold or self.cut_off(name)

    def best(self, name: str) -> Move | None:
        """The smallest VM that brings the node under the threshold, else the one that helps most."""
        over = self.uses[name].worst - self.view.config.threshold
        full = {each for each, count in self.busy.items() if count >= PER_NODE}
        parts = {guest.name: self._part(name, guest) for guest in self.spread.rooms[name].guests.values() if self._free(guest)}
        away = self.cut_off(name)
        for guest_name, part in sorted(parts.items(), key=lambda p: (p[1] < over, p[1] if p[1] >= over else -p[1], p[0])):
            guest = self.view.guests[guest_name]
            target = ""
            if part > 0 or away:
                target, _ = self.spread.choose(guest, without={name, *full, *self._cut_off})
            if target and (away or self._helps(guest, name, target, part)):
                self.spread.take(guest, name)
                self.spread.put(guest, target)
                return Move(guest_name, name, target, self._reason(name, target), self.view.config.balance != "automatic")
        return None

    def _free(self, guest: Guest) -> bool:
        return movable(guest) and self.view.now - self.memory.moved.get(guest.name, -STAYS) >= STAYS

    def _part(self, name: str, guest: Guest) -> float:
        """The VM's share of what is scarce on its node."""
        facts, now = self.view.peers[name].facts, self.uses[name]
        if now.cpu >= now.memory:
            return facts.loads.get(guest.name, 0.0) if facts else 0.0
        return guest.memory / (self.spread.rooms[name].memory or 1)

    def _helps(self, guest: Guest, source: str, target: str, part: float) -> bool:
        """The one that takes it stays well under the threshold, and the worse of the two is better off than before."""
        here, there = self.view.peers[source].facts, self.view.peers[target].facts
        if here is None or there is None:
            return False
        share = here.loads.get(guest.name, 0.0) * here.cpus / (there.cpus or 1)
        after = max(self.uses[target].cpu + share, self.uses[target].memory + guest.memory / (there.memory or 1))
        worst = self.uses[source].worst
        return after <= self.view.config.threshold - MARGIN and max(after, worst - part) <= worst - min(MARGIN, part) / 2

    def _reason(self, source: str, target: str) -> str:
        if self.cut_off(source):
            return f"{source} does not reach the business plane, and {target} does"
        here, config = self.uses[source], self.view.config
        what, share = ("processors", here.cpu) if here.cpu >= here.memory else ("memory", here.memory)
        return (
            f"{share:.0%} of the {what} of {source} have been in use for {config.after / 60:.0f} minutes, over the "
            f"{config.threshold:.0%} that are set; {target} uses {self.uses[target].worst:.0%}"
        )
