# SPDX-License-Identifier: Apache-2.0
"""A line in the journal for whoever wants to know later who did what on this node's console. Never a secret."""

import os
import sys
import syslog

IDENTITY = "trivet-console"
LINE = "TRIVET_LINE"
"""In the environment of what a console starts, and of a console that is drawn inside fbterm: the line where the person is."""


def note(text: str) -> None:
    """`journalctl -t trivet-console` shows it, after the name of the terminal."""
    syslog.openlog(IDENTITY, syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    syslog.syslog(syslog.LOG_NOTICE, f"{terminal()}: {text}")


def terminal() -> str:
    """`tty1`, `ttyS0`, `pts/0`: where the person is for whom this process works."""
    if line := os.environ.get(LINE):
        return line
    try:
        return os.ttyname(sys.stdin.fileno()).removeprefix("/dev/")
    except (OSError, ValueError):
        return "no terminal"
