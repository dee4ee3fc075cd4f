# SPDX-License-Identifier: Apache-2.0
"""The mainboard's own RAID: its volume is one disk, installed to, started from, and it outlives either of its disks.

No firmware of QEMU knows such a RAID. mdadm makes the volumes, as it does on real servers where somebody asks it to; each disk
of a mirror then starts like any other, since the RAID keeps its own words at the disk's end. What counts is what mdadm says
of the volume, and the bytes on the disks.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from tests.vm import answers, observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, INSTALL, bare, live, reached, with_answer
from tests.vm.process import wait_for
from tests.vm.story import story
from tests.vm.vm import VM

A = Disk("a", "scsi", "8G", serial="RAID-A", wwn="0x5000c500b0000001")
B = Disk("b", "scsi", "8G", serial="RAID-B", wwn="0x5000c500b0000002")
FRESH = Disk("c", "scsi", "8G", serial="RAID-C", wwn="0x5000c500b0000003")
PAIR = Machine("n1", disks=(A, B), nics=(Nic("e1000e"),))
NO_PLATFORM = "IMSM_NO_PLATFORM=1"
MAKE = """\
{export}
mdadm --create /dev/md/box --run --metadata={format} --raid-devices=2 {disks}
mdadm --create /dev/md/boot --run --level=1 --assume-clean --raid-devices=2 --size=7G /dev/md/box
udevadm settle; mdadm --wait-clean --scan
mdadm --stop /dev/md/boot; mdadm --stop /dev/md/box; sync
"""


@story("fakeraid-install")
def test_fakeraid_install(lab: Lab) -> None:
    """DDF, which needs no word from the firmware."""
    lives(lab, "ddf", "")


@story("fakeraid-install-imsm")
def test_fakeraid_install_imsm(lab: Lab) -> None:
    """Intel's, which mdadm starts without the firmware's word only when it is told to; the node inherits that."""
    lives(lab, "imsm", NO_PLATFORM)


def lives(lab: Lab, kind: str, argument: str) -> None:
    vm = on_volume(lab, kind, argument)
    for disk in ("a", "b"):
        observe.whole_disk(lab, vm, disk)

    reached(vm.start())
    observe.node(vm)
    assert working(vm) == 2
    (volume,) = volumes(vm)
    assert (volume["format"], volume["level"], volume["state"]) == (kind, "raid1", "healthy")
    assert vm.run("findmnt -no SOURCE /var/lib/trivet").startswith("/dev/md")

    # One is pulled while it runs: nothing stops, the node says so, and starts from the other alone.
    vm.unplug("b")
    vm.run("echo written on a alone > /var/lib/trivet/proof && sync")
    assert working(vm) == 1
    wait_for("the node to say it", lambda: "degraded" in vm.run("trivet status", timeout=120), 180, 5)
    vm.run("systemctl reboot", check=False)
    vm.wait_reboot(BOOT)
    alone(vm)

    # Another disk comes, and becomes the missing half.
    vm.plug(FRESH)
    vm.sees(FRESH)
    vm.run("trivet disk replace RAID-C --yes", timeout=300)
    wait_for("mdadm to have made it whole", lambda: working(vm) == 2, 900, 5)
    wait_for("the node to say it", lambda: "BIOS RAID" not in vm.run("trivet status", timeout=120), 180, 5)
    assert volumes(vm)[0]["state"] == "healthy"
    vm.powerdown(300)
    observe.whole_disk(lab, vm, "c")

    # The bytes are on it: it starts alone.
    vm.become(replace(PAIR, disks=(FRESH,))).start()
    alone(vm)


def on_volume(lab: Lab, kind: str, argument: str) -> VM:
    """The machine, off, with a node on its volume."""
    moment = f"fakeraid-{kind}"
    if lab.has_snapshot(moment):
        return lab.machine(PAIR).restore(moment, start=False)
    vm = made(lab, kind, argument)
    answer = answers.spec(lab.public_key, install={"disk": {"transport": "raid"}})
    vm.become(with_answer(lab, live(lab, PAIR, more=argument), answer)).start()
    vm.wait_exit(BOOT + INSTALL)
    vm.become(bare(PAIR)).snapshot(moment)
    return vm


def made(lab: Lab, kind: str, argument: str) -> VM:
    """The machine, off, with the volume that somebody has made on its two disks."""
    vm = lab.machine(live(lab, PAIR, "rescue", argument)).start()
    vm.console.expect(r"root@\S*# ", timeout=BOOT)
    vm.console.login()
    disks = " ".join(f"/dev/disk/by-id/wwn-{disk.wwn}" for disk in PAIR.disks)
    vm.run(MAKE.format(export=f"export {argument}" if argument else "", format=kind, disks=disks), timeout=600)
    vm.console.send("systemctl poweroff\r")
    vm.wait_exit(300)
    return vm


def alone(vm: VM) -> None:
    """The node is up from one disk, has what was written before, and says itself that half of it is missing."""
    reached(vm)
    assert vm.run("hostname") == "n1"
    assert vm.run("cat /var/lib/trivet/proof") == "written on a alone"
    assert working(vm) == 1
    assert volumes(vm)[0]["state"] == "degraded"
    wait_for("the node to say it", lambda: "degraded" in vm.run("trivet status", timeout=120), 180, 5)


def working(vm: VM) -> int:
    """Disks that are in the volume and whole, in mdadm's words."""
    detail = vm.run("mdadm --detail $(readlink -f /dev/disk/by-id/md-uuid-*-part5 | head -1 | sed 's/p5$//')")
    assert "raid1" in detail, detail
    return len(re.findall(r" active sync ", detail))


def volumes(vm: VM) -> list[dict[str, Any]]:
    """The BIOS RAID volumes of this machine, in ours."""
    found = json.loads(vm.run("trivet inspect --json", timeout=120))["disks"]
    return [disk["raid"] for disk in found if disk["raid"]]
