# SPDX-License-Identifier: Apache-2.0
"""Files on a FAT file system by mtools: no mount, so nothing is left mounted and no kernel reads what is being made."""

from appliance.host import blocks
from appliance.host.host import Host
from appliance.installer.devices import WORK

_BACK = f"{WORK}/back"


class Esp:
    """The ESP on a device. What is to be on it is a folder of ours, whose links stand for the files that they point at."""

    def __init__(self, host: Host, device: str) -> None:
        self._host, self._device = host, device

    def format(self, volume: str) -> None:
        """Make it anew. The sector size is the device's own."""
        self._host.run(["mkfs.vfat", "-I", "-F", "32", "-n", "TRIVET-ESP", "-i", volume, self._device])

    def add(self, tree: str) -> None:
        """Put all that is in a folder there."""
        names = self._host.files.list(tree)
        self._host.run(["mcopy", "-Q", "-s", "-o", "-i", self._device, *(f"{tree}/{n}" for n in names), "::/"])

    def copy(self, tree: str, path: str) -> None:
        """Put one more file of that folder there."""
        self._host.run(["mcopy", "-Q", "-o", "-i", self._device, tree + path, f"::{path}"])

    def same(self, tree: str) -> bool:
        """Is what is there what is in the folder, byte for byte?"""
        names = self._host.files.list(tree)
        self._host.run(["mkdir", "-p", _BACK])
        copied = self._host.run(["mcopy", "-Q", "-s", "-n", "-i", self._device, *(f"::/{n}" for n in names), _BACK], check=False)
        same = copied.code == 0 and self._host.run(["diff", "-rq", tree, _BACK], check=False).code == 0
        self._host.run(["rm", "-r", _BACK])
        return same

    def flush(self) -> None:
        """All of it is on the disk, and will be read from there."""
        blocks.flush(self._device)
