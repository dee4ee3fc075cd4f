# SPDX-License-Identifier: Apache-2.0
"""(spec, inventory) -> /etc/ceph/ceph.conf, the settings in the monitor's keeping, and what the pool shall be. Pure.

The file has what a daemon must know before it has spoken to the monitor, and what holds for a kind of machine. The rest is kept
by the monitor, where a change takes effect at once. Only names that are valid in Ceph 18 to 21.
"""

import ipaddress
from collections.abc import Sequence

from appliance.model.cluster import ClusterDocument
from appliance.model.inventory import Inventory
from appliance.model.pool import ADMIN_KEYRING, DeviceClass, Pool, Share, Wish, monitors, place
from appliance.model.rendered import HEADER
from appliance.model.spec import Spec, StorageSpec
from appliance.model.storage import Disk
from appliance.services.storage import memory

_MANAGER_WITHOUT = (
    "influx insights alerts localpool mirroring osd_perf_query osd_support selftest snap_schedule stats telegraf "
    "test_orchestrator zabbix restful nfs"
)
"""Modules that a node of ours has no use for; they cost 160 MB. Those that are always on must stay."""
_PROFILES = {"business": "high_client_ops", "balanced": "balanced", "rebuild": "high_recovery_ops"}
_OUT_AFTER = 600
"""Seconds that a disk is away before its data is made anew on the others."""
_THREE = 3
"""Data disks, from which on a pool has three copies by itself."""


def conf(fsid: str, host: str, address: str, copies: int, *, emulated: bool, cluster: ClusterDocument | None = None) -> str:
    """The file that every program of Ceph on this node reads."""
    six = isinstance(ipaddress.ip_address(address), ipaddress.IPv6Address)
    where = cluster and monitors(cluster)
    slow = ("osd_heartbeat_grace = 60", "osd_mclock_skip_benchmark = true") if emulated else ()
    sections = {
        "global": (
            f"fsid = {fsid}",
            *(() if where else (f"mon_initial_members = {host}",)),
            f"mon_host = {where or place(address)}",
            f"public_addr = {address}",
            "ms_bind_msgr1 = false",
            f"ms_bind_ipv4 = {'false' if six else 'true'}",
            f"ms_bind_ipv6 = {'true' if six else 'false'}",
            *(f"ms_{who}_mode = secure" for who in ("cluster", "service", "client")),
            "osd_crush_chooseleaf_type = 0",
            f"osd_pool_default_size = {copies}",
            f"osd_pool_default_min_size = {least(copies)}",
            "mon_allow_pool_size_one = true",
            *slow,
        ),
        # A monitor that joins others has its address from here, and would have one of version 1 of the protocol besides.
        "mon": ("mon_data_avail_warn = 15", *((f"public_addrv = {place(address)}",) if where else ())),
        "mgr": ("mgr_initial_modules = iostat", f"mgr_disabled_modules = {_MANAGER_WITHOUT}"),
        "osd": (f"crush_location = root=default host={host}",),
        "client.admin": (f"keyring = {ADMIN_KEYRING}",),
    }
    return HEADER + "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections.items())


def emulated(inventory: Inventory) -> bool:
    """Is the processor made of software? Then everything takes ten times as long, and nobody is dead yet."""
    return "TCG" in inventory.machine.cpu.model


def least(copies: int) -> int:
    """Copies without which nothing is written: of three two, so that no write is ever on one disk alone."""
    return 2 if copies >= _THREE else 1


def copies(storage: StorageSpec, osds: int, hosts: int = 1) -> int:
    """As many as the spec says; a disk alone can keep one only.

    Where it does not, three from three hosts on, and two on two; a host that is alone has three from three data disks on.
    """
    wished = storage.replicas or (3 if (hosts if hosts > 1 else osds) >= _THREE else 2)
    return min(wished, max(1, osds))


def device_class(disk: Disk) -> DeviceClass:
    """NVMe counts as an SSD, so that an all-flash node is one pool."""
    return "hdd" if disk.rotational else "ssd"


