# SPDX-License-Identifier: Apache-2.0
"""An answer file that was found and not followed: the installer leaves it for the console, which shows it."""

from appliance.model.base import Model
from appliance.model.problem import Problem

REFUSED = "/run/trivet/refused.json"
"""Where it lies: the console, which comes next, says it on its first page."""


class RefusedAnswer(Model):
    """Where the answer came from, and all that is wrong with it, or with this machine for it."""

    source: str
    problems: tuple[Problem, ...]
