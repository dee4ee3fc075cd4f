# SPDX-License-Identifier: Apache-2.0
"""The console as a person waits for it: on a pseudo terminal of 80x24, at a recorded machine with a hundred disks."""

from __future__ import annotations

import os
import pty
import select
import statistics
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.row import Row

REPO = Path(__file__).resolve().parents[2]
MACHINE = "tests/machines/hundred-disks"
BAUD = 115200 / 10
"""Characters a second on a serial line."""
QUIET = 0.15
"""Seconds without a byte after which a screen is taken for drawn."""
KEYS = 200
DOWN, UP, NEXT, LANGUAGE = b"\x1b[B", b"\x1b[A", b"\x0e", b"\x1bOQ"


class Terminal:
    """A program on a terminal; counts what it draws."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 80))
        argv = [sys.executable, "-m", "appliance.cli.main", "console", "--machine", MACHINE]
        environment = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.begun = time.monotonic()
        self._program = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, cwd=REPO, env=environment, start_new_session=True
        )
        os.close(slave)

    def drawn(self, wait: float, until: bytes = b"") -> tuple[float, int]:
        """When the last byte came, and how many did: until there is silence, and this text was among them."""
        data, last = b"", time.monotonic()
        end = last + wait
        while (now := time.monotonic()) < end:
            quiet = QUIET if data and until in data else end - now
            if not select.select([self._master], [], [], quiet)[0]:
                break
            data += os.read(self._master, 65536)
            last = time.monotonic()
        return last, len(data)

    def press(self, key: bytes) -> tuple[float, int]:
        """Seconds from a key to the last byte of what it drew, and bytes."""
        begun = time.monotonic()
        os.write(self._master, key)
        last, count = self.drawn(5)
        return last - begun, count

    def memory(self) -> float:
        """The largest that it was, in MiB."""
        status = Path(f"/proc/{self._program.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024

    def close(self) -> None:
        self._program.kill()
        self._program.wait()
        os.close(self._master)


def rows() -> Iterator[Row]:
    """As they are measured."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", "import textual.app"], check=True)
    imports = time.monotonic() - begun
    terminal = Terminal()
    try:
        first, _ = terminal.drawn(30, b"Trivet")
        yield "console: start to its first page, drawn", first - terminal.begun, "s", "python -c 'import textual.app'", imports
        terminal.drawn(3, b"Lab machine")  # the machine was looked at, and the title names it
        pages = [terminal.press(NEXT) for _ in range(2)]  # this machine, its disks
        keys = [terminal.press(DOWN) for _ in range(KEYS // 2)] + [terminal.press(UP) for _ in range(KEYS // 2)]
        terminal.press(b" ")  # no disk is chosen for anybody where several would do
        pages += [terminal.press(NEXT) for _ in range(2)]  # its network, its name
        pages.append(terminal.press(LANGUAGE))
        times = sorted(seconds for seconds, count in keys if count)
        yield "console: key to repaint, 100 disks, median", statistics.median(times) * 1000, "ms", "", 0.0
        yield "console: key to repaint, 100 disks, 99th percentile", times[int(len(times) * 0.99)] * 1000, "ms", "", 0.0
        yield "console: a key's bytes at 115200 baud, largest", max(count for _, count in keys) / BAUD, "s", "", 0.0
        sent = [count for _, count in pages]
        yield "console: bytes sent for a page, median", statistics.median(sent), "B", "", 0.0
        yield "console: bytes sent for a page, largest", max(sent), "B", "", 0.0
        yield "console: a page's bytes at 115200 baud, largest", max(sent) / BAUD, "s", "", 0.0
        yield "console: memory", terminal.memory(), "MiB", "", 0.0
    finally:
        terminal.close()
