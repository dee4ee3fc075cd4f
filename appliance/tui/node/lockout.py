# SPDX-License-Identifier: Apache-2.0
"""How often a wrong password may be tried, and how long one waits then. Pure: times are seconds since the start."""

from appliance.model.base import Model

FREE = 5
"""Wrong passwords before one has to wait."""
FIRST, LONGEST = 30, 900
FORGOTTEN = 3600
"""Seconds after the last wrong one that nobody remembers it any more."""


class Attempts(Model):
    """`failures` since somebody logged in last, the latest at `at`; nothing is tried before `until`."""

    failures: int = 0
    at: float = 0.0
    until: float = 0.0

    def left(self, now: float) -> int:
        """Seconds to wait yet; 0 when one may try."""
        return max(0, round(self.until - now + 0.5)) if now < self.until else 0

    def failed(self, now: float) -> "Attempts":
        """After one more wrong password. Each that comes after the free ones doubles the time."""
        before = self.failures if now - self.at < FORGOTTEN else 0
        failures = before + 1
        over = failures - FREE
        wait = min(LONGEST, FIRST * 2 ** min(over, 10)) if over >= 0 else 0
        return Attempts(failures=failures, at=now, until=now + wait)
