# SPDX-License-Identifier: Apache-2.0
"""Overlay networks reach one another and the world outside by a router; what OVN does is seen by guests and by who is outside."""

from __future__ import annotations

import json
import time
from pathlib import Path

from tests.vm.containers import ContainerLab
from tests.vm.outside import outside
from tests.vm.stories.test_vms import make, node_with_vms, shown, vm
from tests.vm.story import story

SERVER, OUT, FLOATING = "10.2.0.2", "10.2.0.10", "10.2.0.50"


@story("guest-reaches-out", quick=True)
def test_guest_reaches_out(containers: ContainerLab, tmp_path: Path) -> None:
    """A guest gets its address, resolves, reaches a server outside as the router; by a floating address it is reached."""
    node = node_with_vms(containers)
    (tmp_path / "index.html").write_text("outside\n")
    make(node, "network", name="inside", subnet="10.1.0.0/24", dns=[SERVER])
    make(node, "network", name="other", subnet="10.3.0.0/24")
    make(node, "network", name="lab", untagged=True)
    refused = node.output("trivet router create - <<'EOF'\nversion: 1\nname: edge\nnetworks: [inside, lab]\nEOF")
    assert "lab is of the business plane" in refused.text, refused.text
    with outside(containers, "edge", SERVER, {"shop.example": SERVER}, tmp_path) as world:
        a, b = (vm(node, name, nics=[{"network": network}]) for name, network in (("a", "inside"), ("b", "other")))
        way = {"network": "lab", "address": f"{OUT}/24", "gateway": SERVER}
        wish = {"name": "edge", "networks": ["inside", "other"], "out": way}
        make(node, "router", **wish)
        for guest, prefix in ((a, "10.1.0."), (b, "10.3.0.")):
            guest.wait(300)
            guest.run(f"until ip -4 address show eth0 | grep -q {prefix}; do sleep 0.5; done", timeout=180)
        address = shown(node, "a")["addresses"][0]

        # Out: by name, through the resolver that the network names; its own names are OVN's.
        assert SERVER in a.run("nslookup shop.example || true")
        assert address in a.run("nslookup a.inside || true")
        assert a.run("wget -T 20 -q -O - http://shop.example/") == "outside"
        log = (containers.folder / "outside-edge.log").read_text()
        assert f"{OUT} - - " in log, "it is seen as the router"
        assert address not in log
        a.run(f"ping -c 1 -W 2 {shown(node, 'b')['addresses'][0]}")
        told = json.loads(node.run("trivet router show edge --json"))
        assert told["by"] == "n1", "this node is the gateway"

        # In: nobody reaches a guest by its own address, whatever routes it has; by the floating one everybody does.
        world.run(f"ip route add 10.1.0.0/24 via {OUT}")
        assert world.answers(OUT)
        assert not world.answers(address)
        assert not world.answers(FLOATING)
        wish["floating"] = [{"address": FLOATING, "vm": "a"}]
        node.run(f"trivet router edit - <<'EOF'\n{json.dumps({'version': 1, **wish})}\nEOF")
        a.run("mkdir -p /www && echo inside > /www/index.html && httpd -h /www")
        assert world.answers(FLOATING)
        assert world.run(f"curl -sm 20 http://{FLOATING}/") == "inside\n"
        assert a.run("wget -T 20 -q -O - http://shop.example/") == "outside"
        assert f"{FLOATING} - - " in (containers.folder / "outside-edge.log").read_text(), "and so it is seen now"
        assert not world.answers(address)
        assert not node.output("trivet network delete lab").ok, "the router is on it"

        # The power goes: router, addresses and translation are as they were.
        node.run("trivet vm stop b --force")
        node.kill()
        node.start()
        node.run("until virsh --quiet list --name | grep -q a; do sleep 0.5; done", timeout=120)
        a.wait(300)
        a.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done", timeout=180)
        a.run("until wget -T 5 -q -O - http://shop.example/; do sleep 0.5; done", timeout=60)
        assert world.answers(FLOATING)

        # Without the router each network is on its own again, and nothing of it is left.
        node.run("trivet router delete edge")
        assert "edge" not in node.run("ovn-nbctl ls-list; ovn-nbctl lr-list; ovn-nbctl list Gateway_Chassis")
        assert not world.answers(FLOATING)
        assert address in a.run("nslookup a.inside || true")


