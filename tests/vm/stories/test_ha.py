# SPDX-License-Identifier: Apache-2.0
"""A node is lost, and its VM runs elsewhere: by three nodes' own etcd, pool and blocklist, and by what is on the VM's disk."""

from __future__ import annotations

import base64
import itertools
import json
import time

import yaml

from tests.vm import answers, guest
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.pool import ceph
from tests.vm.process import wait_for
from tests.vm.stories.test_cluster import document, etcdctl, opened, ready
from tests.vm.stories.test_vms import vm
from tests.vm.story import story

MORE = {"storage": {}, "hypervisor": {"emulation": True}}
SLOW = 400
FENCES = "/trivet/v1/fences/"


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
    ready(n1)
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


def guarded(containers: ContainerLab) -> list[ContainerNode]:
    """The three, with HA on."""
    nodes = grown(containers)
    n1 = nodes[0]
    assert "was never tested" in n1.output("trivet ha enable", timeout=120).text
    for node in nodes:
        print(node.run("trivet ha test --without-watchdog", timeout=120))
        guest.library(node)
    n1.run("trivet ha enable", timeout=120)
    for node in nodes:
        node.run("systemctl start trivet-ha")
    wait_for("three leases", lambda: etcdctl(n1, "get --prefix --keys-only /trivet/v1/nodes/").count("/nodes/") == 3, 120, 1)
    return nodes


class Writer:
    """Counts in a guest, one number in each block of its disk after the other, with the id of the guest's boot, each synced.

    One that was started elsewhere goes on behind the last number that it finds. If the old one still wrote, it would write over
    what the new one has written: a line of an older boot behind one of a newer.
    """

    SCRIPT = (
        "n=$(head -c 4194304 /dev/vda | tr -d '\\0' | wc -l); while true; do"
        " printf '%08d %s\\n' $n $(cat /proc/sys/kernel/random/boot_id)"
        " | dd of=/dev/vda bs=512 seek=$n conv=notrunc,fsync 2>/dev/null || exit; n=$((n+1)); done"
    )

    def __init__(self, name: str) -> None:
        self.name = name

    def begin(self, node: ContainerNode) -> None:
        text = base64.b64encode(self.SCRIPT.encode()).decode()
        one = guest.Guest(node, self.name).wait()
        one.run(f"echo {text} | base64 -d > /tmp/writer && (setsid sh /tmp/writer >/dev/null 2>&1 &)")

    def lines(self, node: ContainerNode) -> list[tuple[int, str]]:
        """What the pool has: numbers, and the boots that wrote them."""
        image = f"vms/{json.loads(node.run(f'trivet vm show {self.name} --json'))['disks']['data'].partition('/')[2]}"
        text = node.run(f"rbd export --no-progress {image} - | tr -d '\\0'", timeout=120)
        return [(int(number), boot) for number, boot in (line.split() for line in text.splitlines())]

    def wait(self, node: ContainerNode, more: int, boots: int) -> list[tuple[int, str]]:
        """Until so many numbers are there, by so many boots: none is missing, and nobody wrote behind a later one."""

        def enough() -> list[tuple[int, str]]:
            found = self.lines(node)
            return found if len(found) >= more and len({boot for _, boot in found}) >= boots else []

        found = wait_for(f"{more} numbers by {boots} boots", enough, 180, 2)
        self.whole(found, boots)
        return found

    @staticmethod
    def whole(found: list[tuple[int, str]], boots: int) -> None:
        assert [number for number, _ in found] == list(range(len(found)))
        changes = [boot for boot, _ in itertools.groupby(boot for _, boot in found)]
        assert len(changes) == boots, f"who wrote, in the order of the blocks: {changes}"


def writing(node: ContainerNode, name: str = "one") -> Writer:
    """A VM with a disk of the pool, on this node, that counts."""
    vm(node, name, disks=[{"name": "data", "size": "32MiB"}])
    writer = Writer(name)
    writer.begin(node)
    writer.wait(node, 20, 1)
    return writer


def moved(*nodes: ContainerNode) -> ContainerNode:
    """The node among these that runs the VM now."""
    begun = time.monotonic()
    wait_for("the VM to run elsewhere", lambda: any(runs(node, "one") for node in nodes), 240, 0.5)
    print(f"{time.monotonic() - begun:.1f} s until the VM ran elsewhere")
    return next(node for node in nodes if runs(node, "one"))


