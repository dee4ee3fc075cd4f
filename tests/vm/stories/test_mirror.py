# SPDX-License-Identifier: Apache-2.0
"""Two disks, one node: either of them alone starts it, on both firmwares, and it goes on when one is pulled out."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from tests.vm import answers, observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, INSTALL, bare, installed, live, reached, with_answer
from tests.vm.process import wait_for
from tests.vm.story import story
from tests.vm.vm import VM

A = Disk("a", "scsi", serial="MIRROR-A", wwn="0x5000c500a0000001")
B = Disk("b", "scsi", serial="MIRROR-B", wwn="0x5000c500a0000002")
C = Disk("c", "scsi", "18G", serial="MIRROR-C", wwn="0x5000c500a0000003")
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


@story("mirror-half-replaced")
def test_mirror_half_replaced(lab: Lab) -> None:
    """One disk is pulled, another one put in: one command makes it the other half, and it starts the node alone."""
    vm = installed(lab, "mirror-half", PAIR, install={"disk": {"count": 2}})
    reached(vm.start())
    vm.unplug("b")
    wait_for("the node to say it", lambda: "lacks a disk" in vm.run("trivet status", timeout=120), 180, 5)
    refused = vm.output("trivet disk replace system --yes", 120)
    assert "there is no disk that could be the missing half" in refused.text, refused.text
    vm.plug(C)
    vm.sees(C)
    vm.run("echo written before it came > /var/lib/trivet/proof && sync")
    vm.run("trivet disk replace system --with MIRROR-C --yes", timeout=600)
    wait_for("md to have made it whole", lambda: members(vm) == {"trivet-a": 2, "trivet-state": 2}, 900, 5)
    wait_for("the node to say it", lambda: "mirror" not in vm.run("trivet status", timeout=120), 180, 5)
    assert json.loads(vm.run("trivet plan --json", timeout=120))["steps"] == []
    vm.powerdown(300)
    observe.whole_disk(lab, vm, "c")
    for firmware in ("bios", "uefi"):
        vm.become(replace(PAIR, firmware=firmware, disks=(C,))).start()
        alone(vm, "written before it came")
        vm.kill()


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
