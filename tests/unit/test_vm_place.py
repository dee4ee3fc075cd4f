# SPDX-License-Identifier: Apache-2.0
"""NUMA: golden cases in tests/numa, a sequence of VMs on a topology each; and what holds for every topology."""

import random
from pathlib import Path

import pytest

from appliance.errors import Unsatisfiable
from appliance.model.machine import NumaNode
from appliance.model.placement import Cell, Placement, Request
from appliance.services.vm.place import listed, numbers, place, topology, use
from tests.unit.test_golden import agree

FOLDER = Path(__file__).parents[1] / "numa"
GIB = 2**30


def cells(*memory: int, cpus: int = 8, far: int = 20, pair: int = 0, pages: int = 0) -> tuple[Cell, ...]:
    """Nodes with GiB of memory. With `pair` each two are one socket, at that distance."""

    def distance(a: int, b: int) -> int:
        return 10 if a == b else pair if pair and a // 2 == b // 2 else far

    return tuple(
        Cell(
            id=i,
            cpus=tuple(range(cpus * i, cpus * i + cpus)),
            memory=size * GIB,
            pages={"1GiB": pages} if pages else {},
            distances=tuple(distance(i, j) for j in range(len(memory))),
        )
        for i, size in enumerate(memory)
    )


def ask(cpus: int, gib: float, **more: object) -> Request:
    return Request.model_validate({"cpus": cpus, "memory": int(gib * GIB), **more})


STORIES: dict[str, tuple[tuple[Cell, ...], list[Request]]] = {
    "one-node": (cells(32), [ask(2, 4), ask(8, 20), ask(4, 16), ask(12, 1)]),
    "two-nodes": (
        cells(64, 64, cpus=16),
        [ask(4, 16), ask(4, 16), ask(4, 16, near=[1]), ask(24, 40), ask(2, 60), ask(1, 30, off=True), ask(4, 90)],
    ),
    "two-uneven-nodes": (cells(16, 112, cpus=16), [ask(4, 8), ask(4, 60), ask(4, 12, near=[0]), ask(20, 20)]),
    "a-node-without-memory": (cells(64, 0), [ask(4, 8), ask(4, 8), ask(12, 8)]),
    "four-nodes": (cells(32, 32, 32, 32), [ask(4, 8)] * 5 + [ask(16, 40), ask(2, 4, near=[3])]),
    "sub-numa-clusters": (
        cells(48, 48, 48, 48, far=21, pair=12),
        [ask(12, 60), ask(12, 60), ask(4, 8, near=[2]), ask(4, 60, near=[1])],
    ),
    "eight-nodes": (cells(*[16] * 8, pair=11, far=32), [ask(4, 8)] * 3 + [ask(16, 24), ask(24, 40), ask(40, 60), ask(2, 2)]),
    "pinned": (cells(64, 64), [ask(4, 8, pin=True), ask(6, 8, pin=True), ask(4, 8), ask(8, 8, pin=True)]),
    "huge-pages": (cells(64, 64, pages=24), [ask(4, 16, pages="1GiB"), ask(4, 16, pages="1GiB"), ask(4, 16, pages="1GiB")]),
}


@pytest.mark.parametrize("name", STORIES)
def test_stories(name: str) -> None:
    topology_, wishes = STORIES[name]
    placed: dict[str, Placement] = {}
    said = []
    for number, want in enumerate(wishes, 1):
        extra = "".join(f", {word}" for word in (want.pages, "pinned" * want.pin, *(f"near {n}" for n in want.near)) if word)
        line = f"vm{number}: {want.cpus} processors, {want.memory / GIB:g} GiB{extra}"
        try:
            found = place(topology_, placed, want)
        except Unsatisfiable as error:
            said.append(f"{line}\n  refused: {error}")
            continue
        placed[f"vm{number}"] = found
        shares = "; ".join(f"node {s.cell}: {s.cpus} of CPUs {listed(s.cpuset)}, {s.memory / GIB:g} GiB" for s in found.shares)
        pins = f"; CPUs {listed(found.pins)} of its own" if found.pins else ""
        said.append(f"{line}\n  {shares or 'anywhere'}{pins}\n  {found.reason}")
    for each in use(topology_, placed):
        said.append(f"node {each.cell.id}: {each.free / GIB:.1f} GiB free, {each.cpus}+{each.pinned} CPUs, {', '.join(each.vms)}")
    agree(FOLDER / f"{name}.txt", "\n".join(said))


def test_every_golden_file_has_its_story() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == set(STORIES)


@pytest.mark.parametrize("seed", range(40))
def test_memory_and_pinned_processors_are_given_once(seed: int) -> None:
    dice = random.Random(seed)
    machine = cells(*[dice.choice([0, 8, 16, 64]) for _ in range(dice.choice([1, 2, 4, 8, 12]))], pair=dice.choice([0, 12]))
    placed: dict[str, Placement] = {}
    for number in range(30):
        near = [dice.choice(machine).id] if dice.random() < 0.3 else []
        want = ask(dice.randint(1, 12), dice.choice([0.5, 2, 8, 30]), pin=dice.random() < 0.3, near=near)
        try:
            found = place(machine, placed, want)
        except Unsatisfiable as error:
            assert error.problems[0].hint
            continue
        assert sum(share.cpus for share in found.shares) == want.cpus
        assert sum(share.memory for share in found.shares) == want.memory
        assert found == place(machine, placed, want), "the same question has the same answer"
        placed[f"vm{number}"] = found
    for each in use(machine, placed):
        assert sum(s.memory for p in placed.values() for s in p.shares if s.cell == each.cell.id) <= each.cell.memory
    pins = [cpu for placement in placed.values() for cpu in placement.pins]
    assert len(pins) == len(set(pins))


def test_what_is_kept_for_the_platform_is_on_no_offer() -> None:
    nodes = [
        NumaNode(id=0, cpus="0-3,8-11", memory=64 * GIB, free=0, hugepages={"1GiB": 8, "2MiB": 0}, distances=(10, 20)),
        NumaNode(id=1, cpus="4-7,12-15", memory=64 * GIB, free=0, distances=(20, 10)),
    ]
    first, second = topology(nodes, 2, 16 * GIB)
    assert (listed(first.cpus), first.memory // GIB, first.pages) == ("2-3,8-11", 48, {"1GiB": 8})
    assert (listed(second.cpus), second.memory // GIB, second.pages) == ("4-7,12-15", 56, {})
    assert numbers("") == ()


def test_a_machine_without_numa_places_nothing() -> None:
    assert place((), {}, ask(2, 1)).reason == "the kernel knows nothing of NUMA here"
