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


REPORT = "report.json"
"""Where a new node finds to whom it says that it has come up; among its state, until it has been heard."""


class ReportTo(Model):
    """The server of a rack: its address, its certificate, and the credential that this node was installed with.

    `peers` is the port where the node serves its slot to others of the rack; 0 when it is not to.
    """

    url: str
    fingerprint: str = ""
    token: str = ""
    peers: int = 0
