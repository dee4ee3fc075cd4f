# SPDX-License-Identifier: Apache-2.0
"""The engines of the built image, natively: one container node of its root file system, shared by all tests here."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.vm.containers import ContainerLab, ContainerNode, Node
from tests.vm.lab import BUILD


@pytest.fixture(scope="session")
def node() -> Iterator[ContainerNode]:
    """Booted, with one disk of 2 GiB and an address on eth0; its state is empty: a node without a spec."""
    if os.geteuid() != 0:
        pytest.fail("container nodes need root")
    with ContainerLab(BUILD / "engines") as lab:
        made = lab.node(Node("engines", disks=("2G",)))
        made.start()
        made.run("ip link set eth0 up && ip address add 192.0.2.1/24 dev eth0")
        yield made
