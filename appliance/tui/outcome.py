# SPDX-License-Identifier: Apache-2.0
"""How the console ends, and what it is given to begin an installation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from appliance.host.child import Child
from appliance.installer.stick import Stick
from appliance.model.answer import RefusedAnswer
from appliance.model.plan import Plan
from appliance.tui.draft import Draft


@dataclass(frozen=True)
class Outcome:
    """`text` is the spec that was made, `plan` what was to be done. "again": there is a terminal now, of another kind."""

    kind: Literal["left", "planned", "restart", "poweroff", "again", "crashed"]
    text: str = ""
    plan: Plan | None = None


@dataclass(frozen=True)
class Work:
    """Something that was begun: its process, and the file that its events go to."""

    child: Child
    events: Path

    def same(self, other: "Work") -> bool:
        """Is that this one, and no later one?"""
        return self.child.pid == other.child.pid


@dataclass(frozen=True)
class Installation(Work):
    """With what was answered for it."""

    draft: Draft


class Live(Protocol):
    """What the wizard can do on a live system; a recorded machine has nothing of it."""

    def start(self, draft: Draft, text: str, plan: Plan) -> Installation:
        """Begin the installation by the text of a spec, for a plan that was agreed to."""

    def begun(self) -> Installation | None:
        """The installation that this console, an earlier one or that of another terminal has begun, at work or over."""

    def forget(self) -> None:
        """An installation that failed was read about: the wizard comes back, here and on the other terminals."""

    def sticks(self) -> list[Stick]:
        """The USB sticks that are plugged in, but for the installation medium."""

    def save(self, stick: Stick, text: str) -> None:
        """Write the answers on it. ApplianceError."""

    def keys(self, source: str) -> list[str]:
        """The public keys at this address, or, without one, on the sticks. ApplianceError."""

    def shell(self) -> int:
        """A root shell on this terminal, until it ends."""

    def refused(self) -> RefusedAnswer | None:
        """The answer file that could not be used."""
