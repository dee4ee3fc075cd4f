# SPDX-License-Identifier: Apache-2.0
"""HA's own code against a simulated cluster, through what goes wrong; and the proof that the simulator sees what it looks for."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.cluster.state import Guest
from appliance.model.ha import FENCES, LEADER, HaConfig
from appliance.model.timers import NORMAL
from tests.sim.faults import KINDS, Fault, drawn
from tests.sim.runs import run
from tests.sim.world import Options, Violation, World

FAULTS = st.lists(
    st.builds(
        Fault, at=st.floats(0, 60), kind=st.sampled_from(KINDS), host=st.integers(0, 4),
        seconds=st.sampled_from((0.5, 3.0, 7.0, 9.0, 12.0, 20.0, 45.0)),
    ),
    min_size=1, max_size=5,
)  # fmt: skip
SMALL = Options(hosts=5, guests=15)
LARGE = Options(hosts=200, guests=5000, controls=5, memory=128 * 2**30)


def options(seed: int, watchdogs: bool, bmcs: bool, lost: float) -> Options:
    return replace(SMALL, seed=seed, watchdogs=watchdogs, bmcs=bmcs, lost_answers=lost)


OPTIONS = st.builds(options, st.integers(0, 10_000), st.booleans(), st.booleans(), st.sampled_from((0.0, 0.05)))


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(OPTIONS, FAULTS)
def test_never_two_writers_and_all_runs_again(chosen: Options, faults: list[Fault]) -> None:
    run(chosen, faults)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(OPTIONS, FAULTS)
def test_never_two_writers_over_many_runs(chosen: Options, faults: list[Fault]) -> None:
    run(chosen, faults)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_two_hundred_nodes_with_five_thousand_vms(seed: int, record_property: pytest.RecordProperty) -> None:
    large = replace(LARGE, seed=seed, watchdogs=bool(seed % 2), lost_answers=0.01)
    begun = time.process_time()
    world = run(large, drawn(seed, 20, 60.0))
    record_property("slowest decision", max(world.decided))
    assert max(world.decided) < 1.0
    assert len(world.decided) > 200
    print(f"\n{seed}: slowest of {len(world.decided)} decisions {max(world.decided):.3f} s; {time.process_time() - begun:.0f} s")


def test_sixty_of_two_hundred_nodes_at_once_are_decided_within_a_second() -> None:
    """A row of racks loses its power: the slowest decisions are those that claim its VMs."""
    world = World(LARGE)
    world.populate()
    world.run(8)
    for number in range(100, 160):
        world.hosts[f"n{number}"].off(None)
    world.run(60)
    assert max(world.decided) < 1.0
    owners = {guest.node for guest in world.guests().values() if guest.ha}
    assert not owners & {f"n{number}" for number in range(100, 160)}


def claimed_after(world: World, host: str, seconds: float) -> float:
    """Virtual seconds from the power going to the last of a host's VMs running elsewhere."""
    world.populate()
    world.run(30)
    lost = [name for name, guest in world.guests().items() if guest.node == host and guest.ha]
    gone = world.now
    world.hosts[host].off(None)
    while not all(world.holders.get(name) for name in lost):
        world.run(0.5)
        assert world.now - gone < seconds, [name for name in lost if not world.holders.get(name)]
    return world.now - gone


@pytest.mark.parametrize("bmcs", [True, False])
def test_a_dead_nodes_first_vms_run_elsewhere_within_half_a_minute(bmcs: bool) -> None:
    for seed in range(5):
        world = World(replace(SMALL, seed=seed, bmcs=bmcs))
        assert claimed_after(world, "n5", 45) < 40, "all of them, with one order after the other"
        first = [line for line in world.history if " runs on " in line and float(line.split()[0]) > 1030]
        assert float(first[0].split()[0]) - 1030 < 30, first[0]


# -- what the simulator would see ---------------------------------------------------------------------------------------

