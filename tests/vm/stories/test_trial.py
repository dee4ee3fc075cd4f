# SPDX-License-Identifier: Apache-2.0
"""A wrong network is taken back by itself, whoever has died meanwhile; a right one stays once it is kept."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story

OLD, NEW = "10.7.0.1/24", "10.8.0.1/24"
WINDOW = 15


def document(node: ContainerNode, address: str) -> dict[str, Any]:
    plane = {"nics": [{"mac": node.node.mac(0)}], "address": address}
    return answers.spec(KEY, node.node.name, network={"planes": {"management": plane}})


def has(node: ContainerNode, address: str) -> bool:
    return address in node.run("ip -br address show eth0")


def wait_for(node: ContainerNode, address: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not has(node, address):
        assert time.monotonic() < end, node.run("ip -br address; trivet status; journalctl -u trivet-revert --no-pager | tail")
        time.sleep(0.5)


def try_new(node: ContainerNode) -> None:
    node.run(f"trivet net apply /var/lib/trivet/new.yaml --confirm-within {WINDOW}s", timeout=60)
    wait_for(node, NEW, 10)
    assert not has(node, OLD)
    told = json.loads(node.run("trivet status --json"))
    assert 0 < told["reverts_in"] <= WINDOW
    assert told["drift"] == [], "a change on trial is no drift"


@story("wrong-address-reverts", quick=True)
def test_wrong_address_reverts(containers: ContainerLab) -> None:
    node = containers.node(Node("n1"))
    (node.state / "spec.yaml").write_text(answers.text(document(node, OLD)))
    (node.state / "new.yaml").write_text(answers.text(document(node, NEW)))
    node.start()
    node.run("systemctl is-system-running --wait", timeout=60)
    saved = node.run("cat /var/lib/trivet/spec.yaml")

    # Nobody keeps it, and everybody who could take it back has died.
    try_new(node)
    node.run("pkill -9 -f bin/trivet; true")
    wait_for(node, OLD, WINDOW + 20)
    assert not has(node, NEW)
    assert node.run("cat /var/lib/trivet/spec.yaml") == saved
    assert json.loads(node.run("trivet status --json"))["state"] == "ready"

    # The power goes within the window.
    try_new(node)
    node.kill()
    node.start()
    node.run("systemctl is-system-running --wait", timeout=60)
    wait_for(node, OLD, 10)
    assert not has(node, NEW)

    # Taken back by hand; then kept, which the next boot knows. Meanwhile nothing else is changed.
    try_new(node)
    refused = node.output("trivet apply /var/lib/trivet/spec.yaml")
    assert not refused.ok
    assert "there is a change that nobody has kept; keep it with `trivet net confirm`" in refused.text
    journal = node.run("cat $(ls -t /var/lib/trivet/log/*-net-apply.jsonl | head -1)").splitlines()
    assert "steps" in json.loads(journal[0]), "what is to be done is written down before it is begun"
    assert len(journal) > 1
    node.run("trivet net revert", timeout=60)
    wait_for(node, OLD, 10)
    assert not node.output("trivet net confirm").ok, "there is nothing to keep any more"
    try_new(node)
    node.run("trivet net confirm", timeout=60)
    time.sleep(WINDOW)
    assert has(node, NEW)
    node.kill()
    node.start()
    node.run("systemctl is-system-running --wait", timeout=60)
    wait_for(node, NEW, 10)
    assert json.loads(node.run("trivet status --json"))["reverts_in"] is None
