# SPDX-License-Identifier: Apache-2.0
"""The power goes, at any moment: what was half done is never taken for whole, and nobody has to help."""

from __future__ import annotations

import random
import time

from tests.vm import observe
from tests.vm.images import RawDisk
from tests.vm.lab import Lab, push
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, INSTALL, live_shell, running
from tests.vm.process import LabError
from tests.vm.story import story
from tests.vm.vm import VM

TIMES, QUICK_TIMES = 10, 1
SYSTEM = Disk("disk0", "scsi", serial="CUT1")
ALONE = Machine("n1", disks=(SYSTEM,), nics=(Nic(),))


def step(title: str) -> str:
    return rf"^\[\d+/\d+\] {title}"


WRITE = step("write version")
CUTS = (
    (step("check the image"),),
    (step("partition"),),
    (WRITE,),
    (WRITE, r" ([2-9]\d|100)%"),
    (WRITE, r" ([5-9]\d|100)%"),
    (WRITE, r"written; reading it back"),
    (step("make the state file system"),),
    (step("save the spec"),),
    (step("make .* start slot a"),),
    (step("declare the installation complete"),),
)
"""What one sees on the console when the power goes."""
BOOTABLE = 8
"""The first of CUTS that may leave a disk that starts: the step that makes it do so has begun."""
QUICK_CUTS = (4, 8)


@story("power-cut-install", quick=True)
def test_power_cut_install(lab: Lab, quick: bool) -> None:
    """Ten installations of one disk, each on what the one before it left behind, each cut later. The eleventh is let be."""
    vm = live_shell(lab)
    live = vm.machine
    chance = random.Random(1)
    whole = False
    for cut in QUICK_CUTS if quick else range(len(CUTS)):
        begin_installation(vm)
        for mark in CUTS[cut]:
            vm.console.expect(mark, timeout=INSTALL)
        time.sleep(chance.uniform(0, 0.5))
        vm.kill()
        whole = nothing_or_whole(lab, vm)
        assert not whole or cut >= BOOTABLE, f"whole after cut {cut}, before it could be"
        vm.become(live).restore("live")
        if push():
            vm.push_code()
    if not whole:
        begin_installation(vm)
        vm.wait_exit(INSTALL)
    vm.kill()
    vm.become(ALONE).start()
    vm.wait_ssh(BOOT)
    observe.node(vm)  # which may have been all but complete, and completed itself
    vm.powerdown()
    observe.whole_disk(lab, vm)


def begin_installation(vm: VM) -> None:
    vm.plug(SYSTEM)
    vm.sees(SYSTEM)
    vm.console.line("trivet install")


def nothing_or_whole(lab: Lab, vm: VM) -> bool:
    """What firmware and loader make of this disk: nothing at all, or a node from a slot that is the very image."""
    image = lab.image
    with RawDisk(vm.disk_file()) as raw:
        parts = raw.partitions()
        loader = "trivet-esp" in parts and _has_loader(raw)
        whole = "trivet-a" in parts and raw.sha256(parts["trivet-a"].start, image["size"]) == image["sha256"]
    assert whole or not loader, "this disk would start a slot that is not whole"
    if not loader:
        vm.become(ALONE).start()
        vm.wait_reboot(90)  # the firmware finds nothing to start
        assert not vm.console.text.strip(), vm.console.text
        vm.kill()
    return whole and loader


def _has_loader(raw: RawDisk) -> bool:
    try:
        names = {name.lower() for name in raw.fat(raw.partitions()["trivet-esp"])}
    except LabError:
        return False
    return "/efi/boot/bootx64.efi" in names or b"GRUB" in raw.read(0, 440)


@story("power-cut-running", quick=True)
def test_power_cut_running(lab: Lab, quick: bool) -> None:
    """Ten times the power goes under a node that writes all the while. It comes back with its spec each time."""
    vm = running(lab)
    chance = random.Random(1)
    spec = vm.run("cat /var/lib/trivet/spec.yaml")
    for cut in range(QUICK_TIMES if quick else TIMES):
        observe.node(vm)
        vm.run(f"echo {cut} > /var/lib/trivet/cut && sync /var/lib/trivet/cut")
        vm.run(WRITER)
        time.sleep(chance.uniform(0.5, 5))
        vm.kill()
        vm.start()
        vm.wait_ssh(BOOT)
        assert vm.run("cat /var/lib/trivet/spec.yaml") == spec
        assert vm.run("cat /var/lib/trivet/cut") == str(cut), "what was synced is gone"
        broken = vm.run("journalctl -k -b --no-pager -p err --grep 'EXT4-fs error|I/O error'", check=False)
        assert "error" not in broken.replace("-- No entries --", ""), broken
    observe.node(vm)


WRITER = """
nohup sh -c 'while :; do logger busy; dd if=/dev/urandom of=/var/lib/trivet/log/busy bs=64k count=8 2>/dev/null;
    trivet apply --yes < /dev/null; done' > /dev/null 2>&1 &
"""
