# SPDX-License-Identifier: Apache-2.0
"""`make sizes`: where the bytes of the image are, by element: unpacked, and as the squashfs holds them."""

from __future__ import annotations

import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from images.build import LEVEL, REPO
from images.run import die

GROUPS = {
    "kernel and its modules": ("linux-image-",),
    "firmware and microcode": ("firmware-", "intel-microcode", "amd64-microcode"),
    "Ceph": ("ceph", "librados", "librbd", "librgw", "libcephfs", "python3-ceph", "python3-rados", "python3-rbd", "python3-rgw",
             "libsqlite3-mod-ceph", "librabbitmq", "libboost"),
    "QEMU, guest firmware, swtpm": ("qemu-", "ovmf", "seabios", "swtpm", "libtpms", "ipxe-qemu", "virtiofsd"),
    "libvirt": ("libvirt", "python3-libvirt"),
    "Open vSwitch and OVN": ("openvswitch", "ovn-", "python3-openvswitch"),
    "etcd": ("etcd",),
    "GRUB, shim": ("grub", "shim"),
    "Python and its packages": ("python3", "libpython3"),
    "systemd and udev": ("systemd", "udev", "libsystemd", "libudev"),
    "Perl": ("perl", "libperl"),
}  # fmt: skip


def _group(package: str) -> str:
    """By the longest name that it begins with."""
    found = [(prefix, group) for group, prefixes in GROUPS.items() for prefix in prefixes if package.startswith(prefix)]
    return max(found, key=lambda f: len(f[0]))[1] if found else "everything else of Debian"


def files(root: Path) -> dict[str, list[str]]:
    """Group -> paths. A file that no package owns is ours, or made while building."""
    owners: dict[str, str] = {}
    for listing in sorted((root / "var/lib/dpkg/info").glob("*.list")):
        for line in listing.read_text().splitlines():
            merged = line.split("/")[1] in ("bin", "lib", "lib64", "sbin")  # dpkg lists them as they were before /usr was merged
            owners.setdefault("/usr" + line if merged else line, listing.stem.split(":")[0])
    groups: dict[str, list[str]] = defaultdict(list)
    for path in root.rglob("*"):
        if path.is_symlink() or not path.is_file():
            continue
        name = "/" + str(path.relative_to(root))
        if name == "/boot/initrd.img":
            group = "initrd"
        elif name == "/boot/vmlinuz" or name.startswith("/usr/lib/modules/"):
            group = "kernel and its modules"
        elif name.startswith("/usr/lib/trivet/"):
            group = "Trivet and its Python packages"
        elif "__pycache__" in name:
            group = "Python's bytecode"
        else:
            group = _group(owners[name]) if name in owners else "made while building"
        groups[group].append(name[1:])
    return groups


def packed(root: Path, names: list[str]) -> int:
    """As zstd packs them together; close to what the squashfs makes of them."""
    with tempfile.NamedTemporaryFile() as listing:
        listing.write("\0".join(names).encode())
        listing.flush()
        tar = ["tar", "-C", str(root), "--no-recursion", "-cf", "-", "--null", "-T", listing.name]
        with subprocess.Popen(tar, stdout=subprocess.PIPE) as source:
            done = subprocess.run(["zstd", f"-{LEVEL}", "-T2", "-c"], stdin=source.stdout, capture_output=True, check=True)
    return len(done.stdout)


def main() -> None:
    root = REPO / "build/root"
    if not root.exists():
        die("there is no root file system yet", "make iso")
    root = root.resolve()
    rows = []
    for group, names in files(root).items():
        rows.append((packed(root, names), sum((root / n).stat().st_size for n in names), group))
    print("| what | unpacked MiB | packed MiB |\n|---|---|---|")
    for small, large, group in sorted(rows, reverse=True):
        print(f"| {group} | {large / (1 << 20):.0f} | {small / (1 << 20):.0f} |")
    print(f"| all | {sum(r[1] for r in rows) / (1 << 20):.0f} | {sum(r[0] for r in rows) / (1 << 20):.0f} |")


if __name__ == "__main__":
    main()
