# SPDX-License-Identifier: Apache-2.0
"""A serial line as a person uses it: wait for a text, type, run a command on a shell.

Everything that ever came is kept in `console.log` of the machine's folder, over all restarts. `expect` looks only at what
came after the last match, with the escape sequences taken out, so a pattern is what one reads on the screen.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import re
import secrets
import shlex
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78cDEHM]|[\x00\x07\x0e\x0f\r]"
)
UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[()]?)\Z")
TAIL = 60
TYPING = 0.5
"""Seconds that somebody takes to read what is asked."""
TIMER_LOST = "kthread timer wakeup didn't happen for"


class ConsoleError(AssertionError):
    """What was expected did not come: a verdict on the machine, with what came instead."""


class Line(Protocol):
    """A socket, or what behaves like one."""

    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...


class Pty:
    """Our end of a pseudo terminal."""

    def __init__(self, master: int) -> None:
        self._master = master

    def recv(self, size: int, /) -> bytes:
        return os.read(self._master, size)

    def sendall(self, data: bytes, /) -> None:
        while data:
            data = data[os.write(self._master, data) :]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.close(self._master)


@dataclass(frozen=True)
class Output:
    status: int
    text: str

    @property
    def ok(self) -> bool:
        return self.status == 0


class Console:
    def __init__(
        self, line: Line, transcript: Path, name: str, revive: Callable[[], bool] = lambda: False,
        stuck: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        """`revive` is asked when the line goes dead during an expectation; True when it has called `attach` again.

        `stuck` is told when the guest's kernel says that its emulated timer has stopped.
        """
        self.name = name
        self._stuck = stuck
        self._transcript = transcript
        self._revive = revive
        self._changed = threading.Condition()
        self._seen = ""
        self._position = 0
        self._watcher: Callable[[bytes], None] | None = None
        self.attach(line)

    def attach(self, line: Line) -> None:
        self._line = line
        self._open = True
        threading.Thread(target=self._read, args=(line,), daemon=True, name=f"console {self.name}").start()

    def watch(self, watcher: Callable[[bytes], None] | None) -> None:
        """Give every byte that comes to this one, too: a terminal that draws it."""
        self._watcher = watcher

    @property
    def text(self) -> str:
        """All that came since the machine was started, as one would read it."""
        with self._changed:
            return self._seen

    def send(self, text: str) -> None:
        self._line.sendall(text.encode())

    def line(self, text: str = "") -> None:
        self.send(text + "\r")

    def skip(self) -> None:
        """Forget what came so far: the next expectation is about what comes from now on."""
        with self._changed:
            self._position = len(self._seen)

    def expect(self, *patterns: str, timeout: float = 60) -> re.Match[str]:
        """Wait for the first of the patterns (`match.re.pattern` says which); what follows waits for the next call."""
        compiled = [re.compile(pattern, re.MULTILINE) for pattern in patterns]
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                found = [match for pattern in compiled if (match := pattern.search(self._seen, self._position))]
                if found:
                    first = min(found, key=lambda match: match.start())
                    self._position = first.end()
                    return first
                left = deadline - time.monotonic()
                if self._open and left > 0:
                    self._changed.wait(min(left, 1.0))
                    continue
            if self._open or not self._revive():
                why = f"not within {timeout:.0f} s" if self._open else "the machine stopped"
                raise ConsoleError(f"{self.name}: {why}: {' or '.join(patterns)}\n{self.tail()}")
            deadline = time.monotonic() + timeout

    def run(self, script: str, timeout: float = 60) -> Output:
        """Run a shell script on the shell that waits at the prompt.

        The marks are printed by printf from two halves, so that the echo of the typed line is never taken for them.
        """
        mark = secrets.token_hex(4)
        self.skip()
        begin, end = rf"printf '\n%s-%s\n' BEGIN {mark}", rf"printf '\n%s-%s-%d-\n' END {mark} $?"
        self.line(f" {begin}; sh -c {shlex.quote(script)} </dev/null; {end}")
        self.expect(rf"^BEGIN-{mark}\n", timeout=timeout)
        start = self._position
        match = self.expect(rf"\n?^END-{mark}-(\d+)-\n", timeout=timeout)
        return Output(int(match[1]), self._seen[start : match.start()].strip("\n"))

    def login(self, user: str = "root", password: str = "", timeout: float = 180) -> None:
        """Reach a shell: from a login prompt, through a node's console, or one that is there already."""
        prompt = r"(?:^|root@\S+)# \Z"  # of a line of its own: the status screen without UTF-8 draws its figures with this sign
        answers = {
            r"login: \Z": f"{user}\r",
            r"[Pp]assword: \Z": f"{password}\r",
            r"< Log in >[^<]*F10 Leave": "\r",  # the status screen; from the page of the login F10 leads elsewhere
            r"Who manages this node": f"{password}\r",
            r"\d Shell\s*\d Restart": "8",  # the whole menu: its cursor draws a line of it again; gaps are not sent
        }
        deadline = time.monotonic() + timeout
        self.skip()  # the pages that somebody has read before are no answers to this
        self.line()
        while True:
            match = self.expect(prompt, *answers, timeout=max(1.0, deadline - time.monotonic()))
            if match.re.pattern == prompt:
                break
            time.sleep(TYPING)
            self.send(answers[match.re.pattern])
        # The kernel's talk stays off the line.
        self.line("PS1='# '; stty -echo cols 400; dmesg -n 1")
        self.run("true")

    def close(self) -> None:
        self._line.close()

    def tail(self) -> str:
        lines = self._seen.splitlines()[-TAIL:]
        return "\n".join(["--- the end of the console ---", *lines, f"--- all of it: {self._transcript} ---"])

    def _read(self, line: Line) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        raw = last = ""
        with self._transcript.open("ab") as transcript:
            while data := _receive(line):
                transcript.write(data)
                transcript.flush()
                if self._watcher is not None:
                    self._watcher(data)
                raw += decoder.decode(data)
                rest = UNFINISHED.search(raw)
                ready, raw = (raw[: rest.start()], raw[rest.start() :]) if rest else (raw, "")
                clean = ESCAPES.sub("", ready)
                with self._changed:
                    self._seen += clean
                    self._changed.notify_all()
                last = (last + clean)[-len(TIMER_LOST) - len(clean) :]
                if TIMER_LOST in last:
                    self._stuck()
        with self._changed:
            self._open = False
            self._changed.notify_all()


def _receive(line: Line) -> bytes:
    try:
        return line.recv(65536)
    except OSError:
        return b""
