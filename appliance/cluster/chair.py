# SPDX-License-Identifier: Apache-2.0
"""The leader, carried out: on one control node at a time, with that node's own lease. What to do is decided by decide.py.

What is done outside of etcd is done by workers, each only while this node's lease is fresh: who was overtaken does nothing late.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from appliance.cluster.agent import VMS
from appliance.cluster.decide import decide
from appliance.cluster.guests import Reader
from appliance.cluster.keeper import Keeper, clock
from appliance.cluster.state import Action, Claim, Compare, Do, Effect, Memory, Move, Opinion, Peer, Settle, View, Waits, Write
from appliance.errors import ApplianceError
from appliance.host.etcdlease import Known, Leased
from appliance.model.cluster import ClusterDocument
from appliance.model.ha import CONFIG, FACTS, FENCES, LEADER, NODES, Beat, Facts, Fence, HaConfig
from appliance.model.timers import Timers

_SAID_AGAIN = 60.0


@dataclass
class Chair:
    """`members` is the cluster now; `opinions` are Ceph's on its nodes; `effect` does something outside of etcd: was it done?"""

    keeper: Keeper
    etcd: Leased
    timers: Timers
    members: Callable[[], ClusterDocument]
    opinions: Callable[[], dict[str, Opinion]]
    effect: Callable[[Do], bool]
    say: Callable[[str], None]
    reader: Reader = field(default_factory=Reader)
    memory: Memory = field(default_factory=Memory)
    token: int = 0
    answers: dict[tuple[Effect, str], bool] = field(default_factory=dict)
    _doing: set[tuple[Effect, str]] = field(default_factory=set)
    _said: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _workers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(8, "effect"))

    def tick(self) -> None:
        """Campaign, or lead. Never raises for what is wrong elsewhere."""
        if self.keeper.standing != "in":
            return
        try:
            known = self.etcd.look(LEADER, NODES, FACTS, FENCES, CONFIG, VMS)
            leader, me = known.get(LEADER), self.keeper.me
            own = known.get(NODES + me)
            if leader is None and own is not None:
                rests = (Compare(LEADER, 0), Compare(NODES + me, own.made, made=True))
                self.etcd.txn(rests, {LEADER: me}, self.keeper.lease)
            elif leader is not None and leader.text == me:
                self._lead(leader.made, known)
        except ApplianceError as error:
            self.say(str(error))

    def leave(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _lead(self, token: int, known: dict[str, Known]) -> None:
        if token != self.token:
            self.say("this node leads")
            self.token, self.memory, self.answers = token, Memory(), {}
        view = self._view(token, known)
        for action in decide(view, self.memory):
            if not self.keeper.fresh:
                return
            self._do(action)

    def _view(self, token: int, known: dict[str, Known]) -> View:
        config = HaConfig.model_validate_json(known[CONFIG].text) if CONFIG in known else HaConfig()
        opinions = self.opinions() if config.enabled else {}
        peers = {}
        for member in self.members().members:
            lease, facts, fence = (known.get(folder + member.name) for folder in (NODES, FACTS, FENCES))
            test = config.tests.get(member.name)
            peers[member.name] = Peer(
                name=member.name, lease=lease.made if lease else 0,
                facts=Facts.model_validate_json(facts.text) if facts else None,
                beat=Beat.model_validate_json(lease.text) if lease else None,
                fence=Fence.model_validate_json(fence.text) if fence else None, fence_revision=fence.changed if fence else 0,
                opinion=opinions.get(member.name, "unknown"), maintenance=member.maintenance, witness=member.witness,
                tested=test is not None and test.passed,
            )  # fmt: skip
        found = (self.reader.guest(key, one.text, one.changed) for key, one in known.items() if key.startswith(VMS))
        guests = {guest.name: guest for guest in found if guest}
        with self._lock:
            answers = dict(self.answers)
        return View(now=clock(), token=token, peers=peers, guests=guests, answers=answers, config=config, timers=self.timers)

    def _do(self, action: Action) -> None:
        match action:
            case Write(key, text, compares, why):
                self._write(key, text, compares, why)
            case Claim(guest, source, target, compares, why):
                self._change(guest, compares, f"{guest} goes from {source} to {target}: {why}", node=target, moving="")
            case Settle(guest, compares, why):
                self._change(guest, compares, f"{guest}: {why}", moving="")
            case Do():
                self._begin(action)
            case Move(guest, source, target, why):
                self._once(f"{guest} should go from {source} to {target}: {why}")
            case Waits(what, why):
                self._once(f"{what}: {why}")

    def _change(self, guest: str, compares: tuple[Compare, ...], why: str, **changes: str) -> None:
        record = self.reader.record(VMS + guest)
        forgotten = {"started": None, "placement": None} if "node" in changes else {}
        text = record.model_copy(update={**changes, **forgotten}).model_dump_json(exclude_defaults=True)
        self._write(VMS + guest, text, compares, why)

    def _write(self, key: str, text: str | None, compares: tuple[Compare, ...], why: str) -> None:
        done = self.etcd.txn(compares, {key: text})
        self.say(why if done else f"not written, something has changed meanwhile: {why}")

    def _begin(self, action: Do) -> None:
        key = (action.effect, action.fence)
        with self._lock:
            if key in self._doing:
                return
            self._doing.add(key)

        def work() -> None:
            done: bool | None = None
            try:
                if self.keeper.fresh:
                    done = self.effect(action)
            except ApplianceError as error:
                self.say(f"{action.effect} {action.node}: {error}")
            except Exception as error:  # nobody looks at a worker's end: whatever it is would wait there in silence
                self.say(f"{action.effect} {action.node}: {type(error).__name__}: {error}")
            finally:
                with self._lock:
                    self._doing.discard(key)
                    if done or (done is False and action.effect in ("power", "down")):
                        self.answers[key] = bool(done)

        self._workers.submit(work)

    def _once(self, text: str) -> None:
        """Said again after a while."""
        if clock() - self._said.get(text, -_SAID_AGAIN) >= _SAID_AGAIN:
            self._said[text] = clock()
            self.say(text)
