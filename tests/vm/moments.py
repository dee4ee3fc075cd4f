# SPDX-License-Identifier: Apache-2.0
"""Machines that were installed once for all stories: switched off with a node on the disk, or running with SSH up.

The way there costs minutes, the way back to it seconds. The moments belong to one ISO; a new one starts anew.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.vm import answers
from tests.vm.lab import Lab, push
from tests.vm.machines import Disk, Machine, Nic, Stick
from tests.vm.vm import VM

INSTALL = 900
BOOT = 480
LIVE = "console=ttyS0,115200 root=live:CDLABEL=TRIVET rd.live.image rd.live.dir=live rd.live.squashimg=trivet.squashfs quiet"
LIVE_ARGUMENTS = f"{LIVE} rd.live.overlay.overlayfs=1 panic=10"
STANDARD = Machine("n1", disks=(Disk(bus="sata", serial="SYS0", rotational=True),), nics=(Nic("e1000e"),))


def live(lab: Lab, machine: Machine, mode: str = "unattended", more: str = "") -> Machine:
    """The machine with the ISO in its drive, and the live system's kernel started directly: no firmware, no menu."""
    append = f"{LIVE_ARGUMENTS} trivet.mode={mode} {more}".strip()
    return replace(machine, cdrom=str(lab.iso), append=append, kernel=str(lab.kernel), initrd=str(lab.initrd))


def with_answer(lab: Lab, machine: Machine, document: dict[str, Any], kind: str = "fat") -> Machine:
    """The machine with the answer on a stick."""
    file = answers.volume(lab.folder / f"{machine.name}-answer.img", document, kind)
    return replace(machine, sticks=(*machine.sticks, Stick(str(file), "answer")))


def bare(machine: Machine) -> Machine:
    """The machine without any medium: it must start from its own disks."""
    return replace(machine, cdrom="", sticks=(), kernel="", initrd="", append="")


def installed(lab: Lab, name: str = "installed", machine: Machine = STANDARD, **changes: Any) -> VM:
    """A machine with a node on its disks, switched off."""
    vm = lab.machine(machine)
    if lab.has_snapshot(name):
        return vm.restore(name, start=False)
    document = answers.spec(lab.public_key, **changes)
    vm.become(with_answer(lab, live(lab, machine), document))
    vm.start()
    vm.wait_exit(INSTALL)
    vm.become(bare(machine))
    vm.snapshot(name)
    return vm


def reached(vm: VM, timeout: float = BOOT) -> VM:
    """The node, once SSH is up; between two builds of the ISO with this checkout's code, which each boot forgets."""
    vm.wait_ssh(timeout)
    if push():
        vm.push_code()
        vm.run("systemctl restart trivetd", timeout=300)
    return vm


def running(lab: Lab, name: str = "running", machine: Machine = STANDARD) -> VM:
    """A node that has booted, with SSH up. In half a second, once it has been there."""
    if lab.has_snapshot(name):
        vm = lab.machine(machine).restore(name)
    else:
        vm = installed(lab, f"{name}-installed", machine)
        vm.start()
        vm.wait_ssh(BOOT)
        vm.run("systemctl is-system-running --wait", timeout=BOOT, check=False)
        vm.snapshot(name)
    vm.wait_ssh(BOOT)
    return vm


def live_shell(lab: Lab, more: str = "") -> VM:
    """The live system at its root shell, on a machine without any disk: stories plug in what they need.

    Without disks it can be kept with its memory. On the stick is the standard answer.
    """
    file = lab.shared / "answer.img"
    if not lab.has_snapshot("live"):  # later the live system remembers what it read there
        answers.volume(file, answers.spec(lab.public_key))
    machine = replace(live(lab, Machine("n1", nics=(Nic(),)), "rescue", more), sticks=(Stick(str(file), "answer"),))
    vm = lab.machine(machine)
    if lab.has_snapshot("live"):
        vm.restore("live")
    else:
        vm.start()
        vm.console.expect(r"root@\S*# ", timeout=BOOT)
        vm.console.login()
        vm.snapshot("live")
    if push():
        vm.push_code()
    return vm
