# SPDX-License-Identifier: Apache-2.0
"""A pool as an operator looks at it: Ceph's own commands, bytes through librbd; on machines and container nodes alike."""

from __future__ import annotations

import json
from typing import Any, Protocol

from tests.vm.process import wait_for

PROOF = """\
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
READER = """\
import rados, rbd
count = len(open("/tmp/written").read())
with rados.Rados(conffile="/etc/ceph/ceph.conf", name="client.admin") as cluster, cluster.open_ioctx("vms") as pool:
    with rbd.Image(pool, "busy") as image:
        for n in range(max(0, count - 16384), count):
            found = int(image.read(n % 16384 * 4096, 4096))
            assert found in (n, n + 16384), f"write {n} was acknowledged, and there is {found}"
print(count)
"""


class Node(Protocol):
    """A machine or a container node."""

    def run(self, script: str, timeout: float = 60, check: bool = True) -> str: ...


def ceph(node: Node, words: str) -> Any:
    return json.loads(node.run(f"timeout 90 ceph {words} --format json 2> /dev/null", timeout=120))


def osds(node: Node) -> dict[int, dict[str, Any]]:
    """Those of the map, by number."""
    return {osd["osd"]: osd for osd in ceph(node, "osd dump")["osds"]}


def up(node: Node) -> list[int]:
    return [number for number, osd in osds(node).items() if osd["up"]]


def wait_up(node: Node, wanted: set[int], seconds: float = 120) -> None:
    wait_for(f"OSDs {wanted} to be up", lambda: set(up(node)) == wanted, seconds, 1)


def healthy(node: Node, seconds: float = 120) -> None:
    wait = f"timeout {seconds:.0f} sh -c 'until ceph health | grep -q HEALTH_OK; do sleep 1; done'"
    node.run(f"{wait} || {{ ceph -s; ceph health detail; exit 1; }}", timeout=seconds + 120)


def whole(node: Node, seconds: float = 120) -> None:
    """Every copy is where it shall be."""

    def clean() -> bool:
        states = ceph(node, "status")["pgmap"].get("pgs_by_state", ())
        return bool(states) and all({"active", "clean"} <= set(s["state_name"].split("+")) for s in states)

    wait_for("all copies to be where they shall be", clean, seconds, 2)


def librbd(node: Node, what: str, timeout: float = 120) -> None:
    """Write 4 MiB that nobody could make up, or read the same again."""
    node.run(f"cat > /tmp/proof.py <<'END'\n{PROOF}END\npython3 /tmp/proof.py {what}", timeout=timeout)


def write_on(node: Node) -> None:
    """From now on something is written 20 times a second, and noted when Ceph says that it is safe."""
    node.run(f"cat > /tmp/writer.py <<'END'\n{WRITER}END\nsystemd-run --quiet --unit=writer python3 /tmp/writer.py")
    node.run("timeout 90 sh -c 'until [ -s /tmp/written ]; do sleep 0.2; done'", timeout=120)


def goes_on(node: Node, seconds: float = 60) -> None:
    """Twenty writes more."""
    target = int(node.run("wc -c < /tmp/written")) + 20
    node.run(f"timeout {seconds:.0f} sh -c 'until [ $(wc -c < /tmp/written) -ge {target} ]; do sleep 0.2; done'", seconds + 60)
    node.run("systemctl is-active writer")


def nothing_lost(node: Node, timeout: float = 300) -> None:
    """The writer ends, and all that was said to be safe is there."""
    node.run("systemctl stop writer")
    assert int(node.run(f"cat > /tmp/reader.py <<'END'\n{READER}END\npython3 /tmp/reader.py", timeout=timeout)) > 20


def plan(node: Node) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = json.loads(node.run("trivet plan --json", timeout=240))["steps"]
    return steps
