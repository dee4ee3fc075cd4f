# SPDX-License-Identifier: Apache-2.0
"""Is a TCP port open, is nobody there, or does something on the way drop what is sent?"""

import errno
import socket
from typing import Literal

SECONDS = 2.0
"""Two SYNs: a lost one is sent again after a second."""


def connect(address: str, port: int, seconds: float = SECONDS) -> Literal["open", "refused", "silent"]:
    """A firewall that rejects with ICMP drops as well: only who refuses with TCP is there."""
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return "open"
    except OSError as error:
        return "refused" if error.errno == errno.ECONNREFUSED else "silent"
