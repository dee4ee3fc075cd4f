# SPDX-License-Identifier: Apache-2.0
"""Disk images and small volumes, made and read on this host, without any kernel support for partitions or FAT."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
import uuid
import zlib
from dataclasses import dataclass
from pathlib import Path

from tests.vm.process import LabError, command

MIB = 1 << 20


def create(file: Path, size: str) -> None:
    command("qemu-img", "create", "-q", "-f", "qcow2", str(file), size)


def overlay(base: Path, file: Path) -> None:
    command("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base.resolve()), str(file))


def convert(source: Path, target: Path, kind: str, to: str) -> None:
    command("qemu-img", "convert", "-U", "-f", kind, "-O", to, str(source), str(target))


@dataclass(frozen=True)
class Partition:
    number: int
    start: int
    size: int
    name: str
    type: str


class RawDisk:
    """The bytes of a machine's disk as another machine would read them: nothing of ours in between."""

    def __init__(self, image: Path, sector: int = 512) -> None:
        self.file = image.with_suffix(".raw")
        self.sector = sector
        self.file.unlink(missing_ok=True)
        convert(image, self.file, "qcow2", "raw")

    def __enter__(self) -> RawDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.unlink(missing_ok=True)

    def partitions(self) -> dict[str, Partition]:
        """By name, out of the GPT; empty without a table that its checksum calls whole.

        Read by ourselves: Debian 12's sfdisk takes every file for a disk of 512 byte sectors.
        """
        header = self.read(self.sector, 92)
        if header[:8] != b"EFI PART" or zlib.crc32(header[:16] + bytes(4) + header[20:]) != _number(header[16:20]):
            return {}
        first, count, length = _number(header[72:80]), _number(header[80:84]), _number(header[84:88])
        entries = self.read(first * self.sector, count * length)
        found = {}
        for number, at in enumerate(range(0, len(entries), length), start=1):
            entry = entries[at : at + length]
            start, last = _number(entry[32:40]) * self.sector, _number(entry[40:48]) * self.sector
            if any(entry[:16]):
                name = entry[56:128].decode("utf-16-le").rstrip("\0")
                found[name] = Partition(number, start, last + self.sector - start, name, str(uuid.UUID(bytes_le=entry[:16])))
        return found

    def sha256(self, start: int, size: int) -> str:
        digest = hashlib.sha256()
        with self.file.open("rb") as file:
            file.seek(start)
            while size > 0 and (block := file.read(min(size, 4 * MIB))):
                digest.update(block)
                size -= len(block)
        return digest.hexdigest()

    def read(self, start: int, size: int) -> bytes:
        with self.file.open("rb") as file:
            file.seek(start)
            return file.read(size)

    def fat(self, part: Partition, path: str = "/") -> list[str]:
        """The names in a folder of a FAT partition."""
        listing = command("mdir", "-b", "-/", "-i", f"{self.file}@@{part.start}", f"::{path}")
        return [line.removeprefix("::") for line in listing.splitlines()]

    def fat_file(self, part: Partition, path: str) -> bytes:
        out = self.file.with_suffix(".part")
        command("mcopy", "-n", "-i", f"{self.file}@@{part.start}", f"::{path}", str(out))
        data = out.read_bytes()
        out.unlink()
        return data


def digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def same_content(one: Path, other: Path) -> bool:
    """A guest that reads both to their ends finds no difference."""
    done = subprocess.run(["qemu-img", "compare", "-U", "-q", str(one), str(other)], check=False)
    if done.returncode > 1:
        raise LabError(f"{one} and {other} cannot be compared")
    return done.returncode == 0


def ext4_disk(file: Path, size: str, files: dict[str, str], label: str) -> Path:
    """A disk with somebody's data: one file system over the whole of it."""
    tree, raw = file.with_suffix(".tree"), file.with_suffix(".raw")
    tree.mkdir(exist_ok=True)
    for name, text in files.items():
        (tree / name).write_text(text)
    command("truncate", "-s", size, str(raw))
    command("mkfs.ext4", "-q", "-F", "-L", label, "-d", str(tree), str(raw))
    convert(raw, file, "raw", "qcow2")
    raw.unlink()
    return file


def fat_volume(file: Path, files: dict[str, str], label: str, mib: int = 4) -> Path:
    """A stick without a partition table, as operators make them."""
    file.unlink(missing_ok=True)
    command("mkfs.vfat", "-n", label, "-C", str(file), str(mib * 1024))
    for name, text in files.items():
        command("mcopy", "-i", str(file), "-", f"::{name}", text=text)
    return file


def iso_volume(file: Path, files: dict[str, str], label: str) -> Path:
    folder = file.with_suffix(".tree")
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    command("xorriso", "-as", "mkisofs", "-quiet", "-r", "-J", "-V", label, "-o", str(file), str(folder))
    return file


def tar(folder: Path, archive: Path) -> Path:
    def python_only(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        return None if "__pycache__" in info.name else info

    with tarfile.open(archive, "w") as out:
        out.add(folder, arcname=".", filter=python_only)
    return archive
