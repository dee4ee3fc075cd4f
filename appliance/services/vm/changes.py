# SPDX-License-Identifier: Apache-2.0
"""(the document as it runs, the document as it shall be) -> what can be done at once, and what waits for the next start. Pure."""

import json
import re
from typing import Any, Literal

from appliance.errors import Unsatisfiable
from appliance.model.base import Model
from appliance.model.problem import Problem
from appliance.model.units import format_size
from appliance.model.vm import DiskWish, NicWish, Vm


class Change(Model):
    """One thing to do to a running VM."""

    kind: Literal["attach-disk", "detach-disk", "grow-disk", "attach-nic", "detach-nic", "tune-nic", "cpus", "memory"]
    disk: DiskWish | None = None
    nic: NicWish | None = None
    amount: int = 0


def check(had: Vm, wished: Vm) -> None:
    """What no VM can do, running or not. Unsatisfiable with all of it."""
    problems = []
    if had.name != wished.name:
        problems.append(
            Problem(where="name", message=f"{had.name} cannot become {wished.name}", hint="clone it, and delete this one")
        )
    for disk in wished.disks:
        before = next((each for each in had.disks if each.name == disk.name), None)
        if before and before.size and disk.size and disk.size < before.size:
            message = f"{disk.name} has {format_size(before.size)}, and would lose what is over {format_size(disk.size)}"
            problems.append(Problem(where="disks", message=message, hint="disks grow and never shrink"))
    if problems:
        raise Unsatisfiable(problems)


def at_once(started: Vm, wished: Vm, *, kvm: bool) -> tuple[Change, ...]:
    """What a running VM can be given and relieved of. Emulated ones take no processors."""
    found: list[Change] = []
    disks = {disk.name: disk for disk in started.disks}
    for disk in wished.disks:
        before = disks.pop(disk.name, None)
        if before is None:
            found.append(Change(kind="attach-disk", disk=disk))
        elif disk.size and before.size != disk.size:
            found.append(Change(kind="grow-disk", disk=disk, amount=disk.size))
    found += [Change(kind="detach-disk", disk=disk) for disk in disks.values()]
    nics = {nic.mac: nic for nic in started.nics}
    found += [Change(kind="attach-nic", nic=nic) for nic in wished.nics if nic.mac not in nics]
    kept = {nic.mac for nic in wished.nics}
    found += [Change(kind="detach-nic", nic=nic) for mac, nic in nics.items() if mac not in kept]
    found += [Change(kind="tune-nic", nic=nic) for nic in wished.nics if _tuned(nics.get(nic.mac), nic)]
    if kvm and started.cpu.max and started.cpu.count < wished.cpu.count <= started.cpu.max:
        found.append(Change(kind="cpus", amount=wished.cpu.count))
    most = started.memory.max
    if most and started.memory.size < wished.memory.size <= most:
        found.append(Change(kind="memory", amount=wished.memory.size - started.memory.size))
    return tuple(found)


def _tuned(had: NicWish | None, nic: NicWish) -> bool:
    """Do two wishes for a port differ, and in nothing but what the switch does for it?"""
    soft = {"groups": nic.groups, "rate_in": nic.rate_in, "rate_out": nic.rate_out}
    return had is not None and had != nic and had.model_copy(update=soft) == nic


def after(started: Vm, change: Change) -> Vm:
    """The document as it runs once the change is done."""
    disks, nics = started.disks, started.nics
    match change.kind:
        case "attach-disk" if change.disk:
            disks = (*disks, change.disk)
        case "detach-disk" if change.disk:
            disks = tuple(disk for disk in disks if disk.name != (change.disk and change.disk.name))
        case "grow-disk" if change.disk:
            grown = {"size": change.amount}
            disks = tuple(d.model_copy(update=grown) if d.name == (change.disk and change.disk.name) else d for d in disks)
        case "attach-nic" if change.nic:
            nics = (*nics, change.nic)
        case "detach-nic" if change.nic:
            nics = tuple(nic for nic in nics if nic.mac != (change.nic and change.nic.mac))
        case "tune-nic" if change.nic:
            nics = tuple(change.nic if nic.mac == (change.nic and change.nic.mac) else nic for nic in nics)
        case "cpus":
            return started.model_copy(update={"cpu": started.cpu.model_copy(update={"count": change.amount})})
        case "memory":
            size = started.memory.size + change.amount
            return started.model_copy(update={"memory": started.memory.model_copy(update={"size": size})})
    return started.model_copy(update={"disks": disks, "nics": nics})


_SIZES, _DISK_SIZES = ("memory.size", "memory.max"), re.compile(r"disks\..+\.(size|bandwidth)")
"""Bytes, which nobody reads as such."""
_NEVER_PENDING = ("start", "description", "version")
"""What the running VM has nothing to do with."""


def pending(started: Vm | None, wished: Vm) -> tuple[str, ...]:
    """What comes with the next start, a line each."""
    if started is None:
        return ()
    had, shall = (json.loads(vm.model_dump_json()) for vm in (started, wished))
    return tuple(line for key in shall if key not in _NEVER_PENDING for line in _differences(key, had[key], shall[key]))


def _differences(where: str, had: Any, shall: Any) -> list[str]:
    if had == shall:
        return []
    if isinstance(had, dict) and isinstance(shall, dict):
        return [line for key in shall for line in _differences(f"{where}.{key}", had.get(key), shall[key])]
    if isinstance(had, list) and isinstance(shall, list) and all(isinstance(each, dict) for each in (*had, *shall)):
        return _of_lists(where, had, shall)
    written = _size if where in _SIZES or _DISK_SIZES.fullmatch(where) else _word
    return [f"{where}: {written(shall)}, and {written(had)} until the next start"]


def _of_lists(where: str, had: list[Any], shall: list[Any]) -> list[str]:
    """Disks by their names, ports by their MACs: the order says nothing."""
    key = "name" if where == "disks" else "mac"
    before, now = ({each[key]: each for each in group} for group in (had, shall))
    lines = [f"{where}: {name} comes with the next start" for name in now if name not in before]
    lines += [f"{where}: {name} goes with the next start" for name in before if name not in now]
    return lines + [line for name in now if name in before for line in _differences(f"{where}.{name}", before[name], now[name])]


def _size(value: int | None) -> str:
    return format_size(value) if value else "none"


def _word(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return ", ".join(str(each) for each in value) or "none" if isinstance(value, list) else str(value)
