# SPDX-License-Identifier: Apache-2.0
"""Effects that make a disk the half that a mirror lacks. md copies the rest by itself, while everything runs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.engine.apply import Handler, Report
from appliance.errors import StepFailed
from appliance.host import blocks
from appliance.host.host import Host
from appliance.installer import grub, layout
from appliance.installer.boot import NODE, SHIM, add_entry
from appliance.installer.devices import WORK
from appliance.installer.esp import Esp
from appliance.installer.slots import probe
from appliance.model.halfsteps import CopyBoot, JoinArray, JoinVolume
from appliance.services.storage.devices import disk_link, expected, refresh
from appliance.services.storage.raid import NO_PLATFORM

_TAKEN_SECONDS = 60
_MD = "/sys/class/block/{name}/md"


class _JoinArray:
    def done(self, step: JoinArray, host: Host) -> bool:
        part = host.files.real(layout.part(disk_link(host, step.disk), step.partition))
        return part is not None and _name(part) in _slaves(host, layout.array_link(step.uuid))

    def do(self, step: JoinArray, host: Host, report: Report) -> None:
        part = layout.part(disk_link(host, step.disk), step.partition)
        host.run(["mdadm", "--manage", layout.array_link(step.uuid), "--add", part])
        refresh(host, part)


class _CopyBoot:
    def done(self, step: CopyBoot, host: Host) -> bool:
        link, device = disk_link(host, step.disk), _esp(host, step.disk)
        if probe(host, device).get("UUID", "").replace("-", "").lower() != step.esp:
            return False
        with _files(host, step.source) as tree:
            same = Esp(host, device).same(tree)
        return same and all(blocks.read(link, at, len(data)) == data for at, data in _bios(host, step))

    def do(self, step: CopyBoot, host: Host, report: Report) -> None:
        """As at the installation: what the firmware starts comes when all that it needs is there, whose node it is at last."""
        link, esp = disk_link(host, step.disk), Esp(host, _esp(host, step.disk))
        esp.format(step.esp)
        with _files(host, step.source) as tree:
            late = f"{WORK}/late"
            host.run(["mkdir", "-p", late])
            host.run(["mv", tree + SHIM, f"{late}/shim"])
            host.run(["mv", tree + NODE, f"{late}/node"])
            esp.add(tree)
            esp.flush()
            host.run(["mv", f"{late}/shim", tree + SHIM])
            esp.copy(tree, SHIM)
            esp.flush()
            for at, data in _bios(host, step):
                blocks.write(link, at, data)
            host.run(["mv", f"{late}/node", tree + NODE])
            esp.copy(tree, NODE)
            esp.flush()
        if host.files.list("/sys/firmware/efi/efivars"):
            add_entry(host, link, report)


def _esp(host: Host, disk: str) -> str:
    return layout.part(disk_link(host, disk), layout.NUMBER["esp"])


@contextmanager
def _files(host: Host, disk: str) -> Iterator[str]:
    """A folder with all that is on the ESP of a disk."""
    tree = f"{WORK}/esp-of-the-other"
    host.run(["mkdir", "-p", tree])
    try:
        host.run(["mcopy", "-Q", "-s", "-n", "-i", _esp(host, disk), "::/*", tree])
        yield tree
    finally:
        host.run(["rm", "-rf", tree])


def _bios(host: Host, step: CopyBoot) -> list[tuple[int, bytes]]:
    """What a BIOS starts, where on the disk: the rest of it first, the first sector last, with the disk's own table in it."""
    if not step.bios:
        return []
    source, link = disk_link(host, step.source), disk_link(host, step.disk)
    at, size = layout.EDGE * layout.MIB, layout.BIOS_BOOT * layout.MIB
    first = grub.first_sector(blocks.read(source, 0, grub.SECTOR), blocks.read(link, 0, grub.SECTOR), at // grub.SECTOR)
    return [(at, blocks.read(source, at, size)), (0, first)]


class _JoinVolume:
    def done(self, step: JoinVolume, host: Host) -> bool:
        disk = host.files.real(disk_link(host, step.disk))
        return disk is not None and _name(disk) in _slaves(host, disk_link(host, step.volume))

    def do(self, step: JoinVolume, host: Host, report: Report) -> None:
        disk = expected(host, step.disk, "")
        volume = _name(host.files.real(disk_link(host, step.volume)) or "")
        # "external:/md127/0": the container, and which of its volumes it is.
        container = (host.files.read(f"{_MD.format(name=volume)}/metadata_version") or "").partition("/")[2].partition("/")[0]
        if not container:
            raise StepFailed(f"{step.volume} is in no container any more", "plan again")
        told = [] if step.platform else ["env", f"{NO_PLATFORM}=1"]
        host.run([*told, "mdadm", "--manage", f"/dev/{container}", "--add", disk.link])
        end = time.monotonic() + _TAKEN_SECONDS
        while not self.done(step, host) and time.monotonic() < end:
            time.sleep(0.5)  # mdmon gives it to the volume
        refresh(host, disk.link)


def _slaves(host: Host, array: str) -> tuple[str, ...]:
    """The kernel's names of what an array is made of."""
    return host.files.list(f"/sys/class/block/{_name(host.files.real(array) or '')}/slaves")


def _name(device: str) -> str:
    return device.rpartition("/")[2]


HANDLERS: dict[type, Handler] = {
    JoinArray: _JoinArray(),
    CopyBoot: _CopyBoot(),
    JoinVolume: _JoinVolume(),
}
