# SPDX-License-Identifier: Apache-2.0
"""QEMU's monitor: JSON lines, commands answered in order, events in between."""

from __future__ import annotations

import json
import queue
import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

from tests.vm.process import LabError, connect

Event = dict[str, Any]


class Gone(LabError):
    """The machine has ended, and with it its monitor."""


class Monitor:
    def __init__(self, path: Path) -> None:
        self.events: list[Event] = []
        self._answers: queue.Queue[Event | None] = queue.Queue()
        self._changed = threading.Condition()
        self._open = True
        self._socket: socket.socket = connect(path)
        self._thread = threading.Thread(target=self._read, daemon=True, name=f"qmp {path}")
        self._thread.start()
        self._take(20)  # the greeting
        self.do("qmp_capabilities")

    def do(self, execute: str, /, **arguments: object) -> Any:
        message = {"execute": execute, "arguments": arguments}
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError as error:
            raise LabError(f"{execute}: the machine is gone ({error})") from error
        answer = self._take(60)
        if "error" in answer:
            raise LabError(f"{execute}: {answer['error'].get('desc')}")
        return answer.get("return")

    def human(self, line: str) -> str:
        return str(self.do("human-monitor-command", **{"command-line": line}))

    def wait(self, name: str, timeout: float, after: int = 0, **data: object) -> Event:
        """The first event of this name whose data has these values, among those numbered `after` and later.

        Gone when there can be none any more.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for event in self.events[after:]:
                    if event["event"] == name and data.items() <= event.get("data", {}).items():
                        return event
                if not self._open:
                    raise Gone("the machine is gone: its monitor closed")
                left = deadline - time.monotonic()
                if left <= 0:
                    seen = " ".join(event["event"] for event in self.events[after:])
                    raise LabError(f"no {name} within {timeout:.0f} s; seen: {seen or 'nothing'}")
                self._changed.wait(left)

    def close(self) -> None:
        self._socket.close()

    def _take(self, timeout: float) -> Event:
        try:
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise LabError(f"the monitor did not answer within {timeout:.0f} s") from None
        if answer is None:
            raise Gone("the machine is gone: its monitor closed")
        return answer

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as lines:
                for line in lines:
                    message = json.loads(line)
                    if "event" in message:
                        with self._changed:
                            self.events.append(message)
                            self._changed.notify_all()
                    else:
                        self._answers.put(message)
        except OSError:
            pass
        with self._changed:
            self._open = False
            self._changed.notify_all()
        self._answers.put(None)


def options(text: str) -> dict[str, object]:
    """`driver,a=1,b.c=on` -> what QMP wants: nested, with numbers and booleans."""
    result: dict[str, object] = {}
    for part in text.split(",") if text.startswith("driver=") else f"driver={text}".split(","):
        key, _, value = part.partition("=")
        *path, last = key.split(".")
        target = result
        for name in path:
            target = target.setdefault(name, {})  # type: ignore[assignment]
        number = last != "serial" and re.fullmatch(r"0x[0-9a-f]+|\d+", value)
        target[last] = int(value, 0) if number else {"on": True, "off": False}.get(value, value)
    return result
