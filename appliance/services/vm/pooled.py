# SPDX-License-Identifier: Apache-2.0
"""A disk as an RBD image of the pool: `<uuid>.<disk>.<digits>`, thin, its snapshots kept by Ceph.

`rbd` is asked as the pool's administrator; libvirt's QEMU has a user of its own, which may do with images of this pool what a
disk needs, and nothing else. Clones are of Ceph's second kind: what they rest on needs no protection from us.
"""

import secrets
import time

from appliance.errors import CommandError
from appliance.host.host import Host
from appliance.model.pool import POOL
from appliance.services.vm.qemuimg import POOLED

USER = "libvirt"
SECRET = "4c1f5f3e-6d0b-5b52-8a5e-0d7b6c9e2a41"
"""The UUID by which libvirt knows the user's key, on every node."""
_RBD = ("rbd", "--client-mount-timeout", "30")
_CAPS = ["mon", "profile rbd", "osd", f"profile rbd pool={POOL}", "mgr", f"profile rbd pool={POOL}"]
_TEMPLATE = "template"
_SECRET_XML = f"""\
<secret ephemeral="yes" private="yes">
  <uuid>{SECRET}</uuid>
  <usage type="ceph"><name>client.{USER}</name></usage>
</secret>
"""
_WATCHED = 40.0
"""Seconds after which Ceph takes a client that has died for gone."""
_BUSY = 16
"""EBUSY: somebody has it open."""


def fresh(owner: str, disk: str) -> str:
    """Where a new disk shall be, in the words of qemu-img. Never twice the same: what an interruption leaves is in no way."""
    return f"{POOLED}{POOL}/{owner}.{disk}.{secrets.token_hex(3)}"


def spec(where: str) -> str:
    """The same in the words of rbd: pool/image, or pool/image@snapshot."""
    return where.removeprefix(POOLED)


def let_in(host: Host) -> None:
    """Have libvirt know the key of its user, which it keeps in memory alone and forgets with its process."""
    (given,) = host.ceph("auth get-or-create", entity=f"client.{USER}", caps=_CAPS)
    host.run(["virsh", "--quiet", "secret-define", "/dev/stdin"], stdin=_SECRET_XML)
    host.run(["virsh", "--quiet", "secret-set-value", SECRET, "--file", "/dev/stdin"], stdin=given["key"])


def empty(host: Host, where: str, size: int) -> None:
    """One from nothing."""
    host.run([*_RBD, "create", spec(where), "--size", f"{size}B"])


def grow(host: Host, where: str, to: int) -> None:
    """Make it larger."""
    host.run([*_RBD, "resize", spec(where), "--size", f"{to}B"])


def hold(host: Host, where: str, called: str) -> str:
    """A snapshot of it, as it is now."""
    host.run([*_RBD, "snap", "create", f"{spec(where)}@{called}"])
    return f"{where}@{called}"


def go_back(host: Host, snapshot: str) -> None:
    """Have the image be what the snapshot is."""
    host.run([*_RBD, "snap", "rollback", spec(snapshot)])


def forget(host: Host, snapshot: str) -> None:
    """Delete a snapshot on which nothing rests."""
    host.run([*_RBD, "snap", "rm", spec(snapshot)])


def go_on(host: Host, owner: str, disk: str, base: str) -> str:
    """An image that goes on from a snapshot, or from a template."""
    new = fresh(owner, disk)
    snapshot = base if "@" in base else f"{base}@{_TEMPLATE}"
    host.run([*_RBD, "clone", "--rbd-default-clone-format", "2", spec(snapshot), spec(new)])
    return new


def become_template(host: Host, where: str, *, back: bool) -> None:
    """Clones rest on a snapshot: a template has one that nobody asked for by name."""
    host.run([*_RBD, "snap", "rm" if back else "create", f"{spec(where)}@{_TEMPLATE}"])


def flatten(host: Host, where: str) -> None:
    """Have it hold itself what it rests on."""
    host.run([*_RBD, "flatten", spec(where)])


def images(host: Host, owner: str) -> list[str]:
    """All that a VM has in the pool."""
    names = host.run([*_RBD, "ls", POOL]).stdout.split()
    return [f"{POOLED}{POOL}/{name}" for name in names if name.startswith(f"{owner}.")]


def remove(host: Host, where: str) -> None:
    """Delete an image with its snapshots. Ceph waits a while for a QEMU that has been killed."""
    host.run([*_RBD, "snap", "purge", spec(where)])
    end = time.monotonic() + _WATCHED
    while True:
        try:
            host.run([*_RBD, "rm", spec(where)])
            return
        except CommandError as error:
            if error.code != _BUSY or time.monotonic() > end:
                raise
            time.sleep(1)
