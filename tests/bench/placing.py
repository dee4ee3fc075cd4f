# SPDX-License-Identifier: Apache-2.0
"""Placing 1,000 VMs on a server of 64 NUMA nodes and rendering them, in pure code: no machine, no libvirt.

The reference is what the rendering cannot be quicker than: the same documents read from their saved form.
"""

from __future__ import annotations

import time

from appliance.model.machine import NumaNode
from appliance.model.placement import Placement, Request
from appliance.model.vm import Vm
from appliance.services.vm.domain import Found, Source, Wire, render
from appliance.services.vm.place import place, topology
from tests.bench.row import Row

NODES, VMS, CPUS = 64, 1000, 16
GIB = 2**30
_UUID = "7e2b6c1e-3f0a-4d55-9c0e-{:012d}"


def _nodes() -> list[NumaNode]:
    """Four to a socket, as with sub-NUMA clusters: near within, far beyond."""
    return [
        NumaNode(
            id=number,
            cpus=f"{number * CPUS}-{number * CPUS + CPUS - 1}",
            memory=128 * GIB,
            free=128 * GIB,
            distances=tuple(10 if other == number else 12 if other // 4 == number // 4 else 32 for other in range(NODES)),
        )
        for number in range(NODES)
    ]


def _vm(number: int) -> Vm:
    """Small ones, and each tenth one that fits no single node."""
    wide = number % 10 == 0
    return Vm.model_validate(
        {
            "version": 1,
            "name": f"vm{number}",
            "cpu": {"count": 20 if wide else 1 + number % 4},
            "memory": {"size": (8 if wide else 1 + number % 4) * GIB},
            "disks": [{"name": "system", "size": 20 * GIB}, {"name": "data", "size": 100 * GIB}],
            "nics": [{"network": "inside", "mac": f"02:00:00:00:{number // 256:02x}:{number % 256:02x}"}],
        }
    )


def _found(vm: Vm, number: int, placement: Placement) -> Found:
    return Found(
        uuid=_UUID.format(number),
        kvm=True,
        disks={disk.name: Source(file=f"/var/lib/libvirt/images/{vm.name}/{disk.name}.qcow2") for disk in vm.disks},
        wires={nic.mac or "": Wire(bridge="br-int", port=_UUID.format(number)) for nic in vm.nics},
        placement=placement,
    )


def rows() -> list[Row]:
    """Seconds of processor for all of them, one after the other, each with all that run before it."""
    cells, vms = topology(_nodes()), [_vm(number) for number in range(VMS)]
    saved = [vm.model_dump_json() for vm in vms]
    begun = time.process_time()
    for text in saved:
        Vm.model_validate_json(text)
    read = time.process_time() - begun
    placed: dict[str, Placement] = {}
    begun = time.process_time()
    for vm in vms:
        placed[vm.name] = place(cells, placed, Request(cpus=vm.cpu.count, memory=vm.memory.size))
    placing = time.process_time() - begun
    begun = time.process_time()
    for number, vm in enumerate(vms):
        render(vm, _found(vm, number, placed[vm.name]))
    rendering = time.process_time() - begun
    reference = f"the same {VMS} documents read"
    return [
        (f"place {VMS} VMs on {NODES} NUMA nodes", placing, "s", reference, read),
        (f"render {VMS} VMs", rendering, "s", reference, read),
    ]
