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


def made(containers: ContainerLab, number: int, **plane: Any) -> ContainerNode:
    node = containers.node(Node(f"n{number}"))
    own = {"nics": [{"mac": node.node.mac(0)}], "address": [f"10.7.0.{number}/24", f"fd07::{number}/64"], **plane}
    document = answers.spec(KEY, node.node.name, network={"planes": {"management": own}})
    (node.state / "spec.yaml").write_text(answers.text(document))
    units = node.folder / "upper/etc/systemd/system/trivetd.service.d"
    (units / "look.conf").write_text(f"[Service]\nEnvironment=TRIVET_LOOK_SECONDS={LOOK}\n")
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
    """Exit code, and what each test found by its name."""
    output = node.output(f"trivet net test {arguments} --json 2>/dev/null", 120)
    return output.status, {found["test"]: found for found in map(json.loads, output.text.splitlines())}


@story("network-health", quick=True)
def test_network_health(containers: ContainerLab) -> None:
    n1 = made(containers, 1, gateway=["10.7.0.2", "fd07::2"])
    n2 = made(containers, 2)
    for node in (n1, n2):
        node.run("systemctl is-system-running --wait", timeout=60)
    n1.run("until test -e /run/trivet/health.json; do sleep 0.2; done", timeout=PATIENCE)
    wait_well(n1)

    # The network is shown as the kernel has it.
    [link] = json.loads(n1.run("ip -json -stats address show eth0"))
    shown = json.loads(n1.run("trivet net --json"))
    [plane] = shown["report"]["planes"]
    [port] = shown["report"]["uplinks"][0]["ports"]
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

    # A cable is pulled and put back.
    losses = port["losses"]
    n1.cable(0, plugged=False)
    alert = wait_alert(n1, "no link", link["address"])
    assert (alert["severity"], alert["where"]) == ("critical", "network.planes.management")
    n1.cable(0, plugged=True)
    wait_well(n1)
    assert json.loads(n1.run("trivet net --json"))["report"]["uplinks"][0]["ports"][0]["losses"] == losses + 1

    # Somebody else takes this node's address.
    mac = json.loads(n2.run("ip -json link show eth0"))[0]["address"]
    n2.run("ip address add 10.7.0.1/24 dev eth0")
    assert wait_alert(n1, "10.7.0.1/24", mac)["severity"] == "critical"
    assert mac in n1.run("trivet net show")
    n2.run("ip address delete 10.7.0.1/24 dev eth0")
    wait_well(n1)

    # Nobody has to wait for a look that waits for an answer: SIGHUP is heard at once.
    n2.cut_off()
    wait_alert_of_gateways(n1)
    begun = time.monotonic()
    n1.run("rm /run/trivet/status.json && systemctl reload trivetd && until test -e /run/trivet/status.json; do sleep 0.1; done")
    assert time.monotonic() - begun < 6
    n2.reconnect()
    wait_well(n1)


def wait_alert_of_gateways(node: ContainerNode) -> None:
    end = time.monotonic() + PATIENCE
    while {a["where"] for a in alerts(node)} != {"network.planes.management.gateway"}:
        assert time.monotonic() < end, alerts(node)
        time.sleep(0.5)
