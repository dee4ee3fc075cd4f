# SPDX-License-Identifier: Apache-2.0
"""What a console has another program do. The program itself tells the journal of it: the console may be dead by then.

Who wanted it, and where its exit code shall stand, is in its environment.
"""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from appliance.errors import ApplianceError
from appliance.host import audit
from appliance.model.events import Event, Failed, Finished, Started

_ENDED = "TRIVET_ERRAND"
_working = False


def environment(ended: Path) -> dict[str, str]:
    """For a program that this console starts; its exit code will be in the file `ended`."""
    return {_ENDED: str(ended), audit.LINE: audit.terminal()}


@contextmanager
def told(words: Sequence[str]) -> Iterator[None]:
    """Around all that the program does. Without a console behind it, nothing is told."""
    global _working  # noqa: PLW0603 - a process is on one errand or on none
    place = os.environ.pop(_ENDED, None)
    if place is None:
        yield
        return
    what, begun, _working = f"trivet {' '.join(words)}", time.monotonic(), True
    signal.signal(signal.SIGTERM, _leave)
    code, how = 1, "died"
    try:
        yield
        code, how = 0, "done"
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
        how = "done" if not code else f"ended with {code}"
        raise
    except ApplianceError as error:
        code, how = error.exit_code, f"failed: {' '.join(str(error).split())}"
        raise
    except BaseException as error:
        how = f"died: {type(error).__name__}: {error}"
        raise
    finally:
        _working = False
        audit.note(f"{what}: {how}, after {time.monotonic() - begun:.1f} s")
        with suppress(OSError):
            Path(place).write_text(f"{code}\n")


def event(event: Event) -> None:
    """A step of the work, as it begins and ends."""
    match event:
        case Started():
            note(f"step {event.index} of {event.total}: {event.title}")
        case Finished(skipped=True):
            note("that was so already")
        case Failed():
            note(f"failed: {event.message}")


def note(text: str) -> None:
    """A line for the journal, when there is somebody behind this."""
    if _working:
        audit.note(text)


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)  # the way out on which the rest is told
