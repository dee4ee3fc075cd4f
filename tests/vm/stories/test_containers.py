# SPDX-License-Identifier: Apache-2.0
"""The image's own root file system as nodes side by side, in seconds: where the cluster stories will run."""

from __future__ import annotations

import json

from tests.vm import answers
from tests.vm.containers import ContainerLab
from tests.vm.nspawn import Node
from tests.vm.story import story

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSBoYXMgdGhlIHByaXZhdGUgaGFsZiBvZiB0aGlz lab"

CONNECT = "timeout 3 bash -c '< /dev/tcp/{}'"


@story("container-nodes", quick=True)
def test_container_nodes(containers: ContainerLab) -> None:
    """Two nodes boot the image, take their names from their specs, see one another; one is frozen, cut off, killed."""
    nodes = [containers.node(Node(name)) for name in ("n1", "n2")]
    for number, node in enumerate(nodes, start=1):
        plane = {"nics": [{"mac": node.node.mac(0)}], "address": f"10.7.0.{number}/24"}
        document = answers.spec(KEY, node.node.name, network={"planes": {"management": plane}})
        (node.state / "spec.yaml").write_text(answers.text(document))
        node.start()
    n1, n2 = nodes
    for node in nodes:
        assert node.run("systemctl is-system-running --wait", timeout=60) == "running"
        assert node.run("hostname") == node.node.name
        assert f"10.7.0.{node.node.name[1]}/24" in node.run("ip -br address show eth0")
        told = json.loads(node.run("trivet status --json"))
        assert (told["name"], told["state"]) == (node.node.name, "ready"), told
    n1.run("ping -c 1 -W 2 10.7.0.2")
    n1.run("until trivet inspect | grep -q 'cable to  n2/eth0'; do sleep 1; done", timeout=60)
    n1.run("systemd-run --quiet python3 -m http.server 8000; until ss -Hltn sport 8000 | grep -q .; do sleep 0.1; done")
    assert n1.output(CONNECT.format("127.0.0.1/8000")).ok
    assert n2.output(CONNECT.format("10.7.0.1/22")).ok, "SSH is asked for by the spec"
    assert not n2.output(CONNECT.format("10.7.0.1/8000")).ok, "nobody asked for this one"
    n2.cut_off()
    assert not n1.output("ping -c 1 -W 2 10.7.0.2").ok
    n2.reconnect()
    n1.run("ping -c 1 -W 2 10.7.0.2")
    n2.kill()
    n2.start()
    assert (n2.state / "spec.yaml").exists()
    n2.run("systemctl is-system-running --wait", timeout=60)
    n1.run("ping -c 1 -W 5 10.7.0.2")
