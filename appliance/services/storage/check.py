# SPDX-License-Identifier: Apache-2.0
"""What is wrong with `storage` of a spec on this machine: every reason at once, each with its place and its remedy. Pure."""

from collections.abc import Iterator
from itertools import combinations

from appliance.model.inventory import Inventory
from appliance.model.problem import Problem
from appliance.model.selector import DiskSelector
from appliance.model.spec import Spec, StorageSpec
from appliance.model.storage import Disk
from appliance.services.storage.roles import GROUP, assign, choose, dirty, kept, pointed, serving, twins

_SHOWN = 6
_ROLES = ("data", "cache", "spare")


def check(inventory: Inventory, spec: Spec, *, follow: bool = False) -> Iterator[Problem]:
    """With `follow` the node follows this spec already: what its disks have become since is an alert, and refuses nothing."""
    storage = spec.storage
    if storage is None or follow:
        return
    chosen: dict[str, tuple[Disk, ...]] = {}
    wrong = False
    for role in _ROLES:
        selector: DiskSelector | None = getattr(storage, role)
        if selector is None:
            continue
        selection = choose(inventory, selector)
        chosen[role] = selection.chosen
        if selection.problem:
            wrong = True
            hint = "choose by facts that hold for the right disks alone; `trivet inspect` shows those of each disk"
            yield Problem(where=f"storage.{role}", message=selection.problem, hint=hint)
        yield from _check_chosen(inventory, storage, role, selector, selection.chosen)
    yield from _check_pairs(chosen)
    if not wrong:
        yield from _check_whole(inventory, spec, storage, chosen)


def _check_chosen(
    inventory: Inventory, storage: StorageSpec, role: str, selector: DiskSelector, disks: tuple[Disk, ...]
) -> Iterator[Problem]:
    """What is wrong with each of the disks that a selector chooses."""
    where, data, caches = f"storage.{role}", kept(inventory), serving(inventory)
    for disk in disks:
        mine = disk.id in data or disk.id in caches
        if mine and (role == "spare" or (disk.id in caches) != (role == "cache")):
            what = "holds an OSD" if disk.id in data else "is the cache of OSDs"
            hint = "take it out of the pool first, with `trivet disk remove`, or choose another disk"
            yield Problem(where=where, message=f"{disk.label} {what} of this node's pool", hint=hint)
        if mine:
            continue
        if role != "data" and disk.within:
            message = f"{disk.label} is a part of the system disk, and can only hold data"
            yield Problem(where=where, message=message, hint="choose a disk of its own")
            continue
        if role == "cache" and disk.rotational:
            hint = "add `rotational: false` to the selector"
            yield Problem(where=where, message=f"{disk.label} is an HDD, and only an SSD is faster than one", hint=hint)
            continue
        if not storage.wipe and (holds := dirty(disk)):
            hint = "set `storage.wipe: true` to erase it, or choose another disk"
            yield Problem(where=where, message=f"{disk.label} holds data: {holds}", hint=hint)
        if not pointed(selector) and (alike := twins(disk, inventory.disks)):
            yield from _check_twin(where, disk, alike[0], first=disk.id < alike[0].id or alike[0] not in disks)


def _check_twin(where: str, disk: Disk, twin: Disk, *, first: bool) -> Iterator[Problem]:
    """Said of the first of a pair."""
    if first:
        what = f"WWN {disk.wwn}" if disk.wwn else f"serial {disk.serial}"
        message = f"{disk.label} and the disk at {twin.path or twin.id} have the same {what}"
        hint = "see whether it is one disk with two cables; if they are two, choose by `path` or `id`"
        yield Problem(where=where, message=message, hint=hint)


def _check_pairs(chosen: dict[str, tuple[Disk, ...]]) -> Iterator[Problem]:
    for one, other in combinations(chosen, 2):
        ids = {disk.id for disk in chosen[other]}
        if both := [disk.label for disk in chosen[one] if disk.id in ids]:
            names = "; ".join(both[:_SHOWN]) + ("; ..." if len(both) > _SHOWN else "")
            hint = "choose by facts that tell them apart, such as `rotational` or `transport`"
            yield Problem(where=f"storage.{other}", message=f"is chosen for {one}, too: {names}", hint=hint)


def _check_whole(
    inventory: Inventory, spec: Spec, storage: StorageSpec, chosen: dict[str, tuple[Disk, ...]]
) -> Iterator[Problem]:
    """What is wrong with the disks together."""
    roles = assign(inventory, spec)
    data, caches = roles.of("data"), roles.of("cache")
    spinning = [d for d in inventory.disks if d.id in data and d.rotational]
    if not data and not chosen.get("data"):
        reasons = {each.disk: each.why for each in roles.roles}
        shown = "; ".join(f"{d.label}: {reasons[d.id]}" for d in inventory.disks[:_SHOWN])
        more = "; ..." if len(inventory.disks) > _SHOWN else ""
        hint = "free one of them or add disks; without `storage` the node has no part in a pool"
        yield Problem(where="storage", message=f"no disk is left for data ({shown}{more})", hint=hint)
    if chosen.get("cache") and data and not spinning:
        hint = "leave `cache` out"
        yield Problem(where="storage.cache", message="there is no HDD to serve: all data is on SSDs", hint=hint)
    if storage.data and chosen.get("cache") and 0 < GROUP * len(caches) < len(spinning):
        message = f"{len(caches)} SSD{'s' if len(caches) > 1 else ''} for {len(spinning)} HDDs, and one serves {GROUP} at most"
        hint = f"choose {-(-len(spinning) // GROUP)}, or fewer HDDs: with an SSD all that it serves become slow at once"
        yield Problem(where="storage.cache", message=message, hint=hint)
    if storage.db and data and not caches and not chosen.get("cache"):
        hint = "choose an SSD by `storage.cache`, or leave `db` out"
        yield Problem(where="storage.db", message="there is no SSD that the databases of HDDs could be on", hint=hint)
    if storage.replicas and data and len(data) < storage.replicas and not (spec.cluster and spec.cluster.join):
        there = "there is 1 data disk" if len(data) == 1 else f"there are {len(data)} data disks"
        hint = "add disks, or leave `replicas` out: then there are as many copies as the disks allow"
        message = f"{storage.replicas} copies on different disks are asked for, and {there}"
        yield Problem(where="storage.replicas", message=message, hint=hint)
