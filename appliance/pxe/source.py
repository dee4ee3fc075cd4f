# SPDX-License-Identifier: Apache-2.0
"""What machines are started from and installed with: a build's folder `pxe`, an ISO file, or the slot of this very node.

Everything is a run of bytes in a file or a device, and is served from there. What the image's SHA-256 is, `image.json` says;
the machine that fetches it compares.
"""

import hashlib
import json
import os
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import ApplianceError
from appliance.host import blocks
from appliance.host.host import Host
from appliance.pxe import iso
from appliance.pxe.dhcp import BIOS, SHIM
from appliance.pxe.menus import IMAGE

BOOTED = ("vmlinuz", "initrd.img", "image.json", IMAGE)
LOADERS = {SHIM: "shim/shimx64.efi.signed", "grubx64.efi": "grub/x86_64-efi-signed/grubnetx64.efi.signed",
           "mmx64.efi": "shim/mmx64.efi.signed"}  # fmt: skip
"""The signed ones, as they are called for a firmware and for each other, and where Debian has them under /usr/lib."""
_LIB = Path("/usr/lib")
_MODULES = (
    "pxe tftp http net normal linux serial terminal echo test configfile sleep reboot "
    "chain biosdisk part_gpt fat search search_fs_file regexp"
)
_NAME = "name build/pxe, an ISO file of Trivet, or slot"
_SQUASHFS, _USED_AT, _PADDED = b"hsqs", 40, 4096


@dataclass(frozen=True)
class Piece:
    """A run of bytes of a file."""

    path: Path
    offset: int
    size: int

    def read(self) -> bytes:
        return blocks.read(str(self.path), self.offset, self.size)


@dataclass(frozen=True)
class Source:
    """`pieces` by the names of BOOTED and of boot loaders; `version` and `sha256` of the image."""

    pieces: Mapping[str, Piece]
    version: str
    sha256: str


def open_source(name: str, host: Host, work: Path) -> Source:
    """By what it is: "slot", a folder or an ISO file. `work` is a folder for what has to be made.

    ApplianceError says what is missing.
    """
    if name == "slot":
        return _slot(host, work)
    path = Path(name)
    try:
        pieces = _folder(path) if stat.S_ISDIR(path.stat().st_mode) else _image(path)
    except OSError as error:
        raise ApplianceError(f"{name} cannot be read: {error.strerror}", _NAME) from None
    except ValueError as error:
        raise ApplianceError(f"{name} is nothing to start machines from: {error}", _NAME) from None
    if missing := [part for part in BOOTED if part not in pieces]:
        raise ApplianceError(f"{name} has no {', '.join(missing)}", _NAME)
    try:
        facts = json.loads(pieces["image.json"].read())
        version, size, sha256 = str(facts["version"]), int(facts["size"]), str(facts["sha256"])
    except (ValueError, KeyError, TypeError):
        raise ApplianceError(f"image.json of {name} is damaged", "build it again") from None
    if size != pieces[IMAGE].size:
        raise ApplianceError(f"{IMAGE} of {name} has {pieces[IMAGE].size} bytes and should have {size}", "build it again")
    return Source(_loaders(host, work) | pieces, version, sha256)


def _folder(path: Path) -> dict[str, Piece]:
    found = [*path.glob("*"), *path.glob("boot/*")]
    return {file.name: Piece(file, 0, file.stat().st_size) for file in found if file.is_file()}


def _image(path: Path) -> dict[str, Piece]:
    with path.open("rb") as file:
        found = iso.files(lambda offset, length: os.pread(file.fileno(), length, offset))
    return {name.rpartition("/")[2]: Piece(path, *where) for name, where in found.items() if name.startswith("live/")}


def _loaders(host: Host, work: Path) -> dict[str, Piece]:
    """This system's own, for a source that brings none."""
    found = {name: _LIB / place for name, place in LOADERS.items() if (_LIB / place).is_file()}
    if (_LIB / "grub/i386-pc").is_dir():
        found[BIOS] = work / BIOS
        host.run(bios_loader(_LIB / "grub/i386-pc", found[BIOS]))
    return {name: Piece(path, 0, path.stat().st_size) for name, path in found.items()}


def bios_loader(modules: Path, out: Path) -> list[str]:
    """The command that makes GRUB for a BIOS that starts over the network; its menu is where the signed one's is."""
    return ["grub-mkimage", "-O", "i386-pc-pxe", "-d", str(modules), "-p", "/grub", "-o", str(out), *_MODULES.split()]


def slot(host: Host) -> tuple[Piece, str]:
    """The squashfs that this node runs from, in its slot, and its SHA-256."""
    words = dict(word.partition("=")[::2] for word in (host.files.read("/proc/cmdline") or "").split())
    root = words.get("root", "").replace("PARTUUID=", "/dev/disk/by-partuuid/")
    if "trivet.slot" not in words or not root.startswith("/dev/"):
        raise ApplianceError("this system runs from no slot", "say slot on an installed node, or name build/pxe or an ISO file")
    head = blocks.read(root, 0, _USED_AT + 8)
    if head[:4] != _SQUASHFS:
        raise ApplianceError("the slot that this node runs from has no squashfs", "see `trivet status`")
    (used,) = struct.unpack_from("<Q", head, _USED_AT)
    size = -(-used // _PADDED) * _PADDED
    return Piece(Path(root), 0, size), blocks.hash_bytes(root, size)


def _slot(host: Host, work: Path) -> Source:
    """The slot, with kernel and initrd out of it."""
    image, sha256 = slot(host)
    release = json.loads(host.files.read("/usr/lib/trivet/release.json") or "{}")
    facts = {"version": release.get("version", ""), "size": image.size, "sha256": sha256}
    described = work / "image.json"
    host.files.write(str(described), json.dumps(facts) + "\n")
    pieces = {name: Piece(Path("/boot") / name, 0, (Path("/boot") / name).stat().st_size) for name in ("vmlinuz", "initrd.img")}
    pieces |= {"image.json": Piece(described, 0, described.stat().st_size), IMAGE: image}
    return Source(_loaders(host, work) | pieces, facts["version"], sha256)


def digest(source: Source) -> str:
    """The SHA-256 of the image, read whole: is what is served what image.json says?"""
    piece, found = source.pieces[IMAGE], hashlib.sha256()
    for at in range(0, piece.size, blocks.BLOCK):
        found.update(blocks.read(str(piece.path), piece.offset + at, min(blocks.BLOCK, piece.size - at)))
    return found.hexdigest()
