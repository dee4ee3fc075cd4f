# SPDX-License-Identifier: Apache-2.0
"""The udev door of a running machine, through pyudev (30 ms to import, so only when it is asked)."""

from collections.abc import Mapping

from appliance.host.host import Run, UdevDevice

_SETTLE_SECONDS = 60


class LiveUdev:
    """The udev database of this machine."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def devices(self, subsystem: str) -> tuple[UdevDevice, ...]:
        import pyudev  # noqa: PLC0415

        found = pyudev.Context().list_devices(subsystem=subsystem)
        devices = (_device(d.sys_path, dict(d.properties), tuple(d.device_links)) for d in found)
        return tuple(sorted(devices, key=lambda d: d.path))

    def settle(self) -> None:
        self._run(["udevadm", "settle", f"--timeout={_SETTLE_SECONDS}"])


def _device(path: str, properties: Mapping[str, str], links: tuple[str, ...]) -> UdevDevice:
    return UdevDevice(
        path=path,
        subsystem=properties.get("SUBSYSTEM", ""),
        node=properties.get("DEVNAME", ""),
        type=properties.get("DEVTYPE", ""),
        links=tuple(sorted(links)),
        properties=properties,
    )
