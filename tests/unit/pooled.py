# SPDX-License-Identifier: Apache-2.0
"""A node's pool after a step of it: what each handler promises is so afterwards."""

from collections.abc import Sequence
from typing import Any

from appliance.host.host import Host
from appliance.model.cluster import ClusterDocument, Member
from appliance.model.inventory import Inventory
from appliance.model.plan import ReleaseDisk, Step
from appliance.model.pool import ADMIN_KEYRING, Osd, Pool
from appliance.model.poolsteps import (
    AddCache,
    AddMonitor,
    AddOsd,
    ConfigurePool,
    DropCache,
    FastPart,
    MakeMonitor,
    RemoveMonitor,
    RemoveOsd,
    RunManager,
    RunMonitor,
    StartOsd,
    TunePool,
)
from appliance.model.storage import Content, Disk, OsdLabel
from appliance.services.storage.pool import observe
from tests.unit.pools import answers


class _Files:
    """A joiner's: who it is, and the pool's key."""

    def __init__(self, machine_id: str) -> None:
        self._texts = {"/etc/machine-id": machine_id, ADMIN_KEYRING: "a key"}

    def read(self, path: str) -> str | None:
        return self._texts.get(path)

    def list(self, path: str) -> list[str]:
        return []


def found_by_joiner(state: str, disks: Sequence[Disk], document: ClusterDocument, me: Member) -> Pool | None:
    """What a member sees of a recorded pool before it has a part in it."""
    told = answers(state)
    nothing: Any = _Files(me.machine_id)
    host = Host(files=nothing, run=nothing, udev=nothing, netlink=nothing, ceph=lambda prefix, **_: told[prefix])
    return observe(host, disks, document)


def pooled(now: Inventory, step: Step) -> Inventory | None:
    """The node after a step of the pool; None for a step of something else."""
    if isinstance(step, ReleaseDisk):  # what was stopped is on no disk any more
        left = (d.model_copy(update={"held": tuple(h for h in d.held if h not in step.held)}) for d in now.disks)
        return now.model_copy(update={"disks": tuple(left)})
    if isinstance(step, MakeMonitor):
        return now.model_copy(update={"pool": Pool(fsid=step.fsid, host=step.host, address=step.address)})
    if now.pool is None:
        return None
    if isinstance(step, AddOsd):
        return _added(now, now.pool, step)
    if isinstance(step, AddCache):
        return _with(_served(now, now.pool, step.uuid, step.osd, step.fast), step.osd, cache=step.fast.disk)
    changed = _changed(now.pool, step)
    return now.model_copy(update={"pool": changed}) if changed else None


def _changed(pool: Pool, step: Step) -> Pool | None:
    facts: dict[str, object] = {}
    match step:
        case RunMonitor():
            facts = {"monitor": True, "answers": True}
        case AddMonitor():
            facts = {"store": True, "monitors": (*pool.monitors, step.host)}
        case RemoveMonitor():
            facts = {"store": False, "monitor": False, "manager": False}
        case RunManager():
            facts = {"manager": True}
        case StartOsd():
            pool = _osd(pool, step.osd, running=True, up=True)
        case DropCache():
            pool = _osd(pool, step.osd, running=True, up=True, cache="", cache_lost=False)
        case RemoveOsd():
            facts = {"osds": tuple(osd for osd in pool.osds if osd.id != step.osd)}
        case TunePool():
            facts = {"settings": {key: value for key, value in (pool.settings | step.settings).items() if value}}
        case ConfigurePool():
            same = {"replicas": step.wish.replicas, "domain": step.wish.domain}
            internal = pool.internal.model_copy(update=same) if pool.internal else None
            facts = {"name": step.pool, "replicas": step.wish.replicas, "wish": step.wish, "internal": internal}
        case _:
            return None
    return pool.model_copy(update=facts)


def _osd(pool: Pool, number: int, **update: object) -> Pool:
    return pool.model_copy(
        update={"osds": tuple(osd.model_copy(update=update) if osd.id == number else osd for osd in pool.osds)}
    )


def _with(now: Inventory, number: int, **update: object) -> Inventory:
    assert now.pool
    return now.model_copy(update={"pool": _osd(now.pool, number, **update)})


def _added(now: Inventory, pool: Pool, step: AddOsd) -> Inventory:
    number = next(n for n in range(1000) if n not in {osd.id for osd in pool.osds})
    cache = step.fast.disk if step.fast and step.fast.use == "cache" else ""
    db = step.fast.disk if step.fast and step.fast.use == "db" else ""
    osd = Osd(id=number, uuid=step.uuid, disk=step.disk, lvm=bool(cache), cache=cache, db=db, device_class=step.device_class,
              running=True, up=True, in_=True)  # fmt: skip
    label = OsdLabel(fsid=pool.fsid, uuid=step.uuid, id=number)
    held = (Content(type="LVM2_member" if cache else "ceph_bluestore"),)
    now = _disk(now, step.disk, contents=held, osd=label, held=(f"LVM ceph-{step.uuid}",) if cache else ())
    osds = tuple(sorted((*pool.osds, osd), key=lambda each: each.id))
    now = now.model_copy(update={"pool": pool.model_copy(update={"osds": osds})})
    return _served(now, pool, step.uuid, number, step.fast) if step.fast else now


def _served(now: Inventory, pool: Pool, uuid: str, number: int, fast: FastPart) -> Inventory:
    (disk,) = (disk for disk in now.disks if disk.id == fast.disk)
    ours = (Content(type="gpt", uuid=fast.table),)
    kept = disk.contents if disk.contents[:1] == ours else ours
    part = Content(partition=len(kept), type="LVM2_member", name=f"trivet-{fast.use}", size=fast.size * 2**20,
                   guid=fast.uuid)
    label = OsdLabel(fsid=pool.fsid, uuid=uuid, id=number, part=fast.use)
    return _disk(now, disk.id, contents=(*kept, part), serves=(*disk.serves, label))


def _disk(now: Inventory, name: str, **update: object) -> Inventory:
    disks: tuple[Disk, ...] = tuple(disk.model_copy(update=update) if disk.id == name else disk for disk in now.disks)
    return now.model_copy(update={"disks": disks})
