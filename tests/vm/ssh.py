# SPDX-License-Identifier: Apache-2.0
"""A root shell over SSH with the lab's key, through one connection that stays: emulated key exchange costs seconds."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.vm.console import Output
from tests.vm.process import MORTAL, LabError, end, spawn


class Ssh:
    def __init__(self, port: int, key: Path, control: Path, host: str = "127.0.0.1") -> None:
        self.ready = False
        self.user = "root"
        self._control = control
        self._log = control.with_suffix(".log")
        self._master: subprocess.Popen[bytes] | None = None
        self._words = ["ssh", "-F", "none", "-i", str(key), "-p", str(port), "-S", str(control)]
        for option in (
            "IdentitiesOnly=yes",
            "BatchMode=yes",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
        ):
            self._words += ["-o", option]
        self._words += ["-o", "ConnectTimeout=30", "-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=8"]
        self._host = host

    def wait(self, timeout: float, user: str, alive: Callable[[], bool]) -> None:
        """Connect, as often as it takes."""
        self.close()
        self.user = user
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and alive():
            self._control.unlink(missing_ok=True)
            self._master = spawn([*self._words, "-M", "-N", f"{user}@{self._host}"], self._log)
            while self._master.poll() is None and time.monotonic() < deadline and alive():
                if self._control.exists():
                    self.ready = True
                    return
                time.sleep(0.1)
            end(self._master)
            time.sleep(1)
        raise LabError(f"no SSH within {timeout:.0f} s\n{self._log.read_text()[-500:] if self._log.exists() else ''}")

    def run(self, script: str, timeout: float = 60) -> Output:
        done = self._call(script.encode(), "sh -s", timeout)
        return Output(done.returncode, done.stdout.decode(errors="replace").rstrip("\n"))

    def put(self, file: Path, script: str, timeout: float = 60) -> None:
        """A script of the guest that reads this file on its standard input."""
        done = self._call(file.read_bytes(), script, timeout)
        if done.returncode:
            raise LabError(f"{script}: exit {done.returncode}: {done.stdout.decode(errors='replace')}")

    def close(self) -> None:
        self.ready = False
        end(self._master)
        self._master = None
        self._control.unlink(missing_ok=True)

    def _call(self, data: bytes, remote: str, timeout: float) -> subprocess.CompletedProcess[bytes]:
        words = [*MORTAL, *self._words, f"{self.user}@{self._host}", remote]
        try:
            done = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            out, _ = done.communicate(data, timeout)
            return subprocess.CompletedProcess(words, done.returncode, out)
        except subprocess.TimeoutExpired:
            done.kill()
            out, _ = done.communicate()
            raise LabError(f"`{remote}` did not end within {timeout:.0f} s: {out[-2000:].decode()}") from None
