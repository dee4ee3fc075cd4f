# SPDX-License-Identifier: Apache-2.0
"""What a virtual machine is needed for: the rate of writing a slot, the times of an installation and of a node's boot.

One machine after the other, each the same but for what is on its disk, so that a ratio compares like with like.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.bench import debian
from tests.bench.clock import seconds
from tests.bench.row import Row
from tests.vm import answers
from tests.vm.lab import BUILD, Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, INSTALL, bare, live, with_answer
from tests.vm.vm import VM

MACHINE = Machine("bench", disks=(Disk(bus="sata", serial="BENCH0"),), nics=(Nic("e1000e"),))
PORTS = (Nic("igb", "52:54:00:00:0d:01", "left"), Nic("igb", "52:54:00:00:0d:02", "right"))
EIGHT = (*MACHINE.nics, *(Nic("igb", f"52:54:00:00:0e:0{number}", f"cable{number}") for number in range(1, 8)))
IMAGE = "/run/initramfs/live/live/trivet.squashfs"
DEVICE = "/dev/disk/by-id/ata-QEMU_HARDDISK_BENCH0"
PYTHON = "/usr/lib/trivet/venv/bin/python3 -I"
ROUNDS = 2
COPY = f"""
import os, time
from appliance.host import blocks
begun = time.monotonic()
blocks.copy_hashed("{IMAGE}", "{DEVICE}", os.path.getsize("{IMAGE}"), lambda done, total: None)
print(time.monotonic() - begun)
"""
DD = f"""
import subprocess, time
begun = time.monotonic()
subprocess.run("dd if={IMAGE} of={DEVICE} bs=4M oflag=direct conv=fsync status=none", shell=True, check=True)
print(time.monotonic() - begun)
"""
PEAK = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], check=False)
print(f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss} KiB")
"""


def rows() -> Iterator[Row]:
    """As they are measured; about ten minutes without hardware acceleration."""
    with Lab(BUILD / "bench" / "lab", BUILD / "bench" / "shared") as lab:
        vm = lab.machine(MACHINE)
        begun = _start(vm, live(lab, MACHINE, "rescue"))
        vm.console.expect(r"root@\S*# ", timeout=BOOT)
        booted = time.monotonic() - begun
        vm.console.login()
        copy, dd = _rates(vm)
        yield "copying a slot, hashed on the way", copy, "s", "dd of the same bytes", dd
        peak = _peak(lab, vm)
        vm.kill()
        vm.disk_file().unlink()

        begun = _start(vm, with_answer(lab, live(lab, MACHINE), answers.spec(lab.public_key, install={"then": "reboot"})))
        vm.wait_reboot(BOOT + INSTALL)
        yield "an installation, power on to restart", time.monotonic() - begun, "s", "live boot + that dd", booted + dd
        vm.kill()
        begun = _start(vm, bare(MACHINE))
        vm.wait_ssh(BOOT)
        ready = _ready(vm, begun)
        memory = int(vm.run("grep VmHWM /proc/$(systemctl show -p MainPID --value trivetd)/status | tr -dc 0-9")) / 1024
        kernel = vm.run("uname -r").strip()
        vm.powerdown()
        yield from _functions(lab, vm)
        yield from _ports(lab, vm)
        node = vm.disk_file().rename(vm.folder / "node.qcow2")

        debian.disk(BUILD / "bench", kernel)
        vm.disk_file().unlink(missing_ok=True)
        vm.disk_file().symlink_to(debian.disk(BUILD / "bench", kernel))
        begun = _start(vm, bare(MACHINE))
        vm.console.expect("login: ", timeout=BOOT)
        yield "a node, power on to ready", ready, "s", f"Debian 13 to login, {kernel}", time.monotonic() - begun
        node.unlink()
        for name, mib in (("an installation", peak), ("trivetd", memory)):
            yield f"memory of {name}", mib, "MiB", "", 0.0


