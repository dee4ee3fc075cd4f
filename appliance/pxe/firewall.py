# SPDX-License-Identifier: Apache-2.0
"""A node drops what comes in unless an engine needs it: a hole for the machines of a rack, while they are served."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from appliance.host.host import Host, Result
from appliance.services.network.firewall import TABLE

_LOOK = 3.0
SERVE = "trivet pxe serve"
"""The comment of its rules, by which they are found again; whoever else needs a hole has one of their own."""
_UDP = (67, 69, 4011)
"""DHCP, TFTP, and where proxy-DHCP is asked."""


def opening(interface: str, tcp: Sequence[int], udp: Sequence[int] = _UDP, comment: str = SERVE) -> str:
    """The input of `nft -f` that lets machines in on one interface. Pure."""
    ports = {"udp": tuple(udp), "tcp": tuple(tcp)}
    return "".join(
        f'add rule inet {TABLE} input iifname "{interface}" {protocol} dport {{ {", ".join(map(str, numbers))} }} '
        f'accept comment "{comment}"\n'
        for protocol, numbers in ports.items()
        if numbers
    )


def closing(listed: str, comment: str = SERVE) -> str:
    """The input of `nft -f` that takes it away; "" where there is none. `listed` is what `nft --json --handle` printed. Pure."""
    try:
        rules = [entry["rule"] for entry in json.loads(listed)["nftables"] if "rule" in entry]
    except (ValueError, KeyError):
        return ""
    ours = [rule for rule in rules if rule.get("comment") == comment]
    return "".join(f"delete rule inet {TABLE} {rule['chain']} handle {rule['handle']}\n" for rule in ours)


@contextmanager
def opened(host: Host, interface: str, tcp: Sequence[int], udp: Sequence[int] = _UDP, comment: str = SERVE) -> Iterator[None]:
    """Nothing is done where there is no firewall of ours, as on a laptop.

    Whatever changes the node writes its whole firewall anew, without this: then it is opened again within seconds.
    """
    if not _close(host, comment):
        yield
        return
    text, ended = opening(interface, tcp, udp, comment), threading.Event()
    host.run(["nft", "--file", "-"], stdin=text)

    def keep() -> None:
        while not ended.wait(_LOOK):
            listed = _listed(host)
            if listed.code == 0 and not closing(listed.stdout, comment):
                host.run(["nft", "--file", "-"], stdin=text, check=False)

    keeper = threading.Thread(target=keep, daemon=True, name="firewall")
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        _close(host, comment)


def _listed(host: Host) -> Result:
    return host.run(["nft", "--json", "--handle", "list", "table", "inet", TABLE], check=False)


def _close(host: Host, comment: str) -> bool:
    """Also what a server left that was killed. Is there a firewall of ours?"""
    if host.files.read("/usr/lib/trivet/release.json") is None:
        return False
    listed = _listed(host)
    if text := closing(listed.stdout, comment):
        host.run(["nft", "--file", "-"], stdin=text, check=False)
    return listed.code == 0
