# SPDX-License-Identifier: Apache-2.0
"""What consoles of this node have begun: a file each under /run, so that every console can look at it, and a later one, too.

`NAME.json` says what and who, `NAME.jsonl` has what it printed, `NAME.err` what it complained of, `NAME.ended` its exit code: the
program writes that itself, since the console that has started it may be dead.
"""

from dataclasses import dataclass

from pydantic import ValidationError

from appliance.host.host import Host
from appliance.model.base import Model

FOLDER = "/run/trivet/console/works"
KEPT = 20
"""So many are remembered; what is still at work always is."""
KILLED = -9


class Errand(Model):
    """`trivet` with these arguments; `line` is the console, `begun` the seconds since the start of the node."""

    name: str
    arguments: tuple[str, ...]
    line: str
    begun: float
    pid: int


@dataclass(frozen=True)
class Following:
    """The process of an errand, as another process sees it."""

    host: Host
    errand: Errand

    @property
    def pid(self) -> int:
        return self.errand.pid

    def ended(self) -> int | None:
        """The exit code; None while it works. Who was killed has left none."""
        lives = f"{FOLDER}/{self.errand.name}" in (self.host.files.read(f"/proc/{self.pid}/environ") or "")
        code = self.host.files.read(f"{FOLDER}/{self.errand.name}.ended")  # after that: it writes this last
        if code is not None and code.strip().lstrip("-").isdigit():
            return int(code)
        return None if lives else KILLED


def errands(host: Host) -> list[Errand]:
    """The newest first."""
    found: list[Errand] = []
    for file in sorted(host.files.list(FOLDER), reverse=True):
        if file.endswith(".json"):
            try:
                found.append(Errand.model_validate_json(host.files.read(f"{FOLDER}/{file}") or ""))
            except ValidationError:
                continue  # of another version
    return found


def forget(host: Host) -> None:
    """The oldest that are over."""
    for old in errands(host)[KEPT:]:
        if Following(host, old).ended() is not None:
            for end in ("json", "jsonl", "err", "ended"):
                host.files.remove(f"{FOLDER}/{old.name}.{end}")
