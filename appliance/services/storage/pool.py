# SPDX-License-Identifier: Apache-2.0
"""This node's part of Ceph as it is now: from its disks, its units, and what the monitors say while they answer.

A node without a pool costs one look for one file. Monitors that do not answer keep nobody from seeing the rest. The pool of a
node that is alone is known from what was left when it was made; that of a cluster's members from the cluster's document.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.base import Model
from appliance.model.cluster import ClusterDocument, myself
from appliance.model.pool import ADMIN_KEYRING, POOL, Osd, Pool, Share, Wish
from appliance.model.storage import Disk
from appliance.services.storage.conf import OURS

STATE = "/var/lib/ceph/trivet.json"
"""Written last when a monitor was made: without it there is none, whatever an interruption has left."""
INTERNAL = ".mgr"
_LVS = ("lvs", "--reportformat", "json", "--options", "vg_name,lv_name,segtype,vg_missing_pv_count")


class Made(Model):
    """What this node's monitor was made as, and with the first one the pool."""

    fsid: str
    host: str
    address: str


def made(host: Host) -> Made | None:
    """The monitor that was made on this node; None where none was."""
    text = host.files.read(STATE)
    try:
        return Made.model_validate_json(text) if text else None
    except ValidationError as error:
        raise ApplianceError(f"{STATE} is damaged: {error.errors()[0]['msg']}", "put it back from a support bundle") from None


def observe(host: Host, disks: Sequence[Disk], cluster: ClusterDocument | None = None) -> Pool | None:
    """The pool, with the OSDs of these disks and those whose disks are gone."""
    kept, known = made(host), part(host, cluster)
    if known is None:
        return None
    monitor = running(host, f"ceph-mon@{known.host}.service")
    pool = Pool(fsid=known.fsid, host=known.host, address=known.address, store=kept is not None, monitor=monitor,
                manager=running(host, f"ceph-mgr@{known.host}.service"), osds=_labelled(host, known.fsid, disks))  # fmt: skip
    alone = cluster is None or len(cluster.members) == 1
    try:
        return pool if alone and not monitor else _said(host, pool, _serving(disks))
    except ApplianceError:
        return pool


def part(host: Host, cluster: ClusterDocument | None) -> Made | None:
    """What this node is in a pool: its own, or once it has the key the one of its cluster. None where it has no part."""
    if (kept := made(host)) is not None:
        return kept
    if cluster is None or not cluster.fsid or host.files.read(ADMIN_KEYRING) is None:
        return None
    me = myself(cluster, host.files.read("/etc/machine-id") or "")
    return Made(fsid=cluster.fsid, host=me.name, address=me.storage) if me else None


def _labelled(host: Host, fsid: str, disks: Sequence[Disk]) -> tuple[Osd, ...]:
    """The OSDs that the disks say they are."""
    mine = [(disk, disk.osd) for disk in disks if disk.osd and disk.osd.fsid == fsid and disk.osd.id >= 0]
    serving = _serving(disks)
    on_lvm = {disk.id for disk, _ in mine if any(content.type == "LVM2_member" for content in disk.contents)}
    lost = _without_cache(host) if on_lvm else frozenset()
    return tuple(
        Osd(
            id=label.id,
            uuid=label.uuid,
            disk=disk.id,
            lvm=disk.id in on_lvm,
            cache=serving.get((label.uuid, "cache"), ""),
            db=serving.get((label.uuid, "db"), ""),
            cache_lost=label.uuid in lost,
            running=running(host, f"ceph-osd@{label.id}.service"),
        )
        for disk, label in sorted(mine, key=lambda pair: pair[1].id)
    )


def _serving(disks: Sequence[Disk]) -> dict[tuple[str, str], str]:
    """(OSD's uuid, "cache" or "db") -> the SSD that has that part of it."""
    return {(label.uuid, label.part): disk.id for disk in disks for label in disk.serves}


