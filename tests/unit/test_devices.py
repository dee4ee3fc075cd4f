# SPDX-License-Identifier: Apache-2.0
"""Asking udev to look again while it is itself reading a new partition table."""

from collections.abc import Sequence
from typing import Any

import pytest

from appliance.errors import StepFailed
from appliance.host.host import Host, Result
from appliance.services.storage import devices

DISK, STATE = "/dev/disk/by-id/ata-X", "/dev/disk/by-id/ata-X-part5"


class Udev:
    """A machine whose partitions are gone whenever `present` says so, one word a look."""

    def __init__(self, *present: bool) -> None:
        self._present = list(present)
        self.asked: list[bool] = []
        self.settled = 0

    def real(self, path: str) -> str | None:
        return path if path == DISK or not self._present or self._present[0] else None

    def settle(self) -> None:
        self.settled += 1

    def run(self, argv: Sequence[str], *, check: bool = True, **_: Any) -> Result:
        assert argv[:3] == ["udevadm", "trigger", "--action=change"]
        here = self._present.pop(0) if self._present else True
        self.asked.append(STATE in argv)
        return Result(0 if here else 1, "", "" if here else "Failed to open the device")

    def host(self) -> Host:
        return Host(files=self, run=self.run, udev=self, netlink=self)  # type: ignore[arg-type]


class Vanishing(Udev):
    """Its partition goes between the look whether it is there and the question."""

    def real(self, path: str) -> str | None:
        return path


def test_a_partition_that_vanishes_for_an_instant_is_asked_for_again() -> None:
    udev = Vanishing(False, False, True)
    devices.refresh(udev.host(), DISK, STATE)
    assert udev.asked == [True, True, True]
    assert udev.settled == 4


def test_udev_is_asked_once_when_all_is_there() -> None:
    udev = Udev()
    devices.refresh(udev.host(), DISK, STATE)
    assert udev.asked == [True]


def test_what_never_comes_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "_LINKS_SECONDS", 0)
    with pytest.raises(StepFailed, match="part5 did not appear"):
        devices.wait_for(Udev(*[False] * 9).host(), DISK, STATE)
