# SPDX-License-Identifier: Apache-2.0
"""Ceph and OVN over three nodes, each grown from the one before it: by the cluster's files, the spec, and `trivet apply`."""

from __future__ import annotations

import json
from typing import Any

from appliance.model.cluster import ClusterDocument, Member
from tests.vm import answers
from tests.vm import guest as guest_files
from tests.vm.bycluster import Authority, hand_over, know, member
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.pool import ceph, goes_on, healthy, librbd, nothing_lost, up, whole, write_on
from tests.vm.process import wait_for
from tests.vm.stories.test_containers import KEY
from tests.vm.stories.test_vms import make, vm
from tests.vm.story import story

NAMES = ("n1", "n2", "n3")
SLOW = 400


def address(node: ContainerNode) -> str:
    return f"10.7.0.{node.node.name[1:]}"


def document(node: ContainerNode, **more: Any) -> dict[str, Any]:
    plane = {"nics": [{"mac": node.node.mac(0)}], "address": f"{address(node)}/24"}
    return answers.spec(KEY, node.node.name, network={"planes": {"management": plane}}, storage={}, **more)


def cluster(fsid: str | None, *members: Member) -> ClusterDocument:
    return ClusterDocument(id="8f5e53b7-7f3b-5ad5-a9a7-3a5b0d1f2f5e", name="lab", fsid=fsid, members=members)


def applied(node: ContainerNode) -> None:
    """All of the plan is done, and nothing is left of it."""
    node.run("trivet apply --yes", timeout=SLOW)
    told = json.loads(node.run("trivet plan --json", timeout=120))
    assert told["steps"] == [], json.dumps(told, indent=1)


@story("pool-over-three-nodes")
def test_pool_over_three_nodes(containers: ContainerLab) -> None:
    nodes = [containers.node(Node(name, disks=("5G hdd", "5G hdd"))) for name in NAMES]
    n1, n2, n3 = nodes
    for node in nodes:
        wish = document(node)
        if node is not n1:
            wish.pop("storage")
        (node.state / "spec.yaml").write_text(answers.text(wish))
        node.start()
    n1.run("systemctl is-system-running --wait", timeout=240)
    healthy(n1)
    librbd(n1, "write")
    write_on(n1)
    fsid = ceph(n1, "status")["fsid"]
    authority = Authority()
    members: list[Member] = []
    for serial, node in enumerate(nodes, start=1):
        authority.write(node.state / "cluster", node.node.name, address(node), "127.0.0.1")
        members.append(member(serial, node, address(node)))
        know(cluster(fsid, *members), *nodes[:serial])
        if node is not n1:
            hand_over(n1, node)
            (node.state / "spec.yaml").write_text(answers.text(document(node)))
        for each in nodes[:serial]:
            applied(each)
        goes_on(n1)
    assert sorted(mon["name"] for mon in ceph(n2, "mon dump")["mons"]) == list(NAMES)
    assert all(len(mon["public_addrs"]["addrvec"]) == 1 for mon in ceph(n2, "mon dump")["mons"]), "v2 alone"
    (pool,) = [each for each in ceph(n3, "osd dump")["pools"] if each["pool_name"] == "vms"]
    assert (pool["size"], pool["min_size"]) == (3, 2)
    whole(n3, SLOW)
    healthy(n3, SLOW)
    assert len(up(n3)) == 6
    librbd(n3, "read")

    # The first node is gone: what it kept is on the others, who go on.
    nothing_lost(n1)
    n1.kill()
    wait_for("the others to notice", lambda: len(up(n2)) == 4, 120, 2)
    write_on(n2)
    goes_on(n2)
    librbd(n2, "read")
    n1.start()
    n1.run("systemctl is-system-running --wait", timeout=240)
    wait_for("all to be up", lambda: len(up(n2)) == 6, 120, 2)
    nothing_lost(n2)
    healthy(n1, SLOW)


def overlaid(node: ContainerNode, **more: Any) -> dict[str, Any]:
    """A node whose tunnels leave it by the virtual switch: in user space that is the only way."""
    number = node.node.name[1:]
    overlay = {"on": "business", "vlan": 30, "mtu": 1500, "address": f"10.9.0.{number}/24"}
    planes = {
        "management": {"nics": [{"mac": node.node.mac(0)}], "address": f"{address(node)}/24"},
        "business": {"nics": [{"mac": node.node.mac(1)}], "vlan": "trunk"},
        "overlay": overlay,
    }
    return answers.spec(KEY, node.node.name, network={"planes": planes}, **more)


def servers(node: ContainerNode, base: str) -> int:
    """How many raft members one of OVN's databases says that it has."""
    name = {"nb": "OVN_Northbound", "sb": "OVN_Southbound"}[base]
    said = node.run(f"ovn-appctl -t /run/ovn/ovn{base}_db.ctl cluster/status {name}")
    return said.count(" at ssl:")


CALL = "python3 -c \"import socket; socket.create_connection(('10.7.0.1', 6641), 3, ('{}', 0))\""
NBCTL = (
    "ovn-nbctl --timeout=30 --db=ssl:10.7.0.1:6641,ssl:10.7.0.2:6641,ssl:10.7.0.3:6641 "
    "-p /var/lib/trivet/cluster/node.key -c /var/lib/trivet/cluster/node.crt -C /var/lib/trivet/cluster/ca.crt"
)


