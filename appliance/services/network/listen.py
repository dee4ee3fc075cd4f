# SPDX-License-Identifier: Apache-2.0
"""Let another node measure the throughput to this one: iperf3 for one test, and the firewall open for as long.

The port is in a set whose elements the kernel itself forgets, and iperf3 ends with the process that started it: nothing stays
open, whoever is killed.
"""

import json
from collections.abc import Callable, Iterable

from appliance.errors import StepFailed
from appliance.host.host import Host
from appliance.services.network.firewall import TABLE
from appliance.services.network.selftest import measured

PORT = 5201
SECONDS = 600
"""For the other node to come."""
_SET = "net-test"
_COMMENT = "trivet net test"
_TIMEOUT = 124
"""How timeout(1) ends when it had to."""


def opening(planes: Iterable[str]) -> str:
    """The input of `nft -f` that lets the test in on some planes."""
    rules = (f'add rule inet {TABLE} {plane} tcp dport @{_SET} accept comment "{_COMMENT}"\n' for plane in planes)
    return (
        f"add set inet {TABLE} {_SET} {{ type inet_service; flags timeout; }}\n"
        f"add element inet {TABLE} {_SET} {{ {PORT} timeout {SECONDS}s }}\n" + "".join(rules)
    )


def closing(listed: str) -> str:
    """The input of `nft -f` that removes what `opening` added; "" where there is none of it.

    `listed` is what `nft --json --handle list table` printed.
    """
    try:
        found = json.loads(listed)["nftables"]
    except (ValueError, KeyError):
        return ""
    rules = [entry["rule"] for entry in found if entry.get("rule", {}).get("comment") == _COMMENT]
    sets = [entry["set"] for entry in found if entry.get("set", {}).get("name") == _SET]
    return "".join(
        [f"delete rule inet {TABLE} {rule['chain']} handle {rule['handle']}\n" for rule in rules]
        + [f"delete set inet {TABLE} {one['name']}\n" for one in sets]
    )


def close(host: Host) -> None:
    """Also what an earlier test left, that was killed."""
    listed = host.run(["nft", "--json", "--handle", "list", "table", "inet", TABLE], check=False).stdout
    if text := closing(listed):
        host.run(["nft", "--file", "-"], stdin=text, check=False)  # trivetd may have loaded a new table meanwhile


def listen(host: Host, planes: Iterable[str], ready: Callable[[], None]) -> int:
    """Mbit/s that came in; `ready` is called when the other node may come. StepFailed when nobody did."""
    host.run(["iperf3", "--version"])  # before anything is opened for it
    close(host)
    try:
        host.run(["nft", "--file", "-"], stdin=opening(planes))
        ready()
        words = ["setpriv", "--pdeathsig", "TERM", "timeout", str(SECONDS), "iperf3", "-s", "-1", "-J", "-p", str(PORT)]
        result = host.run(words, check=False)
    finally:
        close(host)
    if result.code == _TIMEOUT:
        raise StepFailed(f"nobody came within {SECONDS // 60} minutes", "say `trivet net test --peer ADDRESS` on the other node")
    speed, reason = measured(result)
    if reason:
        raise StepFailed(f"nothing was measured: {reason}", "is another `iperf3 -s` running on this node?")
    return speed
