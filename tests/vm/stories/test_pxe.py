# SPDX-License-Identifier: Apache-2.0
"""A rack is switched on: blank machines on one switch, a server on it, and nobody's hand."""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import replace
from functools import partial
from pathlib import Path

from appliance.pxe.rack import Rack as Board
from tests.vm import observe
from tests.vm.lab import BUILD, Lab, push
from tests.vm.moments import BOOT, INSTALL, reached
from tests.vm.process import command
from tests.vm.rack import CLUSTER, Rack, address, mac, machine
from tests.vm.story import story
from tests.vm.tagged import tagged
from tests.vm.vm import VM

FETCH = 600
"""Seconds for firmware, boot loader, kernel, initrd and the image of a machine that is emulated."""


def is_node(lab: Lab, vm: VM, name: str, number: int, *, founds: bool = False) -> None:
    """By its own engines' words and by the bytes on its disk."""
    vm.wait_ssh(BOOT)
    observe.node(vm, name, f"{address(number)}/24")
    left = vm.run("test -e /var/lib/trivet/report.json && echo left", check=False)
    assert founds or left == "", "its credential is gone, but for who lets others in"
    assert "trivet.answer.token" not in vm.run("cat /proc/cmdline")
    vm.powerdown()
    observe.whole_disk(lab, vm)


@story("rack-of-three-untouched")
def test_rack_of_three_untouched(lab: Lab) -> None:
    """A BIOS, a UEFI and a Secure Boot server with 2 GiB each, blank, on one switch: power on, wait, a cluster of three."""
    names = {"n1": 1, "n2": 2, "n3": 3}
    firmware = {"n1": "bios", "n2": "uefi", "n3": "secureboot"}
    with Rack(lab, names, CLUSTER) as rack:
        vms = {name: lab.machine(machine(name, number, firmware[name])) for name, number in names.items()}
        for name, vm in vms.items():
            vm.start()
            if lab.accel != "kvm":  # emulated machines have two processors between them: one after the other
                rack.wait(f"{name} restarts", partial(_installed, mac(names[name])), FETCH + INSTALL)
        for vm in vms.values():
            reached(vm, 2 * BOOT)
        rack.wait_state(list(names.values()), "ready", 3 * (FETCH + INSTALL + BOOT))
        board = rack.now()
        assert {seen.name for seen in board.machines.values()} == set(names)
        for name, number in names.items():
            log = rack.seen(number).log
            assert f"becomes {name}, by node.yaml.j2" in log, log
        told = [line for line in rack.log() if line["kind"] == "told"]
        assert told, "the installers have said how it goes"
        is_cluster(vms)
        for name, number in names.items():
            is_node(lab, vms[name], name, number, founds=name == "n1")
        kept = (lab.folder / "serve.log").read_text() + (rack.state / "rack.jsonl").read_text()
        assert "token=" not in kept
        assert "TRIVET1-" not in kept


def is_cluster(vms: dict[str, VM]) -> None:
    """All are members and voters, by etcd's own words and by each node's."""
    n1 = vms["n1"]
    n1.run("until [ $(etcdctl member list | grep -c 'started.*false$') = 3 ]; do sleep 2; done", timeout=BOOT)
    for vm in vms.values():
        found = json.loads(vm.run("trivet cluster show --json", timeout=60))["cluster"]
        assert {each["name"] for each in found["members"] if each["control"]} == set(vms)
        vm.run("until trivet status --json | grep -q '\"state\": \"ready\"'; do sleep 2; done", timeout=BOOT)
        assert vm.run("etcdctl get --print-value-only /trivet/v1/cluster", timeout=60) == n1.run(
            "etcdctl get --print-value-only /trivet/v1/cluster", timeout=60
        )


def _installed(port: str, board: Board) -> bool:
    seen = board.machines.get(port)
    return seen is not None and seen.installed


@story("server-dies-midstream")
def test_server_dies_midstream(lab: Lab) -> None:
    """The server is killed while a machine has half of the image, and is started again after a while: the machine goes on."""
    rack = Rack(lab, {"n1": 1})
    rack.start()
    vm = lab.machine(machine("n1", 1))
    vm.start()
    rack.wait("half of the image", lambda board: _share(board.machines.get(mac(1))) > 0.3, FETCH)
    rack.kill()
    time.sleep(20)
    vm.console.expect("the server went away at byte", timeout=120)
    rack.start()
    assert rack.seen(1).state in ("discovered", "fetching"), "it is known who was there"
    rack.wait_state([1], "ready", FETCH + INSTALL + BOOT)
    begun = [line for line in rack.log() if line["kind"] == "begun"]
    assert not begun, "it did not have to start again"
    is_node(lab, vm, "n1", 1)
    rack.close()


