# SPDX-License-Identifier: Apache-2.0
"""VMs on a node with a pool of two disks: from the document to the guest's first line, copies by the hundred, bytes on RBD."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.bench.clock import seconds
from tests.bench.row import Row
from tests.vm import guest
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.lab import BUILD
from tests.vm.stories.test_vms import KERNEL, node_with_vms, shown, vm

TRIES = 3
COPIES = 100
BLOCKS = 1000
LINE = "guest: begins"
LIBRARY = "/var/lib/libvirt/library"
RECORD = "/trivet/v1/vms"


def rows() -> Iterator[Row]:
    """Everything emulated: what counts is the ratio."""
    with ContainerLab(BUILD / "bench" / "vms") as lab:
        node = node_with_vms(lab)
        plain = min(_plain(node) for _ in range(TRIES))
        yield "vm create and start to the guest's first line", min(_ours(node) for _ in range(TRIES)), "s", "plain qemu", plain
        yield from _written(node)
        yield from _copied(node)


def _plain(node: ContainerNode) -> float:
    """QEMU with the same kernel, on a file of the same size that is made with it."""
    words = f"-machine q35 -cpu max -m 192 -display none -kernel {LIBRARY}/{guest.KERNEL} -initrd {LIBRARY}/{guest.INITRD}"
    disk = "-drive file=/tmp/plain.qcow2,if=virtio,cache=none"
    begin = f"qemu-img create -q -f qcow2 /tmp/plain.qcow2 1G; qemu-system-x86_64 {words} {disk} -serial file:/tmp/plain.log"
    wait = f"until grep -q '{LINE}' /tmp/plain.log; do sleep 0.05; done; kill $!; wait || true"
    return seconds(node, f"rm -f /tmp/plain.log; touch /tmp/plain.log; {begin} -append '{KERNEL['arguments']}' & {wait}")


def _ours(node: ContainerNode) -> float:
    log = "/var/log/libvirt/qemu/timed-serial.log"
    wish = {"version": 1, "name": "timed", "memory": {"size": "192MiB"}, "kernel": KERNEL, "disks": [{"size": "1GiB"}]}
    create = f"trivet vm create --start - <<'EOF'\n{json.dumps(wish)}\nEOF\n"
    taken = seconds(node, f"rm -f {log}; {create} until grep -q '{LINE}' {log}; do sleep 0.05; done")
    node.run("trivet vm stop timed --force && trivet vm delete timed && trivet vm purge timed --yes", timeout=120)
    return taken


def _written(node: ContainerNode) -> Iterator[Row]:
    """Blocks of 4 KiB, each there before the next, in a guest that is emulated and by fio on the node."""
    one = vm(node, "one", disks=[{"name": "data", "size": "256MiB"}]).wait()
    clock = "cut -d ' ' -f 1 /proc/uptime"
    said = one.run(f"{clock}; dd if=/dev/zero of=/dev/vda bs=4k count={BLOCKS} oflag=direct 2> /dev/null && {clock}", timeout=300)
    begun, ended = (float(word) for word in said.split())
    node.run("trivet vm stop one --force && rbd create vms/fio --size 256M")
    job = f"--ioengine=rbd --clientname=admin --pool=vms --rbdname=fio --rw=write --bs=4k --size={4 * BLOCKS}k --iodepth=1"
    # Guests' disks have no cache unless their document says so; librbd's own would take fio's writes at memory's speed.
    fio = f"CEPH_ARGS=--rbd_cache=false fio --name=a --output-format=json {job} 2> /dev/null"
    told = json.loads(node.run(fio, timeout=300))
    node.run("rbd rm --no-progress vms/fio")
    inside = BLOCKS / (ended - begun)
    yield "writes of 4 KiB a second in a guest", inside, "", "fio on the node's RBD", told["jobs"][0]["write"]["iops"]


def _copied(node: ContainerNode) -> Iterator[Row]:
    node.run("trivet vm template one")
    before, kept = _stored(node), _documents(node)
    each = f"for n in $(seq {COPIES}); do trivet vm clone one copy$n --linked > /dev/null; done"
    taken = seconds(node, each)
    image = shown(node, "one")["disks"]["data"].removeprefix("rbd:")
    alone = seconds(node, f"rbd clone --rbd-default-clone-format 2 {image}@template vms/bare")
    yield f"{COPIES} linked clones, each", taken / COPIES, "s", "rbd clone alone", alone
    yield "data in the pool for each, KiB", (_stored(node) - before) / COPIES / 1024, "", "", 0.0
    yield "document of each in etcd, KiB", (_documents(node) - kept) / COPIES / 1024, "", "", 0.0


def _stored(node: ContainerNode) -> int:
    """What images hold themselves. `ceph df` counts with a delay, and would still have what was deleted before."""
    return int(json.loads(node.run("rbd du --exact --pool vms --format json", timeout=300))["total_used_size"])


def _documents(node: ContainerNode) -> int:
    return int(node.run(f"etcdctl get --prefix {RECORD} | wc -c"))