@story("router-comes-and-goes")
def test_router_comes_and_goes(containers: ContainerLab, tmp_path: Path) -> None:
    """Without a guest: the router answers outside, moves to another address, gives its way out up, and leaves nothing behind."""
    node = node_with_vms(containers)
    make(node, "network", name="inside", subnet="10.1.0.0/24")
    make(node, "network", name="lab", untagged=True)
    before = node.run("ovn-nbctl ls-list; ovn-nbctl lr-list")
    wish: dict[str, object] = {"name": "edge", "networks": ["inside"]}
    with outside(containers, "edge", SERVER, {}, tmp_path) as world:
        make(node, "router", **wish, out={"network": "lab", "address": f"{OUT}/24"})
        node.run("until trivet router show edge | grep -q 'by  n1'; do sleep 0.5; done", timeout=60)
        assert world.answers(OUT)
        moved = json.dumps({"version": 1, **wish} | {"out": {"network": "lab", "address": "10.2.0.11/24", "gateway": SERVER}})
        node.run(f"trivet router edit - <<'EOF'\n{moved}\nEOF")
        node.run("until trivet router show edge | grep -q 'by  n1'; do sleep 0.5; done", timeout=60)
        assert world.answers("10.2.0.11")
        assert not world.answers(OUT)
        plain = json.dumps({"version": 1, **wish})
        node.run(f"trivet router edit - <<'EOF'\n{plain}\nEOF")
        assert not world.answers("10.2.0.11")
    node.run("trivet router delete edge")
    after = node.run("ovn-nbctl ls-list; ovn-nbctl lr-list")
    assert [line.split()[-1] for line in after.splitlines()] == [line.split()[-1] for line in before.splitlines()]


@story("ports-limited-and-seen")
def test_ports_limited_and_seen(containers: ContainerLab) -> None:
    """A guest in its VLAN and in no other; a limit on its port, given while it runs; its traffic counted, and seen by another."""
    node = node_with_vms(containers)
    make(node, "network", name="inside", subnet="10.1.0.0/24")
    make(node, "network", name="office", vlan=7)
    for name, tag in (("in-seven", 7), ("in-eight", 8)):  # hosts outside, on the switch's side of the wire
        port = f"ovs-vsctl add-port br-business {name} tag={tag} -- set Interface {name} type=internal"
        node.run(f"{port} && ip netns add {name} && ip link set {name} netns {name} && ip -n {name} link set {name} up")
        node.run(f"ip -n {name} address add 10.7.7.{tag}/24 dev {name}")
    a = vm(node, "a", nics=[{"network": "inside"}, {"network": "office", "rate_in": 50}])
    other = vm(node, "other", nics=[{"network": "inside"}])
    for each in (a, other):
        each.wait(300)
        each.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done", timeout=180)
    a.run("ip address add 10.7.7.1/24 dev eth1; ip link set eth1 mtu 1500; ping -c 2 -W 2 10.7.7.7")
    assert a.run("ping -c 1 -W 1 10.7.7.8 > /dev/null || echo nobody") == "nobody", "it is in another VLAN"
    tap = node.run("virsh --quiet domiflist a | awk '/br-business/ {print $1}'")
    assert node.run(f"ovs-vsctl get Port {tap} tag") == "7"
    assert "6103KiB" in node.run(f"virsh domiftune a {tap} | sed -n 's/^inbound.average: *//p'") + "KiB"

    # Free, and held to 4 Mbit/s.
    other.run("mkdir -p /www && dd if=/dev/zero of=/www/bytes bs=1M count=3 2> /dev/null && httpd -h /www")
    now = "$(cut -d' ' -f1 /proc/uptime)"
    fetch = f"s={now}; wget -q -O /dev/null http://other.inside/bytes; echo $s {now}"
    free = seconds(a.run(fetch, timeout=120))
    text = node.run("trivet vm show a --document").replace("network: inside", "network: inside\n  rate_in: 4")
    assert "until the next start" not in node.run(f"trivet vm edit - <<'EOF'\n{text}\nEOF").lower()
    assert "rate=4000" in node.run("ovn-nbctl qos-list trivet-inside")
    held = seconds(a.run(fetch, timeout=180))
    assert held > 5.5, f"3 MiB take 6.3 s at 4 Mbit/s, and less than a second's burst is free: {held} s"
    assert held > free

    # Counted, from the guest's side; and seen by another guest, who asks for it.
    mac = json.loads(node.run("trivet vm show a --json"))["vm"]["nics"][0]["mac"]
    time.sleep(6)  # Open vSwitch looks at its counters each 5 s
    count = json.loads(node.run("trivet network show inside --json"))["counts"][mac]
    assert count["taken"] > 6 * 2**20 > count["sent"] > 0
    third = vm(node, "third", nics=[{"network": "inside"}])
    third.wait(300)
    third.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done; ip link set eth0 promisc on", timeout=60)
    mirrors = [{"name": "watch", "vm": "a", "to_vm": "third"}]
    document = {"version": 1, "name": "inside", "subnet": "10.1.0.0/24", "mirrors": mirrors}
    node.run(f"trivet network edit - <<'EOF'\n{json.dumps(document)}\nEOF")
    node.run("until ovs-vsctl --bare --columns=output_port find Mirror | grep -q .; do sleep 0.2; done", timeout=30)
    seen = int(third.run("cat /sys/class/net/eth0/statistics/rx_packets"))
    a.run("ping -c 20 -i 0.1 -W 2 other.inside")
    more = int(third.run("cat /sys/class/net/eth0/statistics/rx_packets"))
    assert more - seen >= 40, "twenty questions and twenty answers"
    document["mirrors"] = []
    node.run(f"trivet network edit - <<'EOF'\n{json.dumps(document)}\nEOF")
    assert node.run("ovn-nbctl mirror-list") == ""


def seconds(told: str) -> float:
    begun, ended = told.split()
    return float(ended) - float(begun)
