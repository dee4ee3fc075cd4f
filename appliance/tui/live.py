# SPDX-License-Identifier: Apache-2.0
"""The wizard's doors on a live system: the process that installs, and what other consoles need to know of it."""

import sys
from pathlib import Path

from appliance.host import child
from appliance.host.host import Host
from appliance.installer import fetch, stick
from appliance.installer.stick import Stick
from appliance.model.answer import REFUSED, RefusedAnswer
from appliance.model.base import Model
from appliance.model.plan import Plan
from appliance.tui.draft import Draft
from appliance.tui.outcome import Installation

FOLDER = Path("/run/trivet/console")


class Begun(Model):
    """What stands in install.json. The hash of the password is not in it: a Draft says stars for it."""

    pid: int
    draft: Draft


class ThisMachine:
    """The installation outlives the console that has begun it; every console of the machine can follow it."""

    def __init__(self, host: Host, folder: Path = FOLDER, refused: Path = Path(REFUSED)) -> None:
        self._host = host
        self._begun, self._events, self._refused = folder / "install.json", folder / "install.jsonl", refused

    def start(self, draft: Draft, text: str, plan: Plan) -> Installation:
        """`trivet install` for this very plan; the spec reaches it on its standard input."""
        argv = [sys.executable, "-m", "appliance.cli.main", "install", "-", "--agreed", plan.digest, "--json"]
        started = child.start(argv, text, self._events)
        new = self._begun.with_suffix(".new")
        new.write_text(Begun(pid=started.pid, draft=draft).model_dump_json())
        new.rename(self._begun)
        return Installation(started, self._events, draft)

    def begun(self) -> Installation | None:
        """As install.json says; it is there from the start of an installation until somebody has read that it failed."""
        try:
            begun = Begun.model_validate_json(self._begun.read_text())
        except FileNotFoundError:
            return None
        return Installation(child.Another(begun.pid), self._events, begun.draft)

    def forget(self) -> None:
        """The events stay where they are, for who looks into the matter."""
        self._begun.unlink(missing_ok=True)

    def sticks(self) -> list[Stick]:
        """As udev knows them now."""
        return stick.sticks(self._host)

    def save(self, stick_: Stick, text: str) -> None:
        """By mtools, and read back."""
        stick.save(self._host, stick_, text)

    def keys(self, source: str) -> list[str]:
        """One GET, or every .pub file of every stick."""
        if source:
            return stick.public_keys(fetch.get(source))
        return [key for each in self.sticks() for key in stick.keys(self._host, each)]

    def shell(self) -> int:
        """With what a login gives it."""
        return child.foreground(["bash", "--login"], {})

    def refused(self) -> RefusedAnswer | None:
        """What `trivet install` has left."""
        try:
            return RefusedAnswer.model_validate_json(self._refused.read_text())
        except FileNotFoundError:
            return None
