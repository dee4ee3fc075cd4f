# SPDX-License-Identifier: Apache-2.0
"""One hybrid ISO that boots from CD and from USB, on BIOS, on UEFI and on UEFI with Secure Boot.

Signed shim, GRUB and kernel are Debian's, out of the tree itself. The FAT image with the boot loaders for UEFI is a partition of
the ISO; its own small grub.cfg finds the ISO by a marker file, for GRUB looks on the volume that it was started from.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from images.run import run

LABEL = "TRIVET"
EFI_LABEL = "TRIVET-EFI"
"""Not LABEL: on a stick both are partitions, and the live system looks for its medium by that name."""
MARKER = ".disk/trivet"
MODULES = (
    "biosdisk iso9660 part_gpt part_msdos fat search search_fs_file normal linux serial terminal echo test configfile ls sleep"
)

_FIND = f"""\
search --no-floppy --file --set=root /{MARKER}
set prefix=($root)/boot/grub
configfile $prefix/grub.cfg
"""


def settle_times(tree: Path, epoch: int) -> None:
    """Give everything in a folder, and the folder, the one time of the build."""
    for path in (tree, *tree.rglob("*")):
        os.utime(path, (epoch, epoch))


def efi_image(root: Path, work: Path, epoch: int) -> Path:
    """The FAT image: shim, GRUB for CDs (its prefix is /boot/grub), MokManager, and where to look on."""
    tree = work / "efi"
    boot = tree / "EFI/BOOT"
    boot.mkdir(parents=True)
    shutil.copyfile(root / "usr/lib/shim/shimx64.efi.signed", boot / "BOOTX64.EFI")
    shutil.copyfile(root / "usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed", boot / "grubx64.efi")
    manager = root / "usr/lib/shim/mmx64.efi.signed"
    shutil.copyfile(manager if manager.exists() else root / "usr/lib/shim/mmx64.efi", boot / "mmx64.efi")
    grub = tree / "boot/grub"
    grub.mkdir(parents=True)
    (grub / "grub.cfg").write_text(_FIND)
    size = sum(f.stat().st_size for f in tree.rglob("*") if f.is_file())
    image = work / "efi.img"
    sectors = (size // 512 + 2048 + 2047) // 2048 * 2048
    env = {"SOURCE_DATE_EPOCH": str(epoch)}  # for the label and the folders, which are made anew
    shape = ("-T", str(sectors), "-h", "64", "-s", "32")
    run("mformat", "-C", "-i", image, *shape, "-N", "54524956", "-v", EFI_LABEL, "::", env=env)
    settle_times(tree, epoch)
    run("mcopy", "-s", "-m", "-i", image, tree / "EFI", tree / "boot", "::", env=env)
    return image


def bios_image(root: Path, work: Path) -> Path:
    """GRUB for BIOS, as an El Torito image that also boots from a hard disk's first sector."""
    image = work / "eltorito.img"
    modules = root / "usr/lib/grub/i386-pc"
    run("grub-mkimage", "-d", modules, "-O", "i386-pc-eltorito", "-p", "/boot/grub", "-o", image, *MODULES.split())
    return image


def make_iso(root: Path, payload: dict[str, Path], menu: Path, work: Path, out: Path, *, version: str, epoch: int) -> None:
    """`payload`: path on the ISO -> file."""
    tree = work / "iso"
    for name, source in payload.items():
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(source)
    (tree / MARKER).parent.mkdir(parents=True)
    (tree / MARKER).write_text(f"Trivet {version}\n")
    grub = tree / "boot/grub"
    grub.mkdir(parents=True)
    (grub / "grub.cfg").write_text(menu.read_text().replace("@version@", version))
    shutil.copyfile(bios_image(root, work), grub / "eltorito.img")
    efi = efi_image(root, work, epoch)
    settle_times(tree, epoch)
    run(
        "xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", LABEL, "-o", out,
        "--grub2-mbr", root / "usr/lib/grub/i386-pc/boot_hybrid.img", "-partition_offset", "16", "--mbr-force-bootable",
        "-append_partition", "2", "0xef", efi, "-appended_part_as_gpt",
        "-b", "boot/grub/eltorito.img", "-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info",
        "-eltorito-alt-boot", "-e", "--interval:appended_partition_2:all::", "-no-emul-boot", tree,
        env={"SOURCE_DATE_EPOCH": str(epoch)},
    )  # fmt: skip
