# SPDX-License-Identifier: Apache-2.0
"""(topology, what runs, request) -> NUMA nodes, processors, memory, and the reason in words. Pure.

What fits one node is strictly on it: near the devices that it is given, then where the fewest processors are asked for, then
where the most memory is left. What does not fit is on as few nodes as carry it, those next to each other, and the guest sees
them as its own. Processors are shared, memory is not: a VM that finds no memory is refused, with what there is.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from appliance.errors import Unsatisfiable
from appliance.model.machine import NumaNode
from appliance.model.placement import Cell, CellUse, Placement, Request, Share
from appliance.model.problem import Problem
from appliance.model.units import format_size

_UNIT = {"": 2**20, "2MiB": 2**21, "1GiB": 2**30}
_OVERHEAD = 64 * 2**20
"""For QEMU itself, which is on the cell, too."""
_EACH = 8
"""Cells, up to which each group of them is looked at."""
_NEAREST = 10
"""The distance of a cell to itself, as firmware has it."""


def topology(nodes: Sequence[NumaNode], cpus: int = 0, memory: int = 0) -> tuple[Cell, ...]:
    """The machine's nodes without the first `cpus` processors and `memory` bytes of it, which are kept for the platform.

    Memory is taken from each node by its share. Huge pages are not in `memory`: who asks for none gets none.
    """
    kept = set(sorted(number for node in nodes for number in numbers(node.cpus))[:cpus])
    total = sum(node.memory for node in nodes) or 1
    cells = []
    for node in nodes:
        huge = sum(count * _UNIT[size] for size, count in node.hugepages.items() if size in _UNIT)
        left = node.memory - huge - memory * node.memory // total
        own = tuple(number for number in numbers(node.cpus) if number not in kept)
        pages = {size: count for size, count in node.hugepages.items() if count}
        cells.append(Cell(id=node.id, cpus=own, memory=max(0, left), pages=pages, distances=node.distances))
    return tuple(cells)


def numbers(text: str) -> tuple[int, ...]:
    """The numbers in the kernel's list form, "0-3,8"."""
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)


