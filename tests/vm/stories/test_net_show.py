# SPDX-License-Identifier: Apache-2.0
"""What an operator is told of the network: where the planes are, what is wrong with them, and what a test of it finds."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story

LOOK = 2
"""Seconds between two looks of trivetd; 30 on a node that is none of the lab's."""
PATIENCE = LOOK + 15
"""A look itself takes seconds when nobody answers."""
SMALL = 1400
SECONDS = 5
"""For which iperf3 sends."""
OPEN = 600
"""Seconds after which the kernel itself closes the port of a test."""
TABLE = "inet trivet"
RECEIVED = "cat /sys/class/net/eth0/statistics/rx_bytes"


def made(containers: ContainerLab, number: int, **plane: Any) -> ContainerNode:
    node = containers.node(Node(f"n{number}", trivetd=(f"Environment=TRIVET_LOOK_SECONDS={LOOK}",)))
    own = {"nics": [{"mac": node.node.mac(0)}], "address": [f"10.7.0.{number}/24", f"fd07::{number}/64"], **plane}
    document = answers.spec(KEY, node.node.name, network={"planes": {"management": own}})
    (node.state / "spec.yaml").write_text(answers.text(document))
    node.start()
    return node


def alerts(node: ContainerNode) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(node.run("trivet status --json"))["alerts"]
    return found


def wait_alert(node: ContainerNode, *words: str) -> dict[str, str]:
    """The one alert that says these words, once it is there."""
    end = time.monotonic() + PATIENCE
    while True:
        found = alerts(node)
        matching = [alert for alert in found if all(word in alert["message"] for word in words)]
        if matching:
            assert len(matching) == 1, found
            return matching[0]
        assert time.monotonic() < end, (found, node.run("journalctl -u trivetd --no-pager | tail -20"))
        time.sleep(0.5)


def wait_well(node: ContainerNode) -> None:
    end = time.monotonic() + PATIENCE
    while found := alerts(node):
        assert time.monotonic() < end, found
        time.sleep(0.5)


def results(node: ContainerNode, arguments: str = "") -> tuple[int, dict[str, dict[str, str]]]:
    """Exit code, and what each test found, by its name and target."""
    output = node.output(f"trivet net test {arguments} --json 2>/dev/null", 120)
    found = [json.loads(line) for line in output.text.splitlines()]
    return output.status, {f"{each['test']} {each['target']}".strip(): each for each in found}


def outcomes(found: dict[str, dict[str, str]]) -> dict[str, str]:
    return {name: each["outcome"] for name, each in found.items()}


@story("network-health", quick=True)
def test_network_health(containers: ContainerLab) -> None:
    n1 = made(containers, 1, gateway=["10.7.0.2", "fd07::2"], dns=["10.7.0.2"])
    n2 = made(containers, 2)
    for node in (n1, n2):
        node.run("systemctl is-system-running --wait", timeout=60)
    n1.run("until test -e /run/trivet/health.json; do sleep 0.2; done", timeout=PATIENCE)
    wait_well(n1)
    mac = json.loads(n2.run("ip -json link show eth0"))[0]["address"]
    losses = shown(n1)
    pulled(n1, losses)
    doubled(n1, n2, mac)
    examined(n1, n2, mac)
    narrowed(containers, n1, n2)
    cut_off(n1, n2)


