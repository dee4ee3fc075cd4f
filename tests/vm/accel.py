# SPDX-License-Identifier: Apache-2.0
"""Does hardware acceleration work here? Found out by letting a real kernel run under it, never by /dev/kvm being there.

The trial kernel has no root file system: its panic about that proves that it came up with two processors, memory and
interrupts. The verdict is kept until this host restarts.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.vm.process import MORTAL

CACHE = Path("/run/trivet-lab-accel")
LIMIT = 20
PROOF = b"Unable to mount root fs"


def accel(kernel: Path | None) -> str:
    """ "kvm" or "tcg"."""
    if forced := os.environ.get("TRIVET_LAB_ACCEL"):
        return forced
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    if CACHE.exists() and CACHE.read_text().startswith(boot):
        return CACHE.read_text().split()[1]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        verdict = "tcg"
    elif kernel is None:
        return "tcg"  # nothing to try with: slow is safe, and the next caller may have a kernel
    else:
        verdict = "kvm" if kernel_runs("kvm", kernel, LIMIT) else "tcg"
    CACHE.write_text(f"{boot} {verdict}\n")
    return verdict


def kernel_runs(kind: str, kernel: Path, limit: float) -> bool:
    cpu = "host" if kind == "kvm" else "max"
    words = [*MORTAL, "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"]
    words += ["-no-reboot", "-machine", "q35", "-accel", kind, "-cpu", cpu, "-smp", "2", "-m", "512M"]
    words += ["-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        return False
    return PROOF in done.stdout
