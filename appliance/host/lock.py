# SPDX-License-Identifier: Apache-2.0
"""One at a time: a lock that goes with its process, however that ends."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import ApplianceError


@contextmanager
def only_one(path: Path, message: str, hint: str) -> Iterator[None]:
    """ApplianceError with these words when another process is in here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ApplianceError(message, hint) from None
        yield


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Wait until no other process or thread is in here."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
