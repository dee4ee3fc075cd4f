# SPDX-License-Identifier: Apache-2.0
"""The order in which virtual functions are made, against a kernel that does with them what Linux does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.host.host import Host, Result
from appliance.model.plan import ConfigureVfs, VfWish
from appliance.services.network.apply import HANDLERS

PORT = "0000:02:00.0"
DEVICES = "/sys/bus/pci/devices"


class Kernel:
    """udev loads igbvf as soon as there are functions: it takes each that nobody has claimed once drivers may have them."""

    def __init__(self) -> None:
        self.drivers: list[str] = []
        self.override: dict[int, str] = {}

    def read(self, path: str) -> str | None:
        known = {f"{DEVICES}/{PORT}/sriov_totalvfs": "7", f"{DEVICES}/{PORT}/sriov_numvfs": str(len(self.drivers))}
        return known.get(path)

    def list(self, path: str) -> tuple[str, ...]:
        return ("enp2s0",) if path == f"{DEVICES}/{PORT}/net" else ()

    def link(self, path: str) -> str | None:
        if path.startswith(f"{DEVICES}/{PORT}/virtfn"):
            index = int(path.rpartition("virtfn")[2])
            return f"../{_address(index)}" if index < len(self.drivers) else None
        index = next((i for i in range(len(self.drivers)) if path == f"{DEVICES}/{_address(i)}/driver"), -1)
        return f"../../drivers/{self.drivers[index]}" if index >= 0 and self.drivers[index] else None

    def real(self, path: str) -> str | None:
        return path

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        name = path.rpartition("/")[2]
        if name == "sriov_numvfs":
            self.drivers, self.override = [""] * int(text), {}
        elif name == "sriov_drivers_autoprobe" and text == "1":
            self.drivers = [d or ("" if self.override.get(i) else "igbvf") for i, d in enumerate(self.drivers)]
        elif name == "driver_override":
            self.override[_index(path.split("/")[-2])] = text.strip()
        elif name == "unbind":
            self.drivers[_index(text)] = ""
        elif name == "drivers_probe" and not self.drivers[_index(text)]:
            self.drivers[_index(text)] = self.override.get(_index(text)) or "igbvf"

    def links(self) -> tuple[Mapping[str, Any], ...]:
        vfs = [{"index": i, "mac": "", "vlan": 0} for i in range(len(self.drivers))]
        return ({"name": "enp2s0", "vfs": vfs},)

    def __call__(self, argv: list[str], **_: Any) -> Result:
        return Result(0, "", "")


def _address(index: int) -> str:
    return f"0000:02:10.{index}"


def _index(address: str) -> int:
    return int(address.rpartition(".")[2])


def made(*drivers: str) -> list[str]:
    kernel = Kernel()
    host = Host(files=kernel, run=kernel, udev=kernel, netlink=kernel)  # type: ignore[arg-type]
    wishes = tuple(VfWish(index=i, driver=driver) for i, driver in enumerate(drivers))  # type: ignore[arg-type]
    step = ConfigureVfs(pci=PORT, port="a port", vfs=wishes, why="")
    HANDLERS[ConfigureVfs].do(step, host, lambda *_: None)
    return kernel.drivers


def test_those_for_vms_are_never_the_kernels() -> None:
    assert made("vfio-pci", "vfio-pci") == ["vfio-pci", "vfio-pci"]
    assert made("kernel", "vfio-pci", "kernel") == ["igbvf", "vfio-pci", "igbvf"]
