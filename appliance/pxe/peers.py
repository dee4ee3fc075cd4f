# SPDX-License-Identifier: Apache-2.0
"""Who a machine gets the image from: the server, or a node that was installed from it and serves its slot (`serve_peers`). Pure.

Whoever has the fewest machines at the time gets the next one, a node before the server. A machine that comes back without having
got all of it had trouble: it gets the rest from the server, and a node that this happens to often is asked no more. Nobody has
to trust a node for it: the machine compares what it got with the SHA-256 on its kernel line.
"""

from collections import Counter
from collections.abc import Sequence

SERVER = ""
PORT = 8480
"""Where a node serves its slot."""
_STRIKES = 3


class Shares:
    """`given` is who each machine is getting it from now."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self._strikes: Counter[str] = Counter()

    def take(self, mac: str, nodes: Sequence[str]) -> str:
        """The one to get it from: SERVER, or one of the nodes, each named by its address and port."""
        before = self.given.pop(mac, SERVER)
        if before != SERVER:
            self._strikes[before] += 1
            chosen = SERVER
        else:
            loads = Counter(self.given.values())
            fit = [node for node in nodes if self._strikes[node] < _STRIKES]
            chosen = min([*fit, SERVER], key=lambda place: loads[place])
        self.given[mac] = chosen
        return chosen

    def done(self, mac: str) -> None:
        """It has all of it, or has begun anew."""
        self.given.pop(mac, None)
