# SPDX-License-Identifier: Apache-2.0
"""What the pool costs: a machine with three rotating disks and an SSD, by fio on the RBD image and on the bare disk beside it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.row import Row
from tests.vm import answers
from tests.vm.containers import ContainerLab
from tests.vm.lab import BUILD, Lab
from tests.vm.nspawn import Node
from tests.vm.pool import ceph
from tests.vm.pooled import FRESH, HDDS, HYBRID, pooled, throttle
from tests.vm.vm import VM

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSBoYXMgdGhlIHByaXZhdGUgaGFsZiBvZiB0aGlz bench"
IMAGE = "--ioengine=rbd --clientname=admin --pool=vms --rbdname=bench"
BARE = f"--ioengine=libaio --direct=1 --filename=/dev/disk/by-id/wwn-{FRESH.wwn}"
JOBS = (
    ("4k random writes", "--rw=randwrite --bs=4k --iodepth=16", "write", "iops", "/s"),
    ("4k random reads", "--rw=randread --bs=4k --iodepth=16", "read", "iops", "/s"),
    ("1M sequential writes", "--rw=write --bs=1M --iodepth=4", "write", "bw", "MB/s"),
    ("1M sequential reads", "--rw=read --bs=1M --iodepth=4", "read", "bw", "MB/s"),
)
SECONDS, SIZE = 20, "256M"
SLOW = 100
"""Requests a second of a throttled disk: a real one of 7,200 revolutions has 80 to 150."""
HOT = "32M"
DAEMONS = ("ceph-mon", "ceph-mgr", "ceph-osd", "trivetd")


def rows() -> Iterator[Row]:
    """As they are measured; a quarter of an hour without hardware acceleration."""
    with ContainerLab(BUILD / "bench" / "containers") as containers:
        yield "an empty node to its pool of 3 disks, healthy", _made(containers), "s", "", 0.0
    with Lab(BUILD / "bench" / "lab", BUILD / "bench" / "shared") as lab:
        vm = pooled(lab, "bench", HYBRID)
        vm.plug(FRESH)
        vm.sees(FRESH)
        vm.run(f"timeout 60 rbd create --size {SIZE} vms/bench", timeout=90)
        copies = ceph(vm, "osd pool get vms size")["size"]
        for name, words, way, key, unit in JOBS:
            image, bare = (_fio(vm, f"{target} {words}")[way] for target in (IMAGE, BARE))
            figures = [each[key] if key == "iops" else each["bw_bytes"] / 1e6 for each in (image, bare)]
            yield f"{name}, an image with {copies} copies", figures[0], unit, "the bare disk", figures[1]
        yield from _hot(vm)
        for daemon in DAEMONS:
            kib = vm.run(f"ps -C {daemon} -o rss= | sort -n | tail -n 1").strip()
            yield f"memory of {daemon}", int(kib) / 1024 if kib else 0.0, "MiB", "", 0.0
        vm.powerdown(300)


def _made(lab: ContainerLab) -> float:
    """Seconds from the wish to a pool in which all copies are where they shall be, at this host's speed."""
    node = lab.node(Node("n1", disks=("5G hdd", "5G hdd", "5G hdd")))
    plane = {"management": {"nics": [{"mac": node.node.mac(0)}], "address": "10.7.0.1/24"}}
    (node.state / "spec.yaml").write_text(answers.text(answers.spec(KEY, "n1", network={"planes": plane})))
    (node.state / "new.yaml").write_text(answers.text(answers.spec(KEY, "n1", network={"planes": plane}, storage={})))
    node.start()
    node.run("systemctl is-system-running --wait", timeout=180)
    begun = time.monotonic()
    node.run("trivet apply /var/lib/trivet/new.yaml --yes", timeout=300)
    node.run("timeout 120 sh -c 'until ceph health | grep -q HEALTH_OK; do sleep 0.2; done'", timeout=150)
    return time.monotonic() - begun


def _hot(vm: VM) -> Iterator[Row]:
    """Reading the same again and again from an OSD's volume with its cache, and from a disk as slow as the one below it."""
    for disk in (*HDDS, FRESH):
        throttle(vm, disk.name, SLOW)
    volume = vm.run("ls /dev/ceph-*/osd-block-* | head -n 1")
    words = f"--direct=1 --ioengine=libaio --rw=randread --bs=4k --iodepth=4 --size={HOT} --readonly"
    for _ in range(4):  # what is read often enough is taken into the cache
        cached = _fio(vm, f"{words} --filename={volume}")["read"]["iops"]
    bare = _fio(vm, f"{words} --filename=/dev/disk/by-id/wwn-{FRESH.wwn}")["read"]["iops"]
    yield f"hot reads of 4k, HDD of {SLOW} requests/s with cache", cached, "/s", "such an HDD without", bare
    for disk in (*HDDS, FRESH):
        throttle(vm, disk.name, 0)


def _fio(vm: VM, words: str) -> dict[str, Any]:
    more = f"--name=bench --size={SIZE} --runtime={SECONDS} --time_based --output-format=json"
    found = json.loads(vm.run(f"fio {more} {words} 2>/dev/null", timeout=SECONDS + 240))
    job: dict[str, Any] = found["jobs"][0]
    return job
