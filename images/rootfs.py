# SPDX-License-Identifier: Apache-2.0
"""The root file system: diskimage-builder runs the elements once for each state of what they are made of.

The result is an unpacked tree, build/cache/<key>/root, the key being the hash of elements/, images/node.yaml and the node's
lock file. Debian's archive is not part of the key: `--fresh` takes today's packages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from images.run import die, run

PYTHON = "3.13"
"""The image's."""


def mirror(label: str) -> str:
    """Where this machine's apt has an archive of Debian from."""
    found = run("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", f"Label: {label}").split()
    if not found:
        die(f"apt has no lists of {label}", "run `make setup`")
    return found[0]


def key(repo: Path) -> str:
    """Names the tree: the same for the same inputs."""
    digest = hashlib.sha256()
    inputs = [repo / "images/node.yaml", repo / "requirements/node.lock", *sorted((repo / "elements").rglob("*"))]
    for path in inputs:
        if path.is_symlink():
            content = os.readlink(path).encode()
        elif path.is_file():
            content = path.read_bytes()
        else:
            continue
        name = f"{path.relative_to(repo)} {path.lstat().st_mode & 0o111:o} {len(content)}\n"
        digest.update(name.encode() + content)
    return digest.hexdigest()[:16]


def wheels(repo: Path, build: Path, log: Path) -> Path:
    """Download what node.lock names, for the image's Python, once for each state of that file."""
    lock = repo / "requirements/node.lock"
    folder = build / "wheels" / hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    if folder.is_dir():
        return folder
    partial = folder.with_suffix(".part")
    shutil.rmtree(partial, ignore_errors=True)
    platforms = [f"--platform={p}_x86_64" for p in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    abis = [f"--abi={a}" for a in ("cp" + PYTHON.replace(".", ""), "abi3", "none")]
    run(
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
        f"--python-version={PYTHON}", "--implementation=cp", *abis, *platforms, "--platform=any",
        "--requirement", lock, "--dest", partial, log=log,
    )  # fmt: skip
    partial.rename(folder)
    return folder


def rootfs(repo: Path, build: Path, log: Path, *, epoch: int, fresh: bool) -> tuple[Path, bool]:
    """The tree, and whether it was there already."""
    root = build / "cache" / key(repo) / "root"
    if root.is_dir() and not fresh:
        return root, True
    wheelhouse = wheels(repo, build, log)
    work = build / "dib"
    shutil.rmtree(work / "root.d", ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    tar = work / "root.tar"
    tar.unlink(missing_ok=True)
    run(
        Path(sys.executable).with_name("diskimage-builder"), "--stop-on-failure", repo / "images/node.yaml", log=log, cwd=work,
        env={
            "ELEMENTS_PATH": str(repo / "elements"),
            "DIB_PYTHON_EXEC": sys.executable,
            "DIB_DISTRIBUTION_MIRROR": mirror("Debian").rstrip("/"),
            "DIB_DEBIAN_SECURITY_MIRROR": mirror("Debian-Security").rstrip("/"),
            "DIB_NO_TIMESTAMP": "1",
            "SOURCE_DATE_EPOCH": str(epoch),
            "TRIVET_WHEELS": str(wheelhouse),
            "TRIVET_LOCK": str(repo / "requirements/node.lock"),
            "LC_ALL": "C.UTF-8",
            "USER": "root",
        },
    )  # fmt: skip
    partial = root.with_name("root.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    run("tar", "-C", partial, "--numeric-owner", "--xattrs", "--xattrs-include=*", "-xf", tar)
    tar.unlink()
    tidy(partial)
    shutil.rmtree(root, ignore_errors=True)
    partial.rename(root)
    forget(root.parent)
    return root, False


def forget(current: Path) -> None:
    """Trees are large: keep this one and the one before it, which somebody's container nodes may stand on."""
    others = sorted((p for p in current.parent.iterdir() if p != current), key=lambda p: p.stat().st_mtime)
    for old in others[:-1]:
        shutil.rmtree(old)


def tidy(root: Path) -> None:
    """What diskimage-builder leaves undone after the elements' last word."""
    for name in ("dev", "proc", "sys", "run", "tmp"):
        folder = root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (root / "tmp").chmod(0o1777)
    for name in ("etc/dib-manifests", "usr/lib/diskimage-builder", "var/log", "var/cache/apt", "var/lib/apt", "root/.cache"):
        shutil.rmtree(root / name, ignore_errors=True)
    for name in ("etc/apt/sources.list", "etc/fstab", "var/lib/dbus/machine-id"):
        (root / name).unlink(missing_ok=True)
    for name in ("var/log", "var/cache/apt/archives/partial", "var/lib/apt/lists/partial"):
        (root / name).mkdir(parents=True)
    resolv = root / "etc/resolv.conf"
    resolv.unlink(missing_ok=True)
    resolv.symlink_to("../run/systemd/resolve/stub-resolv.conf")
    # Empty and not "uninitialized": a first boot would apply presets again and ask for a locale.
    (root / "etc/machine-id").write_text("")
    (root / "etc/hostname").write_text("trivet\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n127.0.1.1 trivet\n::1 localhost ip6-localhost ip6-loopback\n")