@story("overlay-over-three-nodes")
def test_overlay_over_three_nodes(containers: ContainerLab) -> None:
    nodes = [containers.node(Node(name, networks=("mgmt", "edge"))) for name in NAMES]
    n1, n2, n3 = nodes
    for node in nodes:
        (node.state / "spec.yaml").write_text(answers.text(overlaid(node)))
        node.start()
    for node in nodes:
        node.run("systemctl is-system-running --wait", timeout=240)
    n1.run("ovn-nbctl ls-add kept")
    authority = Authority()
    members: list[Member] = []
    for serial, node in enumerate(nodes, start=1):
        authority.write(node.state / "cluster", node.node.name, address(node), "127.0.0.1")
        members.append(member(serial, node, address(node), overlay=f"10.9.0.{serial}"))
        know(cluster(None, *members), *nodes[:serial])
        for each in nodes[:serial]:
            applied(each)
    for node in nodes:
        assert [servers(node, base) for base in ("nb", "sb")] == [3, 3]
        assert node.run(f"{NBCTL} ls-list").split()[1] == "(kept)", "the rows of the first node are those of all"
        assert sorted(node.run(SBCTL).split()) == list(NAMES)

    # Two guests, each on its own node, through the tunnel.
    n1.run(f"{NBCTL} ls-add inside")
    for node, name in ((n1, "a"), (n2, "b")):
        guest(node, name, "inside", f"10.1.0.{ord(name) - 96}")
    n1.run("ip netns exec a ping -c 5 -i 0.5 -W 2 10.1.0.2")
    # The databases are for members' addresses alone.
    n3.run("ip address add 10.7.0.99/24 dev eth0")
    assert n3.output(CALL.format("10.7.0.3")).ok
    assert not n3.output(CALL.format("10.7.0.99")).ok

    # The node whose databases came first is gone: a network is made and bound without it.
    n1.kill()
    guest(n3, "c", "inside", "10.1.0.3", seconds=120)
    n2.run("ip netns exec b ping -c 5 -i 0.5 -W 2 10.1.0.3")
    n1.start()
    n1.run("systemctl is-system-running --wait", timeout=240)
    applied(n1)
    assert "port-c" in n1.run(f"{NBCTL} lsp-list inside")


SBCTL = NBCTL.replace("nbctl", "sbctl").replace(":6641", ":6642") + " --bare --columns=name list Chassis"


def guest(node: ContainerNode, name: str, switch: str, where: str, seconds: int = 30) -> None:
    """A namespace on a port of a network of OVN, as a VM's NIC is."""
    mac = f"02:00:00:00:01:0{ord(name) - ord('a')}"
    node.run(f"{NBCTL} lsp-add {switch} port-{name} -- lsp-set-addresses port-{name} '{mac} {where}'", timeout=90)
    internal = f"type=internal external_ids:iface-id=port-{name}"
    node.run(f"ovs-vsctl add-port br-int g{name} -- set Interface g{name} {internal} 'mac=\"{mac}\"'")
    node.run(f"ip netns add {name} && ip link set g{name} netns {name} && ip -n {name} link set g{name} up mtu 1400")
    node.run(f"ip -n {name} address add {where}/24 dev g{name}")
    node.run(f'until [ "$({NBCTL} lsp-get-up port-{name})" = up ]; do sleep 0.5; done', timeout=seconds)


@story("one-pool-one-network")
def test_one_pool_one_network(containers: ContainerLab) -> None:
    """Three nodes that joined by tokens: their disks are one pool, their VMs on one network, whichever node these run on."""
    nodes = [containers.node(Node(name, networks=("mgmt", "edge"), disks=("5G hdd",))) for name in NAMES]
    n1, n2, n3 = nodes
    for node in nodes:
        parts: dict[str, Any] = {"storage": {}, "hypervisor": {"emulation": True}}
        if node is not n1:
            parts["cluster"] = {"join": {"address": "10.7.0.1"}}
        (node.state / "spec.yaml").write_text(answers.text(overlaid(node, **parts)))
        node.start()
    n1.run("systemctl is-system-running --wait", timeout=SLOW)
    n1.run("trivet cluster create lab", timeout=SLOW)
    for node in (n2, n3):
        token = n1.run("trivet cluster token", timeout=120)
        node.run(f"echo {token} | trivet cluster join --address 10.7.0.1 --token-file - --yes", timeout=SLOW)
    for node in nodes:
        settled(node)
    assert sorted(mon["name"] for mon in ceph(n2, "mon dump")["mons"]) == list(NAMES)
    (pool,) = [each for each in ceph(n3, "osd dump")["pools"] if each["pool_name"] == "vms"]
    assert (pool["size"], pool["min_size"]) == (3, 2)
    whole(n3, SLOW)
    assert [servers(node, base) for node in nodes for base in ("nb", "sb")] == [3] * 6
    assert n2.run("trivet storage --json", timeout=120).count('"osds": 1') == len(nodes)

    # A network that is made on one node, a VM on each of two.
    for node in (n1, n2):
        guest_files.library(node)
    make(n1, "network", name="inside", subnet="10.1.0.0/24")
    a, b = (vm(node, name, nics=[{"network": "inside"}]) for node, name in ((n1, "a"), (n2, "b")))
    assert "say it there: this is n1" in n1.output("trivet vm stop b", 120).text
    for each in (a, b):
        each.wait()
        each.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done", timeout=120)
    a.run("ping -c 3 -W 3 b.inside", timeout=60)


def settled(node: ContainerNode) -> None:
    """trivetd has made of the node what its spec and its cluster say."""
    node.run('until trivet status --json | grep -q \'"state": "ready"\'; do sleep 3; done', timeout=SLOW)
