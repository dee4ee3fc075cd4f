# SPDX-License-Identifier: Apache-2.0
"""The server's own screen: the kernel draws 512 glyphs on it, and no Chinese. Where it is a frame buffer, fbterm draws all."""

import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from appliance.host import audit, child

MARK = "TRIVET_FRAMEBUFFER"
"""In the environment of what runs inside: fbterm gives itself out as the kernel's own terminal."""
_SCREEN = re.compile(r"/dev/tty\d+")
_DEVICE = Path("/dev/fb0")
_FONT = "WenQuanYi Micro Hei Mono"
_PIXELS = 18
"""Height of a character: 1024x768, which most servers show, is 42 lines of it."""
_AT_ONCE = 5.0
"""Seconds before which an end of which the program says nothing is that of a frame buffer which fbterm cannot use."""


def offered(environment: Mapping[str, str]) -> bool:
    """Is this terminal the machine's own screen, with a frame buffer, and not inside fbterm already?"""
    try:
        name = os.ttyname(sys.stdout.fileno())
    except OSError:
        return False
    return MARK not in environment and _SCREEN.fullmatch(name) is not None and _DEVICE.exists() and bool(shutil.which("fbterm"))


def inside(argv: Sequence[str]) -> int | None:
    """Run a program in fbterm on this screen until it ends: its exit code. None when fbterm could not begin.

    fbterm keeps to itself how the program in it has ended, so a shell between them writes it into a file.
    """
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trivet-screen-") as folder:
        ended = Path(folder) / "ended"
        told = ["sh", "-c", '"$@"; echo $? > "$0"', str(ended), *argv]
        words = ["fbterm", f"--font-names={_FONT}", f"--font-size={_PIXELS}", "--", *told]
        code = child.foreground(words, {MARK: "1", audit.LINE: audit.terminal()})
        if ended.exists():
            return int(ended.read_text())
    # Who killed the shell, too, is no fault of the frame buffer.
    return (code or 1) if time.monotonic() - begun > _AT_ONCE else None
