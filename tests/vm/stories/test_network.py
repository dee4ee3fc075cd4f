# SPDX-License-Identifier: Apache-2.0
"""Ports of real-looking machines: uplinks that take VLANs or LACP alone, renamed ports, pulled cables, virtual functions."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import Any

from tests.vm import answers, observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Machine, Nic
from tests.vm.moments import BOOT, STANDARD, installed, live, running
from tests.vm.story import story
from tests.vm.vm import VM

CABLES = ("left", "right")
NODE, NEIGHBOUR = "10.4.0.2", "10.4.0.1"
PARTNER = "02:00:00:00:0a:0b"


def neighbour(lab: Lab, script: str) -> VM:
    """What is at the other end of the cables: the live system's shell, its links set up by hand. $left and $right name them."""
    nics = tuple(Nic("e1000e", f"52:54:00:00:0a:0{number}", cable) for number, cable in enumerate(CABLES, 1))
    vm = lab.machine(live(lab, Machine("neighbour", nics=nics), "rescue"))
    vm.start()
    vm.console.expect(r"root@\S*# ", timeout=BOOT)
    vm.console.login()
    vm.run("systemctl stop systemd-networkd.socket systemd-networkd")
    names = "; ".join(f"{cable}=$(ip -o link | grep -i {nic.mac} | cut -d: -f2)" for cable, nic in zip(CABLES, nics, strict=True))
    vm.run(f"set -e; {names}; for l in $left $right; do ip addr flush $l; ip link set $l down; done; {script}")
    return vm


def reached(neighbour_: VM) -> None:
    """The node answers, and takes a session."""
    neighbour_.run(f"until ping -c 1 -W 1 {NODE}; do sleep 1; done", timeout=60)
    assert neighbour_.run(f"timeout 20 bash -c 'head -c 8 < /dev/tcp/{NODE}/22'", timeout=30).endswith("SSH-2.0-")


@story("vlan-only-install")
def test_vlan_only_install(lab: Lab) -> None:
    """A switch port that takes VLAN 40 and nothing else, no DHCP: installed from a stick, reached when it has started."""
    machine = Machine("n1", disks=(Disk("disk0", "scsi", serial="VLAN0"),), nics=(Nic("e1000e", network="left"),))
    plane = {"nics": [{"driver": "e1000e"}], "vlan": 40, "address": f"{NODE}/24", "gateway": NEIGHBOUR}
    node = installed(lab, "vlan-only", machine, network={"planes": {"management": plane}})
    script = "ip link set $left up; ip link add link $left name v40 type vlan id 40"
    outside = neighbour(lab, f"{script}; ip addr add {NEIGHBOUR}/24 dev v40; ip link set v40 up")
    node.start()
    told = observe.serial_account(node)
    assert told["state"] == "ready", told
    assert "id 40" in node.run("ip -d link show management")
    assert f"via {NEIGHBOUR}" in node.run("ip route show default")
    reached(outside)