def wish(storage: StorageSpec, data: Sequence[Disk], elsewhere: Sequence[Share] = ()) -> Wish:
    """What the pool shall be on these data disks and those of other hosts: the class that has more room carries it."""
    all_ = (*elsewhere, *(Share(host="", device_class=device_class(disk), osds=1, room=disk.size) for disk in data))
    room: dict[str, int] = {}
    for share in all_:
        room[share.device_class] = room.get(share.device_class, 0) + share.room
    chosen = max(room, key=lambda name: (room[name], name))
    carry = [share for share in all_ if share.device_class == chosen]
    hosts = len({share.host for share in carry})
    number = copies(storage, sum(share.osds for share in carry), hosts)
    domain = "host" if hosts >= max(number, 2) else "osd"
    return Wish(replicas=number, min_size=least(number), device_class=chosen, domain=domain)


def guarded(wished: Wish, now: Pool) -> Wish:
    """The wish as it may be now: what has too few copies yet can be written until it has more."""
    had = now.wish.min_size if now.wish else wished.min_size
    return wished.model_copy(update={"min_size": had}) if now.thin and had < wished.min_size else wished


def settings(inventory: Inventory, spec: Spec, host: str, pool: Wish, osds: int) -> dict[str, str]:
    """By "who/name"; on a node whose spec says nothing of storage any more, the rules' own. `osds` are this node's."""
    storage = spec.storage or StorageSpec()
    reserved = spec.hypervisor.reserve.memory if spec.hypervisor else None
    mine = memory.settings(inventory.machine.memory, osds, reserved)
    elsewhere = inventory.pool.elsewhere if inventory.pool else ()
    # By whose word one is down: of so many there must be a second that is not itself.
    heard = len({share.host for share in elsewhere}) + 1 if pool.domain == "host" else osds + sum(s.osds for s in elsewhere)
    return {
        "mon/auth_allow_insecure_global_id_reclaim": "false",
        "mon/mon_osd_down_out_interval": str(_OUT_AFTER),
        # As shipped, no disk is given up while fewer than 3 of 4 would be left, and none by the word of one host.
        "mon/mon_osd_min_in_ratio": "0.100000",
        "mon/mon_osd_reporter_subtree_level": pool.domain,
        "mon/mon_osd_min_down_reporters": "2" if heard > 2 else "1",  # noqa: PLR2004 - a third to second the second's word
        "osd/osd_mclock_profile": _PROFILES[storage.priority],
        "osd/osd_scrub_begin_hour": str(storage.scrub.begin),
        "osd/osd_scrub_end_hour": str(storage.scrub.end),
        # Ceph's own repair takes the first copy for the right one; trivetd judges them before it has any of them repaired.
        "osd/osd_scrub_auto_repair": "false",
        **({"mon/mon_warn_on_pool_no_redundancy": "false"} if pool.replicas == 1 else {}),
        **{f"osd/host:{host}/{name}": value for name, value in mine.items()},
    }


OURS = frozenset(
    {
        "auth_allow_insecure_global_id_reclaim", "mon_osd_down_out_interval", "mon_osd_min_in_ratio",
        "mon_osd_reporter_subtree_level", "mon_osd_min_down_reporters", "osd_mclock_profile", "osd_scrub_begin_hour",
        "osd_scrub_end_hour", "osd_scrub_auto_repair", "mon_warn_on_pool_no_redundancy", "osd_memory_target",
        "bluestore_cache_autotune", "bluestore_cache_size",
    }
)  # fmt: skip
"""Settings that are ours to take back, too: whatever else an administrator has set stays."""


def changed(now: dict[str, str], wished: dict[str, str], host: str = "") -> dict[str, str]:
    """What is to be set, and with "" what is to be taken back; what is for another host alone is that one's."""
    mine = (key for key in now if "/host:" not in key or f"/host:{host}/" in key)
    gone = {key: "" for key in mine if key not in wished and key.rpartition("/")[2] in OURS}
    return gone | {key: value for key, value in wished.items() if now.get(key) != value}
