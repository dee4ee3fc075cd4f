# SPDX-License-Identifier: Apache-2.0
"""A node's part of HA, carried out: its lease, its watchdog, its VMs. What to do is decided by agent.py.

Nothing here waits for long: VMs are started and stopped by workers, and while one of those is at it the node is not clean. A
lease is renewed with a time limit under which an answer still counts.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from appliance.cluster.agent import VMS, Arrived, Begin, Deed, Enter, Halt, Migrate, NodeView, Pat, Standing, act, standing
from appliance.cluster.guests import Reader
from appliance.cluster.state import Compare, Guest
from appliance.errors import ApplianceError
from appliance.host.etcdlease import Known, Leased
from appliance.host.host import Host
from appliance.host.watchdog import Watchdog
from appliance.model.ha import CONFIG, FACTS, FENCES, NODES, Beat, Facts, Fence, HaConfig
from appliance.model.timers import Timers
from appliance.services.vm import life
from appliance.services.vm.observe import states, unmark
from appliance.services.vm.records import Here

_FACTS = 30.0
_BOOT = "/proc/sys/kernel/random/boot_id"


def clock() -> float:
    """Goes on while the machine is suspended, and never back."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Keeper:
    """`here` is made anew for each use: the spec may change. `reaches_pool` says whether the storage plane carries."""

    host: Host
    here: Callable[[], Here]
    etcd: Leased
    me: str
    timers: Timers
    watchdog: Watchdog
    say: Callable[[str], None]
    reaches_pool: Callable[[], bool] = lambda: True
    sent: float | None = None
    lease: int = 0
    acked: str = ""
    config: HaConfig = HaConfig()  # noqa: RUF009 - frozen
    reader: Reader = field(default_factory=Reader)
    _renewed: float = 0.0
    _told: float = 0.0
    _beat: Beat | None = None
    _guests: dict[str, Guest] = field(default_factory=dict)
    _busy: set[str] = field(default_factory=set)
    _migrating: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "vm"))

    @property
    def fresh(self) -> bool:
        """May this node say of itself that it has its lease, at this very moment?"""
        return self.sent is not None and clock() - self.sent < self.timers.patience

    def tick(self) -> None:
        """Renew, look, act. Never raises for what is wrong elsewhere."""
        self._renew()
        running = states(self.host)
        try:
            known = self.etcd.look(FENCES + self.me, NODES + self.me, CONFIG, VMS)
            view = self._seen(known, running)
            self._perform(act(view))
            if standing(view) in ("in", "fenced"):
                self._publish(view)
        except ApplianceError as error:
            self.say(str(error))

    def guard(self, ended: threading.Event) -> None:
        """Stop the VMs as soon as the lease is late. In a thread of its own: who is cut off waits in `tick` for each answer."""
        while not ended.wait(self.timers.look / 4):
            view = self._view(self._guests, states(self.host))
            if standing(view) == "late":
                self._perform(act(view))

    def leave(self) -> None:
        """This process ends, and that is meant: VMs go on, the watchdog is off, the lease is left to whoever begins next."""
        self.watchdog.off()
        self._workers.shutdown(wait=False, cancel_futures=True)

    # -- the lease ----------------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        now = clock()
        if self.sent is None or now - self._renewed < self.timers.renew:
            return
        try:
            there = self.etcd.renew(self.lease)
        except ApplianceError as error:
            self.say(f"the lease is not renewed: {error}")
            return  # at once again
        self._renewed = now
        if not there:
            self.say("the lease has ended")
            self.sent, self.lease = None, 0
        elif clock() - now <= self.timers.answer:
            self.sent = now
            if self.config.enabled:
                self.watchdog.pat()
            else:
                self.watchdog.off()

    def _enter(self, deed: Enter) -> None:
        now = clock()
        lease = self.etcd.grant(self.timers.ttl)
        beat = self._now(deed.acked, ())
        if not self.etcd.txn(deed.compares, {NODES + self.me: beat.model_dump_json()}, lease):
            self.etcd.revoke(lease)
            return
        old, self.lease = self.lease, lease
        if clock() - now <= self.timers.answer:
            self.sent = self._renewed = now
            self.acked, self._beat = deed.acked, beat
            self.say(f"this node has a lease{'; nothing of before runs on it' if deed.acked else ''}")
        if old:
            self.etcd.revoke(old)

    # -- what it knows ------------------------------------------------------------------------------------------------

    def _view(self, guests: dict[str, Guest], running: Iterable[str]) -> NodeView:
        with self._lock:
            busy, migrating = frozenset(self._busy), frozenset(self._migrating)
        return NodeView(
            me=self.me, now=clock(), sent=self.sent, lease=0, fence=None, fence_revision=0, guests=guests,
            running=frozenset(running), starting=busy, migrating=migrating, acked=self.acked, enabled=self.config.enabled,
            timers=self.timers,
        )  # fmt: skip

    def _seen(self, known: dict[str, Known], running: Collection[str]) -> NodeView:
        config, fence, lease = (known.get(key) for key in (CONFIG, FENCES + self.me, NODES + self.me))
        self.config = HaConfig.model_validate_json(config.text) if config else HaConfig()
        found = {key: self.reader.guest(key, one.text, one.changed) for key, one in known.items() if key.startswith(VMS)}
        mine = {guest.name: guest for guest in found.values() if guest and (self._concerns(guest) or guest.name in running)}
        self._guests = mine
        return replace(
            self._view(mine, running),
            fence=Fence.model_validate_json(fence.text) if fence else None,
            fence_revision=fence.changed if fence else 0,
            lease=lease.made if lease else 0,
        )

    def _concerns(self, guest: Guest) -> bool:
        return self.me in (guest.node, guest.moving)

    # -- what it does -------------------------------------------------------------------------------------------------

    def _perform(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            match deed:
                case Pat():
                    pass  # at the answer to a renewal, and at nothing else
                case Halt(guest, why):
                    self._work(guest, partial(self._halt, guest, why))
                case Begin(guest, compares):
                    self._work(guest, partial(self._begin, guest, compares))
                case Enter():
                    self._enter(deed)
                case Migrate(guest, target):
                    self.say(f"{guest} is to be moved to {target}")
                case Arrived(guest, compares):
                    record = self.reader.record(VMS + guest)
                    text = record.model_copy(update={"node": record.moving, "moving": ""}).model_dump_json(exclude_defaults=True)
                    self.etcd.txn(compares, {VMS + guest: text})

    def _work(self, guest: str, what: Callable[[], None]) -> None:
        """One thing at a time for each VM."""
        with self._lock:
            if guest in self._busy:
                return
            self._busy.add(guest)

        def work() -> None:
            try:
                what()
            except ApplianceError as error:
                self.say(f"{guest}: {error}")
            except Exception as error:  # nobody looks at a worker's end: whatever it is would be lost there
                self.say(f"{guest}: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._busy.discard(guest)

        self._workers.submit(work)

    def _halt(self, guest: str, why: str) -> None:
        self.say(f"{guest} is stopped: {why}")
        unmark(self.host, guest)  # it was not switched off from within
        self.host.run([*life.VIRSH, "destroy", guest], check=False)

    def _begin(self, guest: str, compares: tuple[Compare, ...]) -> None:
        """The document is written first, if all that it rests on holds; and the start itself compares with that."""
        here = self.here()
        with here.alone(guest):
            if guest in states(self.host):
                return  # somebody has just started it, and its document said so before
            record = self.reader.record(VMS + guest)
            text = record.model_copy(update={"started": None, "placement": None}).model_dump_json(exclude_defaults=True)
            if self.fresh and self.etcd.txn(compares, {VMS + guest: text}):
                life.start_alone(here, guest)
                self.say(f"{guest} runs")

    # -- what it says -------------------------------------------------------------------------------------------------

    def _now(self, acked: str, running: Iterable[str]) -> Beat:
        boot = self.host.files.read(_BOOT) or ""
        return Beat(node=self.me, boot=boot, acked=acked, storage=self.reaches_pool(), running=tuple(sorted(running)))

    def _publish(self, view: NodeView) -> None:
        """Its sign of life, when it has changed; what it has for VMs, now and then."""
        beat = self._now(self.acked, view.running - view.starting)
        if beat != self._beat and self.fresh and view.lease:
            rests = (Compare(NODES + self.me, view.lease, made=True),)
            if self.etcd.txn(rests, {NODES + self.me: beat.model_dump_json()}, self.lease):
                self._beat = beat
        if clock() - self._told >= _FACTS:
            self._told = clock()
            self.etcd.txn((), {FACTS + self.me: self._facts().model_dump_json()})

    def _facts(self) -> Facts:
        cells = self.here().cells
        cpus = sum(len(cell.cpus) for cell in cells) or 1
        load = float((self.host.files.read("/proc/loadavg") or "0").split()[0]) / cpus
        return Facts(node=self.me, cpus=cpus, memory=sum(cell.memory for cell in cells), cells=cells, load=round(load, 2))

    @property
    def standing(self) -> Standing:
        """As of now."""
        return standing(self._view({}, ()))