def history(*nodes: ContainerNode) -> str:
    """What HA has said on these, by the clock that they share."""
    said = "".join(node.run("journalctl -b -u trivet-ha -o short-monotonic --no-pager") + "\n" for node in nodes)
    print(said)
    return said


def refused(node: ContainerNode, address: str) -> bool:
    """By the pool, in its own words."""
    return any(f":{address}:" in entry for entry in ceph(node, "osd dump")["range_blocklist"])


def let_in(node: ContainerNode, name: str, address: str) -> None:
    wait_for(f"{name} to be let in", lambda: not etcdctl(node, f"get {FENCES}{name}").strip(), 240, 1)
    assert not refused(node, address)


@story("node-killed-vm-back")
def test_node_killed_vm_back(containers: ContainerLab) -> None:
    n1, n2, n3 = guarded(containers)
    writer = writing(n3)

    n3.kill()
    there = moved(n1, n2)
    said = history(n1, n2)
    assert refused(n1, "10.7.0.3")
    for line in ("n3 has not renewed its lease", "n3 is fencing", "n3 is safe", "one goes from n3 to"):
        assert line in said, said
    written = len(writer.lines(there))
    writer.begin(there)
    writer.wait(there, written + 10, 2)

    # It comes back clean: it starts nothing, says so, is let in, and the pool takes it again.
    n3.start()
    opened(n3)
    let_in(n1, "n3", "10.7.0.3")
    assert not runs(n3, "one")
    assert json.loads(etcdctl(n1, "get --print-value-only /trivet/v1/vms/one"))["node"] == there.node.name


@story("frozen-node-no-two-writers")
def test_frozen_node_no_two_writers(containers: ContainerLab) -> None:
    """A node stands still with a write under way, for as long as it takes to have its VM elsewhere, and then goes on."""
    n1, n2, n3 = guarded(containers)
    writer = writing(n3)
    n3.freeze()
    there = moved(n1, n2)
    history(n1, n2)
    written = len(writer.lines(there))
    writer.begin(there)
    writer.wait(there, written + 10, 2)
    n3.thaw()
    wait_for("the old one to be stopped", lambda: not n3.run("pgrep -f 'qemu-system.*guest=one' || true"), 120, 0.2)
    let_in(n1, "n3", "10.7.0.3")
    history(n3)
    assert not runs(n3, "one")
    found = len(writer.lines(there))
    writer.wait(there, found + 10, 2)


@story("partition-no-two-writers")
def test_partition_no_two_writers(containers: ContainerLab) -> None:
    """A node hears nobody any more: it stops its own VM before another one starts it."""
    n1, n2, n3 = guarded(containers)
    writer = writing(n3)
    n3.cut_off()
    wait_for("n3 to stop its own VM", lambda: not n3.run("pgrep -f 'qemu-system.*guest=one' || true"), 120, 0.2)
    assert not runs(n1, "one")
    assert not runs(n2, "one")
    there = moved(n1, n2)
    history(n1, n2, n3)
    written = len(writer.lines(there))
    writer.begin(there)
    writer.wait(there, written + 10, 2)
    n3.reconnect()
    let_in(n1, "n3", "10.7.0.3")
    assert not runs(n3, "one")
    found = len(writer.lines(there))
    writer.wait(there, found + 10, 2)


@story("all-power-cut-back")
def test_all_power_cut_back(containers: ContainerLab) -> None:
    """All nodes lose their power at once, and come back one after the other, the founder last: so does the VM, with its data."""
    n1, n2, n3 = guarded(containers)
    writer = writing(n3)
    for node in (n1, n2, n3):
        node.kill()
    for node in (n3, n2, n1):
        node.start()
    begun = time.monotonic()
    wait_for("the VM to run", lambda: any(runs(node, "one") for node in (n1, n2, n3)), 300, 1)
    print(f"{time.monotonic() - begun:.1f} s from the last node's start to the VM running")
    history(n1, n2, n3)
    for node in (n1, n2, n3):
        opened(node)
    assert sum(runs(node, "one") for node in (n1, n2, n3)) == 1
    there = moved(n1, n2, n3)
    written = len(writer.lines(there))
    assert written >= 20
    writer.begin(there)
    writer.wait(there, written + 10, 2)
