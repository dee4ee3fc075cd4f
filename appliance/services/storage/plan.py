# SPDX-License-Identifier: Apache-2.0
"""(what this node's Ceph is, the spec's storage) -> steps. Pure.

The order is that of a node that starts: what is there comes up first, monitor, manager and each OSD, and waits for nothing. Then
what the spec has and the pool has not. What the monitor keeps is last, since it can only be compared when that answers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from appliance.model.cluster import Member, myself
from appliance.model.inventory import Inventory
from appliance.model.plan import Pending, ReleaseDisk, Step
from appliance.model.pool import CONF, POOL, Osd, Pool, Wish, fsid_of, made
from appliance.model.poolsteps import (
    AddCache,
    AddMonitor,
    AddOsd,
    ConfigurePool,
    DropCache,
    MakeMonitor,
    RemoveMonitor,
    RemoveOsd,
    RunManager,
    RunMonitor,
    StartOsd,
    TunePool,
)
from appliance.model.rendered import render
from appliance.model.spec import Spec, StorageSpec
from appliance.model.storage import Disk
from appliance.services.storage import conf, fast
from appliance.services.storage.roles import Group, assign

PLACE = "storage"


def osd_uuid(fsid: str, disk: str) -> str:
    """An OSD's own, by its disk: an addition that was interrupted makes no second one."""
    return made(fsid, f"osd on {disk}")


def plane(spec: Spec) -> str:
    """The plane of the network on which the pool's daemons meet."""
    return "storage" if spec.network.planes.storage else "management"


@dataclass(frozen=True)
class _Work:
    """What is decided once. `pool` is what is there, or what would be there after its first step."""

    inventory: Inventory
    spec: Spec
    pool: Pool
    groups: tuple[Group, ...]
    member: Member | None

    @property
    def first(self) -> bool:
        """Does this node begin the pool? In a cluster the oldest node does, and all others take part in that one."""
        cluster = self.inventory.cluster
        if self.inventory.pool is not None or cluster is None:
            return self.inventory.pool is None
        return not cluster.fsid and self.member is not None and cluster.members[0] == self.member

    @property
    def storage(self) -> StorageSpec:
        return self.spec.storage or StorageSpec()

    def disk(self, name: str) -> Disk | None:
        return next((disk for disk in self.inventory.disks if disk.id == name), None)

    @property
    def data(self) -> list[Disk]:
        """The disks that carry the pool, once the plan is done."""
        chosen = {name for group in self.groups for name in group.data} | {osd.disk for osd in self.pool.osds}
        return [disk for disk in self.inventory.disks if disk.id in chosen]


def plan(inventory: Inventory, spec: Spec, address: str) -> Iterator[Step]:
    """The steps that make this node's Ceph what the spec says; `address` is the one that the node has for it, "" for none yet."""
    work = _work(inventory, spec, address)
    if work is None or not address or _foreign(work) or not (work.data or inventory.pool):
        return
    if inventory.pool is None and not work.first:
        return
    pool, osds = work.pool, len(work.data)
    copies, slow = _first_copies(work), conf.emulated(inventory)
    text = conf.conf(pool.fsid, pool.host, pool.address, copies, emulated=slow, cluster=inventory.cluster)
    yield from render(inventory, CONF, text, why="what every program of Ceph on this node reads")
    yield from _daemons(work)
    yield from _there(pool)
    yield from _new(work)
    # Who does not hear the monitors does not know what other hosts have, and would plan as if they had nothing.
    if not osds or (_shared(work) and not pool.answers):
        return
    wished = conf.guarded(conf.wish(work.storage, work.data, pool.elsewhere), pool)
    changed = conf.changed(pool.settings, conf.settings(inventory, spec, pool.host, wished, osds), pool.host)
    if changed:
        yield TunePool(settings=changed, why="memory, scrub hours, priorities and when a disk is given up")
    internal = pool.internal is None or (pool.internal.replicas, pool.internal.domain) == (wished.replicas, wished.domain)
    if pool.wish != wished or not internal:
        yield ConfigurePool(pool=POOL, wish=wished, why=_because(pool, wished, osds))


def _first_copies(work: _Work) -> int:
    """Of pools that nobody has said more of: the manager makes one. In a cluster nothing of it may change with who answers."""
    if work.inventory.cluster is not None and _shared(work):
        return work.storage.replicas or min(3, len(work.inventory.cluster.members))
    return conf.wish(work.storage, work.data).replicas if work.data else 1


