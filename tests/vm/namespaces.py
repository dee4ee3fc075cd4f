# SPDX-License-Identifier: Apache-2.0
"""Processes in nested process namespaces, as this host sees them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PROC = Path("/proc")


def members(init: int) -> list[int]:
    """All processes of the namespace whose first one is `init`, as this host numbers them."""
    found = []
    space = os.readlink(PROC / str(init) / "ns" / "pid")
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.readlink(entry / "ns" / "pid") == space:
                    found.append(int(entry.name))
    return sorted(found)


def find_init(ancestor: int, depth: int) -> int | None:
    """The descendant that is number 1 in the innermost of `depth` namespaces, our own counted."""
    for status in PROC.glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
            numbers = lines["NSpid"].split()
            if len(numbers) == depth and numbers[-1] == "1" and descends(int(numbers[0]), ancestor):
                return int(numbers[0])
    return None


def descends(pid: int, ancestor: int) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        stat = (PROC / str(pid) / "stat").read_text()
        pid = int(stat.rpartition(")")[2].split()[1])
    return False
