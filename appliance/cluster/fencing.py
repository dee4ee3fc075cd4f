# SPDX-License-Identifier: Apache-2.0
"""A node that is gone, step by step, until nothing of it can reach a disk: then its VMs may be taken. Pure.

Each step is one change of the node's `Fence`, compared with the one that was read and with this leader's token, so a leader
that was overtaken changes nothing, and the next one goes on where this one stopped. What is done outside of etcd may be done
twice. What is waited for is counted from when this leader saw it: a new one waits anew.
"""

from collections.abc import Iterator

from appliance.cluster.state import Action, Compare, Do, Memory, Peer, View, Waits, Write
from appliance.model.ha import FENCES, LEADER, NODES, Cause, Fence, Stage

_STORM = 3
"""More than this share of the members, and Ceph hears them: that is a plane, and not so many nodes."""


def fences(view: View, memory: Memory) -> Iterator[Action]:
    """The next step for each node that needs one."""
    for name in [*memory.gone]:
        if name not in view.peers or view.peers[name].lease:
            del memory.gone[name]
    storm = _storm(view)
    used = {name for guest in view.guests.values() for name in (guest.node, guest.moving)}
    for peer in view.peers.values():
        if peer.fence is not None:
            yield from _fenced(peer, peer.fence, view, memory, storm)
        elif view.config.enabled and peer.name in used:
            yield from _unfenced(peer, view, memory)


def _unfenced(peer: Peer, view: View, memory: Memory) -> Iterator[Action]:
    if peer.lease:
        if peer.beat is None or peer.beat.storage or not _others_fine(peer, view):
            memory.planes.pop(peer.name, None)
        elif memory.since(memory.planes, peer.name, view.now) >= view.timers.plane:
            yield _begin(peer, view, "storage", "evicting", f"{peer.name} does not reach the storage plane, and others do")
        return
    memory.since(memory.gone, peer.name, view.now)
    if peer.tested:
        yield _begin(peer, view, "silent", "suspected", f"{peer.name} has not renewed its lease")
    else:
        yield Waits(peer.name, "it is gone, and its fencing has never passed its test: its VMs stay where they are")


def _others_fine(peer: Peer, view: View) -> bool:
    """Do most of the others reach the storage plane? Where none does, stopping VMs helps nobody."""
    others = [each.beat.storage for each in view.peers.values() if each.alive and each.beat and each.name != peer.name]
    return sum(others) * 2 > len(others)


def _begin(peer: Peer, view: View, cause: Cause, stage: Stage, why: str) -> Action:
    fence = Fence(id=f"{peer.name}-{view.token}-{peer.lease}-{view.now:.3f}", node=peer.name, cause=cause, stage=stage, why=why)
    lease = Compare(NODES + peer.name, peer.lease, made=True)
    return Write(FENCES + peer.name, fence.model_dump_json(), (*mine(view), _as_read(peer), lease), why)


def mine(view: View) -> tuple[Compare, ...]:
    """This leader still leads."""
    return (Compare(LEADER, view.token, made=True),)


def _as_read(peer: Peer) -> Compare:
    return Compare(FENCES + peer.name, peer.fence_revision)


