# SPDX-License-Identifier: Apache-2.0
"""A node's own part: who cannot renew its lease stops its VMs; who was fenced says when nothing is left; who may, starts. Pure.

`sent` is when the last renewal that was answered had been sent, by the node's own monotonic clock, which goes on while it is
suspended: the lease cannot have counted from any earlier moment. None: it has no lease. What runs is looked at before etcd is
asked, so each VM that runs had its document then.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from appliance.cluster.state import Compare, Guest
from appliance.model.ha import DECIDED, FENCES, NODES, Fence
from appliance.model.timers import NORMAL, Timers

VMS = "/trivet/v1/vms/"


@dataclass(frozen=True, slots=True)
class NodeView:
    """`lease` is the revision at which this node's sign of life was made, 0 for none.

    `running` are the VMs that have a process here, `incoming` those of them that wait to be moved here, `migrating` those that
    are on their way. `starting` are those that are getting a process or losing it: nobody is clean meanwhile.
    `guests` are the documents of those that are this node's, or being moved to it, or running here.
    """

    me: str
    now: float
    sent: float | None
    lease: int
    fence: Fence | None
    fence_revision: int
    guests: Mapping[str, Guest]
    running: frozenset[str] = frozenset()
    starting: frozenset[str] = frozenset()
    incoming: frozenset[str] = frozenset()
    migrating: frozenset[str] = frozenset()
    acked: str = ""
    enabled: bool = True
    timers: Timers = NORMAL


@dataclass(frozen=True, slots=True)
class Halt:
    """End a VM by force, at once."""

    guest: str
    why: str


@dataclass(frozen=True, slots=True)
class Begin:
    """Start a VM, if all compares still hold when its document is written."""

    guest: str
    compares: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class Migrate:
    """Move a running VM to where its document says."""

    guest: str
    target: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """It does not run here any more: have its document say that it is where it was moved to."""

    guest: str
    compares: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class Enter:
    """Take a lease and give a sign of life, if the fence is as it was read. `acked`: nothing of before that fence runs here."""

    acked: str
    compares: tuple[Compare, ...]


@dataclass(frozen=True, slots=True)
class Pat:
    """The watchdog may be told that all is well."""


Deed = Halt | Begin | Migrate | Arrived | Enter | Pat
Standing = Literal["in", "late", "fenced", "out"]


def standing(view: NodeView) -> Standing:
    """Has it a lease that it can trust; is it late to renew; has somebody begun to fence it; has it none?"""
    if view.sent is None:
        return "out"
    if view.now - view.sent >= view.timers.patience:
        return "late"
    return "fenced" if view.fence is not None and view.fence.stage in DECIDED else "in"


def act(view: NodeView) -> list[Deed]:
    """What the node does now."""
    match standing(view):
        case "late":
            if not view.enabled:
                return []
            why = f"{view.me} could not renew its lease for {view.timers.patience:.0f} s"
            return [Halt(name, why) for name in sorted(view.running) if _guarded(view, name)]
        case "fenced" | "out":
            return _outside(view)
        case _:
            return [Pat(), *_inside(view)]


def _guarded(view: NodeView, name: str) -> bool:
    """Would another node start it? Of what is not known, one must think so."""
    guest = view.guests.get(name)
    return guest is None or guest.ha


def _outside(view: NodeView) -> list[Deed]:
    """Without a lease, or fenced: nothing runs, nothing starts, and then it says so."""
    fence = view.fence if view.fence is not None and view.fence.stage in DECIDED else None
    if fence is not None and view.running:
        return [Halt(name, f"{view.me} is fenced: {fence.why}") for name in sorted(view.running)]
    if fence is None:
        strangers = [name for name in sorted(view.running) if not _own(view, name)]
        if strangers:
            return [Halt(name, f"it belongs to {_owner(view, name)}") for name in strangers]
        return [Enter("", (Compare(FENCES + view.me, view.fence_revision),))]
    if view.starting or view.acked == fence.id:
        return []
    return [Enter(fence.id, (Compare(FENCES + view.me, view.fence_revision),))]


def _own(view: NodeView, name: str) -> bool:
    guest = view.guests.get(name)
    return guest is not None and view.me in (guest.node, guest.moving)


def _owner(view: NodeView, name: str) -> str:
    guest = view.guests.get(name)
    return guest.node if guest is not None else "nobody"


def _inside(view: NodeView) -> list[Deed]:
    deeds: list[Deed] = [
        Halt(name, f"it belongs to {_owner(view, name)}")
        for name in sorted(view.running)
        if not _own(view, name)
    ]
    deeds += [
        Halt(name, "it was to be moved here, and where it came from is gone")
        for name in sorted(view.incoming)
        if view.guests[name].node == view.me and not view.guests[name].moving
    ]
    if view.fence is not None or not view.enabled:
        return deeds
    for guest in view.guests.values():
        if guest.node == view.me and guest.moving and guest.name not in view.migrating | view.starting:
            if guest.name in view.running:
                deeds.append(Migrate(guest.name, guest.moving))
            else:
                deeds.append(Arrived(guest.name, _start(view, guest)))
    waiting = [
        guest
        for guest in view.guests.values()
        if guest.node == view.me and guest.wanted and guest.ha and not guest.moving
        and guest.name not in view.running and guest.name not in view.starting
    ]  # fmt: skip
    waiting.sort(key=lambda guest: (guest.order, guest.name))
    deeds += [Begin(guest.name, _start(view, guest)) for guest in waiting]
    return deeds


def _start(view: NodeView, guest: Guest) -> tuple[Compare, ...]:
    return (
        Compare(VMS + guest.name, guest.revision),
        Compare(NODES + view.me, view.lease, made=True),
        Compare(FENCES + view.me, 0),
    )
