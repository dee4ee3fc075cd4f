# SPDX-License-Identifier: Apache-2.0
"""Verbs of the pool: Ceph on this node, made and changed. None of them holds a key: handlers let Ceph make them, in files."""

from typing import Literal

from appliance.model.base import Model
from appliance.model.pool import DeviceClass, Wish
from appliance.model.step import BaseStep
from appliance.model.units import format_size


class FastPart(Model):
    """A partition of an SSD for one OSD, a read cache before it or its database.

    `table` and `uuid` are the GUIDs of the partition table that is ours, and of the partition; `size` in MiB. The SSD holds our
    table already, or what `expects` is the fingerprint of, or the plan is stale.
    """

    disk: str
    expects: str
    table: str
    uuid: str
    size: int
    use: Literal["cache", "db"]


class MakeMonitor(BaseStep):
    """Make the cluster `fsid`: keys, a map with this one monitor, and its store."""

    kind: Literal["make-monitor"] = "make-monitor"
    fsid: str
    host: str
    address: str

    def __str__(self) -> str:
        return f"make a pool, with its monitor at {self.address}"


class AddMonitor(BaseStep):
    """Give this node a monitor of the pool `fsid` that is there: its store, made of what the others know.

    It becomes one of them when it is started: until then nobody counts on it.
    """

    kind: Literal["add-monitor"] = "add-monitor"
    fsid: str
    host: str
    address: str

    def __str__(self) -> str:
        return f"give the pool another monitor, at {self.address}"


class RemoveMonitor(BaseStep):
    """Take a host's monitor and manager out of the pool; refused while the others could not go on without it.

    `here`: it is this node's own, whose store goes, too.
    """

    kind: Literal["remove-monitor"] = "remove-monitor"
    host: str
    here: bool = True

    def __str__(self) -> str:
        return f"take the monitor of {self.host} out of the pool"


class RunMonitor(BaseStep):
    """Start the monitor, or let it find its new `address`."""

    kind: Literal["run-monitor"] = "run-monitor"
    host: str
    address: str

    def __str__(self) -> str:
        return "start the pool's monitor"


class RunManager(BaseStep):
    """Start the manager; at the first time it gets a key."""

    kind: Literal["run-manager"] = "run-manager"
    host: str

    def __str__(self) -> str:
        return "start the pool's manager"


class AddOsd(BaseStep):
    """Make a disk part of the pool. `expects` is the fingerprint of what the person agreed to lose.

    `fast` is the SSD's part, if it has one: then it stands on a logical volume (`cache`), or has its database there (`db`).
    """

    kind: Literal["add-osd"] = "add-osd"
    disk: str
    expects: str
    fsid: str
    uuid: str
    device_class: DeviceClass
    fast: FastPart | None = None

    def __str__(self) -> str:
        with_ = f", with {'a read cache' if self.fast.use == 'cache' else 'its database'} of " if self.fast else ""
        part = f"{format_size(self.fast.size * 2**20)} on {self.fast.disk}" if self.fast else ""
        return f"take {self.disk} into the pool{with_}{part}"


class StartOsd(BaseStep):
    """Start the daemon of an OSD that is there, on its logical volume with `lvm`, with its database on an SSD with `db`.

    It does not wait for the pool to be well."""

    kind: Literal["start-osd"] = "start-osd"
    osd: int
    uuid: str
    disk: str
    lvm: bool = False
    db: bool = False

    def __str__(self) -> str:
        return f"start osd.{self.osd} on {self.disk}"


class RemoveOsd(BaseStep):
    """Take an OSD out of the pool for good, and erase its disk if that is there.

    Refused while data would be lost. `disk` is "" when it is gone already; `cache` is the SSD that has a part of it. What is on
    it is copied to others first; with `degraded` it is enough that everything stays readable.
    """

    kind: Literal["remove-osd"] = "remove-osd"
    osd: int
    uuid: str
    disk: str = ""
    cache: str = ""
    lvm: bool = False
    degraded: bool = False
    fsid: str

    def __str__(self) -> str:
        return f"take osd.{self.osd} out of the pool" + (f", and erase {self.disk}" if self.disk else "")


class DropCache(BaseStep):
    """Let an OSD whose cache SSD is gone go on without a cache. Nothing is lost: the cache is written through."""

    kind: Literal["drop-cache"] = "drop-cache"
    osd: int
    uuid: str

    def __str__(self) -> str:
        return f"let osd.{self.osd} go on without its cache, which is gone"


class AddCache(BaseStep):
    """Give an OSD on a logical volume a read cache, while it runs."""

    kind: Literal["add-cache"] = "add-cache"
    osd: int
    uuid: str
    fast: FastPart

    def __str__(self) -> str:
        return f"give osd.{self.osd} a read cache of {format_size(self.fast.size * 2**20)} on {self.fast.disk}"


class ConfigurePool(BaseStep):
    """Make the pool for VMs' disks, or make it what it shall be: copies, what no two of them share, placement groups."""

    kind: Literal["configure-pool"] = "configure-pool"
    pool: str
    wish: Wish

    def __str__(self) -> str:
        apart = "hosts" if self.wish.domain == "host" else "disks"
        copies = f"{self.wish.replicas} copies on different {apart}" if self.wish.replicas > 1 else "one copy"
        return f"keep the pool {self.pool}, {copies}"


class TunePool(BaseStep):
    """Settings of Ceph's daemons, by "who/name", in the monitor's keeping."""

    kind: Literal["tune-pool"] = "tune-pool"
    settings: dict[str, str]

    def __str__(self) -> str:
        return "set the pool's memory, scrub hours and priorities"
