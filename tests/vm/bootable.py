# SPDX-License-Identifier: Apache-2.0
"""A disk of a server that starts by UEFI, or by BIOS: GRUB and the guest's kernel, and a partition for data."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path

from appliance.installer.grub import core_image, first_sector
from tests.vm import guest
from tests.vm.containers import ROOT
from tests.vm.process import command

MIB = 2**20
SIZE = 192
DATA = 129 * MIB
"""Where the partition for data begins."""
_TABLE = f"label: gpt\nstart=1MiB, size=128MiB, type=uefi\nstart={DATA // MIB}MiB, size=32MiB, type=linux\n"
_MENU = "linux /vmlinuz console=ttyS0 quiet no_timer_check\ninitrd /initrd\nboot\n"
_GRUB = "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
_BIOS_TABLE = f"label: dos\nstart=1MiB, size=128MiB, type=c, bootable\nstart={DATA // MIB}MiB, size=32MiB, type=83\n"
_BIOS_GRUB = "usr/lib/grub/i386-pc"
_BIOS_MODULES = ("biosdisk", "part_msdos", "fat", "normal", "linux", "boot")
SECTOR = 512


def make(file: Path) -> None:
    """Written as an installer would, without mounting anything."""
    menu = file.with_suffix(".cfg")
    menu.write_text(_MENU)
    loader = {ROOT / _GRUB: "EFI/BOOT/BOOTX64.EFI", menu: "EFI/debian/grub.cfg"}
    _partitions(file, _TABLE, ("EFI", "EFI/BOOT", "EFI/debian"), loader)
    menu.unlink()


def make_bios(file: Path) -> None:
    """The same for a BIOS: a table of DOS, GRUB's core between it and the first partition, its menu inside of that."""
    _partitions(file, _BIOS_TABLE, (), {})
    root = ROOT.resolve()
    menu = "set root=(hd0,msdos1)\n" + _MENU
    mkimage = f"grub-mkimage -O i386-pc -p '(hd0,msdos1)/' -c /tmp/menu {' '.join(_BIOS_MODULES)} | base64"
    # In a folder of memory that is gone afterwards: the root file system stays as it was built.
    script = f"mount -t tmpfs tmpfs {root}/tmp && cat > {root}/tmp/menu && chroot {root} sh -c \"{mkimage}\""
    core = base64.b64decode(command("unshare", "--mount", "sh", "-c", script, text=menu))
    with file.open("r+b") as disk:
        boot = first_sector((root / _BIOS_GRUB / "boot.img").read_bytes(), disk.read(SECTOR), 1)
        disk.seek(0)
        disk.write(boot + core_image(core, 1))


def _partitions(file: Path, table: str, folders: tuple[str, ...], more: dict[Path, str]) -> None:
    """A disk with this table; in its first partition the guest's kernel, and what else there shall be."""
    kernel, initrd = guest.build()
    part = file.with_suffix(".part")
    command("truncate", "-s", f"{SIZE}M", str(file))
    command("sfdisk", "--quiet", str(file), text=table)
    command("mkfs.vfat", "-F", "32", "-C", str(part), str(128 * 1024))
    for folder in folders:
        command("mmd", "-i", str(part), f"::{folder}")
    for source, name in {kernel: "vmlinuz", initrd: "initrd", **more}.items():
        command("mcopy", "-i", str(part), str(source), f"::{name}")
    with file.open("r+b") as disk, part.open("rb") as content:
        disk.seek(MIB)
        shutil.copyfileobj(content, disk, MIB)
    part.unlink()
