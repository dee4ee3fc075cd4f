# SPDX-License-Identifier: Apache-2.0
"""A port that blinks, and those that cannot."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.host import led
from appliance.host.host import Host, Result


class Bench:
    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.argv: list[str] = []

    def list(self, path: str) -> tuple[str, ...]:
        return ("enp3s0",) if path == "/sys/bus/pci/devices/0000:03:00.0/net" else ()

    def __call__(self, argv: list[str], **_: Any) -> Result:
        self.argv = argv
        return Result(self.code, "", "Operation not supported")

    def host(self) -> Host:
        return Host(files=self, run=self, udev=self, netlink=self)  # type: ignore[arg-type]


def test_the_port_of_this_place_blinks() -> None:
    bench = Bench()
    led.blink(bench.host(), "0000:03:00.0")
    assert bench.argv == ["ethtool", "--identify", "enp3s0", str(led.SECONDS)]


@pytest.mark.parametrize(("bench", "pci"), [(Bench(), ""), (Bench(), "0000:04:00.0"), (Bench(code=95), "0000:03:00.0")])
def test_what_cannot_blink_says_what_else_tells_the_port(bench: Bench, pci: str) -> None:
    with pytest.raises(ApplianceError, match="LED") as error:
        led.blink(bench.host(), pci)
    assert "pull its cable" in error.value.hint
