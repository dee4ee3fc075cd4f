# SPDX-License-Identifier: Apache-2.0
"""Who a machine gets the image from: the server, or a node that was installed from it and serves its slot (`serve_peers`). Pure.

Whoever has the fewest machines at the time gets the next one, a node before the server; whoever has MOST gets no more, and who
finds all of them so comes again. So the first few have the image soon and give it on, and nobody shares one link with
thousands. A machine that comes back without having got all of it had trouble: it gets the rest from the server, and a node that
this happens to often is asked no more. Nobody has to trust a node for it: the machine compares what it got with the SHA-256 on
its kernel line.
"""

from collections import Counter
from collections.abc import Sequence

SERVER = ""
PORT = 8480
"""Where a node serves its slot."""
MOST = 16
"""Machines at once at one place: of 1 Gbit/s each of them has 7 MiB a second, and the image within a minute."""
_STRIKES = 3
_FORGOTTEN = 1800.0
"""Seconds after which a machine that was not heard of has gone."""


class Shares:
    """`given` is who each machine is getting it from now, and since when."""

    def __init__(self) -> None:
        self.given: dict[str, tuple[str, float]] = {}
        self._loads: Counter[str] = Counter()
        self._strikes: Counter[str] = Counter()

    def take(self, mac: str, nodes: Sequence[str], now: float) -> str | None:
        """The one to get it from: SERVER, or one of the nodes, each named by its address and port; None: come again."""
        before, _ = self.given.get(mac, (SERVER, 0.0))
        self.done(mac)
        if before != SERVER:
            self._strikes[before] += 1
            fit: list[str] = []
        else:
            fit = [node for node in nodes if self._strikes[node] < _STRIKES]
        chosen = min([*fit, SERVER], key=lambda place: self._loads[place])
        if self._loads[chosen] >= MOST and before == SERVER:
            self._forget(now)
            return None
        self.given[mac] = chosen, now
        self._loads[chosen] += 1
        return chosen

    def done(self, mac: str) -> None:
        """It has all of it, or has begun anew."""
        if mac in self.given:
            self._loads[self.given.pop(mac)[0]] -= 1

    def _forget(self, now: float) -> None:
        for mac in [mac for mac, (_, since) in self.given.items() if now - since > _FORGOTTEN]:
            self.done(mac)
