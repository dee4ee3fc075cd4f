# SPDX-License-Identifier: Apache-2.0
"""What only the wire can tell: who answers for an address, how large a packet may be.

Only gateways are pinged, one process each; more are started where the first had no answer. What takes longer than two seconds
is a generator that yields meanwhile.
"""

import ipaddress
import json
import re
import time
from collections.abc import Collection, Generator, Iterator
from typing import Any, TypeVar

from appliance.host.host import Host
from appliance.model.netreport import DuplicateProbe, GatewayProbe, NetworkReport, PlaneReport, Probes

T = TypeVar("T")
Waiting = Generator[None, None, T]
Answer = GatewayProbe | DuplicateProbe
HEADERS = {4: 28, 6: 48}
"""IP version -> bytes of a ping that are not its payload: IP (20 or 40) and ICMP (8)."""
_IPV4 = 4
_ASKING = ("PROBE", "INCOMPLETE", "DELAY")
_NUD_POLLS = 10
"""Of half a second: the kernel asks three times, a second apart."""
_ANSWER = re.compile(r"^\w+ reply from \S+ \[([0-9A-Fa-f:]{17})\]", re.MULTILINE)


def version(address: str) -> int:
    """Of IP, of an address with or without prefix length."""
    return ipaddress.ip_interface(address).version


def ping(host: Host, address: str, interface: str, size: int = 0) -> bool:
    """Is one of two pings answered within a second? `size` is that of the whole packet, which nobody may cut in pieces."""
    whole = ["-M", "do", "-s", str(size - HEADERS[version(address)])] if size else []
    words = ["ping", "-q", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-I", interface, *whole, address]
    return host.run(words, check=False).code == 0


def arping(host: Host, address: str, interface: str) -> tuple[str, ...]:
    """Who says, within two seconds, that an IPv4 address is theirs: MAC addresses."""
    return answers(host.run(["arping", "-c", "2", "-w", "2", "-f", "-I", interface, address], check=False).stdout)


def duplicates(host: Host, address: str, interface: str, own: Collection[str]) -> tuple[str, ...]:
    """Who else says, within a second, that an IPv4 address of ours is theirs: MAC addresses.

    The kernel answers on each of its ports for all of its addresses, so one of our own may be among the answers.
    """
    said = host.run(["arping", "-D", "-c", "1", "-w", "1", "-I", interface, address], check=False).stdout
    return tuple(mac for mac in answers(said) if mac not in own)


def answers(said: str) -> tuple[str, ...]:
    """The MAC addresses in what arping printed, each once."""
    return tuple(dict.fromkeys(mac.lower() for mac in _ANSWER.findall(said)))


def discovered(host: Host, address: str, interface: str) -> Waiting[tuple[str, ...]]:
    """Who has an IPv6 address to which something was sent just now: MAC addresses.

    The kernel believes for up to 45 seconds what it knew of a neighbour, so it is told to ask anew, which takes it three.
    """
    host.run(["ip", "-6", "neigh", "change", address, "dev", interface, "nud", "probe"], check=False)
    for _ in range(_NUD_POLLS):
        said = host.run(["ip", "-6", "-json", "neigh", "show", "to", address, "dev", interface], check=False).stdout
        mac, state = known(said)
        if state not in _ASKING:
            return (mac,) if mac and state != "FAILED" else ()
        yield
        time.sleep(0.5)
    return ()


def known(said: str) -> tuple[str, str]:
    """(MAC, state) of the one neighbour that `ip -json neigh show` printed; ("", "") for none."""
    try:
        first: dict[str, Any] = next(iter(json.loads(said or "[]")), {})
        return first.get("lladdr", ""), next(iter(first.get("state", ())), "")
    except (ValueError, AttributeError):
        return "", ""


def resolved(host: Host, address: str, interface: str) -> Waiting[tuple[str, ...]]:
    """Who has an address, by ARP or, when it was pinged just now, by neighbour discovery: MAC addresses."""
    if version(address) == _IPV4:
        return arping(host, address, interface)
    return (yield from discovered(host, address, interface))


def gateway(host: Host, plane: PlaneReport, address: str) -> Waiting[GatewayProbe]:
    """A router that answers no ping, by its own policy, is there all the same when it answers ARP or neighbour discovery."""
    if ping(host, address, plane.interface, plane.mtu):
        return GatewayProbe(plane=plane.name, address=address, answers=True, passes=True)
    yield
    if ping(host, address, plane.interface):
        return GatewayProbe(plane=plane.name, address=address, answers=True, passes=False)
    yield
    there = yield from resolved(host, address, plane.interface)
    return GatewayProbe(plane=plane.name, address=address, answers=bool(there))


def probe(host: Host, report: NetworkReport) -> Iterator[Answer | None]:
    """All that is asked. None while an answer is waited for: whoever asks may stop there. Nothing where there is no link."""
    own = {str(link["mac"]).lower() for link in host.netlink.links()}
    for plane in report.planes:
        if not plane.interface or not report.uplink(plane).link:
            continue
        for address in plane.gateways:
            yield (yield from gateway(host, plane, address))
        for held in plane.addresses:
            bare = held.address.partition("/")[0]
            if version(bare) == _IPV4:
                macs = duplicates(host, bare, plane.interface, own)
                yield DuplicateProbe(plane=plane.name, address=held.address, macs=macs)


def outcome(waiting: Waiting[T]) -> T:
    """What comes in the end, for those who wait for it."""
    while True:
        try:
            next(waiting)
        except StopIteration as end:
            found: T = end.value
            return found


def gathered(found: Collection[Answer]) -> Probes:
    """The answers by their kind."""
    return Probes(
        gateways=tuple(p for p in found if isinstance(p, GatewayProbe)),
        duplicates=tuple(p for p in found if isinstance(p, DuplicateProbe)),
    )
