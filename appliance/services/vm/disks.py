# SPDX-License-Identifier: Apache-2.0
"""VMs' disks as qcow2 files of this node, and the library of images. The one module that knows what a disk is made of.

A VM's files are in a folder of its own, `<uuid>/<disk>.<number>.qcow2`. A snapshot is a file that is not written to any more:
the next number goes on from it. So a snapshot costs nothing when it is taken, all of a VM's disks have theirs at one moment,
and a linked clone goes on from another VM's file.
"""

import json
from collections.abc import Iterable
from typing import Any

from appliance.errors import CommandError
from appliance.host.host import Host
from appliance.model.units import format_size
from appliance.model.vm import CloudInit, DiskWish
from appliance.services.vm.records import VmError

POOL = "/var/lib/libvirt/images"
LIBRARY = "/var/lib/libvirt/library"
_SEED_KIB = 1024


def make(host: Host, owner: str, wish: DiskWish) -> str:
    """A disk from nothing, or whole from an image of the library. Its file."""
    file = _next(host, owner, wish.name)
    if wish.image is None:
        host.run(["qemu-img", "create", "-q", "-f", "qcow2", file, str(wish.size)])
        return file
    source = image(host, wish.image)
    if wish.size is not None and wish.size < (has := size(host, source)):
        message = f"disks: {wish.name} would be smaller than its image {wish.image}, which has {format_size(has)}"
        raise VmError(message, "leave size out, or ask for more")
    copy(host, source, file)
    if wish.size is not None:
        host.run(["qemu-img", "resize", "-q", file, str(wish.size)])
    return file


def copy(host: Host, source: str, file: str) -> None:
    """A whole copy, whatever the source's form and whatever it rests on."""
    host.run(["qemu-img", "convert", "-q", "-O", "qcow2", source, file])


def duplicate(host: Host, owner: str, disk: str, source: str) -> str:
    """A whole copy of a disk for another VM. Its file."""
    file = _next(host, owner, disk)
    copy(host, source, file)
    return file


def go_on(host: Host, owner: str, disk: str, base: str) -> str:
    """A file that goes on from one that is not written to any more."""
    file = _next(host, owner, disk)
    host.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, file])
    return file


def upcoming(host: Host, owner: str, disk: str) -> str:
    """The file that libvirt shall make, when it is to go on there by itself."""
    return _next(host, owner, disk)


def grow(host: Host, file: str, to: int) -> None:
    """Make it larger, while nobody writes to it."""
    host.run(["qemu-img", "resize", "-q", file, str(to)])


def rest_on(host: Host, file: str, base: str) -> None:
    """Have a file rest on an older one, and hold itself what is between; nobody writes to it meanwhile."""
    if base:
        host.run(["qemu-img", "rebase", "-q", "-f", "qcow2", "-F", "qcow2", "-b", base, file])
    else:
        host.run(["qemu-img", "rebase", "-q", "-f", "qcow2", "-b", "", file])


def chain(host: Host, file: str) -> list[str]:
    """The file and those that it rests on, the oldest last."""
    found = _info(host, file, "--backing-chain")
    return [str(each["filename"]) for each in found]


def size(host: Host, file: str) -> int:
    """What a guest sees, in bytes."""
    return int(_info(host, file)["virtual-size"])


def remove(host: Host, files: Iterable[str]) -> None:
    """Delete files of the pool."""
    for file in files:
        host.files.remove(file)


def remove_all(host: Host, owner: str) -> None:
    """Delete whatever a VM has in the pool."""
    host.run(["rm", "-rf", "--", f"{POOL}/{owner}"])


def seed(host: Host, owner: str, name: str, wish: CloudInit) -> str:
    """What cloud-init reads: a small volume called CIDATA. Written anew at each start, as the document is then."""
    file, folder = f"{POOL}/{owner}/seed.img", f"{POOL}/{owner}/seed"
    texts = {"meta-data": f"instance-id: {owner}\nlocal-hostname: {name}\n", "user-data": wish.user_data}
    if wish.network_config:
        texts["network-config"] = wish.network_config
    for part, text in texts.items():
        host.files.write(f"{folder}/{part}", text, 0o600)
    host.files.remove(file)
    host.run(["mkfs.vfat", "-C", "-n", "CIDATA", file, str(_SEED_KIB)])
    host.run(["mcopy", "-i", file, *(f"{folder}/{part}" for part in texts), "::"])
    host.run(["rm", "-rf", "--", folder])
    return file


def image(host: Host, name: str) -> str:
    """The file of an image of the library. VmError with those that there are."""
    file = f"{LIBRARY}/{name}"
    if host.files.real(file) is None:
        names = ", ".join(host.files.list(LIBRARY)) or "it is empty"
        raise VmError(f"there is no {name} in the library", f"there: {names}; add it with `trivet image add FILE`")
    return file


def add_image(host: Host, source: str, name: str) -> None:
    """Put a copy of a file into the library; disks in other forms than qcow2 and raw as qcow2."""
    host.run(["mkdir", "-p", LIBRARY])
    if host.files.real(f"{LIBRARY}/{name}") is not None:
        raise VmError(
            f"there is a {name} in the library already", "remove it with `trivet image remove`, or name this one otherwise"
        )
    new = f"{LIBRARY}/.{name}.new"
    try:
        form = str(_info(host, source)["format"])
        if form in ("raw", "qcow2"):
            host.run(["cp", "--sparse=always", "--", source, new])
        else:
            copy(host, source, new)
        host.run(["mv", "--", new, f"{LIBRARY}/{name}"])
    except CommandError:
        host.files.remove(new)
        raise


def _next(host: Host, owner: str, disk: str) -> str:
    folder = f"{POOL}/{owner}"
    host.run(["mkdir", "-p", "--mode=0711", folder])
    taken = [
        name.rsplit(".", 2)[1] for name in host.files.list(folder) if name.startswith(f"{disk}.") and name.endswith(".qcow2")
    ]
    return f"{folder}/{disk}.{max((int(number) for number in taken), default=-1) + 1}.qcow2"


def _info(host: Host, file: str, *more: str) -> Any:
    """As qemu-img has it; --force-share, since a running VM may hold the file."""
    return json.loads(host.run(["qemu-img", "info", "--force-share", "--output=json", *more, file]).stdout)
