# SPDX-License-Identifier: Apache-2.0
"""VMs as text for people: 80 columns, no colour."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from appliance.model.units import format_size
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmView
from appliance.model.vrouter import Router

_WORDS = {"paused": "suspended"}


def list_text(vms: Sequence[VmView], *, binned: bool = False) -> str:
    """A line each."""
    if not vms:
        return "The recycle bin is empty." if binned else "There are no VMs. Make one: trivet vm create FILE"
    lines = [f"{'NAME':<20} {'STATE':<10} {'CPUS':>4} {'MEMORY':>8}  ADDRESSES"]
    for vm in vms:
        last = vm.deleted if binned else ", ".join(vm.addresses)
        waits = "  (changes wait for its next start)" if vm.pending else ""
        lines.append(f"{vm.name:<20} {_state(vm):<10} {vm.cpus:>4} {format_size(vm.memory):>8}  {last}{waits}".rstrip())
    return "\n".join(lines)


def show_text(vm: VmView) -> str:
    """All about one."""
    rows = [("vm", f"{vm.name}, {_state(vm)}"), ("id", vm.uuid), ("on", vm.node)]
    rows += [("about", vm.vm.description)] if vm.vm.description else []
    most = f", {vm.vm.cpu.max} at most" if vm.vm.cpu.max else ""
    rows.append(("cpus", f"{vm.cpus}{most}{', each its own' if vm.vm.cpu.pin else ''}"))
    most = f", {format_size(vm.vm.memory.max)} at most" if vm.vm.memory.max else ""
    pages = f", in pages of {vm.vm.memory.pages}" if vm.vm.memory.pages else ""
    rows.append(("memory", f"{format_size(vm.memory)}{most}{pages}"))
    rows += [("NUMA", vm.placed)] if vm.placed else []
    rows.append(("firmware", {"bios": "BIOS", "uefi": "UEFI", "secure-boot": "UEFI with Secure Boot"}[vm.vm.firmware]))
    rows += [("disk", f"{disk.name}, {format_size(disk.size or 0)}, {disk.bus}") for disk in vm.vm.disks]
    rows += [("medium", name) for name in vm.vm.media]
    rows += [("port", f"{nic.mac} on {nic.network or nic.pool}") for nic in vm.vm.nics]
    rows += [("address", address) for address in vm.addresses]
    start = f"with the node, as one of order {vm.vm.start.order}" if vm.vm.start.auto else "by hand"
    rows.append(("starts", start))
    for snap in vm.snapshots:
        rows.append(("snapshot", f"{snap.name}, {snap.at}{', consistent' if snap.consistent else ''}"))
    rows += [("pending", line) for line in vm.pending]
    return "\n".join(f"{name:>10}  {text}" for name, text in rows)


_SIZES = ("size", "max", "bandwidth")
_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))


def document_text(document: Vm | Router) -> str:
    """A document as YAML: what it says and no defaults, sizes as people write them."""
    data = {"version": document.version, **json.loads(document.model_dump_json(exclude_defaults=True))}
    return str(yaml.safe_dump(_readable(data), sort_keys=False, allow_unicode=True))


def _readable(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        of_cpus = key == "cpu"
        return {name: each if of_cpus else _readable(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_readable(each) for each in value]
    if key in _SIZES and isinstance(value, int):
        return next((f"{value // factor}{unit}" for unit, factor in _UNITS if value and value % factor == 0), value)
    return value


def _state(vm: VmView) -> str:
    return _WORDS.get(vm.state, vm.state)
