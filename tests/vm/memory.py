# SPDX-License-Identifier: Apache-2.0
"""A running machine's memory in a file, and out of it again: QEMU's migration, to a file."""

from __future__ import annotations

from pathlib import Path

from tests.vm.monitor import Monitor
from tests.vm.process import LabError, wait_for

LIMIT = 180


def save(monitor: Monitor, file: Path) -> None:
    """The machine stands still from here on."""
    monitor.do("stop")
    monitor.do("migrate", uri=f"file:{file}")
    wait_for(f"the memory in {file}", lambda: _done(monitor), LIMIT)


def load(monitor: Monitor, file: Path) -> None:
    """Into a machine that was started with `-incoming defer`, and has the same hardware."""
    monitor.do("migrate-incoming", uri=f"file:{file}")
    wait_for(f"the memory out of {file}", lambda: _done(monitor), LIMIT)


def _done(monitor: Monitor) -> bool:
    state = monitor.do("query-migrate")
    if state.get("status") == "failed":
        raise LabError(f"the memory could not be moved: {state.get('error-desc')}")
    return bool(state.get("status") == "completed")
