# SPDX-License-Identifier: Apache-2.0
"""The reference of the boot: a disk with a plain Debian 13, what its installer's "standard system" without tasks is.

Built once per kernel from this machine's mirrors, with the loader, the pause in its menu and the console that a node has.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from appliance.installer import grub
from images.rootfs import mirror
from tests.vm import images
from tests.vm.process import command

MIB = images.MIB
SIZE = 3072
PAUSE = 2
MODULES = ("biosdisk", "part_gpt", "ext2", "normal", "configfile", "linux", "echo", "serial", "terminal", "sleep", "test")
BOOT_AT = MIB
ROOT_AT = 2 * MIB
UUID = "5ac1b3c6-8c1d-4c55-9f0e-2f6a1e0d7a11"
SETTINGS = f"""\
serial --unit=0 --speed={grub.SPEED}
terminal_input console serial
terminal_output console serial
set timeout={PAUSE}
menuentry "Debian" {{
    linux /vmlinuz root=UUID={UUID} ro console=tty0 console=ttyS0,{grub.SPEED} quiet
    initrd /initrd.img
}}
"""


def disk(folder: Path, release: str) -> Path:
    """A qcow2 disk that starts by BIOS. LabError when Debian's kernel is not `release`, such as 6.12.57+deb13-amd64."""
    done = folder / f"debian-{release}.qcow2"
    if done.exists():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    root, raw = folder / "debian.root", folder / "debian.raw"
    shutil.rmtree(root, ignore_errors=True)
    sources = [f"deb {mirror('Debian')} trixie main", f"deb {mirror('Debian-Security')} trixie-security main"]
    packages = f"linux-image-{release},initramfs-tools,zstd,grub-common"
    command("mmdebstrap", "--quiet", "--variant=important", f"--include={packages}", "trixie", str(root), *sources, timeout=900)
    (root / "etc/fstab").write_text(f"UUID={UUID} / ext4 errors=remount-ro 0 1\n")
    (root / "etc/hostname").write_text("debian\n")
    (root / "grub.cfg").write_text(SETTINGS)
    raw.unlink(missing_ok=True)
    command("truncate", "-s", f"{SIZE}M", str(raw))
    table = "label: gpt\nstart=2048, size=2048, type=21686148-6449-6E6F-744E-656564454649\nstart=4096\n"
    command("sfdisk", "--quiet", str(raw), text=table)
    where = (str(raw), f"{SIZE - 3}M")
    command("mkfs.ext4", "-q", "-F", "-U", UUID, "-d", str(root), "-E", f"offset={ROOT_AT}", *where)
    _loader(folder, raw)
    images.convert(raw, done, "raw", "qcow2")
    raw.unlink()
    shutil.rmtree(root)
    return done


def _loader(folder: Path, raw: Path) -> None:
    core = folder / "core.img"
    command("grub-mkimage", "-O", "i386-pc", "-p", "(,gpt2)/", "-o", str(core), *MODULES)
    boot = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()
    with raw.open("r+b") as file:
        first = file.read(grub.SECTOR)
        file.seek(BOOT_AT)
        file.write(grub.core_image(core.read_bytes(), BOOT_AT // grub.SECTOR))
        file.seek(0)
        file.write(grub.first_sector(boot, first, BOOT_AT // grub.SECTOR))
    core.unlink()
