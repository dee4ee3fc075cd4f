# SPDX-License-Identifier: Apache-2.0
"""Could the others carry the VMs of any one node? Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from appliance.cluster.spread import Spread
from appliance.cluster.state import Guest, Peer, View


@dataclass(frozen=True, slots=True)
class Shortfall:
    """If `node` were lost, `guests` would stay off: the first of them because of `why`."""

    node: str
    guests: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        rest = f" and {len(self.guests) - 1} more" if len(self.guests) > 1 else ""
        return f"if {self.node} were lost, {self.guests[0]}{rest} would not run again: {self.why}"


def shortfalls(view: View) -> Iterator[Shortfall]:
    """For each node whose loss the others could not carry."""
    for peer in view.peers.values():
        if peer.open and (short := shortfall(view, peer)):
            yield short


def shortfall(view: View, lost: Peer) -> Shortfall | None:
    """What would stay off without this node."""
    peers = [replace(each, lease=0) if each.name == lost.name else each for each in view.peers.values()]
    spread = Spread(peers, view.guests.values())
    own = [guest for guest in view.guests.values() if guest.node == lost.name and guest.wanted and guest.ha]
    off: list[str] = []
    reason = ""
    for guest in sorted(own, key=_order):
        if guest.fixed:
            target, why = "", f"it can run there alone: {guest.fixed}"
        else:
            target, why = spread.choose(guest, without=(lost.name,))
        if target:
            spread.take(guest, lost.name)
            spread.put(guest, target)
        else:
            off.append(guest.name)
            reason = reason or why
    return Shortfall(lost.name, tuple(off), reason) if off else None


def _order(guest: Guest) -> tuple[int, int, str]:
    return guest.order, -guest.memory, guest.name
