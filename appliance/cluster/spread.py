# SPDX-License-Identifier: Apache-2.0
"""Which node a VM goes to, and why none takes it. Pure.

A `Spread` is what each node still has, changed as VMs are put on it. Rules come first and are never broken; then the
node that is used least afterwards. Where huge pages, processors of its own or several NUMA nodes are in play, the
node's own placement (services/vm/place.py) has the last word: it would refuse the start.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from appliance.cluster.state import Guest, Peer
from appliance.errors import Unsatisfiable
from appliance.model.placement import Placement, Request
from appliance.model.units import format_size
from appliance.services.vm.place import place

OVERHEAD = 64 * 2**20
"""Of memory, for QEMU itself."""


@dataclass(slots=True)
class Room:
    """A node and what is on it."""

    peer: Peer
    memory: int
    cpus: int
    free: int
    used: int = 0
    guests: dict[str, Guest] = field(default_factory=dict)
    apart: dict[str, int] = field(default_factory=dict)
    placed: dict[str, Placement] | None = None

    def put(self, guest: Guest) -> None:
        self.guests[guest.name] = guest
        self.free -= 0 if guest.pages else guest.memory + OVERHEAD
        self.used += guest.cpus
        for group in guest.apart:
            self.apart[group] = self.apart.get(group, 0) + 1

    def take(self, guest: Guest) -> None:
        del self.guests[guest.name]
        self.free += 0 if guest.pages else guest.memory + OVERHEAD
        self.used -= guest.cpus
        for group in guest.apart:
            self.apart[group] -= 1
        self.placed = None

    def rank(self, guest: Guest) -> float:
        """How used it would be: the fuller of memory and processors."""
        memory = 1 - (self.free - guest.memory) / (self.memory or 1)
        return max(memory, (self.used + guest.cpus) / (4 * (self.cpus or 1)))  # VMs share processors, and not memory


class Spread:
    """All VMs that hold something, on the nodes that hold it."""

    def __init__(self, peers: Iterable[Peer], guests: Iterable[Guest]) -> None:
        self.rooms: dict[str, Room] = {}
        self._open: list[Room] = []
        self._together: dict[str, dict[str, int]] = {}
        for peer in peers:
            facts = peer.facts
            room = Room(peer, facts.memory if facts else 0, facts.cpus if facts else 0, facts.memory if facts else 0)
            self.rooms[peer.name] = room
            if peer.open:
                self._open.append(room)
        for guest in guests:
            if guest.wanted:
                for name in {guest.node, guest.moving} & self.rooms.keys():
                    self.put(guest, name)

    def put(self, guest: Guest, node: str) -> None:
        room = self.rooms[node]
        if guest.name in room.guests:
            return
        room.put(guest)
        for group in guest.together:
            where = self._together.setdefault(group, {})
            where[node] = where.get(node, 0) + 1

    def take(self, guest: Guest, node: str) -> None:
        if node in self.rooms and guest.name in self.rooms[node].guests:
            self.rooms[node].take(guest)
            for group in guest.together:
                self._together[group][node] -= 1

    def choose(self, guest: Guest, *, without: Iterable[str] = ()) -> tuple[str, str]:
        """(node, why it), or ("", why none)."""
        barred = frozenset(without)
        bound = self._bound(guest, barred)
        ranked = []
        for room in self._open:
            name = room.peer.name
            if name in barred or (bound and name not in bound) or (guest.nodes and name not in guest.nodes):
                continue
            if room.free < guest.memory + OVERHEAD and not guest.pages:
                continue
            if guest.apart and any(room.apart.get(group) for group in guest.apart):
                continue
            ranked.append((room.rank(guest), name))
        ranked.sort()
        for share, name in ranked:
            if self._fits(self.rooms[name], guest):
                return name, f"{name} has room, and is the least used of {len(ranked)} ({share:.0%} afterwards)"
        return "", self._why_not(guest, barred, bound)

    def _bound(self, guest: Guest, barred: frozenset[str]) -> set[str]:
        """Where those are that it shall be together with, as far as they are anywhere that lives."""
        found: set[str] = set()
        for group in guest.together:
            where = {name for name, count in self._together.get(group, {}).items() if count and self.rooms[name].peer.alive}
            found |= where - barred
        return found

    def _fits(self, room: Room, guest: Guest) -> bool:
        facts = room.peer.facts
        if facts is None or not (guest.pages or guest.pin or len(facts.cells) > 1):
            return True
        if room.placed is None:
            room.placed = {}
            for each in room.guests.values():
                self._placed(room, each)
        return self._placed(room, guest, keep=False)

    def _placed(self, room: Room, guest: Guest, *, keep: bool = True) -> bool:
        cells = room.peer.facts.cells if room.peer.facts else ()
        already = room.placed if room.placed is not None else {}
        try:
            found = place(cells, already, Request(cpus=guest.cpus, memory=guest.memory, pages=guest.pages, pin=guest.pin))
        except Unsatisfiable:
            return False
        if keep:
            already[guest.name] = found
        return True

    def _why_not(self, guest: Guest, barred: frozenset[str], bound: set[str]) -> str:
        rooms = [room for room in self._open if room.peer.name not in barred]
        if not rooms:
            return "there is no other node that takes VMs"
        allowed = [room for room in rooms if not guest.nodes or room.peer.name in guest.nodes]
        if not allowed:
            return f"it may be on {', '.join(guest.nodes)} alone, and none of them takes VMs"
        if bound:
            return f"it has to be with {', '.join(guest.together)} on {', '.join(sorted(bound))}, which has no room for it"
        apart = [room for room in allowed if not any(room.apart.get(group) for group in guest.apart)]
        if not apart:
            return f"on each node that it could be on there is another one of {', '.join(guest.apart)}"
        most = format_size(max(0, *(room.free for room in apart)) if len(apart) > 1 else max(0, apart[0].free))
        kind = f" in pages of {guest.pages}" if guest.pages else ""
        return f"it wants {format_size(guest.memory)}{kind}, and no node has that: {most} are the most that one has free"


def spread(peers: Mapping[str, Peer], guests: Mapping[str, Guest]) -> Spread:
    """What there is now."""
    return Spread(peers.values(), guests.values())
