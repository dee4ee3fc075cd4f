# SPDX-License-Identifier: Apache-2.0
"""The kernel's watchdog: who opens it must go on patting it, or the machine is reset. Closed with a word, it is off again."""

import contextlib
import fcntl
import math
import os
import struct
from pathlib import Path

DEVICE = Path("/dev/watchdog")
_SET_TIMEOUT = 0xC0045706
"""WDIOC_SETTIMEOUT of linux/watchdog.h: _IOWR('W', 6, int)."""
_CLOSE = b"V"


class Watchdog:
    """Off until it is first patted. A machine without one is `there` False, and nothing happens."""

    def __init__(self, seconds: float, device: Path = DEVICE) -> None:
        self._seconds = math.floor(seconds)
        self._device = device
        self._file = -1

    @property
    def there(self) -> bool:
        return self._device.exists()

    def pat(self) -> None:
        """All is well. The first time begins it."""
        if self._file < 0 and self.there:
            with contextlib.suppress(OSError):
                self._file = os.open(self._device, os.O_WRONLY | os.O_CLOEXEC)
                fcntl.ioctl(self._file, _SET_TIMEOUT, struct.pack("i", self._seconds))
        if self._file >= 0:
            os.write(self._file, b"\0")

    def off(self) -> None:
        """Nobody pats it any more, and that is meant."""
        if self._file >= 0:
            os.write(self._file, _CLOSE)
            os.close(self._file)
            self._file = -1
