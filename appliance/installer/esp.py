# SPDX-License-Identifier: Apache-2.0
"""Files on a FAT file system by mtools: no mount, so nothing is left mounted and no kernel reads what is being made."""

from collections.abc import Iterable
from pathlib import PurePosixPath

from appliance.host import blocks
from appliance.host.host import Host
from appliance.installer.devices import WORK

_SCRATCH = f"{WORK}/scratch"


class Esp:
    """The ESP on a device. Paths are absolute, with slashes."""

    def __init__(self, host: Host, device: str) -> None:
        self._host, self._device = host, device

    def format(self, volume: str) -> None:
        """Make it anew. The sector size is the device's own."""
        self._host.run(["mkfs.vfat", "-I", "-F", "32", "-n", "TRIVET-ESP", "-i", volume, self._device])

    def make_folders(self, files: Iterable[str]) -> None:
        """The folders that these files are in, parents first."""
        folders = {str(p): None for f in files for p in reversed(PurePosixPath(f).parents) if str(p) != "/"}
        self._host.run(["mmd", "-i", self._device, *(f"::{f}" for f in folders)])

    def copy(self, source: str, path: str) -> None:
        """Put a file there."""
        self._host.run(["mcopy", "-o", "-i", self._device, source, f"::{path}"])

    def write(self, path: str, text: str) -> None:
        """Put a text there."""
        self._host.files.write(_SCRATCH, text)
        self.copy(_SCRATCH, path)
        self._host.files.remove(_SCRATCH)

    def read(self, path: str) -> str | None:
        """The text of a file, or None."""
        result = self._host.run(["mtype", "-i", self._device, f"::{path}"], check=False)
        return result.stdout if result.code == 0 else None

    def holds(self, source: str, path: str) -> bool:
        """Is the file there the same as `source`, byte for byte?"""
        self._host.files.remove(_SCRATCH)
        self._host.run(["mkdir", "-p", WORK])
        copied = self._host.run(["mcopy", "-i", self._device, f"::{path}", _SCRATCH], check=False)
        same = copied.code == 0 and self._host.run(["cmp", "--silent", source, _SCRATCH], check=False).code == 0
        self._host.files.remove(_SCRATCH)
        return same

    def flush(self) -> None:
        """All of it is on the disk, and will be read from there."""
        blocks.flush(self._device)
