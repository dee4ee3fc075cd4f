# SPDX-License-Identifier: Apache-2.0
"""The consoles of a machine, all of them at once: the screen, each serial line, whatever /proc/consoles names."""

import os
from collections.abc import Iterable

from appliance.host.host import Files


def names(files: Files) -> tuple[str, ...]:
    """Device nodes of the consoles that the kernel writes on."""
    lines = (files.read("/proc/consoles") or "").splitlines()
    return tuple(f"/dev/{line.split()[0]}" for line in lines if line.strip())


class Consoles:
    """Writes text on every one of some terminals. One that cannot be written on never keeps the others from it."""

    def __init__(self, devices: Iterable[str]) -> None:
        self._open = [d for d in map(_open, devices) if d is not None]

    def write(self, text: str) -> None:
        """The text as it is, with the line ends that terminals want."""
        data = text.replace("\r\n", "\n").replace("\n", "\r\n").encode()
        for descriptor in self._open:
            try:
                os.write(descriptor, data)
            except OSError:
                continue  # unplugged, or not ready: what was said is in the log, too

    def close(self) -> None:
        for descriptor in self._open:
            os.close(descriptor)
        self._open = []


def _open(device: str) -> int | None:
    try:
        # Without O_NONBLOCK opening a serial line waits for somebody to be at its other end.
        descriptor = os.open(device, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
    except OSError:
        return None
    return descriptor
