# SPDX-License-Identifier: Apache-2.0
"""A program that runs beside this one and dies with it, however this one ends: dnsmasq, as long as there is a server."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from appliance.errors import MissingProgram


class Companion:
    """What it says goes to the file `log`."""

    def __init__(self, argv: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            # The kernel ends it with its parent: a finally of ours would not outlive a SIGKILL. A program that changes its user
            # escapes that signal, but not the end of its process namespace.
            inside = ["unshare", "--pid", "--fork", "--kill-child=KILL", "sh", "-c", '"$@" & wait $!', "sh"]
            words = ["setpriv", "--pdeathsig", "KILL", *inside, *argv]
            try:
                self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            except FileNotFoundError:
                raise MissingProgram("the program setpriv is not on this machine", "install the package that has it") from None

    def ended(self) -> str | None:
        """Its last words, if it has ended; None while it runs."""
        if self._process.poll() is None:
            return None
        said = self._log.read_text(errors="replace").strip().splitlines()
        return "; ".join(said[-2:]) or f"it ended with {self._process.returncode}"

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
