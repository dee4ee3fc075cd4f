# SPDX-License-Identifier: Apache-2.0
"""The bar itself: each way to reach the machine is closed, also to code that swallows every Exception."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import sh

from appliance.host.live import live


@pytest.mark.parametrize(
    "reach",
    [
        lambda: subprocess.run(["true"], check=True),
        sh.true,
        lambda: os.system("true"),
        lambda: live().run(["true"]),
        live().netlink.links,
        lambda: live().files.read("/sys/class/dmi/id/product_name"),
        lambda: live().files.list("/dev/disk/by-id"),
        lambda: Path("/sys/block").iterdir().__next__(),
        lambda: socket.create_connection(("127.0.0.1", 9)),
    ],
)
def test_a_unit_test_cannot_reach_the_machine(reach: Callable[[], object]) -> None:
    def swallow() -> None:
        with contextlib.suppress(Exception):
            reach()

    with pytest.raises(BaseException, match="a unit test") as caught:
        swallow()
    assert type(caught.value).__name__ == "Barred"
