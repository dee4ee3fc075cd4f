# SPDX-License-Identifier: Apache-2.0
"""trivetd's care for the disks, beside its look at the network and never in its way: threads, each with its own pace.

The pulse reads the kernel's counters once a second, which no disk can hold up. The look asks the pool every half a minute, or at
once when the pulse finds a disk stuck, and acts. SMART is asked every ten minutes by the third: a dying disk lets its asker wait
for minutes, and nobody else.
"""

import sys
import threading
import time
from collections.abc import Callable

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.lock import only_one
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan
from appliance.model.poolreport import DiskReport, DiskSeen, PoolReport, StorageHealth
from appliance.model.poolsteps import DropCache
from appliance.model.storage import DiskHealth
from appliance.node import storage
from appliance.node.health import LOOK, STORAGE
from appliance.node.health import storage as last
from appliance.node.published import uptime
from appliance.node.trial import BUSY, LOCK
from appliance.services.storage import health, isolate, led, pool, report, slow, smart
from appliance.services.storage.mismatch import sentence

_PULSE = 1.0
_SMART = 600.0
_CALM = 60.0
"""Seconds in which a node that starts is left alone by questions to all its disks."""
_QUIET = 600.0
"""Seconds between two looks where there is no pool and no array of md has changed: only what the system stands on could break."""
_BAD = ("too slow", "stuck")
_KEPT = 20
"""Sentences about repairs that are remembered."""


