# SPDX-License-Identifier: Apache-2.0
"""A guest for a machine that is emulated itself: Debian's kernel, one driver, and busybox, which does nothing but answer pings.

It says on its serial line what it is. (iPXE boots in a sixth of the time, and its igbvf hears nothing on an emulated card.)
"""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

from tests.vm.containers import ROOT
from tests.vm.guest import FOLDER
from tests.vm.process import command

KERNEL, INITRD = "tiny-vmlinuz", "tiny-initrd"
DRIVER = "igbvf"
ANSWERS = "guest: answers"
_INIT = f"""#!/bin/busybox sh
busybox mkdir -p /proc /sys /dev
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox insmod /{DRIVER}.ko
until [ -e /sys/class/net/eth0 ]; do busybox sleep 1; done
busybox ip address add $address/24 dev eth0
busybox ip link set eth0 up
read mac < /sys/class/net/eth0/address
driver=$(busybox readlink /sys/class/net/eth0/device/driver)
echo "{ANSWERS} at $address as $mac by ${{driver##*/}}" > /dev/console
while true; do busybox sleep 1000; done
"""


def build() -> tuple[Path, Path]:
    """Kernel and initramfs, of the image's own files."""
    root, tree, made = ROOT.resolve(), FOLDER / "tiny", FOLDER / INITRD
    shutil.rmtree(tree, ignore_errors=True)
    for folder in ("bin", "lib64", "lib/x86_64-linux-gnu"):
        (tree / folder).mkdir(parents=True)
    shutil.copy(root / "usr/bin/busybox", tree / "bin")
    shutil.copy(root / "usr/lib64/ld-linux-x86-64.so.2", tree / "lib64")
    for name in ("libc.so.6", "libresolv.so.2", "libm.so.6"):
        shutil.copy((root / "usr/lib/x86_64-linux-gnu" / name).resolve(), tree / "lib/x86_64-linux-gnu" / name)
    (file,) = root.glob(f"usr/lib/modules/*/kernel/**/{DRIVER}.ko.xz")
    (tree / f"{DRIVER}.ko").write_bytes(lzma.decompress(file.read_bytes()))
    (tree / "init").write_text(_INIT)
    (tree / "init").chmod(0o755)
    command("sh", "-c", f"cd {tree} && find . | cpio --quiet -o -H newc | gzip -1 > {made}")
    return root / "boot" / "vmlinuz", made


def arguments(address: str) -> str:
    """Its kernel's: what the kernel does not know it hands to init, as variables."""
    return f"console=ttyS0 quiet no_timer_check address={address}"