@story("lacp-only-install", quick=True)
def test_lacp_only_install(lab: Lab) -> None:
    """A switch that drops what comes over a port outside its aggregate; VMs' networks share the bond with management."""
    cards = tuple(Nic("igb", f"52:54:00:00:0b:0{number}", cable) for number, cable in enumerate(CABLES, 1))
    machine = Machine("n1", disks=(Disk("disk0", "scsi", serial="LACP0"),), nics=cards)
    planes = {
        "management": {"nics": [{"driver": "igb", "count": 2}], "bond": "802.3ad", "address": f"{NODE}/24", "gateway": NEIGHBOUR},
        "business": {"on": "management", "vlan": "trunk"},
    }
    node = installed(lab, "lacp-only", machine, network={"planes": planes})
    # An address that is said: without one, udev's idea of it and the first member's race.
    bond = f"ip link add b0 address {PARTNER} type bond mode 802.3ad miimon 100 lacp_rate fast min_links 2"
    script = f"{bond}; ip link set $left master b0; ip link set $right master b0; ip addr add {NEIGHBOUR}/24 dev b0"
    outside = neighbour(lab, f"{script}; ip link set b0 up")
    node.start()
    told = observe.serial_account(node)
    assert told["state"] == "ready", told
    reached(outside)
    bond = node.run("cat /proc/net/bonding/bond-management")
    assert "Bonding Mode: IEEE 802.3ad Dynamic link aggregation" in bond
    partners = re.findall(r"Partner Mac Address: (\S+)", bond)
    assert partners == [PARTNER], bond
    assert len(set(re.findall(r"Aggregator ID: (\d+)", bond))) == 1, bond
    (uplink,) = json.loads(node.run("trivet net show --json"))["report"]["uplinks"]
    assert (uplink["partner"], [port["active"] for port in uplink["ports"]]) == (partners[0], [True, True]), uplink
    assert node.run("ovs-vsctl list-ports br-business | grep -v patch | xargs") == "bond-management management"
    assert "openvswitch" in node.run("ip -d link show management")
    assert node.run("ovn-sbctl --bare --columns=chassis_name,ip list Encap | xargs") == f"n1 {NODE}"


@story("renamed-nic")
def test_renamed_nic(lab: Lab) -> None:
    """A card is put into a slot before it: the kernel calls the old port otherwise, and everything is as it was."""
    vm = installed(lab)
    names = []
    for nics in ((Nic("e1000e"),), (Nic("igb", "52:54:00:00:0c:01", "nowhere"), Nic("e1000e"))):
        vm.become(replace(STANDARD, nics=nics)).start()
        vm.wait_ssh(BOOT)
        observe.node(vm)
        names += [link["ifname"] for link in json.loads(vm.run("ip -json link")) if link["address"] == nics[-1].mac]
        vm.powerdown()
    assert len(set(names)) == 2, f"the port was not renamed: {names}"


@story("revert-survives-power-cut")
def test_revert_survives_power_cut(lab: Lab) -> None:
    """A wrong address, and the power goes before anybody could keep it or it took itself back."""
    vm = running(lab)
    document = answers.spec(lab.public_key)
    document["network"]["planes"]["management"]["address"] = "10.99.0.1/24"
    vm.run(f"cat > /run/new.yaml <<'EOF'\n{answers.text(document)}EOF")
    before = vm.run("cat /var/lib/trivet/spec.yaml")
    vm.run("systemd-run --quiet trivet net apply /run/new.yaml --confirm-within 600s")
    vm.console.login("root", answers.PASSWORD)
    assert vm.console.run("until ip -br addr | grep 10.99.0.1; do sleep 0.5; done", timeout=60).ok
    assert "10.0.2.15" not in vm.console.run("ip -br addr").text
    vm.kill()
    vm.start()
    vm.wait_ssh(BOOT)
    told = observe.node(vm)
    assert told["reverts_in"] is None
    assert vm.run("cat /var/lib/trivet/spec.yaml") == before


INTERVAL = 0.01
PULL_SECONDS = 2
SWITCH = """
ip link add br0 type bridge
for port in br0 $left $right; do ip link set $port mtu 9000 up; done
ip link set $left master br0; ip link set $right master br0
ip link add link br0 name v20 type vlan id 20
ip addr add 10.9.0.2/24 dev v20; ip link set v20 up
"""


