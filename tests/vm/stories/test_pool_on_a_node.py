# SPDX-License-Identifier: Apache-2.0
"""A pool on one node, in the engines' own words: from the spec, over restarts, without a disk, with another one."""

from __future__ import annotations

import json
from typing import Any

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.pool import ceph, goes_on, healthy, librbd, nothing_lost, osds, up, wait_up, write_on
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story


def document(node: Node, **storage: Any) -> dict[str, Any]:
    plane = {"nics": [{"mac": node.mac(0)}], "address": "10.7.0.1/24"}
    return answers.spec(KEY, node.name, network={"planes": {"management": plane}}, storage=storage)


def ready(node: ContainerNode) -> None:
    told = json.loads(node.run("trivet status --json"))
    assert told["state"] == "ready", json.dumps(told, indent=1)
    assert json.loads(node.run("trivet plan --json"))["steps"] == []


@story("pool-on-a-node", quick=True)
def test_pool_on_a_node(containers: ContainerLab) -> None:
    node = containers.node(Node("n1", disks=("5G hdd", "5G hdd", "5G hdd")))
    (node.state / "spec.yaml").write_text(answers.text(document(node.node)))
    node.start()
    node.run("systemctl is-system-running --wait", timeout=180)
    ready(node)
    assert up(node) == [0, 1, 2]
    (pool,) = [each for each in ceph(node, "osd dump")["pools"] if each["pool_name"] == "vms"]
    assert (pool["size"], pool["min_size"], pool["pg_autoscale_mode"]) == (3, 2, "on")
    healthy(node)
    librbd(node, "write")

    # The power goes: the OSDs are back from the spec and their own labels, and so is every byte.
    node.kill()
    node.start()
    node.run("systemctl is-system-running --wait", timeout=180)
    wait_up(node, {0, 1, 2})
    ready(node)
    librbd(node, "read")
    healthy(node)

    # A disk is pulled out while somebody writes: it goes on, and the disk is down within seconds.
    write_on(node)
    node.loops[1].die()
    wait_up(node, {0, 2}, 60)
    goes_on(node)
    librbd(node, "read")
    told = json.loads(node.run("trivet plan --json"))
    assert not [step for step in told["steps"] if step["kind"] in ("start-osd", "add-osd")], told

    # Another one takes its place: it is made part of the pool by the spec, and the dead one is forgotten.
    node.plug("6G hdd")
    node.run("trivet apply", timeout=240)
    (gone,) = set(osds(node)) - set(up(node))
    node.run(f"trivet disk remove osd.{gone} --yes", timeout=240)
    assert len(up(node)) == 3 == len(osds(node))
    nothing_lost(node)
    healthy(node, 240)
    librbd(node, "read")
    ready(node)
