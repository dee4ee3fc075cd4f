# SPDX-License-Identifier: Apache-2.0
"""The world outside of container nodes: the lab's bridge as a host on it, with a resolver and a web server."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.vm.containers import ContainerLab
from tests.vm.process import LabError, end, wait_for


class Outside:
    """A host on a lab's bridge, by this address."""

    def __init__(self, lab: ContainerLab, network: str, address: str) -> None:
        self.lab, self.link, self.address = lab, lab.bridge(network), address

    def run(self, script: str) -> str:
        return self.lab.command("sh", "-c", script)

    def answers(self, address: str) -> bool:
        """Does it answer a ping? By the node's own program: the host has none."""
        words = ["chroot", str(self.lab.root), "ping", "-n", "-c", "2", "-W", "2", address]
        done = subprocess.run([*self.lab.inside(), *words], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):  # 1: it was sent, and nobody answered
            raise LabError(f"ping of {address}: {done.stderr}")
        return done.returncode == 0


@contextlib.contextmanager
def outside(lab: ContainerLab, network: str, address: str, names: dict[str, str], folder: Path) -> Iterator[Outside]:
    """It answers for `names`, and for no others; its pages are those of `folder`."""
    host = Outside(lab, network, address)
    host.run(f"ip address add {address}/24 dev {host.link}")
    # As in containers.py: whole checksums. The host has no ethtool of its own, the node's has.
    lab.command("chroot", str(lab.root), "ethtool", "-K", host.link, "tx", "off")
    told = [f"--address=/{name}/{at}" for name, at in names.items()]
    resolver = ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--bind-interfaces", "--conf-file=/dev/null"]
    words = (
        [*resolver, f"--listen-address={address}", "--pid-file=", "--user=root", *told],
        [sys.executable, "-m", "http.server", "--bind", address, "--directory", str(folder), "80"],
    )
    log = lab.folder / f"outside-{network}.log"
    with log.open("wb") as output:
        begun = [
            subprocess.Popen([*lab.inside(), *each], stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
            for each in words
        ]
    try:
        wait_for("the servers outside", lambda: host.run("ss -Hltn").count(f"{address}:") >= len(words), 10)
        yield host
    finally:
        for each in begun:
            end(each)