def _because(pool: Pool, wished: Wish, osds: int) -> str:
    if pool.elsewhere:
        all_, hosts = osds + sum(share.osds for share in pool.elsewhere), len({share.host for share in pool.elsewhere}) + 1
        return f"{all_} disks for data on {hosts} hosts; data moves until it is so"
    number = "one disk" if osds == 1 else f"{osds} disks"
    now = f", and not {pool.wish.replicas} any more" if pool.wish and pool.wish.replicas != wished.replicas else ""
    return f"{number} for data{now}"


def _shared(work: _Work) -> bool:
    """Are there other nodes in the cluster, which may have disks in the pool?"""
    return work.inventory.cluster is not None and len(work.inventory.cluster.members) > 1


def _foreign(work: _Work) -> bool:
    """Has the node a pool of its own, and not the one of the cluster that it is in?"""
    cluster = work.inventory.cluster
    return bool(work.inventory.pool and cluster and cluster.fsid and work.inventory.pool.fsid != cluster.fsid)


def _daemons(work: _Work) -> Iterator[Step]:
    """Monitor and manager: on a node that is alone, and on those of a cluster that have the control role."""
    pool = work.pool
    if not (work.inventory.cluster is None or (work.member and work.member.control) or work.first):
        if pool.store and work.member:
            yield RemoveMonitor(host=pool.host, why="another node of the cluster has the control role")
        return
    if work.first:
        why = f"{PLACE}: a single node is a pool of one"
        yield MakeMonitor(fsid=pool.fsid, host=pool.host, address=pool.address, why=why)
    elif not pool.store:
        yield AddMonitor(fsid=pool.fsid, host=pool.host, address=pool.address, why="this node has the cluster's control role")
    if not pool.monitor:
        yield RunMonitor(host=pool.host, address=pool.address, why="it keeps the map of the pool")
    if not pool.manager:
        yield RunManager(host=pool.host, why="it balances the pool and counts what is in it")


def _work(inventory: Inventory, spec: Spec, address: str) -> _Work | None:
    if spec.storage is None and inventory.pool is None:
        return None
    groups = assign(inventory, spec).groups if spec.storage is not None else ()
    machine = inventory.system.machine_id or inventory.machine.dmi.uuid
    new = Pool(fsid=fsid_of(machine), host=spec.node.name, address=address)
    return _Work(inventory, spec, inventory.pool or new, groups, myself(inventory.cluster, machine))


def _there(pool: Pool) -> Iterator[Step]:
    """What the node has already, running again."""
    for osd in pool.osds:
        if osd.cache_lost:
            why = "the SSD that cached for it is gone; what it had was written through, so nothing is lost"
            yield DropCache(osd=osd.id, uuid=osd.uuid, why=why)
        if osd.disk and not osd.running and not osd.cache_lost:
            why = "its disk is here"
            yield StartOsd(osd=osd.id, uuid=osd.uuid, disk=osd.disk, lvm=osd.lvm, db=bool(osd.db), why=why)


def _new(work: _Work) -> Iterator[Step]:
    """Disks that shall be in the pool and are not, and OSDs that could have a cache and have none."""
    fsid = work.pool.fsid
    for group in work.groups:
        missing = [
            disk for name in group.data
            if (disk := work.disk(name)) and work.pool.osd_of(name) is None and not _unread(fsid, disk)
        ]  # fmt: skip
        uncached = [osd for name in group.data if (osd := work.pool.osd_of(name)) and osd.lvm and not osd.cache]
        ssd = work.disk(group.cache) if group.cache else None
        uuids = [*(osd_uuid(fsid, disk.id) for disk in missing), *(osd.uuid for osd in uncached)]
        sizes = {uuid: size for uuid, size in fast.shares(fsid, ssd, uuids).items() if size >= fast.LEAST} if ssd else {}
        for disk in (*missing, *([ssd] if ssd and sizes and not fast.ours(fsid, ssd) else [])):
            if disk.held and not (disk.osd and disk.osd.fsid == fsid):
                yield release(disk, work.inventory)
        yield from (_add(work, disk, ssd, sizes.get(osd_uuid(fsid, disk.id), 0)) for disk in missing)
        if ssd and not work.storage.db:
            yield from (_cache(fsid, osd, ssd, sizes[osd.uuid]) for osd in uncached if osd.uuid in sizes)


def _unread(fsid: str, disk: Disk) -> bool:
    """Is it an OSD of ours by the name of its volumes, although LVM does not say so now? No consent is for that."""
    return disk.osd is None and f"LVM ceph-{osd_uuid(fsid, disk.id)}" in disk.held


