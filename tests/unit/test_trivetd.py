# SPDX-License-Identifier: Apache-2.0
"""trivetd follows the address at which OVN's tunnels end, and changes nothing else then."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.errors import ApplianceError, StalePlan
from appliance.host.host import Host
from appliance.model.cluster import Member
from appliance.model.clustersteps import JoinCluster
from appliance.model.events import Started
from appliance.model.inventory import Inventory
from appliance.model.plan import ConfigureOvn, Plan, SetTimezone
from appliance.model.status import Boot
from appliance.node import service
from appliance.node.watch import Watch
from tests.unit.network import PORTS, node, spec
from tests.unit.test_net_health import ASKED, PING, answer, looking


@pytest.mark.parametrize("planned", ["10.9.0.5", ""], ids=["planned", "not planned"])
def test_trivetd_follows_the_address_of_the_tunnels(planned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when there is none: nothing could be planned for it."""
    ends = iter(["10.9.0.5", "10.9.0.5", "", "10.9.0.5", "10.9.0.7"])

    class Looking(Watch):
        def look(self, host: Host, stop: Callable[[], bool]) -> None:
            self.tunnels = next(ends)

    monkeypatch.setenv("TRIVET_LOOK_SECONDS", "0.01")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
    try:
        assert service.wait(Looking(), None, planned) is None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert list(ends) == []


def test_a_look_knows_where_tunnels_are_to_end() -> None:
    host, _ = looking({f"{PING} -M do -s 1472 10.0.0.1": answer(0), ASKED: answer(1)})
    watch = Watch()
    watch.look(host, stop=lambda: False)
    assert watch.tunnels == "", "there is no OVN"
    overlay = {"nics": [{"mac": PORTS[1]}], "address": "10.9.0.5/24"}
    watch.look(looking({}, overlay=overlay)[0], stop=lambda: False)
    assert watch.tunnels == "10.9.0.5"


def test_what_failed_is_not_forgotten_when_only_the_tunnels_follow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(service, "LOCK", tmp_path / "lock")
    asked: list[type | None] = []

    def converge(host: Host, only: type | None = None) -> Boot:
        asked.append(only)
        return Boot(applied=("run OVN",), tunnels="10.9.0.7")

    monkeypatch.setattr(service, "converge", converge)
    before = Boot(applied=("configure the network",), failed="port 3 is gone", tunnels="10.9.0.5")
    now = service.alone(node(), before, ConfigureOvn)
    assert (now.failed, now.tunnels, now.applied) == ("port 3 is gone", "10.9.0.7", ("configure the network", "run OVN"))
    assert service.alone(node(), before).failed == ""
    assert asked == [ConfigureOvn, None]


def test_only_steps_of_one_kind_are_carried_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else differs stays for `trivet apply`."""
    wish = spec(storage=None, overlay=None)
    steps = (SetTimezone(zone="Asia/Shanghai", why=""), ConfigureOvn(chassis=None, why=""))
    done: list[Plan] = []
    monkeypatch.setattr(service, "wanted", lambda host, inventory: (wish, "", Plan(steps=steps)))
    monkeypatch.setattr(service, "live", lambda secrets: None)
    monkeypatch.setattr(service.flow, "inspect", lambda host: Inventory())
    monkeypatch.setattr(service.flow, "apply", lambda plan, host, emit: done.append(plan))
    monkeypatch.setattr(service, "Journal", Unwritten)
    service.converge(node(), ConfigureOvn)
    service.converge(node())
    assert [plan.steps for plan in done] == [steps[1:], steps]


def test_who_is_told_to_end_begins_no_other_step(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def apply(plan: Plan, host: Host, emit: Callable[[Started], None]) -> None:
        for number, step in enumerate(plan.steps, 1):
            emit(Started(step=step.id, title=str(step), index=number, total=len(plan.steps)))
            done.append(step.id)
            signal.raise_signal(signal.SIGTERM)

    steps = (SetTimezone(zone="Asia/Shanghai", why=""), ConfigureOvn(chassis=None, why=""))
    monkeypatch.setattr(service, "wanted", lambda host, inventory: (spec(storage=None, overlay=None), "", Plan(steps=steps)))
    monkeypatch.setattr(service, "live", lambda secrets: None)
    monkeypatch.setattr(service.flow, "inspect", lambda host: Inventory())
    monkeypatch.setattr(service.flow, "apply", apply)
    monkeypatch.setattr(service, "Journal", Unwritten)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        failed = service.converge(node()).failed
        assert signal.sigtimedwait({signal.SIGTERM}, 0), "it is still there for who waits for it"
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert done == [steps[0].id]
    assert "told to end" in failed


@pytest.mark.parametrize(("overtaken", "failed"), [(1, ""), (3, ""), (9, "the disk is blank")])
def test_a_plan_that_the_machine_has_overtaken_is_made_anew(overtaken: int, failed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for ever."""
    steps = (SetTimezone(zone="Asia/Shanghai", why=""),)
    looks: list[int] = []

    def apply(plan: Plan, host: Host, emit: object) -> None:
        looks.append(len(looks))
        if len(looks) <= overtaken:
            raise StalePlan("the disk is blank")

    monkeypatch.setattr(service, "wanted", lambda host, inventory: (spec(storage=None, overlay=None), "", Plan(steps=steps)))
    monkeypatch.setattr(service, "live", lambda secrets: None)
    monkeypatch.setattr(service.flow, "inspect", lambda host: Inventory())
    monkeypatch.setattr(service.flow, "apply", apply)
    monkeypatch.setattr(service, "Journal", Unwritten)
    assert service.converge(node()).failed == failed
    assert len(looks) == min(overtaken, 3) + 1


class Unwritten:
    """A journal of which nothing is kept."""

    path = ""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> "Unwritten":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def plan(self, plan: Plan) -> None:
        pass

    def event(self, event: object) -> None:
        pass


def test_who_is_to_join_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the cluster answered or not: a member's plan is another one."""
    me = Member(name="n1", machine_id="1" * 32, serial=0, address="10.0.0.1", storage="10.0.0.1")
    step = JoinCluster(why="cluster.join", address="10.0.0.9", member=me, addresses=())
    monkeypatch.setattr(service.flow, "inspect", lambda host: Inventory())
    monkeypatch.setattr(service, "wanted", lambda host, inventory: (spec(), "", Plan(steps=(step,))))

    def apply(plan: Plan, host: Host, emit: object) -> None:
        raise ApplianceError("10.0.0.9 does not answer")

    monkeypatch.setattr(service, "Journal", Unwritten)
    monkeypatch.setattr(service, "live", lambda secrets: None)
    monkeypatch.setattr(service.flow, "apply", apply)
    now = service.converge(node())
    assert (now.waits, now.failed) == (True, "10.0.0.9 does not answer")
