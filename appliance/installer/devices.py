# SPDX-License-Identifier: Apache-2.0
"""Devices by their lasting names, and what has to be said to kernel and udev so that those names are true."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import StalePlan, StepFailed
from appliance.host.host import Host
from appliance.services.storage.naming import BY_ID, BY_PATH

WORK = f"/run/trivet/install-{os.getpid()}"
_LINKS_SECONDS = 30
_LOOKS = 5


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


@contextmanager
def mounted(host: Host, device: str, kind: str, options: str) -> Iterator[str]:
    """A file system, mounted for as long as the block lasts; the folder it is at."""
    where = f"{WORK}/{kind}"
    host.run(["mkdir", "-p", where])
    host.run(["mount", "-t", kind, "-o", f"nodev,nosuid,noexec,{options}", device, where])
    try:
        yield where
    finally:
        host.run(["umount", where])
