# SPDX-License-Identifier: Apache-2.0
"""Let multicast DNS in on the management plane, for as long as somebody pairs or looks for who does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.neighbours import PORT, Found, find

_TABLE = "trivet"
_COMMENT = "trivet pairing"
_OPEN = f'add rule inet {_TABLE} management udp dport {PORT} accept comment "{_COMMENT}"\n'


@contextmanager
def open_for_pairing(host: Host) -> Iterator[None]:
    """What an earlier one left that was killed is closed, too."""
    _close(host)
    host.run(["nft", "--file", "-"], stdin=_OPEN, check=False)  # a node without our table keeps nothing out
    try:
        yield
    finally:
        _close(host)


def closing(listed: str) -> str:
    """The input of `nft -f` that removes the rule, from what `nft --json --handle list table` printed; "" where there is none."""
    try:
        found = json.loads(listed)["nftables"]
    except (ValueError, KeyError):
        return ""
    rules = [entry["rule"] for entry in found if entry.get("rule", {}).get("comment") == _COMMENT]
    return "".join(f"delete rule inet {_TABLE} {rule['chain']} handle {rule['handle']}\n" for rule in rules)


def _close(host: Host) -> None:
    listed = host.run(["nft", "--json", "--handle", "list", "table", "inet", _TABLE], check=False).stdout
    if text := closing(listed):
        host.run(["nft", "--file", "-"], stdin=text, check=False)


def the_one(host: Host, address: str) -> Found:
    """The cluster that pairs on this node's management link. ApplianceError when there is none, or more than one."""
    with open_for_pairing(host):
        found = find(address)
    if not found:
        hint = "say `trivet cluster pair` on a node of it, or name its address"
        raise ApplianceError("no cluster on this link lets anybody in", hint)
    if len(found) > 1:
        names = ", ".join(each.address for each in found)
        hint = "name the address of the one that you mean"
        raise ApplianceError(f"several nodes on this link let somebody in: {names}", hint)
    return found[0]