FROZEN = [Fault(1, "freeze", 4, 60)]
CUT = [Fault(1, "etcd", 4, 60)]

def violated(chosen: Options, faults: list[Fault], runs: int = 1) -> str:
    """The first sentence of what is found within so many seeds, "" for nothing."""
    for seed in range(runs):
        try:
            run(replace(chosen, seed=seed), faults)
        except Violation as found:
            return str(found).splitlines()[0]
    return ""


def test_without_the_blocklist_a_node_that_wakes_up_writes() -> None:
    awake = replace(SMALL, watchdogs=False, bmcs=False)
    assert violated(awake, FROZEN) == ""
    assert "two writers" in violated(replace(awake, wrong=frozenset({"no fence"})), FROZEN, 3)


def test_without_the_wait_a_vm_is_on_the_network_twice() -> None:
    wrong = {"ttl": 4.5, "doubt": 0.0, "margin": 0.0, "patience": 18.0, "watchdog": 20.0}
    hasty = NORMAL.model_construct(**{**NORMAL.model_dump(), **wrong})
    chosen = replace(SMALL, bmcs=False)
    assert violated(chosen, CUT) == ""
    assert "twice" in violated(replace(chosen, timers=hasty), CUT, 3)


def test_when_a_node_says_too_early_that_nothing_runs_its_vms_have_two_writers() -> None:
    awake = replace(SMALL, watchdogs=False, bmcs=False, wrong=frozenset({"early ack"}))
    assert "two writers" in violated(awake, FROZEN, 3)


def overtaken(chosen: Options) -> World:
    """A leader has decided who gets a dead node's VMs, stands still before it says so, and goes on when another one leads."""
    world = World(chosen)
    world.populate()
    world.run(30)
    world.hosts["n5"].off(None)
    while (fence := world.etcd.value(FENCES + "n5")) is None or fence.stage != "safe":
        world.run(0.05)
    leader = world.hosts[world.etcd.value(LEADER)]
    leader.slow = 20.0
    world.run(1.5)
    leader.freeze(40)
    world.run(200)
    return world


def test_without_compares_a_leader_that_was_overtaken_takes_vms_away() -> None:
    chosen = replace(SMALL, watchdogs=False, bmcs=False)
    assert any("(refused)" in line for line in overtaken(chosen).history)
    with pytest.raises(Violation, match="two writers"):
        overtaken(replace(chosen, wrong=frozenset({"no compare"})))


# -- balance ------------------------------------------------------------------------------------------------------------


def uneven(seed: int, **config: object) -> World:
    """All VMs on two of six nodes, and automatic balancing."""
    wanted = HaConfig.model_validate({"enabled": True, "balance": "automatic", "after": 60.0, **config})
    world = World(Options(seed=seed, hosts=6, guests=0, config=wanted))
    for number in range(34):
        fixed, apart = "it has a PCI device of n1" if number == 0 else "", ("pair",) if number in (1, 2) else ()
        memory = (3 + number % 3) * 2**30
        world.add(Guest(name=f"v{number}", node=f"n{number % 2 + 1}", memory=memory, fixed=fixed, apart=apart))
    world.run(900)
    return world


@pytest.mark.parametrize("seed", range(3))
def test_balance_ends_and_nothing_moves_twice(seed: int) -> None:
    world = uneven(seed)
    world.settled()
    moved = [guest for _, guest, _, _ in world.moves]
    assert moved, "two nodes are over 80 %, and four are empty"
    assert len(moved) == len(set(moved))
    assert "v0" not in moved
    used = {name: sum(g.memory for g in world.guests().values() if g.node == name) / (64 * 2**30) for name in world.hosts}
    assert max(used.values()) <= 0.8, used
    last = max(at for at, *_ in world.moves)
    assert world.now - last > 300, "and then it is quiet"


def test_balance_that_only_recommends_moves_nothing() -> None:
    world = uneven(0, balance="recommend")
    assert not any(guest.node not in ("n1", "n2") for guest in world.guests().values())