def listed(values: Iterable[int]) -> str:
    """The kernel's list form of numbers."""
    runs: list[list[int]] = []
    for value in sorted(set(values)):
        if runs and runs[-1][1] == value - 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def use(cells: Sequence[Cell], placed: Mapping[str, Placement]) -> tuple[CellUse, ...]:
    """Each cell with what the placed VMs take of it."""
    on: dict[int, list[tuple[str, Placement, Share]]] = {}
    for name, placement in sorted(placed.items()):
        for share in placement.shares:
            on.setdefault(share.cell, []).append((name, placement, share))
    found = []
    for cell in cells:
        here = on.get(cell.id, [])
        pages = {
            size: count - sum(s.memory // _UNIT[size] for _, p, s in here if p.pages == size)
            for size, count in cell.pages.items()
        }
        taken = sum(s.memory + _OVERHEAD for _, p, s in here if not p.pages)
        pinned = sum(len(set(p.pins) & set(cell.cpus)) for _, p, _ in here if p.pins)
        own = {"cpus": sum(s.cpus for _, p, s in here if not p.pins), "vms": tuple(name for name, _, _ in here)}
        found.append(CellUse(cell=cell, free=max(0, cell.memory - taken), pages=pages, pinned=pinned, **own))
    return tuple(found)


def place(cells: Sequence[Cell], placed: Mapping[str, Placement], want: Request) -> Placement:
    """Where it goes. Unsatisfiable with what is free, when there is nowhere."""
    if want.off and not want.pages and not want.pin:
        return Placement(reason="the document switches it off: wherever the kernel puts it")
    if not cells:
        return Placement(reason="the kernel knows nothing of NUMA here")
    uses = {each.cell.id: each for each in use(cells, placed)}
    taken = {cpu for placement in placed.values() for cpu in placement.pins}
    spare = {cell.id: tuple(cpu for cpu in cell.cpus if cpu not in taken) for cell in cells}
    index = {cell.id: position for position, cell in enumerate(cells)}
    order = sorted(cells, key=lambda cell: _rank(cell, uses[cell.id], want, index))
    fitting = [cell for cell in order if _room(uses[cell.id], want) >= want.memory and len(spare[cell.id]) >= want.cpus]
    chosen: tuple[Cell, ...]
    if fitting:
        chosen = (fitting[0],)
        reason = _because(fitting, order, want, len(cells))
    else:
        chosen, reason = _several(order, uses, spare, want, index)
    shares = _shares(chosen, uses, spare, want)
    pins = tuple(cpu for share in shares for cpu in spare[share.cell][: share.cpus]) if want.pin else ()
    return Placement(shares=shares, pages=want.pages, pins=pins, reason=reason)


def _rank(cell: Cell, used: CellUse, want: Request, index: Mapping[int, int]) -> tuple[float, float, int, int]:
    """Lower is better: away from its devices, processors asked for already, memory that is left, number."""
    away = sum(_distance(cell, near, index) for near in want.near)
    busy = (used.cpus + used.pinned) / max(1, len(cell.cpus))
    return away, busy, -_room(used, want), cell.id


def _room(used: CellUse, want: Request) -> int:
    return used.pages.get(want.pages, 0) * _UNIT[want.pages] if want.pages else max(0, used.free - _OVERHEAD)


def _distance(cell: Cell, other: int, index: Mapping[int, int]) -> int:
    position = index.get(other)
    return cell.distances[position] if position is not None and position < len(cell.distances) else _NEAREST


def _because(fitting: Sequence[Cell], order: Sequence[Cell], want: Request, cells: int) -> str:
    first = fitting[0]
    if cells == 1:
        return "the machine has one NUMA node"
    if want.near:
        devices = ", ".join(str(near) for near in sorted(set(want.near)))
        if first.id in want.near:
            return f"it fits node {first.id}, where its devices are"
        return f"its devices are at node {devices}, where it does not fit: node {first.id} is the nearest where it does"
    if len(fitting) == 1:
        return f"it fits node {first.id} and no other"
    busier = "the fewest processors are asked for there" if first == order[0] else "it is the least busy one where it fits"
    return f"it fits node {first.id}; {busier}"


def _several(
    order: Sequence[Cell],
    uses: Mapping[int, CellUse],
    spare: Mapping[int, tuple[int, ...]],
    want: Request,
    index: Mapping[int, int],
) -> tuple[tuple[Cell, ...], str]:
    """As few cells as carry it, those next to each other first."""
    room = {cell.id: _room(uses[cell.id], want) for cell in order}
    usable = [cell for cell in order if room[cell.id] >= _UNIT[want.pages] and spare[cell.id]]
    place_of = {cell.id: position for position, cell in enumerate(order)}
    for size in range(1, min(len(usable), want.cpus) + 1):
        groups = [
            group
            for group in _groups(usable, size, index)
            if sum(len(spare[cell.id]) for cell in group) >= want.cpus and _split(group, room, spare, want)
        ]
        if groups:
            best = min(groups, key=lambda group: (_spread(group, index), sum(place_of[cell.id] for cell in group)))
            chosen = tuple(sorted(best, key=lambda cell: cell.id))
            names = ", ".join(str(cell.id) for cell in chosen)
            return chosen, f"it fits no single node: on nodes {names}, which the guest sees as its own"
    raise Unsatisfiable([_nowhere(order, room, spare, want)])


def _groups(usable: Sequence[Cell], size: int, index: Mapping[int, int]) -> Iterable[tuple[Cell, ...]]:
    """Each group of a machine as there are; on larger ones a cell and those next to it, or it would take hours."""
    if len(usable) <= _EACH:
        return combinations(usable, size)
    return (tuple(sorted(usable, key=lambda cell: _distance(first, cell.id, index))[:size]) for first in usable)


def _spread(group: Sequence[Cell], index: Mapping[int, int]) -> int:
    return sum(_distance(a, b.id, index) for a, b in combinations(group, 2))


def _nowhere(order: Sequence[Cell], room: Mapping[int, int], spare: Mapping[int, tuple[int, ...]], want: Request) -> Problem:
    free = sum(room.values())
    cpus = sum(len(spare[cell.id]) for cell in order if room[cell.id] >= _UNIT[want.pages])
    if cpus < want.cpus:
        message = f"it wants {want.cpus} processors, and VMs may have {cpus} here, on nodes with memory, that no other VM owns"
        return Problem(where="cpu.count", message=message, hint="ask for fewer, or pin fewer of the others")
    kind = f" in pages of {want.pages}" if want.pages else ""
    most = format_size(max(room.values(), default=0))
    message = f"it wants {format_size(want.memory)}{kind}, and {format_size(free)} are free, {most} on one NUMA node"
    hint = "ask for less, stop another one" + (f", or give hypervisor.hugepages more of {want.pages}" if want.pages else "")
    return Problem(where="memory.size", message=message, hint=hint)


def _shares(
    chosen: Sequence[Cell], uses: Mapping[int, CellUse], spare: Mapping[int, tuple[int, ...]], want: Request
) -> tuple[Share, ...]:
    if len(chosen) == 1:
        return (Share(cell=chosen[0].id, cpus=want.cpus, memory=want.memory, cpuset=spare[chosen[0].id]),)
    return _split(chosen, {cell.id: _room(uses[cell.id], want) for cell in chosen}, spare, want)


def _split(
    group: Sequence[Cell], room: Mapping[int, int], spare: Mapping[int, tuple[int, ...]], want: Request
) -> tuple[Share, ...]:
    """Evenly, as far as each cell has it; () when that leaves something over or a cell without."""
    unit = _UNIT[want.pages]
    cpus = _deal(want.cpus, [len(spare[cell.id]) for cell in group])
    memory = _deal(want.memory // unit, [room[cell.id] // unit for cell in group])
    if not (cpus and memory and all(cpus) and all(memory)):
        return ()
    dealt = zip(group, cpus, memory, strict=True)
    return tuple(Share(cell=c.id, cpus=n, memory=m * unit, cpuset=spare[c.id]) for c, n, m in dealt)


def _deal(total: int, limits: Sequence[int]) -> list[int]:
    """`total` dealt evenly over places with limits; [] when they do not take it."""
    dealt, left = [0] * len(limits), total
    while left:
        open_ = [i for i, limit in enumerate(limits) if dealt[i] < limit]
        if not open_:
            return []
        each, rest = divmod(left, len(open_))
        for position, i in enumerate(open_):
            more = min(each + (position < rest), limits[i] - dealt[i])
            dealt[i] += more
            left -= more
    return dealt