def release(disk: Disk, inventory: Inventory) -> ReleaseDisk:
    """The step before a disk is erased on which something runs; it says which other disks that is on, too."""
    others = [other.label for other in inventory.disks if other.id != disk.id and set(other.held) & set(disk.held)]
    why = f"it is to be erased; what runs there is on {', '.join(others)}, too" if others else "it is to be erased"
    return ReleaseDisk(disk=disk.id, expects=disk.fingerprint, held=disk.held, why=why)


def _cache(fsid: str, osd: Osd, ssd: Disk, size: int) -> AddCache:
    part = fast.part(fsid, ssd, osd.uuid, size, db=False)
    why = f"it has none, and {ssd.label} is there for it"
    return AddCache(osd=osd.id, uuid=osd.uuid, fast=part, why=why, destroys=_lost(ssd if part.expects else None))


def _add(work: _Work, disk: Disk, ssd: Disk | None, size: int) -> AddOsd:
    """A disk for data, with its part of the group's SSD if there is one; a `size` of 0 is none."""
    ssd = ssd if size else None
    uuid, kind = osd_uuid(work.pool.fsid, disk.id), conf.device_class(disk)
    part = fast.part(work.pool.fsid, ssd, uuid, size, db=work.storage.db) if ssd else None
    why = f"a disk for data, {kind}" + (f", beside {ssd.label}" if ssd else "")
    # What an addition of our own has left is nothing that anybody could miss.
    begun = disk.osd is not None and disk.osd.uuid == uuid and disk.osd.id < 0
    destroys = _lost(None if begun else disk, ssd if part and part.expects else None)
    return AddOsd(disk=disk.id, expects=disk.fingerprint, fsid=work.pool.fsid, uuid=uuid, device_class=kind, fast=part, why=why,
                  destroys=destroys)  # fmt: skip


def _lost(*disks: Disk | None) -> tuple[str, ...]:
    return tuple(f"{disk.label}: {disk.holds}" for disk in disks if disk and disk.fingerprint)


def departed(pool: Pool, name: str) -> Iterator[RemoveMonitor]:
    """What is to be done in the pool, on any node that is asked, when the node of this name is not in the cluster any more."""
    if name in pool.monitors and name != pool.host:
        yield RemoveMonitor(host=name, here=False, why="its node is not in the cluster any more")


def remove(pool: Pool, osd: Osd, *, degraded: bool = False) -> RemoveOsd:
    """The step that takes an OSD out of the pool; `degraded` goes on with fewer copies where there is no room for all."""
    held = (f"osd.{osd.id} on {osd.disk}",) if osd.disk else ()
    why = "its disk is to be taken out" if osd.disk else "its disk is gone"
    return RemoveOsd(osd=osd.id, uuid=osd.uuid, disk=osd.disk, cache=osd.cache or osd.db, lvm=osd.lvm, fsid=pool.fsid,
                     degraded=degraded, why=why, destroys=held)  # fmt: skip


def pending(inventory: Inventory, spec: Spec, address: str, plane: str) -> Iterator[Pending]:
    """What of the spec's storage cannot be had now. `plane` is where the pool's address would be."""
    work = _work(inventory, spec, address)
    if work is None:
        return
    if not address:
        yield Pending(where=f"network.planes.{plane}.address", why="there is none yet, and the pool needs it for its monitor")
    elif _foreign(work):
        why = f"this node has the pool {work.pool.fsid} of its own, and its cluster has another"
        yield Pending(where=PLACE, why=why, hint="take its disks out with `trivet disk remove`, or leave the cluster")
    elif inventory.pool is None and not work.first and work.data:
        has = inventory.cluster is not None and inventory.cluster.fsid
        why = "this node has no key of its cluster's pool" if has else "the cluster has no pool yet"
        yield Pending(where=PLACE, why=why, hint="join again" if has else "the pool begins on the cluster's oldest node")
    elif work.pool.address != address:
        why = f"the pool's monitor is at {work.pool.address}, and the {plane} plane has {address} now"
        yield Pending(where=PLACE, why=why, hint=f"give the {plane} plane {work.pool.address} again")
    if spec.storage is None and not (work.pool.osds or not _shared(work)):
        return
    if spec.storage is None:
        yield Pending(where=PLACE, why="this node has a pool, and the spec does not say storage", hint="write storage: {}")
    elif not work.data:
        yield Pending(where=PLACE, why="there is no disk for the pool", hint="`trivet disk` says what each disk is for, and why")
    elif conf.wish(work.storage, work.data, work.pool.elsewhere).replicas == 1 and not _shared(work):
        why = "one data disk alone keeps one copy of everything, and when it fails all is lost"
        yield Pending(where=f"{PLACE}.replicas", why=why, hint="put in a second disk, and say `trivet apply`")