@story("bond-member-pulled")
def test_bond_member_pulled(lab: Lab) -> None:
    """Two cables to a switch that knows of no bond: each in turn is pulled and put back, under a ping of 10 ms."""
    cards = tuple(Nic("igb", f"52:54:00:00:01:0{number}", cable) for number, cable in enumerate(CABLES, 1))
    machine = Machine("n1", disks=(Disk("disk0", "scsi", serial="BOND0"),), nics=(Nic("e1000e"), *cards))
    bond = {"nics": [{"driver": "igb", "count": 2}], "bond": "active-backup"}
    planes = {
        "management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"},
        "storage": {**bond, "vlan": 20, "mtu": 9000, "address": "10.9.0.1/24"},
    }
    node = installed(lab, "bonded", machine, network={"planes": planes})
    switch = neighbour(lab, SWITCH)
    node.start()
    node.wait_ssh(BOOT)
    observe.node(node)
    link = json.loads(node.run("ip -json -details link show storage"))[0]
    assert (link["linkinfo"]["info_data"]["id"], link["mtu"], link["link"]) == (20, 9000, "bond-storage")
    assert "Bonding Mode: fault-tolerance (active-backup)" in node.run("cat /proc/net/bonding/bond-storage")
    node.run("ping -c 2 -W 2 -M do -s 8972 10.9.0.2")
    for _ in CABLES:
        active = re.search(r"Currently Active Slave: (\S+)", node.run("cat /proc/net/bonding/bond-storage"))
        assert active
        mac = node.run(f"cat /sys/class/net/bond-storage/lower_{active[1]}/bonding_slave/perm_hwaddr").strip()
        cable = [nic.mac for nic in cards].index(mac)
        lost = pulled(node, switch, cable)
        print(f"{CABLES[cable]}: {lost} pings of {INTERVAL} s lost")
        assert lost * INTERVAL < 1, f"{lost} pings of {INTERVAL} s were lost when the cable {CABLES[cable]} was pulled"


def pulled(node: VM, switch: VM, cable: int) -> int:
    """Pull a cable, which both of its ends see, and put it back later; how many pings did not come back."""
    node.run(f"ping -i {INTERVAL} -w {2 * PULL_SECONDS + 4} -q 10.9.0.2 > /run/pings 2>&1 &")
    time.sleep(2)
    for plugged in (False, True):
        node.cable(1 + cable, plugged=plugged)
        switch.cable(cable, plugged=plugged)
        time.sleep(PULL_SECONDS)
    time.sleep(3)
    text = node.run("cat /run/pings")
    match = re.search(r"(\d+) packets transmitted, (\d+) received", text)
    assert match, text
    return int(match[1]) - int(match[2])


REACHES = "until ping -c 1 -W 2 -M do -s 8972 10.9.0.2; do sleep 1; done"


@story("dead-card-at-boot")
def test_dead_card_at_boot(lab: Lab) -> None:
    """One of a bond's two cards is not there when the node starts: all else comes up, and it says which; then it is back."""
    # The last one: the lab knows the ends of its cables by the numbers of cards.
    cards = tuple(Nic("igb", f"52:54:00:00:0d:0{number}", cable) for number, cable in enumerate(CABLES, 1))
    left, gone = (card.mac for card in cards)
    machine = Machine("n1", disks=(Disk("disk0", "scsi", serial="DEAD0"),), nics=(Nic("e1000e"), *cards))
    bond = {"nics": [{"mac": card.mac} for card in cards], "bond": "active-backup"}
    planes = {
        "management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"},
        "storage": {**bond, "vlan": 20, "mtu": 9000, "address": "10.9.0.1/24"},
    }
    node = installed(lab, "dead-card", machine, network={"planes": planes})
    neighbour(lab, SWITCH)
    node.become(replace(machine, nics=machine.nics[:-1])).start()
    node.wait_ssh(BOOT)
    node.run("systemctl is-system-running --wait", timeout=BOOT, check=False)
    assert members(node) == [left]
    node.run(REACHES, timeout=60)
    told = json.loads(node.run("trivet status --json", timeout=60))
    assert (told["state"], told["boot"]["failed"], told["drift"]) == ("differs", "", []), told
    (pending,) = told["pending"]
    assert (pending["where"], pending["lost"]) == ("network.planes.storage.nics[1]", True), pending
    assert f"the port with mac {gone} is not there: the bond goes on with {left}" in pending["why"]
    end = time.monotonic() + BOOT
    while gone not in " ".join(alert["message"] for alert in told["alerts"]):
        assert time.monotonic() < end, told["alerts"]
        time.sleep(5)
        told = json.loads(node.run("trivet status --json", timeout=60))
    refused = node.output("trivet apply /var/lib/trivet/spec.yaml", timeout=60)
    assert (refused.status, "network.planes.storage.nics[1]: nothing matches" in refused.text) == (4, True), refused.text
    node.powerdown()
    node.become(machine).start()
    node.wait_ssh(BOOT)
    told = observe.node(node)
    assert not told["pending"], told
    assert members(node) == [left, gone]
    node.run(REACHES, timeout=60)


