# SPDX-License-Identifier: Apache-2.0
"""A running VM goes from node to node: the guest goes on, its disk in the pool and its address on the overlay network with it."""

from __future__ import annotations

import json
import re
import time
from itertools import pairwise

from tests.vm import answers, guest
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.process import wait_for
from tests.vm.stories.test_cluster import etcdctl, ready
from tests.vm.stories.test_cluster_engines import SLOW, overlaid, settled
from tests.vm.stories.test_ha import Writer, runs
from tests.vm.stories.test_vms import make, vm
from tests.vm.story import story

QUIET = 10
"""Seconds. The guest is emulated, and the promised two are for a processor that is not shared with three others."""
PING = "(ping -c 4000 -i 0.1 -W 1 {} > /tmp/ping 2>&1 &)"


def two(containers: ContainerLab) -> list[ContainerNode]:
    """Two nodes with one pool and one overlay network, `inside`."""
    nodes = [containers.node(Node(name, networks=("mgmt", "edge"), disks=("5G hdd",))) for name in ("n1", "n2")]
    n1, n2 = nodes
    for node in nodes:
        parts = {"storage": {}, "hypervisor": {"emulation": True}}
        parts |= {} if node is n1 else {"cluster": {"join": {"address": "10.7.0.1"}}}
        (node.state / "spec.yaml").write_text(answers.text(overlaid(node, **parts)))
        node.start()
    n1.run("systemctl is-system-running --wait", timeout=SLOW)
    n1.run("trivet cluster create lab", timeout=SLOW)
    ready(n1)
    token = n1.run("trivet cluster token", timeout=120)
    n2.run(f"echo {token} | trivet cluster join --address 10.7.0.1 --token-file - --yes", timeout=SLOW)
    for node in nodes:
        settled(node)
        guest.library(node)
    make(n1, "network", name="inside", subnet="10.1.0.0/24")
    return nodes


def owner(node: ContainerNode) -> tuple[str, str]:
    """Whose the VM is, and where it is on its way to."""
    told = json.loads(etcdctl(node, "get --print-value-only /trivet/v1/vms/one"))
    return told["node"], told.get("moving", "")


def moves(source: ContainerNode, target: ContainerNode) -> None:
    begun = time.monotonic()
    print(source.run(f"trivet vm migrate one {target.node.name}", timeout=300))
    print(f"{time.monotonic() - begun:.1f} s from {source.node.name} to {target.node.name}")
    assert (runs(source, "one"), runs(target, "one")) == (False, True)
    assert owner(target) == (target.node.name, "")


def quiet(other: guest.Guest) -> float:
    """Seconds of the longest time without an answer, as the one that pings has counted."""
    told = other.run("killall -INT ping; sleep 1; cat /tmp/ping", check=False)
    heard = [int(number) for number in re.findall(r"seq=(\d+)", told)]
    print(told[-200:])
    return max(after - before for before, after in pairwise(heard)) * 0.1


@story("vm-migrates-under-ping")
def test_vm_migrates_under_ping(containers: ContainerLab) -> None:
    n1, n2 = two(containers)
    nic = [{"network": "inside"}]
    other = vm(n2, "other", nics=nic).wait()
    one = vm(n1, "one", nics=nic, disks=[{"name": "data", "size": "32MiB"}]).wait()
    for each in (one, other):
        each.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done", timeout=120)
    writer = Writer("one")
    writer.begin(n1)
    writer.wait(n1, 10, 1)
    address = one.run("ip -4 -o address show eth0 | sed 's/.*inet //; s/[/].*//'")
    other.run(PING.format(address))
    time.sleep(3)
    moves(n1, n2)
    written = len(writer.lines(n2))
    moves(n2, n1)
    silent = quiet(other)
    print(f"the longest silence: {silent:.1f} s")
    assert silent <= QUIET
    # The same boot of the guest has written all of it, on both nodes.
    writer.wait(n1, written + 10, 1)
    n1.run("trivet vm stop one --force", timeout=60)
    wait_for("the VM to be stopped", lambda: not runs(n1, "one"), 30, 0.5)
    assert "does not run" in n1.output("trivet vm migrate one n2").text