class DiskWatch:
    """What is remembered between looks. `names` is the kernel's name of each disk that is watched, by that name its id."""

    def __init__(self, live: Callable[[], Host]) -> None:
        self._live = live
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._counters = slow.Disks()
        self._names: dict[str, str] = {}
        self._health: dict[str, DiskHealth] = {}
        self._links: tuple[str, ...] = ()
        self._isolated: set[str] = set()
        self._refused: dict[str, str] = {}
        self._acted: frozenset[str] = frozenset()
        self._repaired: tuple[str, ...] = ()
        self._asked: set[str] = set()
        self._moved: set[int] = set()
        self._looked = -_QUIET
        self._arrays = ""
        self._bays: dict[str, str] = {}
        self._lit: set[str] = set()
        self._said: set[tuple[str, str]] = set()

    def start(self, interval: float = LOOK) -> None:
        """Begin. The threads end with the process."""
        if (known := last(self._live())) is not None:  # of a trivetd before this one
            self._isolated = {id_ for id_, seen in known.disks.items() if seen.isolated}
            self._repaired, self._moved = known.repaired, set(known.moved)
        for work, pace in ((self.pulse, _PULSE), (self.look, interval), (self.examine, _SMART)):
            threading.Thread(target=self._forever, args=(work, pace), daemon=True, name=work.__name__).start()

    def _forever(self, work: Callable[[Host], None], pace: float) -> None:
        if work == self.examine:
            time.sleep(_CALM)
        while True:
            begun = time.monotonic()
            try:
                work(self._live())
            except Exception as error:  # whatever it is, it must not end the service that holds the node
                self._log("trivetd", f"the disks could not be looked at ({work.__name__}): {str(error) or type(error).__name__}")
            if work == self.look:
                self._wake.wait(pace)
                self._wake.clear()
            else:
                time.sleep(max(0.0, pace - (time.monotonic() - begun)))

    # -- once a second -------------------------------------------------------------------------------------------------

    def pulse(self, host: Host) -> None:
        """Count; wake the look when something has just gone bad."""
        now = slow.parse(host.files.read("/proc/diskstats") or "")
        with self._lock:
            names = dict(self._names)
            self._counters.look(time.monotonic(), {name: now[name] for name in names if name in now})
            judged = self._counters.judged([name for name in names if name in now])
        bad = {names[name] for name, found in judged.items() if found.verdict in _BAD}
        if bad - self._acted:
            self._wake.set()

    # -- every ten minutes ---------------------------------------------------------------------------------------------

    def examine(self, host: Host) -> None:
        """Ask each disk how it is."""
        if pool.made(host) is None:
            return
        found = smart.read(host, storage.inventory(host).disks)
        with self._lock:
            self._health = found

    # -- every half a minute -------------------------------------------------------------------------------------------

    def look(self, host: Host) -> None:
        """Ask the pool, act on what is bad, and write down what there is to say."""
        arrays = host.files.read("/proc/mdstat") or ""
        if pool.made(host) is None and time.monotonic() - self._looked < _QUIET and arrays == self._arrays:
            return
        self._arrays = arrays
        inventory = storage.inventory(host)
        self._looked = time.monotonic()
        self._follow(host, inventory)
        roles = storage.roles(inventory, storage.spec_of(host))
        now = report.report(host, inventory, roles, self._seen())
        if self._act(host, now):
            now = report.report(host, inventory, roles, self._seen())
        self._give_up_caches(host, inventory)
        if now.scrub.errors or self._moved:
            self._repair(host)
        found = health.alerts(now, inventory.disks, inventory.mirror)
        self._lights(host, inventory, now)
        for alert in found:
            self._log(alert.where, str(alert), alert.hint)
        self._said &= {(alert.where, alert.hint) for alert in found} | {key for key in self._said if key[0] == "trivetd"}
        kept = StorageHealth(
            at=uptime(host),
            report=now,
            alerts=found,
            disks=self._seen(),
            repaired=self._repaired,
            moved=tuple(self._moved),
        )
        host.files.write(STORAGE, kept.model_dump_json() + "\n")

    def _follow(self, host: Host, inventory: Inventory) -> None:
        """Which disks are to be watched, and whose OSDs run again."""
        osds = inventory.pool.osds if inventory.pool else ()
        used = {name for osd in osds for name in (osd.disk, osd.cache, osd.db) if name}
        running = {osd.disk for osd in osds if osd.running and osd.up}
        with self._lock:
            self._names = {led.kernel_name(host, disk): disk.id for disk in inventory.disks if disk.id in used}
            self._isolated -= running  # somebody has started it again: it is judged anew
        self._bays |= {disk.id: bay for disk in inventory.disks if (bay := led.bay(host, disk))}

    def _seen(self) -> dict[str, DiskSeen]:
        with self._lock:
            names, told = dict(self._names), dict(self._health)
            judged = {names[name]: found for name, found in self._counters.judged(names).items()}
        return {
            id_: DiskSeen(
                health=told.get(id_),
                latency=judged[id_].latency if id_ in judged else None,
                verdict=judged[id_].verdict if id_ in judged else "good",
                isolated=id_ in self._isolated,
                refused=self._refused.get(id_, ""),
            )
            for id_ in {*told, *judged, *self._isolated}
        }

    def _act(self, host: Host, now: PoolReport) -> bool:
        """Stop the OSDs of disks that are too slow or stuck, where nobody needs them. Has anything changed?"""
        before = (set(self._isolated), dict(self._refused))
        self._refused = {}
        for disk in now.disks:
            if disk.slow in _BAD and disk.osd is not None and disk.up and disk.id not in self._isolated:
                self._take_out(host, disk, disk.osd)
        self._acted = frozenset({*self._isolated, *self._refused})
        return before != (self._isolated, self._refused)

    def _take_out(self, host: Host, disk: DiskReport, osd: int) -> None:
        if why := isolate.refusal(host, osd):
            self._refused[disk.id] = why
            return
        try:
            isolate.stop(host, osd)
        except ApplianceError as error:
            self._refused[disk.id] = error.message
            return
        with self._lock:
            self._isolated.add(disk.id)

    def _give_up_caches(self, host: Host, inventory: Inventory) -> None:
        """OSDs whose SSD is gone go on without it, one after the other: each stands still for some seconds."""
        for osd in inventory.pool.osds if inventory.pool else ():
            if not osd.cache_lost or (osd.up and isolate.refusal(host, osd.id)):
                continue
            step = DropCache(osd=osd.id, uuid=osd.uuid, why="the SSD that cached for it is gone")
            try:
                with only_one(LOCK, *BUSY):
                    flow.apply(Plan(steps=(step,)), host, lambda event: None)
                self._log("storage.disks", f"OSD {osd.id} goes on without its read cache, whose SSD is gone")
            except ApplianceError as error:
                self._log("storage.disks", str(error))

    def _repair(self, host: Host) -> None:
        """Copies that differ, from those that agree; each group is asked once until it is well."""
        try:
            found = isolate.mismatches(host)
            for finding in found:
                if finding.group not in self._asked:
                    isolate.repair(host, finding)
                    self._asked.add(finding.group)
                    self._moved |= {finding.moves} if finding.primary is not None and finding.moves is not None else set()
                    self._repaired = (*self._repaired, sentence(finding))[-_KEPT:]
                    self._log("storage.scrub", sentence(finding), finding.group)
            self._asked &= {finding.group for finding in found}
            self._moved = isolate.settle(host, self._moved)
        except ApplianceError as error:
            self._log("storage.scrub", f"copies that differ could not be looked at: {error}")

    def _lights(self, host: Host, inventory: Inventory, now: PoolReport) -> None:
        """The light of a bay says which disk is dead; it goes out when another one is there, or this one works again."""
        dead = {disk.id for disk in now.disks if disk.id and _is_dead(disk)}
        dead |= {id_ for id_ in self._lit | set(self._names.values()) if id_ not in {disk.id for disk in inventory.disks}}
        wanted = {self._bays[id_]: id_ for id_ in dead if id_ in self._bays} if now.health != "stopped" else {}
        taken = {bay for id_, bay in self._bays.items() if id_ not in dead and any(disk.id == id_ for disk in inventory.disks)}
        for bay in set(wanted) - taken - self._lit:
            led.switch(host, bay, "fault", on=True, must=False)
        for bay in self._lit - (set(wanted) - taken):
            led.switch(host, bay, "fault", on=False, must=False)
        self._lit = set(wanted) - taken

    def _log(self, where: str, text: str, about: str = "") -> None:
        """One line for each thing, although the numbers in its sentence change with each look."""
        if (where, about or text) not in self._said:
            print(text, file=sys.stderr)
            self._said.add((where, about or text))


def _is_dead(disk: DiskReport) -> bool:
    return bool(disk.failing) or disk.isolated or (disk.osd is not None and not disk.up)
