# SPDX-License-Identifier: Apache-2.0
"""(machine, its disks, what each is for) -> the pool as it is at this moment. Reads only.

A few questions to the monitor, the device mapper's status, and what trivetd has kept of the last minutes: SMART of a hundred
disks and the time that requests take are nothing that one can ask for while somebody waits.
"""

from collections.abc import Mapping

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.model.pool import POOL, Osd
from appliance.model.poolreport import CacheReport, DiskReport, DiskSeen, PoolReport
from appliance.model.storage import Disk, DiskHealth
from appliance.services.storage import answers, caches, led
from appliance.services.storage.roles import Role, Roles

_ALWAYS = ("status", "df", "osd df", "osd dump", "osd tree", "mon dump")
_WEAR = 90
"""Percent of its life from which on an SSD is worn out."""
_PENDING = 1


def ask(host: Host, *, scrubs: bool = False) -> answers.Answers:
    """What the report is made of. `scrubs`: of each placement group too, which is much in a large pool."""
    found = {question: host.ceph(question) for question in _ALWAYS}
    found["osd pool ls"] = host.ceph("osd pool ls", detail="detail")
    if scrubs:
        found["pg ls"] = host.ceph("pg ls")
    return found


def report(
    host: Host, inventory: Inventory, roles: Roles, seen: Mapping[str, DiskSeen] | None = None, *, scrubs: bool = False
) -> PoolReport:
    """`seen` is what trivetd knows of each disk, by id."""
    pool = inventory.pool
    now, osds = PoolReport(), dict[int, answers.OsdNow]()
    if pool is not None and not pool.answers:
        many = inventory.cluster is not None and len(inventory.cluster.members) > 1
        why = "its monitor does not answer" if pool.monitor else "its monitor does not run"
        why = "none of the cluster's monitors answers" if many else why
        now = PoolReport(fsid=pool.fsid, health="stopped", reason=why, osds=len(pool.osds))
    elif pool is not None:
        try:
            said = ask(host, scrubs=scrubs)
            now, osds = answers.report(said, POOL), answers.osds(said)
        except ApplianceError as error:
            now = PoolReport(fsid=pool.fsid, health="stopped", reason=error.message, osds=len(pool.osds))
    disks = _disks(host, inventory, roles, osds, seen or {})
    return now.model_copy(update={"disks": disks})


def _disks(
    host: Host, inventory: Inventory, roles: Roles, osds: Mapping[int, answers.OsdNow], seen: Mapping[str, DiskSeen]
) -> tuple[DiskReport, ...]:
    by_id = {role.disk: role for role in roles.roles}
    own = inventory.pool.osds if inventory.pool else ()
    hits = caches.read(host) if any(osd.cache for osd in own) else {}
    found = []
    for disk in inventory.disks:
        if disk.id not in by_id:
            continue
        osd = next((osd for osd in own if osd.disk == disk.id), None)
        base = _disk(disk, by_id[disk.id], seen.get(disk.id, DiskSeen()))
        whole = _with_osd(base, osd, osds, hits.get(led.kernel_name(host, disk)))
        found.append(whole.model_copy(update={"led": led.lit(host, disk)}))
    # What the pool has and no disk of this node carries any more.
    found += [_with_osd(DiskReport(role="data"), osd, osds, None) for osd in own if not osd.disk]
    return tuple(found)


def _disk(disk: Disk, role: Role, seen: DiskSeen) -> DiskReport:
    health = seen.health or disk.health or DiskHealth()
    return DiskReport(
        id=disk.id,
        label=disk.label,
        serial=disk.serial,
        size=disk.size,
        slot=disk.slot,
        role=role.role,
        why=role.why,
        temperature=health.temperature,
        wear=health.wear,
        latency=round(seen.latency, 1) if seen.latency is not None else None,
        failing=failing(health),
        slow="" if seen.verdict == "good" else seen.verdict,
        isolated=seen.isolated,
        refused=seen.refused,
    )


def failing(health: DiskHealth) -> str:
    """What a disk says of itself that is wrong, "" for nothing. Worn out is no failure, and said apart."""
    if health.passed is False:
        return "it says that it will fail (SMART)"
    if (health.pending or 0) >= _PENDING:
        return f"it cannot read {health.pending} of its sectors"
    if health.errors:
        return f"its medium has {health.errors} errors that it could not correct"
    return ""


def _with_osd(disk: DiskReport, osd: Osd | None, osds: Mapping[int, answers.OsdNow], hits: tuple[int, int] | None) -> DiskReport:
    now = osds.get(osd.id) if osd else None
    if osd is None or (now is not None and now.new):  # one that is being made has not failed
        return disk
    cache = None
    if osd.cache or osd.cache_lost or hits or (osd.lvm and not osd.db):  # it stands on a volume so that it can have one
        read, missed = hits or (0, 0)
        cache = CacheReport(disk=osd.cache, works=hits is not None and not osd.cache_lost, hits=read, misses=missed)
    return disk.model_copy(
        update={
            "osd": osd.id,
            "device_class": now.device_class if now else osd.device_class,
            "running": osd.running,
            "up": now.up if now else osd.up,
            "in_": now.in_ if now else osd.in_,
            "used": now.used if now else 0,
            "room": now.room if now else 0,
            "cache": cache,
            "db": osd.db,
        }
    )
