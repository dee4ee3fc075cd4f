# SPDX-License-Identifier: Apache-2.0
"""USB sticks that somebody plugs in: FAT volumes, read and written by mtools.

A file system from a stick that anybody made is not given to the kernel.
"""

from dataclasses import dataclass

from appliance.errors import ApplianceError
from appliance.host.host import Host, UdevDevice
from appliance.installer.media import FILE
from appliance.installer.plan import ANSWER_LABEL

_MEDIUM = ("TRIVET", "TRIVET-EFI")
"""Labels of the installation medium's own volumes."""
_BEGINNINGS = ("ssh-", "ecdsa-", "sk-")


@dataclass(frozen=True)
class Stick:
    """`node` is its device, `name` what a person knows it by: model, size, label."""

    node: str
    name: str


def sticks(host: Host) -> list[Stick]:
    """Those that are plugged in now, but for the installation medium."""
    host.udev.settle()
    found = [d for d in host.udev.devices("block") if _is_stick(d)]
    # mkfs.vfat gives a whole stick a table with one partition that is the whole stick.
    disks = {d.path for d in found}
    return [Stick(d.node, _name(d)) for d in found if d.path.rpartition("/")[0] not in disks]


def _is_stick(device: UdevDevice) -> bool:
    facts = device.properties
    return facts.get("ID_BUS") == "usb" and facts.get("ID_FS_TYPE") == "vfat" and facts.get("ID_FS_LABEL", "") not in _MEDIUM


def _name(device: UdevDevice) -> str:
    model = device.properties.get("ID_MODEL", "").replace("_", " ").strip()
    label = device.properties.get("ID_FS_LABEL", "")
    return ", ".join(word for word in (model, label, device.node) if word)


def save(host: Host, stick: Stick, text: str) -> None:
    """Write the answers as the file that an installer finds, read them back, and give the volume its label. ApplianceError.

    The file holds the hash of the administrator's password.
    """
    host.run(["mcopy", "-o", "-i", stick.node, "-", f"::/{FILE}"], stdin=text)
    if host.run(["mtype", "-i", stick.node, f"::/{FILE}"]).stdout.rstrip("\n") != text.rstrip("\n"):
        raise ApplianceError(f"{FILE} on {stick.name} is not what was written", "try another stick")
    host.run(["mlabel", "-i", stick.node, f"::{ANSWER_LABEL}"])
    _flush(host, stick)


def _flush(host: Host, stick: Stick) -> None:
    """Somebody pulls it out next."""
    host.run(["blockdev", "--flushbufs", stick.node])


def keys(host: Host, stick: Stick) -> list[str]:
    """The public keys in the .pub files of its top folder. ApplianceError when it cannot be read."""
    names = host.run(["mdir", "-b", "-i", stick.node, "::/"]).stdout.splitlines()
    texts = (host.run(["mtype", "-i", stick.node, name]).stdout for name in names if name.lower().endswith(".pub"))
    return [key for text in texts for key in public_keys(text)]


def public_keys(text: str) -> list[str]:
    """The lines of a text that begin as a public key does. Pure."""
    return [line.strip() for line in text.splitlines() if line.strip().startswith(_BEGINNINGS)]
