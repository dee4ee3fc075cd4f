# SPDX-License-Identifier: Apache-2.0
"""The VMs of a node from which nothing can be written any more: each is given to another one, in the order of their start. Pure.

A claim is one transaction: this leader still leads, the fence is as it was read, the VM's document too, and the new node
still has the lease that was seen. VMs of an order are claimed when those of lower ones run, or had their time.
"""

from collections.abc import Iterator

from appliance.cluster.fencing import mine
from appliance.cluster.spread import Spread
from appliance.cluster.state import Action, Claim, Compare, Guest, Memory, Peer, Settle, View, Waits
from appliance.model.ha import FENCES, NODES

VMS = "/trivet/v1/vms/"
BATCH = 500
"""Claims in one decision: the next one follows within a second."""


def safe(view: View, name: str) -> bool:
    """Can nothing of this node reach a disk?"""
    peer = view.peers.get(name)
    return peer is not None and peer.fence is not None and peer.fence.stage == "safe"


def recover(view: View, memory: Memory, spread: Spread) -> Iterator[Action]:
    """Claims, and the reasons where there can be none."""
    lost: list[Guest] = []
    for guest in view.guests.values():
        if guest.moving and (safe(view, guest.node) or safe(view, guest.moving)):
            yield from _half_moved(view, guest, memory)
        elif guest.ha and guest.wanted and not guest.moving and safe(view, guest.node):
            lost.append(guest)
    gate = _gate(view, memory)
    lost.sort(key=lambda guest: (guest.order, -guest.memory, guest.name))
    done = 0
    for guest in lost:
        if guest.order > gate or done >= BATCH:
            break
        if guest.fixed:
            yield Waits(guest.name, f"it can run on {guest.node} alone: {guest.fixed}")
            continue
        target, why = spread.choose(guest, without=(guest.node,))
        if not target:
            yield Waits(guest.name, why)
            continue
        spread.take(guest, guest.node)
        spread.put(guest, target)
        memory.claimed[guest.name] = view.now
        gate, done = min(gate, guest.order), done + 1
        yield _claim(view, guest, target, why)


def _gate(view: View, memory: Memory) -> int:
    """The highest order that may be claimed: that of the lowest one that was claimed and does not run yet."""
    gate = 1 << 30
    for name in [*memory.claimed]:
        guest = view.guests.get(name)
        peer = view.peers.get(guest.node) if guest else None
        begun = memory.claimed[name]
        runs = peer is not None and peer.beat is not None and name in peer.beat.running
        if guest is None or not guest.wanted or runs or view.now - begun >= view.timers.starting:
            del memory.claimed[name]
        else:
            gate = min(gate, guest.order)
    return gate


def _claim(view: View, guest: Guest, target: str, why: str) -> Claim:
    return Claim(guest.name, guest.node, target, _compares(view, guest, view.peers[guest.node], view.peers[target]), why)


def _compares(view: View, guest: Guest, fenced: Peer, target: Peer) -> tuple[Compare, ...]:
    return (
        *mine(view),
        Compare(FENCES + fenced.name, fenced.fence_revision),
        Compare(VMS + guest.name, guest.revision),
        Compare(NODES + target.name, target.lease, made=True),
        Compare(FENCES + target.name, 0),
    )


def _half_moved(view: View, guest: Guest, memory: Memory) -> Iterator[Action]:
    """One of the two nodes of a migration is fenced: the VM may run on the other one already, so it belongs to that one alone."""
    if safe(view, guest.node):
        other = view.peers.get(guest.moving)
        if other is not None and other.alive:
            memory.claimed[guest.name] = view.now
            yield _claim(view, guest, guest.moving, f"it was being moved to {guest.moving}, and may run there already")
            return
        if not safe(view, guest.moving):
            yield Waits(guest.name, f"it was being moved to {guest.moving}, of which nobody knows yet whether it runs there")
            return
    fenced = view.peers[guest.node if safe(view, guest.node) else guest.moving]
    compares = (
        *mine(view),
        Compare(FENCES + fenced.name, fenced.fence_revision),
        Compare(VMS + guest.name, guest.revision),
    )
    yield Settle(guest.name, compares, f"{fenced.name} is gone, and with it the move from {guest.node} to {guest.moving}")
