# SPDX-License-Identifier: Apache-2.0
"""What a real Ceph answered, by the state that it was in (tests/pools), and a node whose doors answer so."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "pools"
STATES = sorted(path.stem for path in FOLDER.glob("*.json"))


def recorded(state: str) -> dict[str, Any]:
    """`answers` by command, `errors` of those that were refused."""
    found: dict[str, Any] = json.loads((FOLDER / f"{state}.json").read_text(encoding="utf-8"))
    return found


def answers(state: str) -> dict[str, Any]:
    found: dict[str, Any] = recorded(state)["answers"]
    return found