def _storm(view: View) -> bool:
    silent = [p for p in view.peers.values() if p.fence and p.fence.stage == "suspected" and p.opinion == "alive"]
    return len(silent) > max(1, len(view.peers) // _STORM)


def _fenced(peer: Peer, fence: Fence, view: View, memory: Memory, storm: bool) -> Iterator[Action]:
    stage = memory.since(memory.staged, f"{fence.id} {fence.stage}", view.now)
    clean = peer.lease > 0 and peer.beat is not None and peer.beat.acked == fence.id
    match fence.stage:
        case "suspected":
            yield from _suspected(peer, fence, view, stage, storm)
        case "evicting":
            yield from _evicting(peer, fence, view, stage, clean)
        case "fencing":
            yield from _fencing(peer, fence, view, stage, clean)
        case "fenced":
            yield from _fenced_now(peer, fence, view, memory, clean)
        case "safe":
            yield from _safe(peer, fence, view, clean)
        case "lifting":
            yield from _lifting(peer, fence, view, stage)


def _suspected(peer: Peer, fence: Fence, view: View, stage: float, storm: bool) -> Iterator[Action]:
    if peer.lease:
        yield Write(FENCES + peer.name, None, (*mine(view), _as_read(peer)), f"{peer.name} is back, before anything was done")
    elif peer.opinion == "dead":
        yield _next(peer, fence, view, "fencing", "Ceph does not hear it either", gone=True)
    elif stage >= view.timers.doubt:
        if storm:
            hint = "see the management plane"
            yield Waits(peer.name, f"more than a third of the nodes lost their leases at once, and Ceph hears them: {hint}")
        else:
            said = "Ceph still hears it" if peer.opinion == "alive" else "nobody can say more of it"
            yield _next(peer, fence, view, "fencing", f"{said}, and it had {view.timers.doubt:.0f} s to come back", gone=True)


def _evicting(peer: Peer, fence: Fence, view: View, stage: float, clean: bool) -> Iterator[Action]:
    if clean:
        yield _next(peer, fence, view, "safe", "it has stopped its VMs itself")
    elif stage >= view.timers.evict or not peer.lease:
        yield _next(peer, fence, view, "fencing", "it has not said that its VMs are stopped")


def _fencing(peer: Peer, fence: Fence, view: View, stage: float, clean: bool) -> Iterator[Action]:
    """The BMC, and always the blocklist, both at once: neither waits for the other."""
    blocked = view.answers.get(("block", fence.id))
    if not blocked:
        yield Do("block", peer.name, fence.id)
    bmc = peer.facts is not None and peer.facts.bmc and not clean
    off = view.answers.get(("power", fence.id))
    if bmc and off is None:
        yield Do("power", peer.name, fence.id)
    if blocked and (not bmc or off is not None or stage >= view.timers.bmc):
        said: Fence = fence.model_copy(update={"bmc": "none" if not bmc else "off" if off else "failed", "blocked": True})
        yield _next(peer, said, view, "fenced", "the pool refuses what it writes")
    elif stage >= 2 * view.timers.bmc:
        yield Waits(peer.name, "the pool has not taken it into its blocklist yet, so its VMs stay where they are")


def _fenced_now(peer: Peer, fence: Fence, view: View, memory: Memory, clean: bool) -> Iterator[Action]:
    """Its watchdog has fired before its lease was gone; `margin` is for the reset itself."""
    if view.answers.get(("down", fence.id)) is None:
        yield Do("down", peer.name, fence.id)
        if memory.since(memory.staged, f"{fence.id} down", view.now) < view.timers.margin:
            return
    if peer.lease:  # it hears us and does not stop: it is left the time in which its lease would have ended
        waited = memory.since(memory.staged, f"{fence.id} heard", view.now) - view.timers.ttl
    else:
        waited = memory.since(memory.gone, peer.name, view.now)
    if clean or fence.bmc == "off" or waited >= view.timers.margin:
        yield _next(peer, fence, view, "safe", "nothing of it can reach a disk any more")


def _safe(peer: Peer, fence: Fence, view: View, clean: bool) -> Iterator[Action]:
    """It is let in again when nothing of it runs, on a plane that carries."""
    if clean and not fence.blocked:
        if peer.beat is not None and peer.beat.storage:
            yield _next(peer, fence, view, "lifting", f"{peer.name} reaches the storage plane again")
    elif clean:
        yield _next(peer, fence, view, "lifting", f"{peer.name} is back, and nothing of before runs on it")


def _lifting(peer: Peer, fence: Fence, view: View, stage: float) -> Iterator[Action]:
    if stage < view.timers.settle:
        return
    if fence.blocked and not view.answers.get(("unblock", fence.id)):
        yield Do("unblock", peer.name, fence.id)
        return
    yield Write(FENCES + peer.name, None, (*mine(view), _as_read(peer)), f"{peer.name} is let in again")


def _next(peer: Peer, fence: Fence, view: View, stage: Stage, why: str, *, gone: bool = False) -> Action:
    text = fence.model_copy(update={"stage": stage, "why": why}).model_dump_json()
    lease = (Compare(NODES + peer.name, 0, made=True),) if gone else ()
    return Write(FENCES + peer.name, text, (*mine(view), _as_read(peer), *lease), f"{peer.name} is {stage}: {why}")