def _functions(lab: Lab, vm: VM) -> Iterator[Row]:
    """What the virtual functions of two ports cost when they are asked for, and then each boot."""
    begun = _start(vm, replace(MACHINE, nics=(*MACHINE.nics, *PORTS), iommu=True))
    vm.wait_ssh(BOOT)
    without = _ready(vm, begun)
    ports = [{"nic": {"mac": port.mac}, "vfs": 7, "driver": "vfio-pci"} for port in PORTS]
    document = answers.spec(lab.public_key)
    document["network"]["sriov"] = ports
    yield "net apply of 2 x 7 virtual functions, to verified", _applied(vm, document), "s", "", 0.0
    vm.powerdown()
    begun = _start(vm, vm.machine)
    vm.wait_ssh(BOOT)
    yield "a node with 2 x 7 virtual functions, power on to ready", _ready(vm, begun), "s", "the same without", without
    vm.powerdown()


def _ports(lab: Lab, vm: VM) -> Iterator[Row]:
    """A change of the only plane's one port; then three bonds, the switch and OVN on seven more, all at once."""
    _start(vm, replace(MACHINE, nics=EIGHT))
    vm.wait_ssh(BOOT)
    ports = [{"mac": nic.mac} for nic in EIGHT[1:]]
    bond = {"bond": "active-backup"}
    more = {
        "business": {**bond, "nics": ports[:2], "vlan": "trunk"},
        "overlay": {**bond, "nics": ports[2:4], "address": "10.8.0.1/24"},
        "storage": {**bond, "nics": ports[4:], "address": "10.9.0.1/24", "mtu": 9000},
    }
    reload = min(seconds(vm, "networkctl reload") for _ in range(ROUNDS))
    for name, mtu, planes in (("a port", 1400, {}), ("8 ports, 3 bonds, the switch and OVN", 1500, more)):
        document = answers.spec(lab.public_key)
        document["network"]["planes"]["management"]["mtu"] = mtu
        document["network"]["planes"].update(planes)
        yield f"net apply to verified, {name}", _applied(vm, document), "s", "networkctl reload", reload
    vm.powerdown()


def _applied(vm: VM, document: dict[str, Any]) -> float:
    """Seconds until this change of the network is verified; then it is kept."""
    vm.run(f"cat > /run/new.yaml <<'END'\n{answers.text(document)}END\n")
    taken = seconds(vm, "trivet net apply /run/new.yaml --confirm-within 600s")
    vm.run("trivet net confirm", timeout=120)
    return taken


def _start(vm: VM, machine: Machine) -> float:
    begun = time.monotonic()
    vm.become(machine).start()
    return begun


def _rates(vm: VM) -> tuple[float, float]:
    """Seconds of our copy and of dd's, the best of some rounds, taken in turns; nothing is in the page cache before."""
    found: dict[str, list[float]] = {COPY: [], DD: []}
    for _ in range(ROUNDS):
        for script, times in found.items():
            text = vm.run(f"echo 3 > /proc/sys/vm/drop_caches; {PYTHON} -c '{script}'", timeout=INSTALL)
            times.append(float(text.splitlines()[-1]))
    vm.run(f"wipefs --all --force {DEVICE}; dd if=/dev/zero of={DEVICE} bs=1M count=8 conv=fsync status=none; udevadm settle")
    return min(found[COPY]), min(found[DD])


def _peak(lab: Lab, vm: VM) -> float:
    """MiB of the largest process of ours in a whole installation."""
    spec = answers.text(answers.spec(lab.public_key))
    vm.run(f"cat > /run/spec.yaml <<'END'\n{spec}END\n")
    text = vm.run(f"{PYTHON} -c '{PEAK}' trivet apply --yes /run/spec.yaml", timeout=INSTALL)
    match = re.search(r"^peak (\d+) KiB", text, re.MULTILINE)
    assert match, text
    return int(match[1]) / 1024


def _ready(vm: VM, begun: float) -> float:
    """Seconds from power on until trivetd said that it is through: from what its manager wrote down, not from our looks."""
    ask = "systemctl show -p ActiveEnterTimestampMonotonic --value trivetd; cut -d' ' -f1 /proc/uptime"
    since, now = (float(word) for word in vm.run(ask).split())
    return time.monotonic() - begun - (now - since / 1e6)
