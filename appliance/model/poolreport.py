# SPDX-License-Identifier: Apache-2.0
"""The pool as it is at this moment: health, what is free, what is being rebuilt, and each disk with what it does.

Apart from the inventory, which is what a machine has: bytes, latencies and temperatures change all the time, and a plan made
from them would never be the same twice.
"""

from typing import Literal

from appliance.model.base import Model
from appliance.model.netreport import Alert
from appliance.model.storage import DiskHealth

DiskRole = Literal["system", "cache", "data", "spare", "none"]
Word = Literal["none", "healthy", "warning", "checking", "rebuilding", "degraded", "at risk", "full", "stopped"]
"""Health, from the best to the worst; "none" is a node without a pool.

`warning` is something that Ceph complains of and that touches no data; `checking` is a pool that makes itself ready;
`degraded` has fewer copies than it shall have; `at risk` has data of which there is one copy or none; `full` takes no more
writes; `stopped` does not answer.
"""


class CacheReport(Model):
    """The SSD's part under a disk: `disk` is the SSD's id; `works` is whether it serves reads now.

    Reads that it answered (`hits`) and those that the disk did (`misses`), since it was set up.
    """

    disk: str = ""
    works: bool = True
    hits: int = 0
    misses: int = 0

    @property
    def ratio(self) -> float | None:
        """From 0 to 1; None before the first read."""
        reads = self.hits + self.misses
        return self.hits / reads if reads else None


class DiskReport(Model):
    """A disk of this node, or an OSD whose disk is gone (`id` is "" then, and the rest what the pool remembers).

    `used` and `room` are bytes of its OSD. `temperature` in degrees, `wear` in percent of what an SSD can bear, None where the
    disk does not say. `latency` is milliseconds of work for a request, over the last minutes; None without requests.
    `failing` is what it says of itself that is wrong, in words, "" for nothing; `slow` what the kernel's counters say.
    `isolated`: taken out of the pool for that; `refused` is why not. `running`: its OSD's daemon is.
    """

    id: str = ""
    label: str = ""
    serial: str = ""
    size: int = 0
    slot: str = ""
    role: DiskRole = "none"
    why: str = ""
    osd: int | None = None
    device_class: str = ""
    up: bool = False
    in_: bool = False
    used: int = 0
    room: int = 0
    temperature: int | None = None
    wear: int | None = None
    latency: float | None = None
    failing: str = ""
    slow: Literal["", "slow", "too slow", "stuck"] = ""
    isolated: bool = False
    refused: str = ""
    running: bool = False
    cache: CacheReport | None = None
    db: str = ""
    led: bool | None = None

    @property
    def name(self) -> str:
        """By what a person finds it: its slot, its serial, or what is left of it."""
        if self.slot:
            return f"slot {self.slot}"
        return self.serial or self.id or f"OSD {self.osd}"


class Rebuild(Model):
    """Copies that are being made again: objects that have too few, those that lie elsewhere than they shall, and how fast.

    `rate` in bytes a second, `left` in bytes; `eta` in seconds, None while nothing moves.
    """

    degraded: int = 0
    misplaced: int = 0
    unfound: int = 0
    left: int = 0
    rate: int = 0
    eta: int | None = None


class Scrub(Model):
    """The check of copies against each other: placement groups at it now, the oldest check that counts, what it found.

    `light` and `deep` are times (ISO 8601) of the group that was checked longest ago, "" for none yet. `damaged` are groups whose
    copies differ, `errors` how many mismatches there are, `repairing` how many groups are being repaired.
    """

    running: int = 0
    light: str = ""
    deep: str = ""
    damaged: tuple[str, ...] = ()
    errors: int = 0
    repairing: int = 0


class HostReport(Model):
    """A host with disks in the pool: how many OSDs, of those how many at work and how many in; bytes used, and of how many."""

    name: str
    osds: int = 0
    up: int = 0
    in_: int = 0
    used: int = 0
    room: int = 0


class PoolReport(Model):
    """`reason` is why it is `health` and not better, as a sentence. Sizes in bytes: `raw` of all disks, `usable` for data.

    `hosts` are all that have OSDs, `disks` those of this node. `monitors` are by name, those that do not answer in `silent`, too.
    """

    name: str = ""
    fsid: str = ""
    health: Word = "none"
    reason: str = ""
    replicas: int = 0
    least: int = 0
    raw: int = 0
    raw_used: int = 0
    usable: int = 0
    used: int = 0
    objects: int = 0
    osds: int = 0
    osds_up: int = 0
    osds_in: int = 0
    priority: str = ""
    rebuild: Rebuild = Rebuild()
    scrub: Scrub = Scrub()
    checks: tuple[tuple[str, str], ...] = ()
    hosts: tuple[HostReport, ...] = ()
    monitors: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    disks: tuple[DiskReport, ...] = ()


class DiskSeen(Model):
    """What trivetd knows of a disk from the last minutes. `verdict` is `services/storage/slow.py`'s: good, slow, too slow, stuck.

    `isolated`: trivetd has stopped its OSD for that; `refused` is why it has not, although it would have to.
    """

    health: DiskHealth | None = None
    latency: float | None = None
    verdict: Literal["good", "slow", "too slow", "stuck"] = "good"
    isolated: bool = False
    refused: str = ""


class StorageHealth(Model):
    """What trivetd saw when it looked last (/run/trivet/storage.json): `at` in seconds since the start of the machine.

    `disks` by id. `repaired` are sentences about copies that differed, the latest last; `moved` the OSDs that are primary of
    nothing until a repair is over.
    """

    at: float
    report: PoolReport = PoolReport()
    alerts: tuple[Alert, ...] = ()
    disks: dict[str, DiskSeen] = {}
    repaired: tuple[str, ...] = ()
    moved: tuple[int, ...] = ()


class StorageView(Model):
    """What `trivet storage` prints. `looked` is how many seconds ago trivetd looked for alerts, None for not yet.

    `repaired` are sentences about copies that differed.
    """

    report: PoolReport
    looked: float | None = None
    alerts: tuple[Alert, ...] = ()
    repaired: tuple[str, ...] = ()