def _share(seen: object) -> float:
    total = getattr(seen, "total", 0)
    return getattr(seen, "done", 0) / total if total else 0.0


@story("stranger-gets-nothing")
def test_stranger_gets_nothing(lab: Lab) -> None:
    """A machine that is in no table, and somebody with made-up credentials: no answer, no byte on the disk, a sentence."""
    with Rack(lab, {"n1": 1}) as rack:
        vm = lab.machine(replace(machine("other", 9), reach=""))
        vm.start()
        rack.wait_state([9], "waiting", FETCH + BOOT)
        assert "no rule holds for this machine" in rack.seen(9).cause
        vm.console.expect("no rule holds for this machine", timeout=BOOT)
        for path, token in (("answer", ""), ("answer", "made-up"), ("report", "made-up")):
            assert _posted(rack, path, token) == 403
        assert any("without a credential" in line for line in rack.now().strangers)
        vm.kill()
        observe.blank_disk(vm)


def _posted(rack: Rack, path: str, token: str) -> int:
    host = rack.switch.address.partition("/")[0]
    request = urllib.request.Request(f"https://{host}:8443/{path}", b"{}", {"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, context=ssl._create_unverified_context(), timeout=30) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        assert error.read() == b""
        return error.code


@story("secureboot-netboot")
def test_secureboot_netboot(lab: Lab) -> None:
    """UEFI with Secure Boot and Microsoft's keys, started over the network from an ISO file: shim, GRUB, kernel, node."""
    rack = Rack(lab, {"n1": 1})
    with contextlib.closing(rack.start(lab.iso)):
        vm = lab.machine(machine("n1", 1, "secureboot"))
        vm.start()
        rack.wait_state([1], "ready", FETCH + INSTALL + BOOT)
        vm.wait_ssh(BOOT)
        assert "Secure boot enabled" in vm.run("journalctl -k -b --no-pager | grep -i 'secure boot' | head -3")
        assert "integrity" in vm.run("cat /sys/kernel/security/lockdown")
        is_node(lab, vm, "n1", 1)


@story("tagged-uplink")
def test_tagged_uplink(lab: Lab) -> None:
    """A port that carries one VLAN tagged: the live system fetches itself and asks there, as `--vlan` has it told.

    The kernel is started as iPXE starts it, with the arguments of the machine's own menu; iPXE has the VLAN from an operator.
    """
    rack = Rack(lab, {"n1": 1})
    rack.start(BUILD / "pxe", "--vlan", "20")
    host = rack.switch.address.partition("/")[0]
    with urllib.request.urlopen(f"http://{host}/boot/{mac(9)}/boot.ipxe", timeout=30) as reply:
        line = next(line for line in reply.read().decode().splitlines() if line.startswith("kernel "))
    arguments = line.partition(" initrd=initrd.img ")[2].partition(" ||")[0]
    assert f"trivet.vlan=20,{mac(9)}" in arguments
    plain = machine("other", 9)
    vm = lab.machine(replace(
        plain, reach="", nics=(replace(plain.nics[0], network="trunk"),), kernel=str(lab.kernel), initrd=str(this_initrd(lab)),
        append=arguments,
    ))  # fmt: skip
    with tagged(lab.cable("trunk", "switch", 0), rack.switch.port("trunk"), 20) as lost:
        vm.start()
        rack.wait_state([9], "waiting", FETCH + BOOT)
        vm.console.expect("no rule holds for this machine", timeout=BOOT)
        assert rack.seen(9).log[-1].startswith("waits: rack.yaml: no rule holds")
        print(f"{len(lost)} frames came untagged")
        vm.kill()
    observe.blank_disk(vm)
    rack.close()


def this_initrd(lab: Lab) -> Path:
    """The image's; between two builds with this checkout's hooks for a boot over the network behind it."""
    if not push():
        return lab.initrd
    tree, hooks = lab.folder / "initrd", lab.repo / "elements/trivet-initrd/static/usr/lib/dracut/modules.d/95trivet"
    places = {"tagged-port": "usr/lib/trivet/tagged-port", "netboot.sh": "var/lib/dracut/hooks/cmdline/28-netboot.sh"}
    for name, place in places.items():
        (tree / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(hooks / name, tree / place)
    whole = lab.folder / "initrd.img"
    shutil.copy(lab.initrd, whole)
    command("sh", "-c", f"cd {tree} && find . -type f | cpio --quiet -o -H newc >> {whole}")
    return whole
