# SPDX-License-Identifier: Apache-2.0
"""A node drops what comes in unless an engine needs it: a hole for the machines of a rack, while they are served."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from appliance.host.host import Host
from appliance.services.network.firewall import TABLE

_COMMENT = "trivet pxe serve"
_UDP = (67, 69, 4011)
"""DHCP, TFTP, and where proxy-DHCP is asked."""


def opening(interface: str, tcp: Sequence[int]) -> str:
    """The input of `nft -f` that lets machines in on one interface. Pure."""
    ports = {"udp": _UDP, "tcp": tuple(tcp)}
    return "".join(
        f'add rule inet {TABLE} input iifname "{interface}" {protocol} dport {{ {", ".join(map(str, numbers))} }} '
        f'accept comment "{_COMMENT}"\n'
        for protocol, numbers in ports.items()
    )


def closing(listed: str) -> str:
    """The input of `nft -f` that takes it away; "" where there is none. `listed` is what `nft --json --handle` printed. Pure."""
    try:
        rules = [entry["rule"] for entry in json.loads(listed)["nftables"] if "rule" in entry]
    except (ValueError, KeyError):
        return ""
    ours = [rule for rule in rules if rule.get("comment") == _COMMENT]
    return "".join(f"delete rule inet {TABLE} {rule['chain']} handle {rule['handle']}\n" for rule in ours)


@contextmanager
def opened(host: Host, interface: str, tcp: Sequence[int]) -> Iterator[None]:
    """Nothing is done where there is no firewall of ours, as on a laptop."""
    if not _close(host):
        yield
        return
    host.run(["nft", "--file", "-"], stdin=opening(interface, tcp))
    try:
        yield
    finally:
        _close(host)


def _close(host: Host) -> bool:
    """Also what a server left that was killed. Is there a firewall of ours?"""
    if host.files.read("/usr/lib/trivet/release.json") is None:
        return False
    listed = host.run(["nft", "--json", "--handle", "list", "table", "inet", TABLE], check=False)
    if text := closing(listed.stdout):
        host.run(["nft", "--file", "-"], stdin=text, check=False)
    return listed.code == 0
