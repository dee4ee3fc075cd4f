# SPDX-License-Identifier: Apache-2.0
"""Loop devices as the disks of a container node, and what udev would say of them: there is no udev in a container.

Their database and the links that udev would make are two folders that the node sees as /run/udev and /dev/disk. A disk dies as
a real one does: every request fails, and its links go.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from tests.vm.process import command


class LoopDisk:
    """One disk. `order` is its size, with "hdd" behind it for one that rotates: "4G", "4G hdd"."""

    def __init__(self, folder: Path, node: str, index: int, order: str) -> None:
        self.size, _, kind = order.partition(" ")
        self.rotational = kind == "hdd"
        self.serial = f"{node}-disk{index}"
        self.file = folder / f"disk{index}.img"
        self._udev, self._links = folder / "udev" / "data", folder / "links" / "by-id"
        # Freed by the kernel when the last user is gone: the node, and the handle that we keep.
        command("truncate", "-s", self.size, str(self.file))
        self.device = command("losetup", "--find", "--show", "--direct-io=off", str(self.file)).strip()
        self._handle = os.open(self.device, os.O_RDONLY)
        command("losetup", "--detach", self.device)
        rotational = Path(f"/sys/block/{Path(self.device).name}/queue/rotational")
        rotational.write_text("1" if self.rotational else "0")
        self._say()

    @property
    def id(self) -> str:
        """Its name in plans."""
        return f"scsi-{self.serial}"

    @property
    def number(self) -> tuple[int, int]:
        device = os.stat(self.device).st_rdev
        return os.major(device), os.minor(device)

    def die(self) -> None:
        """It was pulled out: nothing answers any more, and udev has forgotten it."""
        self._forget()
        os.truncate(self.file, 0)
        command("losetup", "--set-capacity", self.device)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._handle)

    def _say(self) -> None:
        """As libudev keeps it: links, then properties."""
        for folder in (self._udev, self._links):
            folder.mkdir(parents=True, exist_ok=True)
        facts = {"ID_BUS": "scsi", "ID_MODEL": "Loop", "ID_SERIAL": self.serial, "ID_SERIAL_SHORT": self.serial}
        lines = ["I:1", f"S:disk/by-id/{self.id}", *(f"E:{name}={value}" for name, value in facts.items()), "V:1"]
        (self._udev / "b{}:{}".format(*self.number)).write_text("".join(f"{line}\n" for line in lines))
        link = self._links / self.id
        link.unlink(missing_ok=True)
        link.symlink_to(f"../../{Path(self.device).name}")

    def _forget(self) -> None:
        (self._udev / "b{}:{}".format(*self.number)).unlink(missing_ok=True)
        (self._links / self.id).unlink(missing_ok=True)


def binds(folder: Path) -> tuple[tuple[str, str], ...]:
    """What the node sees of this."""
    for name in ("udev", "links"):
        (folder / name).mkdir(exist_ok=True)
    return ((str(folder / "udev"), "/run/udev"), (str(folder / "links"), "/dev/disk"))


def static_files(elements: Path, upper: Path) -> None:
    """The elements' own files as they are now, over the image's, which may be older."""
    for static in sorted(elements.glob("*/static")):
        for source in static.rglob("*"):
            target = upper / source.relative_to(static)
            if source.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
