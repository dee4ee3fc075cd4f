# SPDX-License-Identifier: Apache-2.0
"""The rack's journal: a line for each thing that happened, so that a server that was killed goes on where it was.

It is begun anew at each start, with the rack as it is then. A line that was cut off by a lost power is the last one, and is
left out; what it said, the machine says again.
"""

import os
from pathlib import Path

from pydantic import ValidationError

from appliance.errors import ApplianceError
from appliance.pxe.happened import HAPPENED, Happened, Kept, after
from appliance.pxe.rack import Rack


class Journal:
    """`rack` is what the file told when it was opened."""

    def __init__(self, path: Path) -> None:
        self.rack = _replayed(path)
        new = path.with_suffix(".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(HAPPENED.dump_json(Kept(rack=self.rack)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        self._file = path.open("ab")

    def write(self, event: Happened) -> None:
        """One line, given to the kernel at once: it outlives this process, and a lost power costs seconds of it."""
        self._file.write(HAPPENED.dump_json(event) + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _replayed(path: Path) -> Rack:
    rack = Rack()
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return rack
    for number, line in enumerate(lines, 1):
        try:
            rack = after(rack, HAPPENED.validate_json(line))
        except ValidationError:
            if number == len(lines) and not line.endswith(b"\n"):
                break
            hint = "remove the file to begin with an empty board"
            raise ApplianceError(f"{path} is damaged in line {number}", hint) from None
    return rack
