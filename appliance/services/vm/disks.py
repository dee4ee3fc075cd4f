# SPDX-License-Identifier: Apache-2.0
"""VMs' disks, by where they are. The one module that knows what a disk is made of:

| where | what |
|---|---|
| `rbd:vms/<uuid>.<disk>.<digits>` | an image of the pool (`pooled.py`); with `@<name>` a snapshot of it |
| `/var/lib/libvirt/images/<uuid>/<disk>.<number>.qcow2` | a chain of files (`chains.py`), where there is no pool |
| `/dev/disk/...` | a disk of this server that was adopted (`adopt.py`), which is used and never made or removed |

New ones are of the pool where the node has one. Each disk says itself what it is, so a VM that is older than the pool keeps its
files. All three are words that qemu-img understands.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from appliance.host.host import Host
from appliance.model.storage import ADOPTED
from appliance.model.units import format_size
from appliance.model.vm import CloudInit, DiskWish
from appliance.services.vm import chains, pooled, qemuimg
from appliance.services.vm.domain import Source
from appliance.services.vm.images import image
from appliance.services.vm.records import Here, VmError

Kind = Literal["pool", "files", "device"]
_SEED_KIB = 1024


def kind(where: str) -> Kind:
    """What a disk is made of."""
    if where.startswith(qemuimg.POOLED):
        return "pool"
    return "device" if where.startswith("/dev/") else "files"


def form(where: str) -> str:
    """In which a guest's bytes are there."""
    return chains.FORM if kind(where) == "files" else "raw"


def source(where: str) -> Source:
    """A disk for libvirt."""
    match kind(where):
        case "pool":
            return Source(kind="rbd", file=pooled.spec(where), format="raw", user=pooled.USER, secret=pooled.SECRET)
        case "device":
            return Source(kind="block", file=where, format="raw")
        case "files":
            return Source(file=where)


def sources(here: Here, files: Mapping[str, str]) -> dict[str, Source]:
    """Disks for libvirt, by name; of the pool, libvirt has the key now."""
    if any(kind(where) == "pool" for where in files.values()):
        pooled.let_in(here.host)
    return {disk: source(where) for disk, where in files.items()}


def _fresh(here: Here, owner: str, disk: str) -> str:
    return pooled.fresh(owner, disk) if here.pool else chains.fresh(here.host, owner, disk)


def empty(here: Here, owner: str, disk: str, size: int) -> str:
    """A disk from nothing. Where it is."""
    where = _fresh(here, owner, disk)
    (pooled if here.pool else chains).empty(here.host, where, size)
    return where


def make(here: Here, owner: str, wish: DiskWish) -> str:
    """A disk from nothing, or whole from an image of the library. Where it is."""
    if wish.image is None:
        return empty(here, owner, wish.name, wish.size or 0)
    file = image(here.host, wish.image)
    has = qemuimg.size(here.host, file)
    if wish.size is not None and wish.size < has:
        message = f"disks: {wish.name} would be smaller than its image {wish.image}, which has {format_size(has)}"
        raise VmError(message, "leave size out, or ask for more")
    where = take_in(here, owner, wish.name, file)
    if wish.size is not None and wish.size > has:
        grow(here.host, where, wish.size)
    return where


def take_in(here: Here, owner: str, disk: str, file: str) -> str:
    """A whole copy of somebody's file. Where it is."""
    where = _fresh(here, owner, disk)
    qemuimg.convert(here.host, file, where, form(where))
    return where


def duplicate(here: Here, owner: str, disk: str, base: str) -> str:
    """A whole copy of a disk, or of a snapshot of one, for a VM. Where it is."""
    where = _fresh(here, owner, disk)
    qemuimg.convert(here.host, base, where, form(where), of=form(base))
    return where


def go_on(here: Here, owner: str, disk: str, base: str) -> str:
    """A disk that goes on from a snapshot, or from a template, and holds what is different. Where it is."""
    match kind(base):
        case "pool":
            return pooled.go_on(here.host, owner, disk, base)
        case "files":
            return chains.go_on(here.host, owner, disk, base)
        case "device":
            raise VmError(f"{disk} is a disk of the server itself, and nothing can rest on it", "`trivet vm move-disk` it first")


def hold(here: Here, owner: str, disk: str, where: str, called: str) -> tuple[str, str]:
    """A snapshot of a disk that nobody writes to just now: where that is, and where the disk goes on."""
    match kind(where):
        case "pool":
            return pooled.hold(here.host, where, called), where
        case "files":
            return where, chains.go_on(here.host, owner, disk, where)
        case "device":
            raise VmError(f"{disk} is a disk of the server itself, and has no snapshots", "`trivet vm move-disk` it first")


def go_back(here: Here, owner: str, disk: str, snapshot: str) -> str:
    """Have a disk be what a snapshot of it is. Where it goes on."""
    if kind(snapshot) == "files":
        return chains.go_on(here.host, owner, disk, snapshot)
    pooled.go_back(here.host, snapshot)
    return snapshot.partition("@")[0]


def become_template(host: Host, where: str, *, back: bool) -> None:
    """So that clones can rest on it; or `back`, so that none can."""
    if kind(where) == "pool":
        pooled.become_template(host, where, back=back)


def flatten(host: Host, where: str) -> None:
    """Have it hold itself what it rests on; nobody writes to files meanwhile."""
    match kind(where):
        case "pool":
            pooled.flatten(host, where)
        case "files":
            chains.rest_on(host, where, "")
        case "device":
            pass


def grow(host: Host, where: str, to: int) -> None:
    """Make it larger, while nobody writes to it."""
    match kind(where):
        case "pool":
            pooled.grow(host, where, to)
        case "files":
            chains.grow(host, where, to)
        case "device":
            raise VmError("a disk of the server itself has the size that it has", "`trivet vm move-disk` it first")


def size(host: Host, where: str) -> int:
    """What a guest sees, in bytes."""
    return qemuimg.size(host, where, of=form(where))


def export(host: Host, where: str, file: str, to: str) -> None:
    """A whole copy as a file, in a form that others read."""
    qemuimg.convert(host, where, file, to, of=form(where))


def remove(host: Host, disks: Iterable[str]) -> None:
    """Delete disks, or snapshots; of an adopted one nothing but that it was."""
    for where in disks:
        match kind(where):
            case "pool" if "@" in where:
                pooled.forget(host, where)
            case "pool":
                pooled.remove(host, where)
            case "files":
                host.files.remove(where)
            case "device":
                host.files.remove(f"{ADOPTED}/{where.rpartition('/')[2]}")


def remove_all(here: Here, owner: str, disks: Iterable[str] = ()) -> None:
    """Delete whatever a VM has, on the node and in the pool."""
    pool = pooled.images(here.host, owner) if here.pool else []
    remove(here.host, dict.fromkeys((*pool, *(where for where in disks if kind(where) == "device"))))
    here.host.run(["rm", "-rf", "--", f"{chains.FOLDER}/{owner}"])


def seed(host: Host, owner: str, name: str, wish: CloudInit) -> str:
    """What cloud-init reads: a small volume called CIDATA. Written anew at each start, as the document is then."""
    file, folder = f"{chains.FOLDER}/{owner}/seed.img", f"{chains.FOLDER}/{owner}/seed"
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
