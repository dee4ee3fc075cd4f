# SPDX-License-Identifier: Apache-2.0
"""Commands, errors and progress of the image build. Only the standard library."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn


class BuildError(Exception):
    """What went wrong, and what to do about it."""


def die(message: str, hint: str = "") -> NoReturn:
    raise BuildError(message + (f"\n  {hint}" if hint else ""))


def run(*argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None, log: Path | None = None) -> str:
    """Run a command; what it says goes to `log`, or is returned. An error carries the end of what it said."""
    command = [str(a) for a in argv]
    environment = {**os.environ, **(env or {})}
    if log:
        with log.open("a") as out:
            print("+", shlex.join(command), file=out, flush=True)
            done = subprocess.run(command, env=environment, cwd=cwd, text=True, check=False, stdout=out, stderr=subprocess.STDOUT)
    else:
        done = subprocess.run(command, env=environment, cwd=cwd, text=True, check=False, capture_output=True)
    if done.returncode:
        said = log.read_text(errors="replace") if log else done.stdout + done.stderr
        tail = "\n".join(f"  | {line}" for line in said.splitlines()[-15:])
        die(f"{shlex.join(command)}\n  ended with {done.returncode}\n{tail}", f"the whole of it is in {log}" if log else "")
    return done.stdout or ""


class Phases:
    """`[3/8] root file system ... 94 s` for each phase, and nothing else."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.count = 0
        self.begun = time.monotonic()

    @contextmanager
    def __call__(self, title: str) -> Iterator[list[str]]:
        """Notes that the phase appends to the list it is given are printed behind its time."""
        self.count += 1
        print(f"[{self.count}/{self.total}] {title} ... ", end="", flush=True)
        begun = time.monotonic()
        notes: list[str] = []
        try:
            yield notes
        except BaseException:
            print("failed", flush=True)
            raise
        print(f"{time.monotonic() - begun:.0f} s{''.join(f', {n}' for n in notes)}", flush=True)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.begun


def mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"


def main_guard(error: BuildError) -> NoReturn:
    print(f"build: {error}", file=sys.stderr)
    sys.exit(1)