def members(node: VM) -> list[str]:
    """The lasting addresses of the ports of storage's bond, in order."""
    return sorted(node.run("cat /sys/class/net/bond-storage/lower_*/bonding_slave/perm_hwaddr").split())


SRIOV = [
    {"nic": {"mac": "52:54:00:00:07:01"}, "vfs": 7, "vf": [{"index": 2, "mac": "02:00:00:00:07:02", "vlan": 100, "trust": True}]},
    {
        "nic": {"mac": "52:54:00:00:07:02"},
        "vfs": 7,
        "driver": "vfio-pci",
        "vf": [{"index": 0, "driver": "kernel", "spoofchk": False}],
    },
]


BOOTS = 4


@story("sriov-survives-reboots")
def test_sriov_survives_reboots(lab: Lab) -> None:
    """Seven functions on each of two ports, some for VMs: identical after three restarts, in the kernel's own words."""
    cards = (Nic("igb", "52:54:00:00:07:01", "left"), Nic("igb", "52:54:00:00:07:02", "right"))
    machine = Machine("n7", disks=(Disk("disk0", "scsi", serial="SRIOV"),), nics=(Nic("e1000e"), *cards), iommu=True)
    planes = {"management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"}}
    vm = installed(lab, "sriov", machine, node={"name": "n7"}, network={"planes": planes, "sriov": SRIOV})
    seen = []
    for _ in range(BOOTS):
        vm.start()
        vm.wait_ssh(BOOT)
        observe.node(vm, "n7")
        seen.append(functions(vm))
        if len(seen) == BOOTS:
            refused_while_used(vm)
        vm.powerdown()
    first = seen[0]
    assert first["02:00:00:00:07:02"] == {"vf": 2, "vlan": 100, "trust": True, "port": "52:54:00:00:07:01"}
    assert first["drivers"] == {"igbvf": 8, "vfio-pci": 6}
    assert seen == [first] * BOOTS


GUEST = """\
<domain type='qemu'><name>web1</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices>{device}</devices></domain>
"""
FROM_POOL = "<interface type='network'><source network='{pool}'/></interface>"
BY_ADDRESS = "<hostdev mode='subsystem' type='pci' managed='no'><source>{address}</source></hostdev>"


def refused_while_used(vm: VM) -> None:
    """A VM takes a function from libvirt's pool, or by its address; what would take it away again is refused, nothing changed."""
    (pool,) = vm.run("virsh net-list --name").split()
    offered = re.findall(r"<address type='pci' (.*)/>", vm.run(f"virsh net-dumpxml {pool}"))
    assert len(offered) == 6
    for device in (FROM_POOL.format(pool=pool), BY_ADDRESS.format(address=f"<address {offered[-1]}/>")):
        vm.run(f"cat > /run/guest.xml <<'EOF'\n{GUEST.format(device=device)}EOF")
        vm.run("virsh create --paused /run/guest.xml", timeout=120)
        refused_fewer(vm)
        vm.run("virsh destroy web1")


def refused_fewer(vm: VM) -> None:
    # For the log: tests/unit/test_hostdev.py has the form of these.
    print(vm.run("cat /run/libvirt/qemu/web1.xml /run/libvirt/network/sriov-*.xml"))
    assert json.loads(vm.run("trivet status --json"))["state"] == "ready"
    before = functions(vm)
    vm.run("sed 's/vfs: 7/vfs: 3/' /var/lib/trivet/spec.yaml > /run/fewer.yaml")
    refused = vm.output("trivet apply /run/fewer.yaml")
    assert refused.status == 4
    assert "the VM web1 runs on function" in refused.text
    assert functions(vm) == before


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
