# SPDX-License-Identifier: Apache-2.0
"""Where the server of a rack keeps what it keeps, and where the board finds it."""

from pathlib import Path

STATE = Path("/var/lib/trivet/pxe")
SOCKET = "board.sock"
