# SPDX-License-Identifier: Apache-2.0
"""Children that die with the test run, however it ends.

The kernel sends SIGKILL when the thread that started a child ends, so stories must start machines from the main thread.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TypeVar

T = TypeVar("T")
MORTAL = ("setpriv", "--pdeathsig", "KILL")


class LabError(Exception):
    """The lab itself could not do something; not a verdict on the product."""


def spawn(argv: Sequence[str], log: Path, stdin: int | IO[bytes] = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        out.write((" ".join(argv) + "\n").encode())
        out.flush()
        return subprocess.Popen([*MORTAL, *argv], stdin=stdin, stdout=out, stderr=out, start_new_session=True)


def command(*argv: str, timeout: float = 300, text: str = "") -> str:
    """Run a tool of this host to its end; its stdout, or a LabError with its stderr."""
    done = subprocess.run([*MORTAL, *argv], input=text, capture_output=True, text=True, timeout=timeout, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done.stdout


def end(process: subprocess.Popen[bytes] | None) -> None:
    if process and process.poll() is None:
        process.kill()
    if process:
        process.wait()


def wait_for(what: str, check: Callable[[], T | None], timeout: float, pause: float = 0.1) -> T:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := check():
            return value
        time.sleep(pause)
    raise LabError(f"not within {timeout:.0f} s: {what}")


def connect(path: Path, timeout: float = 20) -> socket.socket:
    def attempt() -> socket.socket | None:
        channel = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            channel.connect(str(path))
            return channel
        channel.close()
        return None

    return wait_for(f"a listener at {path}", attempt, timeout)


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
