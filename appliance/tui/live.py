# SPDX-License-Identifier: Apache-2.0
"""The wizard's doors on a live system: the process that installs, and what other consoles need to know of it."""

import sys
from pathlib import Path

from appliance.host import audit, child, errand
from appliance.host.host import Host
from appliance.installer import fetch, stick
from appliance.installer.stick import Stick
from appliance.model.answer import REFUSED, RefusedAnswer
from appliance.model.base import Model
from appliance.model.plan import Plan
from appliance.tui.draft import Draft
from appliance.tui.outcome import Installation

BEGUN = "/run/trivet/console/install.json"
EVENTS = Path("/run/trivet/console/install.jsonl")


class Begun(Model):
    """What stands in install.json. The hash of the password is not in it: a Draft says stars for it."""

    pid: int
    draft: Draft


class ThisMachine:
    """The installation outlives the console that has begun it; every console of the machine can follow it."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def start(self, draft: Draft, text: str, plan: Plan) -> Installation:
        """`trivet install` for this very plan; the spec reaches it on its standard input."""
        argv = [sys.executable, "-m", "appliance.cli.main", "install", "-", "--agreed", plan.digest, "--json"]
        audit.note(f"began: trivet install, for the plan {plan.digest}")
        started = child.start(argv, text, EVENTS, errand.environment(EVENTS.with_suffix(".ended")))
        self._host.files.write(BEGUN, Begun(pid=started.pid, draft=draft).model_dump_json())
        return Installation(started, EVENTS, draft)

    def begun(self) -> Installation | None:
        """As install.json says; it is there from the start of an installation until somebody has read that it failed."""
        text = self._host.files.read(BEGUN)
        if text is None:
            return None
        begun = Begun.model_validate_json(text)
        return Installation(child.Another(begun.pid), EVENTS, begun.draft)

    def forget(self) -> None:
        """The events stay where they are, for who looks into the matter."""
        self._host.files.remove(BEGUN)

    def sticks(self) -> list[Stick]:
        """As udev knows them now."""
        return stick.sticks(self._host)

    def save(self, stick_: Stick, text: str) -> None:
        """By mtools, and read back."""
        audit.note("began: save the answers on a stick")
        stick.save(self._host, stick_, text)

    def keys(self, source: str) -> list[str]:
        """One GET, or every .pub file of every stick."""
        if source:
            return stick.public_keys(fetch.get(source))
        return [key for each in self.sticks() for key in stick.keys(self._host, each)]

    def shell(self) -> int:
        """With what a login gives it."""
        audit.note("began: a shell")
        code = child.foreground(["bash", "--login"], {})
        audit.note(f"the shell has ended with {code}")
        return code

    def refused(self) -> RefusedAnswer | None:
        """What `trivet install` has left."""
        text = self._host.files.read(REFUSED)
        return None if text is None else RefusedAnswer.model_validate_json(text)
