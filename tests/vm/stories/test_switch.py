# SPDX-License-Identifier: Apache-2.0
"""The virtual switch and OVN on a node, in the engines' own words; the planes that share its ports go on working."""

from __future__ import annotations

import json
from typing import Any

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.stories.test_containers import CONNECT, KEY
from tests.vm.story import story

NETWORKS = ("mgmt", "edge")


def document(node: Node, number: int, business: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    management = {"nics": [{"mac": node.mac(0)}], "address": f"10.7.0.{number}/24"}
    planes = {"management": management, "business": {"nics": [{"mac": node.mac(1)}], **business}, **(more or {})}
    return answers.spec(KEY, node.name, network={"planes": planes})


def ready(node: ContainerNode, seconds: float = 240) -> dict[str, Any]:
    failed = "systemctl --failed --no-legend --plain; journalctl -b -p warning -n 40 -o cat --no-pager"
    state = node.output(f"systemctl is-system-running --wait || {{ {failed}; }}", timeout=seconds).text
    assert state == "running", state
    told: dict[str, Any] = json.loads(node.run("trivet status --json"))
    assert told["state"] == "ready", json.dumps(told, indent=1)
    return told


def chassis(node: ContainerNode) -> str:
    return node.run("ovn-sbctl --bare --columns=chassis_name,ip list Encap").replace("\n", " ")


@story("virtual-switch", quick=True)
def test_virtual_switch(containers: ContainerLab) -> None:
    """Two nodes; business and overlay share a port; VMs' networks reach one another on a node and leave it by the bridge."""
    nodes = [containers.node(Node(name, networks=NETWORKS)) for name in ("n1", "n2")]
    for number, node in enumerate(nodes, start=1):
        overlay = {"overlay": {"on": "business", "vlan": 30, "mtu": 1400, "address": f"10.9.0.{number}/24"}}
        (node.state / "spec.yaml").write_text(answers.text(document(node.node, number, {"vlan": "trunk"}, overlay)))
        node.start()
    n1, n2 = nodes
    for node in nodes:
        ready(node)
    for node in nodes:
        assert not node.output("grep SIGSEGV /var/log/ovn/*.log").ok, "a controller came before northd"
    assert chassis(n1) == "n1 10.9.0.1"
    assert n1.run("ovs-vsctl list-ports br-business").split() == ["eth1", "overlay"]
    assert n1.run("ovs-vsctl get Port overlay tag") == "30"
    assert "mtu 1400" in n1.run("ip link show overlay")
    n1.run("ping -c 2 -W 2 -M do -s 1372 10.9.0.2")
    assert n1.run("ovn-appctl -t ovn-controller connection-status") == "connected"

    # Two machines' ports on a network of OVN, and a third on the network outside: what libvirt will do for VMs.
    n1.run("ovn-nbctl ls-add inside -- ls-add edge -- lsp-add edge out -- lsp-set-type out localnet")
    n1.run("ovn-nbctl lsp-set-addresses out unknown -- lsp-set-options out network_name=business")
    for name, switch, address in (("a", "inside", "10.1.0.1"), ("b", "inside", "10.1.0.2"), ("c", "edge", "10.2.0.1")):
        guest(n1, name, switch, address)
    n1.run("ip netns exec a ping -c 3 -W 2 10.1.0.2")
    assert not n1.output("ip netns exec a ping -c 1 -W 1 10.2.0.1").ok, "they are on different networks"
    n2.run("ip link set br-business up && ip address add 10.2.0.2/24 dev br-business")
    n1.run("ip netns exec c ping -c 3 -W 2 10.2.0.2")

    # What nobody asked for is repaired; a node that has lost its power has it all again, from its spec.
    n1.run("ovs-vsctl set Port overlay tag=31 && ovn-appctl -t ovn-controller exit")
    drift = json.loads(n1.run("trivet status --json"))["drift"]
    assert len(drift) == 2, drift
    n1.run("trivet apply", timeout=60)
    n1.run("ping -c 2 -W 2 10.9.0.2")
    n1.kill()
    n1.start()
    ready(n1)
    n1.run("ping -c 2 -W 2 10.9.0.2")
    assert chassis(n1) == "n1 10.9.0.1"
    assert "inside" in n1.run("ovn-nbctl ls-list"), "the northbound database is kept"

    # Management moves onto the switch and back, each time under way: the port is one, and nothing is left over.
    shared = document(n1.node, 1, {"on": "management", "vlan": "trunk", "nics": []})
    alone = answers.spec(KEY, "n1", network={"planes": {"management": shared["network"]["planes"]["management"]}})
    for name, spec in (("shared", shared), ("alone", alone)):
        (n1.state / f"{name}.yaml").write_text(answers.text(spec))
    n1.run("trivet apply /var/lib/trivet/shared.yaml", timeout=60)
    assert n1.run("ovs-vsctl list-ports br-business | grep -v patch").split() == ["eth0", "management"]
    assert "10.7.0.1/24" in n1.run("ip -br address show management")
    assert "10.7.0.1" not in n1.run("ip -br address show eth0")
    n1.run("ping -c 2 -W 2 10.7.0.2")
    assert n2.output(CONNECT.format("10.7.0.1/22")).ok, "the firewall knows the plane on its new interface"
    assert chassis(n1) == "n1 10.7.0.1"
    ready(n1)
    n1.run("trivet apply /var/lib/trivet/alone.yaml", timeout=60)
    assert n1.run("ovs-vsctl list-br | grep -v br-int; true") == ""
    assert "10.7.0.1/24" in n1.run("ip -br address show eth0")
    n1.run("ping -c 2 -W 2 10.7.0.2")
    assert not n1.output("pgrep ovn-controller").ok
    ready(n1)


def guest(node: ContainerNode, name: str, switch: str, address: str) -> None:
    """A namespace on a port of a network of OVN, as a VM's NIC is."""
    mac = f"02:00:00:00:01:0{ord(name) - ord('a')}"
    node.run(f"ovn-nbctl lsp-add {switch} port-{name} -- lsp-set-addresses port-{name} '{mac} {address}'")
    internal = f"type=internal external_ids:iface-id=port-{name}"
    node.run(f"ovs-vsctl add-port br-int g{name} -- set Interface g{name} {internal} 'mac=\"{mac}\"'")
    node.run(f"ip netns add {name} && ip link set g{name} netns {name} && ip -n {name} link set g{name} up")
    node.run(f"ip -n {name} address add {address}/24 dev g{name}")
    node.run(f'until [ "$(ovn-nbctl lsp-get-up port-{name})" = up ]; do sleep 0.1; done', timeout=20)


SERVER = """\
[Match]
Name=eth0

[Network]
Address=10.7.0.1/24
DHCPServer=yes

[DHCPServer]
PoolOffset=100
EmitDNS=no
"""


@story("ovn-awaits-dhcp", quick=True)
def test_ovn_awaits_dhcp(containers: ContainerLab) -> None:
    """One port for everything, and the DHCP server comes up after the node: then OVN does, by itself."""
    server, node = (containers.node(Node(name, networks=NETWORKS)) for name in ("server", "n1"))
    shared = {"management": {"nics": [{"mac": node.node.mac(0)}], "address": "dhcp"}, "business": {"on": "management"}}
    (server.state / "spec.yaml").write_text(answers.text(document(server.node, 1, {})))
    (node.state / "spec.yaml").write_text(answers.text(answers.spec(KEY, "n1", network={"planes": shared})))
    for each in (server, node):
        each.start()
    for each in (server, node):
        assert each.run("systemctl is-system-running --wait", timeout=240) == "running"
    told = json.loads(node.run("trivet status --json"))
    assert (told["state"], [each["where"] for each in told["pending"]]) == ("differs", ["network.planes.management.address"])
    server.run(f"cat > /run/systemd/network/05-server.network <<'EOF'\n{SERVER}EOF\nnetworkctl reload", timeout=60)
    server.run("nft insert rule inet trivet input udp dport 67 accept")
    node.run("until ip -br address show management | grep -q 10.7.0.; do sleep 0.5; done", timeout=60)
    (given,) = json.loads(node.run("ip -4 -json address show management"))[0]["addr_info"]
    node.run("until ovn-sbctl list Encap | grep -q '^ip'; do sleep 0.5; done", timeout=60)
    assert chassis(node) == f"n1 {given['local']}"
    node.run('until trivet status --json | grep -q \'"state": "ready"\'; do sleep 0.5; done', timeout=60)
    assert node.run("ovs-vsctl get Port eth0 trunks") == "[0]"
    another_lease(node, given["local"])


def another_lease(node: ContainerNode, had: str) -> None:
    """The address is another one, as a server that has forgotten its leases leaves it: the tunnels follow, by themselves."""
    node.run(f"ip address delete {had}/24 dev management && ip address add 10.7.0.77/24 dev management")
    node.run("until ovn-sbctl list Encap | grep -q '10.7.0.77'; do sleep 0.5; done", timeout=120)
    assert chassis(node) == "n1 10.7.0.77"
    node.run('until trivet status --json | grep -q \'"state": "ready"\'; do sleep 0.5; done', timeout=60)