def _without_cache(host: Host) -> frozenset[str]:
    """The OSDs whose volume has a cache on a device that LVM does not find."""
    report = json.loads(host.run(_LVS, check=False).stdout or "{}").get("report", [])
    volumes = [volume for part in report for volume in part.get("lv", ())]
    return frozenset(
        volume["lv_name"].removeprefix("osd-block-")
        for volume in volumes
        if volume["lv_name"].startswith("osd-block-") and volume["segtype"] == "cache" and int(volume["vg_missing_pv_count"])
    )


def _said(host: Host, pool: Pool, serving: Mapping[tuple[str, str], str]) -> Pool:
    """With what the monitor says."""
    dump, tree = host.ceph("osd dump"), host.ceph("osd tree")
    rules, config = host.ceph("osd crush rule dump"), host.ceph("config dump")
    groups = host.ceph("status")["pgmap"]
    nodes = {node["id"]: node for node in tree["nodes"]}
    hosts = [node for node in nodes.values() if node["type"] == "host" and node.get("children")]
    here: Sequence[int] = next((node["children"] for node in hosts if node["name"] == pool.host), [])
    known = {osd["osd"]: osd for osd in dump["osds"]}
    found = {osd.id: osd for osd in pool.osds if osd.id in known}
    gone = {
        i: Osd(id=i, uuid=uuid, cache=serving.get((uuid, "cache"), ""), db=serving.get((uuid, "db"), ""))
        for i in here
        if i not in found and (uuid := known.get(i, {}).get("uuid"))
    }
    osds = (
        osd.model_copy(
            update={
                "up": bool(known[osd.id]["up"]),
                "in_": bool(known[osd.id]["in"]),
                "device_class": nodes.get(osd.id, {}).get("device_class", ""),
                "running": osd.running or running(host, f"ceph-osd@{osd.id}.service"),
            }
        )
        for osd in (found | gone).values()
    )
    wish = wish_of(dump, rules, POOL)
    return pool.model_copy(
        update={
            "answers": True,
            "osds": tuple(sorted(osds, key=lambda osd: osd.id)),
            "monitors": tuple(sorted(each["name"] for each in host.ceph("mon dump")["mons"])),
            "elsewhere": tuple(share for node in hosts if node["name"] != pool.host for share in _shares(node, nodes)),
            "thin": bool(groups.get("degraded_objects", 0)),
            "name": POOL if wish else "",
            "replicas": wish.replicas if wish else 0,
            "wish": wish,
            "internal": wish_of(dump, rules, INTERNAL),
            "settings": settings(config),
        }
    )


def _shares(host: Mapping[str, Any], nodes: Mapping[int, Mapping[str, Any]]) -> Iterable[Share]:
    """What a host has in the pool, by class. Ceph writes an OSD's room as a weight, in TiB."""
    osds = [nodes[number] for number in host["children"] if number in nodes]
    for name in sorted({osd.get("device_class", "") for osd in osds}):
        room = [osd["crush_weight"] for osd in osds if osd.get("device_class", "") == name]
        yield Share(host=host["name"], device_class=name, osds=len(room), room=round(sum(room) * 2**40))


def wish_of(dump: Mapping[str, Any], rules: Iterable[Mapping[str, Any]], name: str) -> Wish | None:
    """A pool as it is; None where there is no such pool. A rule that is none of ours has no class, so it differs."""
    pool = next((each for each in dump["pools"] if each["pool_name"] == name), None)
    if pool is None:
        return None
    rule = next((rule for rule in rules if rule["rule_id"] == pool["crush_rule"]), {"steps": ()})
    taken = next((step["item_name"] for step in rule["steps"] if step["op"] == "take"), "")
    chosen = next((step["type"] for step in rule["steps"] if step["op"].startswith("choose")), "")
    return Wish(replicas=pool["size"], min_size=pool["min_size"], device_class=taken.partition("~")[2], domain=chosen,
                autoscale=pool.get("pg_autoscale_mode") == "on")  # fmt: skip


def settings(config: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Those that are ours, by "who/name"."""
    found = {}
    for entry in config:
        if entry["name"] in OURS:
            mask = f"/{entry['mask']}" if entry.get("mask") else ""
            found[f"{entry['section']}{mask}/{entry['name']}"] = str(entry["value"])
    return found
