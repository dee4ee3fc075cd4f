# SPDX-License-Identifier: Apache-2.0
"""How the console ends, and what it is given to begin an installation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from appliance.host.child import Child
from appliance.model.plan import Plan


@dataclass(frozen=True)
class Outcome:
    """`text` is the spec that was made, `plan` what was to be done."""

    kind: Literal["left", "planned", "restart", "poweroff"]
    text: str = ""
    plan: Plan | None = None


@dataclass(frozen=True)
class Work:
    """An installation that was started: its process, and the file that its events go to."""

    child: Child
    events: str


Install = Callable[[str, Plan], Work]
"""Starts the installation by the text of a spec, for a plan that was agreed to."""
