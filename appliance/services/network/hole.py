# SPDX-License-Identifier: Apache-2.0
"""A port of the firewall that is open for a while. It is in a set whose elements the kernel itself forgets: whoever is killed,
it is closed when its time is over.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from appliance.host.host import Host
from appliance.services.network.firewall import TABLE


@dataclass(frozen=True)
class Hole:
    """A TCP port for so many seconds. `name` is the set's, `comment` stands beside its rules; nobody else has either."""

    name: str
    port: int
    seconds: int
    comment: str


def opening(hole: Hole, planes: Iterable[str]) -> str:
    """The input of `nft -f` that lets the port in on some planes. Pure."""
    rules = (f'add rule inet {TABLE} {plane} tcp dport @{hole.name} accept comment "{hole.comment}"\n' for plane in planes)
    return (
        f"add set inet {TABLE} {hole.name} {{ type inet_service; flags timeout; }}\n"
        f"add element inet {TABLE} {hole.name} {{ {hole.port} timeout {hole.seconds}s }}\n" + "".join(rules)
    )


def closing(hole: Hole, listed: str) -> str:
    """The input of `nft -f` that removes what `opening` added; "" where there is none of it. Pure.

    `listed` is what `nft --json --handle list table` printed.
    """
    try:
        found = json.loads(listed)["nftables"]
    except (ValueError, KeyError):
        return ""
    rules = [entry["rule"] for entry in found if entry.get("rule", {}).get("comment") == hole.comment]
    sets = [entry["set"] for entry in found if entry.get("set", {}).get("name") == hole.name]
    return "".join(
        [f"delete rule inet {TABLE} {rule['chain']} handle {rule['handle']}\n" for rule in rules]
        + [f"delete set inet {TABLE} {one['name']}\n" for one in sets]
    )


@contextmanager
def opened(host: Host, hole: Hole, planes: Iterable[str]) -> Iterator[None]:
    """Open while something is done. What an earlier one left that was killed is removed first."""
    _close(host, hole)
    try:
        host.run(["nft", "--file", "-"], stdin=opening(hole, planes))
        yield
    finally:
        _close(host, hole)


def _close(host: Host, hole: Hole) -> None:
    listed = host.run(["nft", "--json", "--handle", "list", "table", "inet", TABLE], check=False).stdout
    if text := closing(hole, listed):
        host.run(["nft", "--file", "-"], stdin=text, check=False)  # trivetd may have loaded a new table meanwhile
