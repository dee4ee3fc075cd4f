# SPDX-License-Identifier: Apache-2.0
"""A node is lost, and its VM runs elsewhere: by three nodes' own etcd, pool and blocklist, in their own words."""

from __future__ import annotations

import json
import time

import yaml

from tests.vm import answers, guest
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.pool import ceph
from tests.vm.process import wait_for
from tests.vm.stories.test_cluster import document, etcdctl, opened
from tests.vm.stories.test_vms import vm
from tests.vm.story import story

MORE = {"storage": {}, "hypervisor": {"emulation": True}}
SLOW = 400


def grown(containers: ContainerLab) -> list[ContainerNode]:
    """Three nodes, of which the first one has founded the cluster and the others have joined, with one pool over all."""
    nodes = [containers.node(Node(f"n{number}", disks=("5G hdd",))) for number in (1, 2, 3)]
    for number, node in enumerate(nodes, start=1):
        (node.state / "spec.yaml").write_text(answers.text(document(node.node, number, **(MORE if number == 1 else {}))))
        node.start()
    for node in nodes:
        opened(node)
    n1 = nodes[0]
    n1.run("trivet cluster create lab", timeout=SLOW)
    for node in nodes[1:]:
        token = n1.run("trivet cluster token", timeout=SLOW)
        node.run(f"echo {token} | trivet cluster join --address 10.7.0.1 --token-file -", timeout=SLOW)
        saved = node.state / "spec.yaml"
        saved.write_text(yaml.safe_dump(yaml.safe_load(saved.read_text()) | MORE))
    for node in [*nodes, n1]:
        print(node.run(APPLY, timeout=SLOW))  # trivetd may be at it already
    return nodes


APPLY = "for i in $(seq 30); do trivet apply --yes && exit; sleep 3; done; exit 1"


def runs(node: ContainerNode, name: str) -> bool:
    return name in node.run("virsh list --name", timeout=60).split()


@story("node-killed-vm-back")
def test_node_killed_vm_back(containers: ContainerLab) -> None:
    nodes = grown(containers)
    n1, n2, n3 = nodes
    assert "was never tested" in n1.output("trivet ha enable", timeout=120).text
    for node in nodes:
        print(node.run("trivet ha test --without-watchdog", timeout=120))
        guest.library(node)
    n1.run("trivet ha enable", timeout=120)
    for node in nodes:
        node.run("systemctl start trivet-ha")
    wait_for("three leases", lambda: etcdctl(n1, "get --prefix --keys-only /trivet/v1/nodes/").count("/nodes/") == 3, 120, 1)
    vm(n3, "one").wait()

    n3.kill()
    gone = time.monotonic()
    wait_for("the VM to run elsewhere", lambda: runs(n1, "one") or runs(n2, "one"), 240, 0.5)
    print(f"{time.monotonic() - gone:.1f} s from the power going to the VM running elsewhere")
    leader = next(node for node in (n1, n2) if "n3 is safe" in node.run("journalctl -u trivet-ha -o cat"))
    said = leader.run("journalctl -u trivet-ha -o short-monotonic")
    print(said)
    blocked = ceph(leader, "osd dump")["range_blocklist"]
    assert any("10.7.0.3" in entry for entry in blocked), blocked
    for line in ("n3 has not renewed its lease", "n3 is fencing", "n3 is safe", "one goes from n3 to"):
        assert line in said, said

    # It comes back clean: it starts nothing, says so, is let in, and the pool takes it again.
    n3.start()
    n3.run("systemctl is-system-running --wait", timeout=SLOW)
    wait_for("n3 to be let in", lambda: not etcdctl(n1, "get --prefix --keys-only /trivet/v1/fences/").strip(), 240, 1)
    assert not runs(n3, "one")
    assert not any("10.7.0.3" in entry for entry in ceph(leader, "osd dump")["range_blocklist"])
    assert json.loads(etcdctl(n1, "get --print-value-only /trivet/v1/vms/one"))["node"] in ("n1", "n2")
