# SPDX-License-Identifier: Apache-2.0
"""`make iso`: elements -> root file system -> squashfs -> ISO. The recipe, from top to bottom.

Everything that carries a time carries that of the last commit (SOURCE_DATE_EPOCH): two builds of one commit from the same
packages are the same bytes.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import shutil
from pathlib import Path

from appliance.pxe.dhcp import BIOS
from appliance.pxe.source import LOADERS, bios_loader
from images import iso, node
from images.rootfs import rootfs
from images.run import BuildError, Phases, die, main_guard, mib, run
from images.sbom import sbom

REPO = Path(__file__).resolve().parent.parent
LEVEL = 9
"""Of zstd. See README: what a level costs in time and what it saves."""


def version() -> str:
    text = (REPO / "appliance/__init__.py").read_text()
    return text.split('__version__ = "')[1].split('"')[0]


def last_commit() -> tuple[str, int]:
    """Its name and its time."""
    name, time = run("git", "-C", REPO, "log", "-1", "--format=%H %ct").split()
    return name, int(os.environ.get("SOURCE_DATE_EPOCH", time))


def squash(root: Path, out: Path, epoch: int) -> None:
    out.unlink(missing_ok=True)
    run(
        "mksquashfs", root, out, "-noappend", "-no-progress", "-quiet", "-no-exports", "-b", "128K",
        "-comp", "zstd", "-Xcompression-level", str(LEVEL), "-mkfs-time", str(epoch), "-all-time", str(epoch),
        # They are compressed already, and each installation reads them twice.
        "-action", "uncompressed@name(initrd.img) || name(vmlinuz)",
    )  # fmt: skip


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def loaders(root: Path, out: Path) -> None:
    """What a firmware fetches first, for `trivet pxe serve` on whatever system: Debian's signed ones, and one for BIOS."""
    out.mkdir()
    for name, place in LOADERS.items():
        shutil.copyfile(root / "usr/lib" / place, out / name)
    run(*bios_loader(root / "usr/lib/grub/i386-pc", out / BIOS))


def build(out: Path, *, fresh: bool) -> Path:
    """All of it. Returns the ISO."""
    if os.geteuid() != 0:
        die("an image is built as root", "its files belong to root and to system users")
    phases = Phases(5)
    commit, epoch = last_commit()
    name = f"trivet-{version()}"
    out.mkdir(parents=True, exist_ok=True)
    lock = (out / ".lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)  # until this process ends: two builds in one folder wait for each other
    log = out / "build.log"
    log.unlink(missing_ok=True)
    work = out / "work"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()

    with phases("root file system, by diskimage-builder") as notes:
        root, cached = rootfs(REPO, out, log, epoch=epoch, fresh=fresh)
        notes.extend(["cached"] if cached else [])
    with phases("our package"):
        node.lay(REPO, root, version=version(), commit=commit, epoch=epoch)
        link = out / "root"
        link.unlink(missing_ok=True)
        link.symlink_to(root.relative_to(out))
    with phases("squashfs") as notes:
        pxe = work / "pxe"
        pxe.mkdir()
        image = pxe / "trivet.squashfs"
        squash(root, image, epoch)
        for part in ("vmlinuz", "initrd.img"):
            shutil.copyfile(root / "boot" / part, pxe / part)
        facts = {"version": version(), "size": image.stat().st_size, "sha256": sha256(image)}
        (pxe / "image.json").write_text(json.dumps(facts) + "\n")
        loaders(root, pxe / "boot")
        notes.append(mib(image.stat().st_size))
    with phases("ISO") as notes:
        made = work / f"{name}-amd64.iso"
        payload = {f"live/{p.relative_to(pxe)}": p for p in sorted(pxe.rglob("*")) if p.is_file()}
        iso.make_iso(root, payload, REPO / "images/grub/grub.cfg", work, made, version=version(), epoch=epoch)
        notes.append(mib(made.stat().st_size))
    with phases("package manifest and checksum"):
        (work / f"{name}.cdx.json").write_text(sbom(root, version=version(), commit=commit, epoch=epoch))
        (work / f"{made.name}.sha256").write_text(f"{sha256(made)}  {made.name}\n")

    shutil.rmtree(out / "pxe", ignore_errors=True)
    pxe.rename(out / "pxe")
    for file in (made, work / f"{made.name}.sha256", work / f"{name}.cdx.json"):
        file.replace(out / file.name)
    shutil.rmtree(work)
    final = out / made.name
    print(f"{final}: {mib(final.stat().st_size)} in {phases.seconds:.0f} s")
    return final


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=REPO / "build", help="the folder of the results (default: build)")
    parser.add_argument("--fresh", action="store_true", help="take today's packages, whatever is cached")
    args = parser.parse_args()
    try:
        build(args.out.resolve(), fresh=args.fresh)
    except BuildError as error:
        main_guard(error)


if __name__ == "__main__":
    main()
