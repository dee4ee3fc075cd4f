# SPDX-License-Identifier: Apache-2.0
"""Tell the server of a rack how it goes: the events of the installation, and how it ended. Nothing ever waits for that server.

Events are gathered and sent once a second, of progress the latest alone. What cannot be sent is kept for the next time, and is
lost with a server that stays away: a board is for looking at, and no installation fails for it.
"""

import contextlib
import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Self

from appliance.errors import AnswerError
from appliance.host.host import Host
from appliance.host.record import taken
from appliance.installer import fetch
from appliance.installer.answers import Options
from appliance.model.events import Event, Progress

_EVERY, _TIMEOUT = 1.0, 5.0
_MOST = 200
"""Events that wait. What is older is of no use to a board."""
_FAREWELL = 8.0
"""Seconds at the end for what is still to be sent."""


class Reporter:
    """Does nothing when nobody wants to hear."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._waiting: deque[str] = deque(maxlen=_MOST)
        self._progress = ""
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name="report")

    def __enter__(self) -> Self:
        if self._options.report:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_FAREWELL)

    def event(self, event: Event) -> None:
        """What apply said."""
        with self._lock:
            if isinstance(event, Progress):
                self._progress = event.model_dump_json()
            else:
                self._waiting.append(event.model_dump_json())

    def state(self, state: str, cause: str = "") -> None:
        """What the machine is now: "rebooting", or "failed" and why."""
        with self._lock:
            self._waiting.append(json.dumps({"state": state, "cause": cause}))

    def _work(self) -> None:
        ended = False
        while not ended:
            ended = self._ended.wait(_EVERY)
            if not self._send() and ended:
                self._send()

    def _send(self) -> bool:
        with self._lock:
            texts, progress = list(self._waiting), self._progress
            self._waiting.clear()
            self._progress = ""
        if not texts and not progress:
            return True
        try:
            tell(self._options, [*texts, *([progress] if progress else [])])
        except fetch.TryAgain:
            with self._lock:
                self._waiting.extendleft(reversed(texts[: _MOST - len(self._waiting)]))
            return False
        except AnswerError:
            return True  # it does not want to hear this, now or later
        return True


def tell(options: Options, texts: list[str]) -> None:
    """Send these, each the JSON of an event or a state. AnswerError when the server cannot be told, or will not be."""
    body = f"[{','.join(texts)}]"
    fetch.post(options.report, body, pinned=options.fingerprint, token=options.token, timeout=_TIMEOUT)


def record(host: Host, options: Options, inspect: Callable[[Host], object]) -> None:
    """Send what this machine's doors answer, for a server that keeps it as a recorded machine. Nothing depends on it."""
    document = taken(host, inspect, "a machine of a rack, started over the network")
    with contextlib.suppress(AnswerError):
        fetch.post(options.record, json.dumps(document, ensure_ascii=False), pinned=options.fingerprint, token=options.token)
