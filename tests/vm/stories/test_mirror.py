# SPDX-License-Identifier: Apache-2.0
"""Two disks, one node: either of them alone starts it, on both firmwares, and it goes on when one is pulled out."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.vm import answers, observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, INSTALL, bare, live, with_answer
from tests.vm.story import story
from tests.vm.vm import VM

A = Disk("a", "scsi", serial="MIRROR-A", wwn="0x5000c500a0000001")
B = Disk("b", "scsi", serial="MIRROR-B", wwn="0x5000c500a0000002")
PAIR = Machine("n1", disks=(A, B), nics=(Nic(),))


@story("mirror-survives-either-disk", quick=True)
def test_mirror_survives_either_disk(lab: Lab, quick: bool) -> None:
    vm = lab.machine(with_answer(lab, live(lab, PAIR), answers.spec(lab.public_key, install={"disk": {"count": 2}})))
    vm.start()
    vm.wait_exit(BOOT + INSTALL)
    for disk in ("a", "b"):
        observe.whole_disk(lab, vm, disk)
    vm.become(bare(PAIR)).snapshot("mirror")

    # Both; then one is pulled out of the running machine, which goes on and starts again from the other.
    vm.start()
    vm.wait_ssh(BOOT)
    observe.node(vm)
    assert members(vm) == {"trivet-a": 2, "trivet-state": 2}
    vm.unplug("a")
    vm.run("echo written on b alone > /var/lib/trivet/proof && sync")
    assert members(vm) == {"trivet-a": 1, "trivet-state": 1}
    vm.run("systemctl reboot", check=False)
    vm.wait_reboot(BOOT)
    alone(vm, "written on b alone")
    vm.kill()
    if quick:
        return

    vm.become(replace(PAIR, firmware="uefi", disks=(B,))).start()
    alone(vm, "written on b alone")
    vm.kill()

    # The other one, as both were after the installation.
    vm.become(PAIR).restore("mirror", start=False)
    vm.become(replace(PAIR, disks=(A,))).start()
    alone(vm, "")
    vm.kill()
    vm.become(replace(PAIR, firmware="uefi", disks=(A,))).start()
    alone(vm, "")


def alone(vm: VM, proof: str) -> None:
    """The node is up from one disk, and says itself that half of it is missing."""
    vm.wait_ssh(BOOT)
    assert vm.run("hostname") == "n1"
    assert vm.run("cat /var/lib/trivet/proof 2>/dev/null", check=False) == proof
    assert members(vm) == {"trivet-a": 1, "trivet-state": 1}
    assert ", degraded" in vm.run("mdadm --detail /dev/md/trivet-state"), "clean or active, as the last write has it"


def members(vm: VM) -> dict[str, int]:
    """Working members of each array that the node stands on, in mdadm's words."""
    found = {}
    for name in ("trivet-a", "trivet-state"):
        detail = vm.run(f"mdadm --detail /dev/md/{name}")
        assert "raid1" in detail
        match = re.search(r"Active Devices : (\d+)", detail)
        assert match, detail
        found[name] = int(match[1])
    return found
