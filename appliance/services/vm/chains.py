# SPDX-License-Identifier: Apache-2.0
"""A disk as a chain of qcow2 files, on a node that has no pool.

A VM's files are in a folder of its own, `<uuid>/<disk>.<number>.qcow2`. A snapshot is a file that is not written to any more:
the next number goes on from it, and so does a linked clone.
"""

from appliance.host.host import Host
from appliance.services.vm import qemuimg

FOLDER = "/var/lib/libvirt/images"
FORM = "qcow2"


def folder(host: Host, owner: str) -> str:
    """The VM's own on this node: what its firmware keeps is there, too, wherever its disks are."""
    host.run(["mkdir", "-p", "--mode=0711", f"{FOLDER}/{owner}"])
    return f"{FOLDER}/{owner}"


def fresh(host: Host, owner: str, disk: str) -> str:
    """The next file of a disk; nothing is there yet."""
    own = folder(host, owner)
    taken = [
        name.rsplit(".", 2)[1] for name in host.files.list(own) if name.startswith(f"{disk}.") and name.endswith(".qcow2")
    ]
    return f"{own}/{disk}.{max((int(number) for number in taken), default=-1) + 1}.qcow2"


def empty(host: Host, file: str, size: int) -> None:
    """One from nothing."""
    host.run(["qemu-img", "create", "-q", "-f", FORM, file, str(size)])


def go_on(host: Host, owner: str, disk: str, base: str) -> str:
    """A file that goes on from one that is not written to any more."""
    file = fresh(host, owner, disk)
    host.run(["qemu-img", "create", "-q", "-f", FORM, "-F", FORM, "-b", base, file])
    return file


def grow(host: Host, file: str, to: int) -> None:
    """Make it larger, while nobody writes to it."""
    host.run(["qemu-img", "resize", "-q", "-f", FORM, file, str(to)])


def rest_on(host: Host, file: str, base: str) -> None:
    """Have a file rest on an older one, or on none (""), and hold itself what is between; nobody writes to it meanwhile."""
    host.run(["qemu-img", "rebase", "-q", "-f", FORM, *(["-F", FORM] if base else []), "-b", base, file])


def chain(host: Host, file: str) -> list[str]:
    """The file and those that it rests on, the oldest last."""
    return [str(each["filename"]) for each in qemuimg.info(host, file, "--backing-chain")]
