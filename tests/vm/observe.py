# SPDX-License-Identifier: Apache-2.0
"""What an operator would look at, to believe that a machine is what he asked for: the engines' own words, bytes on disks."""

from __future__ import annotations

import json
from typing import Any

from tests.vm.answers import PASSWORD
from tests.vm.images import RawDisk
from tests.vm.lab import Lab
from tests.vm.moments import BOOT
from tests.vm.process import command
from tests.vm.vm import VM

PARTITIONS = ["trivet-bios", "trivet-esp", "trivet-a", "trivet-b", "trivet-state"]


def whole_disk(lab: Lab, vm: VM, disk: str = "disk0") -> None:
    """The disk holds a whole installation: the table, the image's very bytes in slot a, kernel and loaders in the ESP."""
    sector = vm.machine.disk(disk).sector if vm.machine.disk(disk).bus != "sata" else 512
    with RawDisk(vm.disk_file(disk), sector) as raw:
        parts = raw.partitions()
        assert list(parts) == PARTITIONS
        slot, image = parts["trivet-a"], lab.image
        assert raw.sha256(slot.start, image["size"]) == image["sha256"], "slot a is not the image of the medium"
        files = {name.lower() for name in raw.fat(parts["trivet-esp"])}
        for name in ("/trivet/a/vmlinuz", "/trivet/a/initrd.img", "/efi/boot/bootx64.efi"):
            assert name in files, f"{name} is not in the ESP: {sorted(files)}"
        boot_code = raw.read(0, 440)
        assert (b"GRUB" in boot_code) == (sector == 512), "BIOS boot code, on disks that a BIOS can read and no others"


def blank_disk(vm: VM, disk: str = "disk0") -> None:
    """Nothing was ever written on it."""
    extents = json.loads(command("qemu-img", "map", "--output=json", str(vm.disk_file(disk))))
    assert not any(extent["data"] for extent in extents), f"{disk} is not blank any more: {extents}"


def node(vm: VM, name: str = "n1", address: str = "10.0.2.15/24", zone: str = "Asia/Shanghai") -> dict[str, Any]:
    """The running node is what the spec says; returns its own account of it."""
    assert vm.run("hostname") == name
    assert vm.run("timedatectl show -p Timezone --value") == zone
    addresses = json.loads(vm.run("ip -json address show scope global"))
    held = [f"{each['local']}/{each['prefixlen']}" for link in addresses for each in link["addr_info"] if "local" in each]
    assert address in held, held
    assert vm.run("findmnt -no FSTYPE,OPTIONS /run/systemd/volatile-sysroot 2>/dev/null || findmnt -no FSTYPE /")
    assert vm.run("findmnt -no FSTYPE /var/lib/trivet") == "ext4"
    assert vm.run("stat -c %a:%U /var/lib/trivet/spec.yaml") == "600:root"
    assert "trivet.slot=a" in vm.run("cat /proc/cmdline")
    assert not vm.run("systemctl --failed --no-legend --plain"), "failed units"
    told: dict[str, Any] = json.loads(vm.run("trivet status --json", timeout=60))
    assert told["state"] == "ready", told
    assert told["name"] == name
    assert told["slot"] == "a"
    assert address in [each["address"] for each in told["addresses"]]
    assert json.loads(vm.run("trivet plan --json", timeout=60))["steps"] == [], "a plan against the same spec must be empty"
    return told


def same_account(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Two accounts of one node agree, but for the time between them."""
    for volatile in ("uptime", "boot"):
        first, second = ({key: value for key, value in each.items() if key != volatile} for each in (first, second))
    assert first == second


def serial_account(vm: VM) -> dict[str, Any]:
    """What the node says of itself to one who logs in on the serial line with the administrator's password, once it is up."""
    vm.console.login("root", PASSWORD, timeout=BOOT)
    vm.console.run("systemctl is-system-running --wait", timeout=180)
    output = vm.console.run("trivet status --json", timeout=60)
    assert output.ok, output.text
    told: dict[str, Any] = json.loads(output.text)
    return told


def secrets_kept(vm: VM) -> None:
    """The password's hash is in the saved spec and in shadow, and nowhere else."""
    script = (
        "grep -rlF trivetlab /var/log /var/lib/trivet/log /run/trivet /run/log 2>/dev/null; journalctl -b | grep -cF trivetlab"
    )
    assert vm.run(script, timeout=120, check=False).split() == ["0"]
