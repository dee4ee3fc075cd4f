# SPDX-License-Identifier: Apache-2.0
"""The planes of two nodes on two cables: what an operator sees of bonds and VLANs, and what a pulled cable costs."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from tests.vm import observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, installed
from tests.vm.story import story
from tests.vm.vm import VM

INTERVAL = 0.01
PULL_SECONDS = 2


def twin(number: int) -> Machine:
    """A server with a port for management and two on cables that lead to the other server."""
    cables = (Nic("igb", f"52:54:00:00:0{number}:01", "left"), Nic("igb", f"52:54:00:00:0{number}:02", "right"))
    disk = Disk("disk0", "scsi", serial=f"TWIN{number}")
    return Machine(f"n{number}", disks=(disk,), nics=(Nic("e1000e", f"52:54:00:00:0{number}:00"), *cables))


def planes(number: int, bond: str) -> dict[str, Any]:
    return {
        "planes": {
            "management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"},
            "storage": {
                "nics": [{"driver": "igb", "count": 2}],
                "bond": bond,
                "vlan": 20,
                "mtu": 9000,
                "address": f"10.9.0.{number}/24",
            },
        }
    }


def pair(lab: Lab, bond: str) -> list[VM]:
    """Two installed nodes, up, each knowing the other's address."""
    nodes = []
    for number in (1, 2):
        name = f"n{number}"
        changes: dict[str, Any] = {"node": {"name": name}, "network": planes(number, bond)}
        nodes.append(installed(lab, f"twin-{bond}-{number}", twin(number), **changes))
    for vm in nodes:
        vm.start()
    for number, vm in enumerate(nodes, 1):
        vm.wait_ssh(BOOT)
        observe.node(vm, f"n{number}")
    return nodes


@story("bond-member-pulled")
def test_bond_member_pulled(lab: Lab) -> None:
    """Two cables, no switch that knows of it: one is pulled and put back, and a ping of 10 ms counts what is lost."""
    nodes = pair(lab, "active-backup")
    n1 = nodes[0]
    link = json.loads(n1.run("ip -json -details link show storage"))[0]
    assert (link["linkinfo"]["info_data"]["id"], link["mtu"], link["link"]) == (20, 9000, "bond-storage")
    assert "Bonding Mode: fault-tolerance (active-backup)" in n1.run("cat /proc/net/bonding/bond-storage")
    n1.run("ping -c 2 -W 2 -M do -s 8972 10.9.0.2")
    for cable in (0, 1):
        active = re.search(r"Currently Active Slave: (\S+)", n1.run("cat /proc/net/bonding/bond-storage"))
        assert active
        mac = n1.run(f"cat /sys/class/net/bond-storage/lower_{active[1]}/bonding_slave/perm_hwaddr").strip()
        lost = pulled(nodes, 1 + int(mac.endswith(":02")))
        assert lost * INTERVAL < 1, f"{lost} pings of {INTERVAL} s were lost when cable {cable} was pulled"


def pulled(nodes: list[VM], nic: int) -> int:
    """Pull the cable that is in use, at both of its ends, put it back later; how many pings did not come back."""
    vm = nodes[0]
    vm.run(f"ping -i {INTERVAL} -w {2 * PULL_SECONDS + 4} -q 10.9.0.2 > /run/pings 2>&1 &")
    time.sleep(2)
    for end in nodes:
        end.cable(nic, plugged=False)
    time.sleep(PULL_SECONDS)
    for end in nodes:
        end.cable(nic, plugged=True)
    time.sleep(PULL_SECONDS + 3)
    text = vm.run("cat /run/pings")
    match = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    assert match, text
    return int(match[1]) - int(match[2])


SRIOV = [
    {"nic": {"mac": "52:54:00:00:07:01"}, "vfs": 7, "vf": [{"index": 2, "mac": "02:00:00:00:07:02", "vlan": 100, "trust": True}]},
    {
        "nic": {"mac": "52:54:00:00:07:02"},
        "vfs": 7,
        "driver": "vfio-pci",
        "vf": [{"index": 0, "driver": "kernel", "spoofchk": False}],
    },
]


@story("sriov-survives-reboots")
def test_sriov_survives_reboots(lab: Lab) -> None:
    """Seven functions on each of two ports, some for VMs: identical after three restarts, in the kernel's own words."""
    cards = (Nic("igb", "52:54:00:00:07:01", "left"), Nic("igb", "52:54:00:00:07:02", "right"))
    machine = Machine("n7", disks=(Disk("disk0", "scsi", serial="SRIOV"),), nics=(Nic("e1000e"), *cards), iommu=True)
    planes = {"management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"}}
    vm = installed(lab, "sriov", machine, node={"name": "n7"}, network={"planes": planes, "sriov": SRIOV})
    seen = []
    for _ in range(3):
        vm.start()
        vm.wait_ssh(BOOT)
        observe.node(vm, "n7")
        seen.append(functions(vm))
        vm.powerdown()
    first = seen[0]
    assert first["02:00:00:00:07:02"] == {"vf": 2, "vlan": 100, "trust": True, "port": "52:54:00:00:07:01"}
    assert first["drivers"] == {"igbvf": 8, "vfio-pci": 6}
    assert seen == [first] * 3


def functions(vm: VM) -> dict[str, Any]:
    """What `ip -d link` and /sys say of all virtual functions."""
    links = json.loads(vm.run("ip -json -details link show"))
    found: dict[str, Any] = {
        vf["address"]: {
            "vf": vf["vf"],
            "vlan": next((v["vlan"] for v in vf.get("vlan_list", ())), 0),
            "trust": vf["trust"],
            "port": link["address"],
        }
        for link in links
        for vf in link.get("vfinfo_list", ())
        if vf["address"].startswith("02:00:00:00:07")
    }
    drivers = vm.run("for f in /sys/bus/pci/devices/*/physfn; do basename $(readlink $(dirname $f)/driver); done").split()
    return found | {"drivers": {name: drivers.count(name) for name in sorted(set(drivers))}}
