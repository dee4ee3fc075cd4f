# SPDX-License-Identifier: Apache-2.0
"""HA on this node: the process that keeps its lease and, on one node, leads; the test of its fencing; what is wanted of it."""

import signal
import sys
import threading
from datetime import UTC, datetime
from types import FrameType

from appliance.cluster import effects
from appliance.cluster.chair import Chair
from appliance.cluster.keeper import Keeper, clock
from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host import fenceprobe
from appliance.host.etcd import Store
from appliance.host.etcdlease import Leased
from appliance.host.host import Host
from appliance.host.live import live
from appliance.host.watchdog import DEVICE, Watchdog
from appliance.model.cluster import COPY, ClusterDocument, member
from appliance.model.ha import CONFIG, FenceTest, HaConfig
from appliance.model.problem import Problem
from appliance.model.timers import Timers, timers
from appliance.node import vms
from appliance.node.status import followed
from appliance.services.cluster.store import store

UNIT = "trivet-ha.service"
_POOL = "vms"
_LOOK = 5.0


class Waiting(ApplianceError):
    """There is nothing to do yet."""


def document(host: Host) -> ClusterDocument:
    """The cluster as this node knows it. Waiting when it is in none."""
    text = host.files.read(COPY)
    if text is None:
        raise Waiting("this node is in no cluster", "HA is for two nodes and more: see `trivet cluster`")
    return ClusterDocument.model_validate_json(text)


def guarded(host: Host, documents: Store) -> bool:
    """Does HA start the VMs of this node that it guards?"""
    return host.files.read(COPY) is not None and config(documents)[0].enabled


def begin(host: Host) -> None:
    """Have the process run where there is a cluster. Said again it changes nothing."""
    if host.files.read(COPY) is not None:
        host.run(["systemctl", "--no-block", "start", UNIT], check=False)


def run() -> None:
    """The process, until a signal comes."""
    host = live()
    spec, _ = followed(host)
    document(host)
    block = timers(emulated=spec.hypervisor is not None and spec.hypervisor.emulation)
    ended = threading.Event()

    def stop(_: int, __: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    keeper, chair = made(host, spec.node.name, block, ended)
    threading.Thread(target=keeper.guard, args=(ended,), daemon=True, name="guard").start()
    while not ended.is_set():
        begun = clock()
        keeper.tick()
        if chair is not None:
            chair.tick()
        ended.wait(max(0.1, block.look - (clock() - begun)))
    keeper.leave()
    if chair is not None:
        chair.leave()


def made(host: Host, name: str, block: Timers, ended: threading.Event) -> tuple[Keeper, Chair | None]:
    """The two loops of a node; the second one on control nodes alone."""
    documents = store(host, block.answer)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    pool = _Pool(host, block, ended)
    keeper = Keeper(
        host=host, here=lambda: vms.here(host, documents), etcd=Leased(documents), me=name, timers=block,
        watchdog=Watchdog(block.watchdog), say=say, reaches_pool=pool.reached,
    )  # fmt: skip
    own = member(document(host), name)
    if own is None or not own.control:
        return keeper, None
    chair = Chair(
        keeper=keeper, etcd=Leased(documents), timers=block, say=say,
        members=lambda: document(host), opinions=lambda: pool.opinions,
        effect=lambda action: effects.carry_out(host, document(host), action),
    )  # fmt: skip
    return keeper, chair


class _Pool:
    """The pool is asked by a thread of its own: it may not answer for as long as it likes."""

    def __init__(self, host: Host, block: Timers, ended: threading.Event) -> None:
        self._host, self._block, self._ended = host, block, ended
        self._heard = clock()
        self.opinions = effects.opinions(host)
        threading.Thread(target=self._ask, daemon=True, name="pool").start()

    def reached(self) -> bool:
        return clock() - self._heard < self._block.plane

    def _ask(self) -> None:
        while not self._ended.wait(min(_LOOK, self._block.look)):
            if found := effects.opinions(self._host):
                self.opinions, self._heard = found, clock()


# -- what is wanted ------------------------------------------------------------------------------------------------------


def config(documents: Store) -> tuple[HaConfig, int]:
    """What is wanted, and its revision; 0 where nobody has said anything yet."""
    entry = documents.get(CONFIG)
    return (HaConfig.model_validate_json(entry.text), entry.revision) if entry else (HaConfig(), 0)


def test(host: Host, documents: Store) -> FenceTest:
    """Test this node's fencing, and write down what came of it."""
    spec, _ = followed(host)
    unfenced = why = fenceprobe.refused(host.ceph, _POOL)
    watchdog = Watchdog(0, DEVICE).there
    wanted, revision = config(documents)
    if not why and not watchdog and not wanted.without_watchdog:
        why = "this node has no watchdog: modprobe softdog gives it one, or say --without-watchdog"
    found = FenceTest(
        node=spec.node.name, passed=not why, blocklist=not unfenced, watchdog=watchdog, why=why,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip
    changed = wanted.model_copy(update={"tests": {**wanted.tests, found.node: found}})
    documents.put(CONFIG, changed.model_dump_json(), revision)
    return found


def change(host: Host, documents: Store, **changes: object) -> HaConfig:
    """Change what is wanted. Unsatisfiable when HA is to be on and a node's fencing has not passed its test."""
    wanted, revision = config(documents)
    changed = HaConfig.model_validate(wanted.model_copy(update=changes).model_dump())
    if changed.enabled and not wanted.enabled:
        problems = [problem for each in document(host).members if not each.witness for problem in _untested(changed, each.name)]
        if problems:
            raise Unsatisfiable(problems)
    documents.put(CONFIG, changed.model_dump_json(), revision)
    return changed


def _untested(wanted: HaConfig, name: str) -> list[Problem]:
    test_ = wanted.tests.get(name)
    if test_ is not None and test_.passed:
        return []
    said = f"the fencing of {name} has failed its test: {test_.why}" if test_ else f"the fencing of {name} was never tested"
    return [Problem(where="", message=said, hint=f"say `trivet ha test` on {name}")]

