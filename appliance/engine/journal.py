# SPDX-License-Identifier: Apache-2.0
"""The journal of applied plans: JSON lines, a record for people. Nothing reads it to decide anything."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TextIO

from appliance.model.events import Event, Progress
from appliance.model.plan import Plan

LOGS = Path("/var/lib/trivet/log")


class Journal:
    """One file a run, `LOGS/<time>-<name>.jsonl`, each line on disk before the next step begins."""

    def __init__(self, name: str, folder: Path = LOGS) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{stamp}-{name}.jsonl"
        self._file: TextIO = self.path.open("a", encoding="utf-8")

    def plan(self, plan: Plan) -> None:
        """The plan that is about to be carried out."""
        self._line(plan.model_dump_json())

    def event(self, event: Event) -> None:
        """Everything but progress, of which there is too much."""
        if not isinstance(event, Progress):
            self._line(event.model_dump_json())

    def _line(self, text: str) -> None:
        self._file.write(text + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
