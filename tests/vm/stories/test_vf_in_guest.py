# SPDX-License-Identifier: Apache-2.0
"""A virtual function that is a guest's own, on a machine with a card that has some: seen from the wire that the card is on."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

from tests.vm import answers, tiny
from tests.vm.containers import ROOT
from tests.vm.lab import Lab
from tests.vm.machines import SWITCH, Disk, Machine, Nic, Stick
from tests.vm.moments import STANDARD, installed, reached
from tests.vm.process import command, wait_for
from tests.vm.story import story
from tests.vm.vm import VM

PORT, MAC = "52:54:00:00:07:01", "02:00:00:00:07:77"
GUEST = "10.66.0.77"
KEY = "KEY0001"
WIRE = f"{SWITCH}wire"


def wish(lab: Lab, machine: Machine) -> dict[str, Any]:
    sriov = [{"nic": {"mac": PORT}, "vfs": 2, "driver": "vfio-pci"}]
    planes = {"management": {"nics": [{"mac": machine.nics[0].mac}], "address": "dhcp"}}
    return answers.spec(lab.public_key, network={"planes": planes, "sriov": sriov}, hypervisor={"emulation": True})


@story("vf-in-guest")
def test_vf_in_guest(lab: Lab) -> None:
    """A VM has a function with a MAC of its own; who is on the wire pings it, after the guest's and the node's restart, too."""
    key = lab.folder / "key.img"
    with key.open("wb") as file:
        file.truncate(2**20)
    cards = (*STANDARD.nics, Nic("igb", PORT, WIRE))
    # QEMU's SATA controller fails under its IOMMU: the same disk on another bus.
    disks = (Disk("disk0", "scsi", serial="SYS0"),)
    machine = replace(STANDARD, disks=disks, nics=cards, iommu=True, sticks=(Stick(str(key), "key", KEY),))
    vm = installed(lab).become(machine)
    vm.start()
    reached(vm)
    (lab.folder / "give").mkdir()
    for file, name in zip(tiny.build(), (tiny.KERNEL, tiny.INITRD), strict=True):
        (lab.folder / "give" / name).write_bytes(file.read_bytes())
    (lab.folder / "give" / "new.yaml").write_text(answers.text(wish(lab, machine)))
    vm.push(lab.folder / "give", "/run")
    vm.run("trivet apply /run/new.yaml", timeout=400)
    for name in (tiny.KERNEL, tiny.INITRD):
        vm.run(f"trivet image add /run/{name}", timeout=60)
    pool = vm.run("virsh --quiet net-list --name").strip()
    document = {
        "version": 1,
        "name": "fast",
        "memory": {"size": "192MiB"},
        "kernel": {"image": tiny.KERNEL, "initrd": tiny.INITRD, "arguments": tiny.arguments(GUEST)},
        "nics": [{"pool": pool, "mac": MAC}],
    }
    vm.run(f"trivet vm create - --start <<'EOF'\n{json.dumps(document)}\nEOF", timeout=240)
    its_own(lab, vm)

    vm.run("trivet vm reset fast", timeout=60)
    its_own(lab, vm, times=2)

    vm.powerdown(400)
    assert not answers_ping(), "the node is off, and its guest with it"
    vm.start()
    reached(vm)
    vm.run("until virsh --quiet list --name | grep -q fast; do sleep 2; done", timeout=400)
    its_own(lab, vm)
    by_facts(vm)


def its_own(lab: Lab, vm: VM, times: int = 1) -> None:
    """The guest says that it has the function; the card and the neighbour on the wire say whose the address is."""
    said = wait_for("the guest's line", lambda: heard(vm, times), 900, 3)
    assert MAC in said
    assert said.endswith(f"by {tiny.DRIVER}"), said
    wait_for("an answer on the wire", answers_ping, 60, 1)
    neighbours = json.loads(command("ip", "-json", "neigh", "show", "to", GUEST))
    assert [each["lladdr"] for each in neighbours] == [MAC]
    links = json.loads(vm.run("ip -json -details link show"))
    (port,) = [link for link in links if link["address"] == PORT and link.get("vfinfo_list")]
    assert MAC in [function["address"] for function in port["vfinfo_list"]], "the card itself, for its function"
    (used,) = [line.split() for line in vm.run("virsh --quiet domiflist fast").splitlines() if MAC in line]
    assert used[1] in ("hostdev", "network"), used
    drivers = vm.run("for f in /sys/bus/pci/devices/*/physfn; do basename $(readlink $(dirname $f)/driver); done").split()
    assert drivers == ["vfio-pci"] * 2


def by_facts(vm: VM) -> None:
    """Another VM has a USB device by its serial number, and the function that is left; the node's own port it cannot have."""
    document = {"version": 1, "name": "facts", "memory": {"size": "32MiB"}, "pci": [{"driver": "e1000e"}]}
    refused = vm.output(f"trivet vm create - --start <<'EOF'\n{json.dumps(document)}\nEOF", timeout=120)
    assert f"is the node's own: its port {STANDARD.nics[0].mac}" in refused.text, refused.text
    document |= {"pci": [{"vendor": "8086", "device": "10ca"}], "usb": [{"serial": KEY}]}
    vm.run(f"trivet vm edit - <<'EOF'\n{json.dumps(document)}\nEOF", timeout=60)
    vm.run("trivet vm start facts", timeout=240)
    taken = [line for line in vm.run("trivet vm devices", timeout=60).splitlines() if line.endswith("the VM facts")]
    assert [line.split()[0] for line in taken] == ["usb", "pci"], taken
    assert KEY in taken[0]
    qemus_own = vm.run(
        "for what in usbhost usb pci; do virsh --quiet qemu-monitor-command facts --hmp info $what; done", timeout=120
    )
    print(qemus_own)
    assert "46f4:0001" in qemus_own
    assert "8086:10ca" in qemus_own
    vm.run("trivet vm stop facts --force", timeout=120)


def heard(vm: VM, times: int) -> str:
    """What the guest said last, once it has said it so often since the VM was started."""
    lines = [line for line in vm.run("trivet vm console fast --log", check=False).splitlines() if tiny.ANSWERS in line]
    return lines[-1] if len(lines) >= times else ""


def answers_ping() -> bool:
    """By the node's own program, as this host has none."""
    words = ["chroot", str(ROOT.resolve()), "ping", "-n", "-c", "3", "-W", "2", GUEST]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0
