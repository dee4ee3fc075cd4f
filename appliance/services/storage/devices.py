# SPDX-License-Identifier: Apache-2.0
"""Devices by their lasting names, what has to be said to kernel and udev so that those names are true, and their erasure.

The order of writes in erasing matters: the partition table is what says "unfinished" of a system disk, so it goes last and at
once. A power cut leaves either a disk that says what it said or one that is blank.
"""

import time

from appliance.errors import StalePlan, StepFailed
from appliance.host import blocks
from appliance.host.host import Host
from appliance.model.storage import Disk
from appliance.services.storage.naming import BY_ID, BY_PATH
from appliance.services.storage.observe import observe_disk

_LINKS_SECONDS = 30
_LOOKS = 5
_MIB = 2**20
_HINT = "see what is on it with `trivet inspect`, and plan again"


def disk_link(host: Host, disk_id: str) -> str:
    """The name under /dev/disk of a disk that a plan names. StalePlan when it is not there."""
    for folder in (BY_ID, BY_PATH):
        if host.files.real(folder + disk_id):
            return folder + disk_id
    raise StalePlan(f"the disk {disk_id} is not there any more", "see what there is with `trivet inspect`, and plan again")


def refresh(host: Host, *devices: str) -> None:
    """Have udev look at devices again, and wait until it has.

    After a table was written udev reads it again by itself, and for an instant the partitions are gone: a look that
    falls into it is repeated.
    """
    for _ in range(_LOOKS):
        host.udev.settle()
        present = (d for d in devices if host.files.real(d))
        if host.run(["udevadm", "trigger", "--action=change", *present], check=False).code == 0:
            break
    host.udev.settle()


def wait_for(host: Host, *links: str) -> None:
    """Wait until udev has made these names."""
    end = time.monotonic() + _LINKS_SECONDS
    while missing := [link for link in links if host.files.real(link) is None]:
        if time.monotonic() > end:
            raise StepFailed(f"{', '.join(missing)} did not appear", "udev does not see the disk as it should; see `dmesg`")
        host.udev.settle()
        time.sleep(0.1)


def release(host: Host, device: str) -> None:
    """Stop what stands on a disk and its partitions without being in use: arrays, maps of LVM and the like."""
    name = (host.files.real(device) or device).rpartition("/")[2]
    for part in partitions(host, name):
        _stop_holders(host, f"/sys/class/block/{part}")


def let_go(host: Host, disk_id: str, fingerprint: str, held: tuple[str, ...]) -> None:
    """Stop what runs on a disk, if that and what is on it are what somebody agreed to lose; else StalePlan."""
    disk = observe_disk(host, disk_id)
    if disk is not None and set(disk.held) - set(held):
        raise StalePlan(f"{disk.label} is in use by {', '.join(disk.held)}, and not by {', '.join(held)}", _HINT)
    disk = expected(host, disk_id, fingerprint, held=True)
    release(host, disk.link)
    host.udev.settle()


def partitions(host: Host, name: str) -> tuple[str, ...]:
    """The kernel's names of a disk and its partitions."""
    return (name, *(n for n in host.files.list(f"/sys/class/block/{name}") if n.startswith(name)))


def _stop_holders(host: Host, sys: str) -> None:
    for holder in host.files.list(f"{sys}/holders"):
        _stop_holders(host, f"/sys/class/block/{holder}")
        if holder.startswith("md"):
            host.run(["mdadm", "--stop", f"/dev/{holder}"])
        elif map_name := host.files.read(f"/sys/class/block/{holder}/dm/name"):
            host.run(["dmsetup", "remove", "--retry", map_name])


def erase(host: Host, disk: Disk) -> None:
    """Take everything from a disk that says what is on it: a power cut leaves what was there, or a blank disk."""
    release(host, disk.link)
    name = (host.files.real(disk.link) or "").rpartition("/")[2]
    whole, *parts = (f"/dev/{n}" for n in partitions(host, name))
    for part in parts:
        _zero_end(part)
        _zero_begin(part)
    _zero_end(whole)
    _zero_begin(whole)
    # What stands elsewhere (VMFS, old RAID superblocks); the table is gone and cannot be half erased by it.
    host.run(["wipefs", "--all", "--force", "--lock=yes", "--quiet", whole])
    host.udev.settle()
    host.run(["blockdev", "--rereadpt", whole], check=False)  # where it fails, wipefs has had it read before
    refresh(host, whole)


def expected(host: Host, disk_id: str, fingerprint: str, *, held: bool = False) -> Disk:
    """The disk as it was when the plan was made, or StalePlan; with `held`, something may still run on it."""
    disk = observe_disk(host, disk_id)
    if disk is None:
        raise StalePlan(f"the disk {disk_id} is not there any more", _HINT)
    if disk.unusable:
        raise StalePlan(f"{disk.label} may not be used: {', '.join(disk.unusable)}", _HINT)
    if disk.held and not held:
        raise StalePlan(f"{disk.label} is in use by {', '.join(disk.held)}", _HINT)
    if disk.fingerprint != fingerprint:
        raise StalePlan(f"{disk.label} does not hold what it held: {disk.holds or 'nothing'}", _HINT)
    return disk


def _zero_begin(device: str) -> None:
    blocks.zero(device, 0, min(_MIB, blocks.size(device)))


def _zero_end(device: str) -> None:
    size = blocks.size(device)
    blocks.zero(device, max(0, size - _MIB), min(_MIB, size))
