# SPDX-License-Identifier: Apache-2.0
"""What a change of the network takes, and what it costs those who do not ask for it: container nodes, at this host's speed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.clock import seconds
from tests.bench.row import Row
from tests.vm import answers
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.lab import BUILD
from tests.vm.nspawn import Node
from tests.vm.process import LabError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSBoYXMgdGhlIHByaXZhdGUgaGFsZiBvZiB0aGlz bench"
PLANES = ("management", "storage", "overlay", "business")
MTUS = (1400, 1500)
TRIES = 4
INTERVAL, PATIENCE = 0.01, 10


def rows() -> Iterator[Row]:
    """Seconds from `trivet net apply` to verified, against networkd's own reload; pings lost meanwhile on another plane."""
    with ContainerLab(BUILD / "bench" / "containers") as lab:
        node, other = (lab.node(Node(name, networks=PLANES)) for name in ("n1", "n2"))
        for number, each in enumerate((node, other), 1):
            (each.state / "spec.yaml").write_text(answers.text(document(each, number, 1500, PLANES)))
            each.start()
            each.run("systemctl is-system-running --wait", timeout=60)
        reload = min(seconds(node, "networkctl reload") for _ in range(TRIES))
        for planes in (PLANES[1:2], PLANES):
            ports = "a port" if len(planes) == 1 else f"{len(planes)} ports, the switch and OVN"
            taken = min(_change(node, MTUS[turn % 2], planes) for turn in range(TRIES))
            yield f"net apply to verified, {ports}", taken, "s", "networkctl reload", reload
        other.run(f"ping -q -i {INTERVAL} -w {PATIENCE} 10.7.0.1 > /run/pings 2>&1 &")
        for turn in range(TRIES):
            _change(node, MTUS[turn % 2], PLANES[1:2])
        time.sleep(PATIENCE)
        yield "pings of 10 ms lost, another plane changed", _lost(other), "", "", 0.0


def document(node: ContainerNode, number: int, mtu: int, planes: tuple[str, ...]) -> dict[str, Any]:
    """Each plane on its own port; `planes` have this MTU, the others 1500."""
    found = {}
    for index, name in enumerate(PLANES):
        address = {} if name == "business" else {"address": f"10.{7 + index}.0.{number}/24"}
        found[name] = {"nics": [{"mac": node.node.mac(index)}], "mtu": mtu if name in planes else 1500, **address}
    return answers.spec(KEY, node.node.name, network={"planes": found})


def _change(node: ContainerNode, mtu: int, planes: tuple[str, ...]) -> float:
    (node.state / "new.yaml").write_text(answers.text(document(node, 1, mtu, planes)))
    taken = seconds(node, "trivet net apply /var/lib/trivet/new.yaml --confirm-within 60s")
    node.run("trivet net confirm")
    return taken


def _lost(node: ContainerNode) -> float:
    match = re.search(r"(\d+) packets transmitted, (\d+) received", text := node.run("cat /run/pings"))
    if not match:
        raise LabError(text)
    return float(int(match[1]) - int(match[2]))
