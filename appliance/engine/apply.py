# SPDX-License-Identifier: Apache-2.0
"""Carry out a plan: skip what is done, do the rest, prove it, write it down.

A handler has `done`, which reads, and `do`, which acts. `done` is asked before (idempotence) and after (verification):
one mechanism. Nothing is resumed: after an interruption one plans again from what the machine then is, so the journal is
a record to read, never a state to trust.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from appliance.errors import ApplianceError, StepFailed
from appliance.host.host import Host
from appliance.model.events import Event, Failed, Finished, Output, Progress, Started
from appliance.model.plan import Plan

Emit = Callable[[Event], None]


class Report:
    """What a handler may say while it works on one step."""

    def __init__(self, step: str, emit: Emit) -> None:
        self._step, self._emit, self._begun, self._last = step, emit, time.monotonic(), 0.0

    def progress(self, done: int, total: int) -> None:
        """Bytes done of total. At most ten events a second leave here, so that callers need not count."""
        now = time.monotonic()
        if now - self._last < 0.1 and done < total:  # noqa: PLR2004 - seconds
            return
        self._last = now
        rate = round(done / max(now - self._begun, 1e-6))
        self._emit(Progress(step=self._step, done=done, total=total, rate=rate))

    def line(self, text: str) -> None:
        """A line of output."""
        self._emit(Output(step=self._step, line=text))


class Handler(Protocol):
    """How one kind of step is carried out."""

    def done(self, step: Any, host: Host) -> bool:
        """Is it in effect? Reads only."""

    def do(self, step: Any, host: Host, report: Report) -> None:
        """Bring it into effect. A destructive step compares `expects` first and raises StalePlan."""


Handlers = Mapping[type, Handler]


def apply(plan: Plan, host: Host, handlers: Handlers, emit: Emit) -> None:
    """Carry out `plan`. Emits Started and Finished for each step, and Failed before it raises.

    StepFailed when a step says that it succeeded and is not in effect; otherwise whatever the handler raised.
    """
    total = len(plan.steps)
    for index, step in enumerate(plan.steps, 1):
        handler = handlers[type(step)]
        emit(Started(step=step.id, title=str(step), index=index, total=total))
        begun = time.monotonic()
        try:
            skipped = handler.done(step, host)
            if not skipped:
                handler.do(step, host, Report(step.id, emit))
                if not handler.done(step, host):
                    raise StepFailed(f"{step}: it was carried out, and is not in effect", "see the log, then plan again")
        except ApplianceError as error:
            emit(Failed(step=step.id, message=f"{step}: {error.message}", hint=error.hint))
            raise
        except OSError as error:
            failed = StepFailed(f"{step}: {error.strerror or error}: {error.filename or ''}".rstrip(": "))
            emit(Failed(step=step.id, message=failed.message))
            raise failed from error
        emit(Finished(step=step.id, skipped=skipped, seconds=round(time.monotonic() - begun, 3)))
