# SPDX-License-Identifier: Apache-2.0
"""A server becomes a node without a hand on it: from CD and stick, on every firmware and disk, from any kind of answer."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

from tests.vm import answers, images, observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic, Stick
from tests.vm.moments import BOOT, INSTALL, STANDARD, bare, live, with_answer
from tests.vm.story import story


@story("install-bios-cd")
def test_install_bios_cd(lab: Lab) -> None:
    """A BIOS server with a rotating SATA disk, the ISO in its drive and the answer on a stick: power on, wait, log in."""
    document = answers.spec(lab.public_key, install={"then": "reboot"})
    vm = lab.machine(with_answer(lab, replace(STANDARD, cdrom=str(lab.iso)), document))
    vm.start()
    vm.wait_reboot(BOOT + INSTALL)
    vm.wait_ssh(BOOT)  # the medium is still in the drive: the firmware finds a disk that it can start from, and takes it
    first = observe.node(vm)
    observe.same_account(first, observe.serial_account(vm))
    observe.secrets_kept(vm)
    assert "trivet-a" in vm.run("lsblk -no PARTLABEL")
    assert vm.run("ls /var/lib/trivet/log | wc -l") != "0", "the installer's log is kept"
    keys = vm.run("cat /var/lib/trivet/ssh/*.pub")
    vm.powerdown()
    observe.whole_disk(lab, vm)

    vm.become(bare(STANDARD)).start()
    vm.wait_ssh(BOOT)
    observe.same_account(first, observe.node(vm))
    assert vm.run("cat /var/lib/trivet/ssh/*.pub") == keys
    assert len(vm.run("journalctl --list-boots --no-pager --quiet").splitlines()) == 2, "the journal of the first boot is kept"
    vm.run("systemctl is-system-running --wait", timeout=BOOT, check=False)
    vm.snapshot("running")  # other stories start here


@story("install-secureboot-usb", quick=True)
def test_install_secureboot_usb(lab: Lab) -> None:
    """UEFI with Secure Boot and Microsoft's keys, the ISO on a stick that is smaller than the disk and could be written on."""
    medium = lab.folder / "stick.img"
    shutil.copyfile(lab.iso, medium)
    with medium.open("ab") as file:
        file.truncate(8 << 30)
    before = images.digest(medium)
    document = answers.spec(lab.public_key, install={"then": "reboot", "disk": {"prefer": "smallest"}})
    stick = Stick(str(medium), "medium", "STICK1", writable=True)
    machine = Machine("n1", "secureboot", disks=(Disk(bus="virtio", serial="SYS0"),), nics=(Nic(),), tpm=True)
    vm = lab.machine(with_answer(lab, replace(machine, sticks=(stick,)), document))
    vm.start()
    vm.wait_reboot(BOOT + INSTALL)
    vm.wait_ssh(BOOT)
    observe.node(vm)
    assert "Secure boot enabled" in vm.run("journalctl -k -b --no-pager | grep -i 'secure boot' | head -3")
    assert "integrity" in vm.run("cat /sys/kernel/security/lockdown")
    assert json.loads(vm.run("trivet inspect --json"))["machine"]["firmware"]["secure_boot"] is True
    vm.powerdown()
    observe.whole_disk(lab, vm)
    assert images.digest(medium) == before, "the medium was written on"


@story("install-nvme-4k")
def test_install_nvme_4k(lab: Lab) -> None:
    """An NVMe disk with sectors of 4096 bytes, started by UEFI; a second, smaller one of 512 is not what was asked for."""
    disks = (Disk("disk0", "nvme", serial="NV4K", sector=4096, size="20G"), Disk("other", "nvme", serial="NV512", size="10G"))
    machine = Machine("n1", "uefi", disks=disks, nics=(Nic("igb"),))
    document = answers.spec(
        lab.public_key,
        install={"disk": {"serial": "NV4K"}},
        network={"planes": {"management": {"nics": [{"driver": "igb"}], "address": "10.0.2.20/24", "gateway": "10.0.2.2"}}},
    )
    vm = lab.machine(with_answer(lab, live(lab, machine), document, "iso"))
    vm.start()
    vm.wait_exit(BOOT + INSTALL)
    observe.whole_disk(lab, vm)
    observe.blank_disk(vm, "other")
    vm.become(bare(machine)).start()
    told = observe.serial_account(vm)
    assert told["state"] == "ready", told
    assert "10.0.2.20/24" in [each["address"] for each in told["addresses"]]
    assert "10.0.2.20/24" in vm.run("ip -br addr")
    assert "via 10.0.2.2" in vm.run("ip route show default")
    assert vm.run("blockdev --getss /dev/disk/by-partlabel/trivet-a") == "4096"


@story("answer-http")
def test_answer_http(lab: Lab) -> None:
    """No stick: the kernel's arguments name a server that has the answer. It is asked until it answers."""
    document = answers.spec(lab.public_key, name="from-http")
    machine = replace(STANDARD, name="n1")
    with_server = answers.Answers({"/n1.yaml": answers.text(document)})
    with with_server as url:
        vm = lab.machine(live(lab, machine, more=f"trivet.answer={url}/n1.yaml"))
        vm.start()
        vm.wait_exit(BOOT + INSTALL)
    assert "/n1.yaml" in with_server.asked
    observe.whole_disk(lab, vm)
    vm.become(bare(machine)).start()
    vm.wait_ssh(BOOT)
    observe.node(vm, "from-http")
