# SPDX-License-Identifier: Apache-2.0
"""A program that outlives whoever started it: its own session, its output in files. The console may die; the work goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol


class Child(Protocol):
    """A program at work; `pid` is its process."""

    @property
    def pid(self) -> int: ...

    def ended(self) -> int | None:
        """The exit code; None while it works."""


class _Process:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        return self._process.poll()


_GLANCE = 5.0
"""Seconds between two looks at when the last key was hit."""


@dataclass(frozen=True)
class Another:
    """A program that another process has started. How it ended is not known here: 0 stands for that it has."""

    pid: int

    def ended(self) -> int | None:
        return None if Path(f"/proc/{self.pid}").exists() else 0


def start(argv: Sequence[str], stdin: str, output: Path, more: Mapping[str, str] = MappingProxyType({})) -> Child:
    """Run argv with `stdin` as its input; what it prints goes to the file `output`, what it complains of to `output`.err.

    `more` is added to its environment.

    Input and output are private to this user: a spec holds the hash of a password.
    """
    output.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {**os.environ, **more}
    with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.PIPE, stdout=out, stderr=err, start_new_session=True, env=environment,
        )  # fmt: skip
    if process.stdin is None:
        raise AssertionError("Popen was asked for a pipe")
    process.stdin.write(stdin.encode())
    process.stdin.close()
    return _Process(process)


def stop(pid: int) -> None:
    """Ask a program to end."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def foreground(argv: Sequence[str], more: Mapping[str, str], *, idle: float = 0) -> int:
    """Run a program on this very terminal, until it ends; `more` is added to its environment. The exit code.

    With `idle` it is asked to end after so many seconds without a key, as the terminal itself has counted them.

    What it says of errors goes there, too: the console's own goes into the journal, and a shell prints its prompt with it.
    """
    environment, home = {**os.environ, **more}, os.environ.get("HOME", "/")
    with subprocess.Popen(list(argv), env=environment, cwd=home, stderr=sys.__stdout__) as process:
        begun = time.time()
        while process.poll() is None:
            try:
                process.wait(_GLANCE if idle else None)
            except subprocess.TimeoutExpired:
                if time.time() - max(begun, os.stat(sys.stdin.fileno()).st_atime) > idle:
                    process.terminate()
        return process.returncode
