# SPDX-License-Identifier: Apache-2.0
"""Nothing blocks: no turn of a console's event loop takes 0.1 s, each in a process of its own (stalls.py).

A machine that has much else to do is slower by its caches and by its clock, so the best of a few runs counts: what blocks by
itself, as an inspection in the wrong thread would, does so in each of them.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
LIMIT, RUNS = 0.1, 4
"""Seconds of processor time between two turns of the loop."""


@pytest.fixture
def no_machine() -> None:
    """In the place of the bar: these tests start processes on purpose."""


@pytest.mark.parametrize("console", ["wizard", "node"])
def test_a_hundred_disks(console: str, record_property: Callable[[str, object], None]) -> None:
    found = []
    for _ in range(RUNS):
        said = subprocess.run(
            [sys.executable, "-m", "tests.tui.stalls", console], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        found.append(json.loads(said.splitlines()[-1]))
        if found[-1]["seconds"] < LIMIT:
            break
    best = min(found, key=lambda run: float(run["seconds"]))
    record_property("longest_stall_ms", round(1000 * best["seconds"], 1))
    assert 0 < best["seconds"] < LIMIT, found
