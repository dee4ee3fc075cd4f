# SPDX-License-Identifier: Apache-2.0
"""A machine with rotating disks, with and without an SSD, and a pool on them: what stories and measurements begin from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import installed, reached
from tests.vm.pool import librbd
from tests.vm.process import wait_for
from tests.vm.vm import VM

POOL = 900
"""Seconds from the start of a node to its pool, on emulated processors."""
SYSTEM = Disk("sys", "sata", serial="SYS0", rotational=True)
HDDS = tuple(Disk(f"hdd{n}", "scsi", "8G", True, f"HDD{n}", f"0x5000c500c000000{n}") for n in range(3))
FRESH = Disk("hdd9", "scsi", "8G", True, "HDD9", "0x5000c500c0000009")
SSD = Disk("ssd", "scsi", "12G", False, "SSD0", "0x5000c500d0000000")
FRESH_SSD = Disk("ssd9", "scsi", "12G", False, "SSD9", "0x5000c500d0000009")
NIC = Nic("e1000e")
PLAIN = Machine("n1", memory="4G", disks=(SYSTEM, *HDDS), nics=(NIC,))
HYBRID = replace(PLAIN, disks=(SYSTEM, *HDDS, SSD))
ON_SYSTEM = {"disk": {"serial": "SYS0", "count": 1}}


def pooled(
    lab: Lab, name: str, machine: Machine, storage: dict[str, Any] | None = None, install: dict[str, Any] = ON_SYSTEM
) -> VM:
    """A node with a pool that is well and holds 4 MiB of ours, running."""
    moment = f"pool-{name}"
    if not lab.has_snapshot(moment):
        vm = installed(lab, f"{moment}-installed", machine, install=install, storage=storage or {})
        started(vm)
        librbd(vm, "write", timeout=300)
        vm.powerdown(300)
        vm.snapshot(moment)
    else:
        vm = lab.machine(machine).restore(moment, start=False)
    return started(vm)


def started(vm: VM) -> VM:
    reached(vm.start())
    # Ceph is well before it has a pool, too.
    wait_for("the pool", lambda: "vms" in vm.output("timeout 60 ceph osd pool ls", 90).text.split(), POOL, 5)
    wait_for("its health", lambda: vm.output("timeout 60 ceph health", 90).text.startswith("HEALTH_OK"), POOL, 5)
    return vm


def throttle(vm: VM, disk: str, iops: int) -> None:
    """So many requests a second, 0 for as many as there are."""
    limits = {name: 0 for name in ("bps", "bps_rd", "bps_wr", "iops_rd", "iops_wr")}
    vm.monitor.do("block_set_io_throttle", id=disk, iops=iops, **limits)
