# SPDX-License-Identifier: Apache-2.0
"""`make reproducible`: build twice, each from nothing, and compare bit by bit. What differs is named file by file."""

from __future__ import annotations

import argparse
import hashlib
import os
import stat
import sys
from pathlib import Path

from images.build import REPO, build, sha256
from images.run import BuildError, main_guard

RESULTS = ("*.iso", "*.cdx.json", "pxe/*", "pxe/boot/*")


def facts(root: Path) -> dict[str, tuple[object, ...]]:
    """What a squashfs keeps of each file, but for its time, which is the same for all."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            info = path.lstat()
            kind = stat.S_IFMT(info.st_mode)
            content: object = ""
            if kind == stat.S_IFREG:
                content = hashlib.sha256(path.read_bytes()).hexdigest()
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            names = sorted(os.listxattr(path, follow_symlinks=False))
            attributes = tuple((a, os.getxattr(path, a, follow_symlinks=False)) for a in names)
            found["/" + str(path.relative_to(root))] = (oct(info.st_mode), info.st_uid, info.st_gid, content, attributes)
    return found


def differing(one: dict[str, tuple[object, ...]], two: dict[str, tuple[object, ...]]) -> list[str]:
    """A line for each path that is not the same in both."""
    lines = []
    for path in sorted(one.keys() | two.keys()):
        if path not in one or path not in two:
            lines.append(f"{path}: only in the {'first' if path in one else 'second'}")
        elif one[path] != two[path]:
            pairs = zip(("mode", "user", "group", "content", "attributes"), one[path], two[path], strict=True)
            lines.append(f"{path}: {', '.join(what for what, a, b in pairs if a != b)}")
    return lines


def compare(one: Path, two: Path) -> int:
    """How many of the results differ."""
    count = 0
    found = {(side, p) for side in (one, two) for pattern in RESULTS for p in side.glob(pattern) if not p.is_dir()}
    names = sorted({str(path.relative_to(side)) for side, path in found})
    if not names:
        raise BuildError("nothing was built")
    for name in names:
        same = (one / name).is_file() and (two / name).is_file() and sha256(one / name) == sha256(two / name)
        print(f"{'same   ' if same else 'DIFFERS'}  {name}")
        count += not same
    for line in differing(facts((one / "root").resolve()), facts((two / "root").resolve())):
        print(f"  {line}")
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only-compare", action="store_true", help="compare what the last run built")
    args = parser.parse_args()
    sides = [REPO / "build/reproducible" / side for side in ("one", "two")]
    try:
        if not args.only_compare:
            for side in sides:
                build(side, fresh=True)
        count = compare(*sides)
    except BuildError as error:
        main_guard(error)
    print("the two builds are the same, bit by bit" if not count else f"{count} results differ")
    sys.exit(bool(count))


if __name__ == "__main__":
    main()
