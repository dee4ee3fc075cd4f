# SPDX-License-Identifier: Apache-2.0
"""A guest for a machine that is emulated itself, where a kernel takes minutes to its init: iPXE, a twentieth of the work.

It has drivers of its own for cards, virtual functions among them, answers pings, and says on its serial line what it is.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.vm.guest import FOLDER
from tests.vm.process import command

KERNEL = "ipxe.lkrn"
ANSWERS = "guest: answers"


def kernel() -> Path:
    """Of Debian's package, which is unpacked and not installed."""
    folder = FOLDER / "ipxe"
    file = folder / "boot" / KERNEL
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "ipxe"], cwd=folder, check=True, capture_output=True)
        (package,) = folder.glob("ipxe_*.deb")
        command("dpkg-deb", "-x", str(package), str(folder))
    return file


def script(address: str) -> str:
    """Its kernel's arguments are its script: its first port has this address, and it stays."""
    steps = (
        f"set net0/ip {address}",
        "set net0/netmask 255.255.255.0",
        "ifopen net0",
        f"echo {ANSWERS} at ${{net0/ip}} as ${{net0/mac}} by ${{net0/chip}}",
        "sleep 1000000",
    )
    return " && ".join(steps)
