# SPDX-License-Identifier: Apache-2.0
"""Nouns of the pool: what this node's own Ceph is now (Pool, Osd), and what it shall be (Wish). Names that several ask for."""

import uuid
from typing import Literal

from appliance.model.base import Model
from appliance.model.cluster import ClusterDocument, control_members

CONF = "/etc/ceph/ceph.conf"
ADMIN_KEYRING = "/var/lib/ceph/admin/keyring"
POOL = "vms"
"""The pool in which VMs have their disks."""

DeviceClass = Literal["hdd", "ssd"]
Domain = Literal["osd", "host"]
"""What no two copies share: a disk, or a whole host where there are enough of them."""


class Wish(Model):
    """What a pool shall be, and is: `domain` is what no two copies share. `rule` names the CRUSH rule that says so."""

    replicas: int
    min_size: int
    device_class: str
    domain: str
    autoscale: bool = True

    @property
    def rule(self) -> str:
        return f"trivet-{self.device_class}-by-{self.domain}"


class Osd(Model):
    """One OSD of this node. `disk`, `cache` and `db` are ids of disks, "" for none and for one that is gone.

    `lvm`: it stands on a logical volume, which may have a cache, and not on the bare disk. `cache_lost`: it has one whose SSD
    is gone, and cannot start before that is given up. `running`: its daemon has processes; `up` and `in_` is what the monitor
    says of it, False while that does not answer.
    """

    id: int
    uuid: str
    disk: str = ""
    cache: str = ""
    db: str = ""
    lvm: bool = False
    cache_lost: bool = False
    device_class: str = ""
    running: bool = False
    up: bool = False
    in_: bool = False


class Share(Model):
    """What another host has in the pool: how many OSDs of a class, and their room in bytes."""

    host: str
    device_class: str
    osds: int
    room: int


class Pool(Model):
    """This node's part of Ceph. `host` is the node's name in it and `address` its own: both as they were when it was made.

    `store`: it has a monitor, made once. `monitor` and `manager`: they run. What follows `osds` is what the monitors say, and
    nothing while they do not answer: the `monitors` by name, what other hosts have in it (`elsewhere`), the pool's `name` ("" for
    none yet) and the `wish` that it is, `settings` by "who/name". `thin`: something has fewer copies than it shall have.
    `internal` is what Ceph's own pool is, which the manager makes for itself; None before it has.
    """

    fsid: str
    host: str
    address: str
    store: bool = True
    monitor: bool = False
    manager: bool = False
    osds: tuple[Osd, ...] = ()
    answers: bool = False
    monitors: tuple[str, ...] = ()
    elsewhere: tuple[Share, ...] = ()
    thin: bool = False
    name: str = ""
    replicas: int = 0
    wish: Wish | None = None
    internal: Wish | None = None
    settings: dict[str, str] = {}

    def osd_of(self, disk: str) -> Osd | None:
        """The OSD whose data is on a disk."""
        return next((osd for osd in self.osds if osd.disk == disk), None)


def monitors(document: ClusterDocument) -> str:
    """Where a cluster's monitors are, as Ceph's `mon_host` has it."""
    return ",".join(place(each.storage) for each in control_members(document))


def place(address: str) -> str:
    """A monitor's address in Ceph's words: version 2 of its protocol alone."""
    return f"[v2:[{address}]:3300/0]" if ":" in address else f"[v2:{address}:3300/0]"


def fsid_of(machine_id: str) -> str:
    """The identity of the cluster that a node begins: the same whenever it is asked, so that a plan can say it."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"trivet pool {machine_id}"))


def made(fsid: str, what: str) -> str:
    """A UUID for a thing of a cluster that has a name there: an OSD by its disk, a partition by its OSD."""
    return str(uuid.uuid5(uuid.UUID(fsid), what))
