# SPDX-License-Identifier: Apache-2.0
"""Our own package, laid into the tree after diskimage-builder: a changed Python file costs no new root file system."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

from images.rootfs import PYTHON
from images.run import run


def lay(repo: Path, root: Path, *, version: str, commit: str, epoch: int) -> None:
    """appliance/, the list of what persists, and what carries the time and name of the release."""
    trivet = root / "usr/lib/trivet"
    package = trivet / f"venv/lib/python{PYTHON}/site-packages/appliance"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(repo / "appliance", package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    for path in (package, *package.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    # Bytecode that does not look at time stamps, which are all the same in the image.
    run(
        "chroot", root, "/usr/bin/python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash",
        "/" + str(package.relative_to(root)), env={"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    shutil.copyfile(repo / "images/persist.list", trivet / "persist.list")
    built = datetime.fromtimestamp(epoch, UTC).isoformat()
    for stamp in ("etc/.updated", "var/.updated"):  # what systemd would rebuild at each boot is as new as /usr
        (root / stamp).write_text(f"TIMESTAMP_NSEC={epoch}000000000\n")
    (trivet / "release.json").write_text(json.dumps({"version": version, "commit": commit, "built": built}, indent=2) + "\n")
