# SPDX-License-Identifier: Apache-2.0
"""The udev door of a running machine, through pyudev (30 ms to import, so only when it is asked)."""

from appliance.host.host import Run, UdevDevice

_SETTLE_SECONDS = 60


class LiveUdev:
    """The udev database of this machine."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def devices(self, subsystem: str) -> tuple[UdevDevice, ...]:
        import pyudev  # noqa: PLC0415

        found = pyudev.Context().list_devices(subsystem=subsystem)
        return tuple(sorted((UdevDevice.of(dict(d.properties)) for d in found), key=lambda d: d.path))

    def settle(self) -> None:
        self._run(["udevadm", "settle", f"--timeout={_SETTLE_SECONDS}"])
