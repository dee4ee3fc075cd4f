# SPDX-License-Identifier: Apache-2.0
"""Let another node measure the throughput to this one: iperf3 for one test, and the firewall open for as long.

The kernel itself closes the port (hole.py), and iperf3 ends with the process that started it: nothing stays open, whoever is
killed.
"""

from collections.abc import Callable, Iterable

from appliance.errors import StepFailed
from appliance.host.host import Host
from appliance.services.network.hole import Hole, opened
from appliance.services.network.selftest import measured

PORT = 5201
SECONDS = 600
"""For the other node to come."""
_TIMEOUT = 124
"""How timeout(1) ends when it had to."""


HOLE = Hole(name="net-test", port=PORT, seconds=SECONDS, comment="trivet net test")


def listen(host: Host, planes: Iterable[str], ready: Callable[[], None]) -> int:
    """Mbit/s that came in; `ready` is called when the other node may come. StepFailed when nobody did."""
    host.run(["iperf3", "--version"])  # before anything is opened for it
    with opened(host, HOLE, planes):
        ready()
        words = ["setpriv", "--pdeathsig", "TERM", "timeout", str(SECONDS), "iperf3", "-s", "-1", "-J", "-p", str(PORT)]
        result = host.run(words, check=False)
    if result.code == _TIMEOUT:
        raise StepFailed(f"nobody came within {SECONDS // 60} minutes", "say `trivet net test --peer ADDRESS` on the other node")
    speed, reason = measured(result)
    if reason:
        raise StepFailed(f"nothing was measured: {reason}", "is another `iperf3 -s` running on this node?")
    return speed
