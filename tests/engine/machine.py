# SPDX-License-Identifier: Apache-2.0
"""A disk made of a file, with real tools on real loop devices, and a udev that does what udev does for it.

The kernel of the build machine has no partition scanning: settling makes a loop device for each partition of the table
and the links that udev would make. What is on them is asked of blkid, which is what udev asks, too.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from appliance.host.command import LiveRun
from appliance.host.files import LiveFiles
from appliance.host.host import Host, Result, UdevDevice
from appliance.host.netlink import LiveNetlink
from appliance.installer.tables import read_table
from appliance.model.storage import Disk
from appliance.services.storage import contents

MIB = 2**20


@dataclass
class LoopDisk:
    """One disk of `size` bytes; `id` is its name under /dev/disk/by-id."""

    id: str
    file: Path
    size: int
    sector: int = 512
    loops: dict[str, str] = field(default_factory=dict)

    @property
    def link(self) -> str:
        return f"/dev/disk/by-id/{self.id}"

    @property
    def node(self) -> str:
        return self.loops[self.link]

    def attach(self) -> None:
        self.file.touch()
        os.truncate(self.file, self.size)
        self._loop(self.link, 0, self.size)

    def detach(self) -> None:
        for link in list(self.loops):
            self._drop(link)

    def see(self, table: dict[int, tuple[int, int, str, str, str]]) -> None:
        """Links of partitions appear and go as the table says."""
        wanted = {f"{self.link}-part{n}": (start * MIB, size * MIB) for n, (start, size, *_) in table.items()}
        for link in set(self.loops) - {self.link, *wanted}:
            self._drop(link)
        for link in set(wanted) - set(self.loops):
            self._loop(link, *wanted[link])

    def _loop(self, link: str, offset: int, size: int) -> None:
        argv = ["losetup", "--find", "--show", "--sector-size", str(self.sector), "--offset", str(offset),
                "--sizelimit", str(size), str(self.file)]  # fmt: skip
        node = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        Path(link).parent.mkdir(parents=True, exist_ok=True)
        Path(link).symlink_to(node)
        self.loops[link] = node

    def _drop(self, link: str) -> None:
        Path(link).unlink(missing_ok=True)
        subprocess.run(["losetup", "--detach", self.loops.pop(link)], check=True)


@dataclass
class Bench:
    """A host whose only disks are these. `lines` are the commands that ran, as they could be pasted."""

    disks: tuple[LoopDisk, ...]
    secrets: dict[str, str]
    lines: list[str] = field(default_factory=list)
    cut_at: str = ""

    @property
    def host(self) -> Host:
        return Host(files=LiveFiles(), run=self.run, udev=self, netlink=LiveNetlink(), secrets=self.secrets)

    def run(self, argv: list[str], **options: object) -> Result:
        line = shlex.join(argv)
        if self.cut_at and line.startswith(self.cut_at):
            raise PowerCut(line)
        self.lines.append(line)
        if argv[0] == "udevadm":  # there is no udevd here; `settle` below is ours
            return Result(0, "", "")
        return LiveRun()(argv, **options)  # type: ignore[arg-type]

    def settle(self) -> None:
        for disk in self.disks:
            disk.see(read_table(self.host, disk.link))

    def devices(self, subsystem: str) -> tuple[UdevDevice, ...]:
        return ()

    def observe(self, _: Host, disk_id: str) -> Disk | None:
        """What the observer says of one of our disks; the observer itself is tested with recorded machines."""
        for disk in self.disks:
            if disk.id == disk_id:
                whole = self._probe(disk.node, "")
                parts = [self._probe(node, link) for link, node in disk.loops.items() if link != disk.link]
                return Disk(
                    id=disk.id, link=disk.link, model="loop", serial=disk.id, size=disk.size, sector=disk.sector,
                    contents=tuple(contents.contents(whole, parts)),
                )  # fmt: skip
        return None

    def _probe(self, node: str, link: str) -> UdevDevice:
        output = LiveRun()(["blkid", "--probe", "--output", "udev", node], check=False).stdout
        facts = dict(line.partition("=")[::2] for line in output.splitlines())
        if link:
            number = int(link.rpartition("-part")[2])
            disk = next(d for d in self.disks if link in d.loops)
            facts["PARTN"] = str(number)
            facts["ID_PART_ENTRY_NAME"] = read_table(self.host, disk.link)[number][-1]
        return UdevDevice(path=node, subsystem="block", node=node, type="disk", properties=facts)


class PowerCut(BaseException):
    """Not an Exception: nothing may handle it, as nothing handles the real one."""


@contextmanager
def bench(folder: Path, *, sector: int = 512, size: int = 7 * 2**30, secrets: dict[str, str]) -> Iterator[Bench]:
    disk = LoopDisk(f"trivet-test-{os.getpid()}", folder / "disk", size, sector)
    disk.attach()
    made = Bench((disk,), secrets)
    try:
        yield made
    finally:
        disk.detach()
