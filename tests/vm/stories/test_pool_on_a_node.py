# SPDX-License-Identifier: Apache-2.0
"""A pool on one node, in the engines' own words: from the spec, over restarts, without a disk, with another one."""

from __future__ import annotations

import json
from typing import Any

from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.nspawn import Node
from tests.vm.process import wait_for
from tests.vm.stories.test_containers import KEY
from tests.vm.story import story

WRITE = """\
import rados, rbd, hashlib, sys
with rados.Rados(conffile="/etc/ceph/ceph.conf", name="client.admin") as cluster, cluster.open_ioctx("vms") as pool:
    data = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(1 << 17))
    if "proof" not in rbd.RBD().list(pool):
        rbd.RBD().create(pool, "proof", 64 << 20)
    with rbd.Image(pool, "proof") as image:
        if sys.argv[1] == "write":
            image.write(data, 0)
            image.flush()
        assert image.read(0, len(data)) == data, "other bytes came back"
"""

WRITER = """\
import rados, rbd, time
with rados.Rados(conffile="/etc/ceph/ceph.conf", name="client.admin") as cluster, cluster.open_ioctx("vms") as pool:
    rbd.RBD().create(pool, "busy", 64 << 20)
    with rbd.Image(pool, "busy") as image, open("/tmp/written", "w", 1) as log:
        for n in range(1 << 30):
            image.write(b"%4096d" % n, n % 16384 * 4096)
            image.flush()
            log.write("\\n")
            time.sleep(0.05)
"""
REMOVE = """\
import sys
from appliance import flow
from appliance.host.live import live
from appliance.model.plan import Plan
from appliance.services.storage.plan import remove
host = live()
pool = flow.inspect(host).pool
osd = next(osd for osd in pool.osds if osd.id == int(sys.argv[1]))
flow.apply(Plan(steps=(remove(pool, osd),)), host, print)
"""


def document(node: Node, **storage: Any) -> dict[str, Any]:
    plane = {"nics": [{"mac": node.mac(0)}], "address": "10.7.0.1/24"}
    return answers.spec(KEY, node.name, network={"planes": {"management": plane}}, storage=storage)


def ceph(node: ContainerNode, words: str) -> Any:
    return json.loads(node.run(f"timeout 30 ceph {words} --format json", timeout=60))


def healthy(node: ContainerNode, seconds: int = 120) -> None:
    wait = f"timeout {seconds} sh -c 'until ceph health | grep -q HEALTH_OK; do sleep 1; done'"
    node.run(f"{wait} || {{ ceph -s; ceph health detail; exit 1; }}", timeout=seconds + 60)


def wait_up(node: ContainerNode, wanted: set[int], seconds: int = 120) -> None:
    wait_for(f"OSDs {wanted} to be up", lambda: set(up(node)) == wanted, seconds, 1)


def up(node: ContainerNode) -> list[int]:
    return [osd["osd"] for osd in ceph(node, "osd dump")["osds"] if osd["up"]]


def librbd(node: ContainerNode, what: str) -> None:
    node.run(f"cat > /tmp/proof.py <<'END'\n{WRITE}END\npython3 /tmp/proof.py {what}", timeout=120)


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
    node.run(f"cat > /tmp/writer.py <<'END'\n{WRITER}END\nsystemd-run --quiet --unit=writer python3 /tmp/writer.py")
    node.run("timeout 30 sh -c 'until [ -s /tmp/written ]; do sleep 0.2; done'")
    node.loops[1].die()
    wait_up(node, {0, 2}, 60)
    written = int(node.run("wc -c < /tmp/written"))
    node.run(f"timeout 60 sh -c 'until [ $(wc -c < /tmp/written) -gt {written + 20} ]; do sleep 0.2; done'", timeout=90)
    node.run("systemctl is-active writer")
    librbd(node, "read")
    told = json.loads(node.run("trivet plan --json"))
    assert not [step for step in told["steps"] if step["kind"] in ("start-osd", "add-osd")], told

    # Another one takes its place: it is made part of the pool by the spec, and the dead one is forgotten.
    node.plug("6G hdd")
    node.run("trivet apply", timeout=240)
    gone = next(osd for osd in ceph(node, "osd dump")["osds"] if not osd["up"])
    script = f"cat > /tmp/remove.py <<'END'\n{REMOVE}END\n/usr/lib/trivet/venv/bin/python3 /tmp/remove.py {gone['osd']}"
    node.run(script, timeout=240)
    assert len(up(node)) == 3 == len(ceph(node, "osd dump")["osds"])
    node.run("systemctl stop writer")
    healthy(node, 240)
    librbd(node, "read")
    ready(node)