def shown(n1: ContainerNode) -> int:
    """The network is shown as the kernel has it. How often the port has lost its link."""
    [link] = json.loads(n1.run("ip -json -stats address show eth0"))
    view = json.loads(n1.run("trivet net --json"))
    [plane] = view["report"]["planes"]
    [port] = view["report"]["uplinks"][0]["ports"]
    assert (plane["name"], plane["interface"], plane["mtu"]) == ("management", link["ifname"], link["mtu"])
    held = {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"}
    assert {a["address"] for a in plane["addresses"]} == held == {"10.7.0.1/24", "fd07::1/64"}
    assert plane["gateways"] == ["10.7.0.2", "fd07::2"]
    assert (port["mac"], port["link"]) == (link["address"], True)
    assert port["counters"]["rx_bytes"] >= link["stats64"]["rx"]["bytes"] > 0
    text = n1.run("trivet net show")
    print(text)
    for word in ("management  eth0", "10.7.0.1/24", "gateway 10.7.0.2", link["address"]):
        assert word in text, text
    assert max(map(len, text.splitlines())) <= 79
    return int(port["losses"])


def pulled(n1: ContainerNode, losses: int) -> None:
    """A cable is pulled and put back."""
    n1.cable(0, plugged=False)
    alert = wait_alert(n1, "no link", n1.node.mac(0))
    assert (alert["severity"], alert["where"]) == ("critical", "network.planes.management")
    n1.cable(0, plugged=True)
    wait_well(n1)
    assert json.loads(n1.run("trivet net --json"))["report"]["uplinks"][0]["ports"][0]["losses"] == losses + 1


def doubled(n1: ContainerNode, n2: ContainerNode, mac: str) -> None:
    """Somebody else takes this node's address."""
    n2.run("ip address add 10.7.0.1/24 dev eth0")
    assert wait_alert(n1, "10.7.0.1/24", mac)["severity"] == "critical"
    assert mac in n1.run("trivet net show")
    n2.run("ip address delete 10.7.0.1/24 dev eth0")
    wait_well(n1)


def examined(n1: ContainerNode, n2: ContainerNode, mac: str) -> None:
    """The other node is gateway and name server."""
    n2.run("mkdir -p /run/systemd/resolved.conf.d")
    n2.run("printf '[Resolve]\\nDNSStubListenerExtra=10.7.0.2\\n' > /run/systemd/resolved.conf.d/lab.conf")
    n2.run("systemctl restart systemd-resolved && nft add rule inet trivet management udp dport 53 accept")
    well = ["link", "address", *(f"{test} 10.7.0.2" for test in ("ARP", "ping", "MTU"))]
    well += [*(f"{test} fd07::2" for test in ("ND", "ping", "MTU")), "DNS 10.7.0.2"]
    code, found = results(n1)
    assert (code, outcomes(found)) == (0, dict.fromkeys(well, "ok")), found
    assert found["ARP 10.7.0.2"]["message"] == found["ND fd07::2"]["message"] == f"it is {mac}"
    text = n1.run("trivet net test management 2>&1")
    print(text)
    assert "All 9 tests passed." in text


def narrowed(containers: ContainerLab, n1: ContainerNode, n2: ContainerNode) -> None:
    """A switch on the way carries less than the plane is said to."""
    containers.command("ip", "link", "set", n2.link(0), "mtu", str(SMALL))
    assert wait_alert(n1, "1500 bytes do not reach the gateway 10.7.0.2")["where"] == "network.planes.management.mtu"
    code, found = results(n1)
    assert code == 5
    for target in ("10.7.0.2", "fd07::2"):
        assert found[f"MTU {target}"]["message"] == f"1500 bytes do not pass, {SMALL} do"
    containers.command("ip", "link", "set", n2.link(0), "mtu", "1500")
    wait_well(n1)


def cut_off(n1: ContainerNode, n2: ContainerNode) -> None:
    """The gateway is cut off: said once, plainly, with a remedy. And nobody waits for a look that waits for an answer."""
    n2.cut_off()
    output = n1.output("trivet net test 2>&1", 60)
    print(output.text)
    assert output.status == 5
    for test in ("ARP 10.7.0.2", "ND fd07::2"):
        assert f"{test} ... FAILED: nobody on eth0 has this address" in output.text
    assert "ping " not in output.text, "nobody has it, so nobody is pinged"
    wait_alert_of_gateways(n1)
    begun = time.monotonic()
    n1.run("rm /run/trivet/status.json && systemctl reload trivetd && until test -e /run/trivet/status.json; do sleep 0.1; done")
    assert time.monotonic() - begun < 6
    n2.reconnect()
    wait_well(n1)


def wait_alert_of_gateways(node: ContainerNode) -> None:
    """One for IPv4 and one for IPv6."""
    end = time.monotonic() + PATIENCE
    while [a["where"] for a in alerts(node)] != ["network.planes.management.gateway"] * 2:
        assert time.monotonic() < end, alerts(node)
        time.sleep(0.5)


@story("throughput-to-a-peer", quick=True)
def test_throughput_to_a_peer(containers: ContainerLab) -> None:
    """What iperf3 measures between two nodes is what the kernel counted there; nothing is open before, after, or for long."""
    n1, n2 = made(containers, 1), made(containers, 2)
    for node in (n1, n2):
        assert node.run("systemctl is-system-running --wait", timeout=60) == "running"
    closed = n2.run(f"nft list table {TABLE}")
    code, found = results(n1, "--peer 10.7.0.2")
    alone = found["throughput 10.7.0.2"]
    assert (code, alone["outcome"]) == (5, "failed"), found
    assert "trivet net test --listen" in alone["hint"]
    for address in ("10.7.0.2", "fd07::2"):
        listening(n2)
        assert "another test is listening on this node" in n2.output("trivet net test --listen 2>&1").text
        before = int(n2.run(RECEIVED))
        code, found = results(n1, f"--peer {address}")
        counted = int(n2.run(RECEIVED)) - before
        assert (code, found[f"throughput {address}"]["outcome"]) == (0, "ok"), found
        print(f"{address}: {found[f'throughput {address}']['message']}")
        heard(n2)
        received = json.loads(n2.run("cat /run/listen.json"))["received"] * 1e6 / 8 * SECONDS
        assert 0.9 < received / counted < 1.02, (received, counted)
        assert n2.run(f"nft list table {TABLE}") == closed
    assert not n2.output("ss -Hltn sport 5201 | grep .").ok
    killed(n1, n2, closed)


def listening(node: ContainerNode) -> None:
    node.run("rm -f /run/listen.json; systemctl reset-failed listen 2>/dev/null; true")
    node.run("systemd-run -q --unit=listen -p StandardOutput=file:/run/listen.json trivet net test --listen --json")
    node.run("until ss -Hltn sport 5201 | grep -q .; do sleep 0.1; done", timeout=20)


def heard(node: ContainerNode) -> None:
    node.run("while systemctl is-active --quiet listen; do sleep 0.1; done", timeout=20)


def killed(n1: ContainerNode, n2: ContainerNode, closed: str) -> None:
    """Who is killed while listening takes iperf3 along; what is left of the opening ends by itself, and with the next test."""
    listening(n2)
    n2.run("systemctl kill --kill-whom=main --signal=KILL listen")
    n2.run("while ss -Hltn sport 5201 | grep -q .; do sleep 0.1; done", timeout=20)
    assert results(n1, "--peer 10.7.0.2")[0] == 5
    (left,) = (each["set"] for each in json.loads(n2.run(f"nft --json list table {TABLE}"))["nftables"] if "set" in each)
    assert [element["elem"]["expires"] <= OPEN for element in left["elem"]] == [True]
    listening(n2)
    assert results(n1, "--peer 10.7.0.2")[0] == 0
    heard(n2)
    assert n2.run(f"nft list table {TABLE}") == closed
