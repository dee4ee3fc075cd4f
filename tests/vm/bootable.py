# SPDX-License-Identifier: Apache-2.0
"""A disk of a server that starts by UEFI: an ESP with Debian's signed GRUB and the guest's kernel, and a partition for data."""

from __future__ import annotations

import shutil
from pathlib import Path

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


def make(file: Path) -> None:
    """Written as an installer would, without mounting anything."""
    kernel, initrd = guest.build()
    esp, menu, table = (file.with_suffix(suffix) for suffix in (".esp", ".cfg", ".table"))
    menu.write_text(_MENU)
    table.write_text(_TABLE)
    command("truncate", "-s", f"{SIZE}M", str(file))
    command("sh", "-c", f"sfdisk --quiet {file} < {table}")
    command("mkfs.vfat", "-F", "32", "-C", str(esp), str(128 * 1024))
    command("mmd", "-i", str(esp), "::EFI", "::EFI/BOOT", "::EFI/debian")
    for source, name in (
        (ROOT / _GRUB, "EFI/BOOT/BOOTX64.EFI"),
        (menu, "EFI/debian/grub.cfg"),
        (kernel, "vmlinuz"),
        (initrd, "initrd"),
    ):
        command("mcopy", "-i", str(esp), str(source), f"::{name}")
    with file.open("r+b") as disk, esp.open("rb") as part:
        disk.seek(MIB)
        shutil.copyfileobj(part, disk, MIB)
    for each in (esp, menu, table):
        each.unlink()
