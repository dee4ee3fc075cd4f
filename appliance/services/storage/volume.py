# SPDX-License-Identifier: Apache-2.0
"""Effects: what an OSD with a cache stands on. One volume group for each HDD, of it and a partition of the group's SSD.

Losing an SSD leaves groups that lack a device, each with a whole volume on its HDD: the cache is written through. Names and
tags are those of ceph-volume, so that its own listing knows them. Groups are activated by us and never by events: one that
lacks its cache has to lose it first.
"""

import json
from typing import Any

from appliance.errors import StalePlan
from appliance.host.host import Host
from appliance.model.poolsteps import FastPart
from appliance.services.storage.devices import disk_link, erase, expected, refresh, wait_for

_TYPES = {"cache": "e6d6d379-f507-44c2-a23c-238f2a3df928", "db": "30cd0809-c2b2-499c-8879-2d6b78529876"}
_CACHED = ("--type", "cache", "--cachemode", "writethrough")
_QUIET = ("--quiet", "--lock=yes", "--wipe=never")


def group(uuid: str) -> str:
    """The volume group of an OSD."""
    return f"ceph-{uuid}"


def volume(uuid: str) -> str:
    """Its volume, as LVM takes the name."""
    return f"{group(uuid)}/osd-block-{uuid}"


def device(uuid: str) -> str:
    """Its volume, as everybody else does."""
    return f"/dev/{volume(uuid)}"


def part_link(part: str) -> str:
    """The name of a partition by its GUID."""
    return f"/dev/disk/by-partuuid/{part}"


def make(host: Host, disk: str, uuid: str) -> None:
    """A volume over a whole disk that is blank."""
    link = disk_link(host, disk)
    host.run(["pvcreate", "--yes", "--force", "--force", link])
    host.run(["vgcreate", "--yes", "--setautoactivation", "n", group(uuid), link])
    host.run(["lvcreate", "--yes", "--wipesignatures", "y", "--extents", "100%FREE", "--name", f"osd-block-{uuid}", group(uuid)])
    host.udev.settle()


def tag(host: Host, uuid: str, fsid: str, osd: int | None = None) -> None:
    """Write on the volume whose it is, as ceph-volume does; without a number as long as the OSD is not whole."""
    facts = {"type": "block", "osd_fsid": uuid, "cluster_fsid": fsid, "cluster_name": "ceph", "encrypted": 0, "vdo": 0,
             "block_device": device(uuid)} if osd is None else {"osd_id": osd}  # fmt: skip
    tags = [word for name, value in facts.items() for word in ("--addtag", f"ceph.{name}={value}")]
    host.run(["lvchange", *tags, volume(uuid)])


def activate(host: Host, uuid: str) -> None:
    """Have the volume there. CommandError where a device of its group is missing."""
    host.run(["lvchange", "--yes", "--activate", "y", volume(uuid)])
    wait_for(host, device(uuid))


def add_cache(host: Host, uuid: str, fast: FastPart) -> None:
    """Put a cache before the volume, which may be in use."""
    part = partition(host, fast)
    if host.files.real(part) not in {host.files.real(name) for name in _devices(host, uuid)}:
        host.run(["pvcreate", "--yes", "--force", "--force", part])
        host.run(["vgextend", "--yes", group(uuid), part])
    pool = f"{group(uuid)}/cache-{uuid}"
    if host.run(["lvs", pool], check=False).code:
        room = ["--extents", "100%FREE", "--poolmetadataspare", "n"]
        host.run(["lvcreate", "--yes", "--type", "cache-pool", *room, "--name", f"cache-{uuid}", group(uuid), part])
    host.run(["lvconvert", "--yes", *_CACHED, "--cachepool", pool, volume(uuid)])


def drop_cache(host: Host, uuid: str) -> None:
    """Give up a cache whose device is gone; the volume must not be in use."""
    host.run(["lvchange", "--yes", "--activate", "n", volume(uuid)], check=False)
    host.run(["lvconvert", "--yes", "--force", "--uncache", volume(uuid)])
    host.run(["vgreduce", "--removemissing", group(uuid)])  # without force: it takes no volume with it


def cached(host: Host, uuid: str) -> bool:
    """Has the volume a cache, there or gone?"""
    return host.run(["lvs", "--noheadings", "--options", "segtype", volume(uuid)], check=False).stdout.strip() == "cache"


def take_apart(host: Host, uuid: str) -> None:
    """Remove the group with all in it, whichever of its devices are gone."""
    if host.run(["vgs", group(uuid)], check=False).code:
        return
    host.run(["vgchange", "--activate", "n", group(uuid)], check=False)
    host.run(["vgreduce", "--removemissing", "--force", group(uuid)], check=False)
    left = _devices(host, uuid)
    host.run(["vgremove", "--yes", "--force", "--force", group(uuid)])
    for name in left:
        host.run(["pvremove", "--yes", "--force", "--force", name])


def _devices(host: Host, uuid: str) -> list[str]:
    found = host.run(["vgs", "--noheadings", "--options", "pv_name", group(uuid)], check=False).stdout.split()
    real = {name: host.files.real(name) for name in found}
    return [name for name in found if real[name]]


# -- partitions of an SSD ---------------------------------------------------------------------------------------------


def partition(host: Host, fast: FastPart) -> str:
    """The partition of an SSD, made if it is not there; the name under which it lasts."""
    link = disk_link(host, fast.disk)
    table = _table(host, link)
    if table.get("id", "").lower() != fast.table:
        disk = expected(host, fast.disk, fast.expects)
        if disk.fingerprint:
            erase(host, disk)
        host.run(["sfdisk", *_QUIET, link], stdin=f"label: gpt\nlabel-id: {fast.table}\n")
        table = _table(host, link)
        if table.get("id", "").lower() != fast.table:
            raise StalePlan(f"the disk {fast.disk} did not take a partition table", "see `dmesg`")
    if fast.uuid not in _parts(table):
        line = f'size={fast.size}MiB, type={_TYPES[fast.use]}, uuid={fast.uuid}, name="trivet-{fast.use}"'
        quiet = ["--append", "--no-reread", "--wipe-partitions=always", *_QUIET]
        host.run(["sfdisk", *quiet, link], stdin=line + "\n")
        host.run(["partx", "--update", link], check=False)  # the others are in use: the table is not read whole again
        refresh(host, link)
    wait_for(host, part_link(fast.uuid))
    return part_link(fast.uuid)


def remove_partition(host: Host, disk: str, uuid: str) -> None:
    """Give the room of an OSD's part back to its SSD."""
    link = disk_link(host, disk)
    number = _parts(_table(host, link)).get(uuid)
    if number:
        host.run(["wipefs", "--all", "--force", "--quiet", part_link(uuid)], check=False)
        host.run(["sfdisk", "--no-reread", *_QUIET, "--delete", link, number])
        host.run(["partx", "--update", link], check=False)
        refresh(host, link)


def _table(host: Host, link: str) -> dict[str, Any]:
    """sfdisk's words for a partition table; {} for none."""
    result = host.run(["sfdisk", "--json", link], check=False)
    table: dict[str, Any] = json.loads(result.stdout)["partitiontable"] if result.code == 0 and result.stdout.strip() else {}
    return table


def _parts(table: dict[str, Any]) -> dict[str, str]:
    """GUID -> number of each partition, in the order of the table."""
    nodes = ((part["uuid"].lower(), part["node"]) for part in table.get("partitions", ()))
    return {guid: node[len(node.rstrip("0123456789")) :] for guid, node in nodes}
