# SPDX-License-Identifier: Apache-2.0
"""What only the wire can tell: who answers for an address, how large a packet may be.

Only gateways are pinged, one process each; a second or third is started where the first had no answer.
"""

import ipaddress
import json
import re
from collections.abc import Collection, Iterator

from appliance.host.host import Host
from appliance.model.netreport import DuplicateProbe, GatewayProbe, NetworkReport, PlaneReport, Probes

Answer = GatewayProbe | DuplicateProbe
HEADERS = {4: 28, 6: 48}
"""IP version -> bytes of a ping that are not its payload: IP (20 or 40) and ICMP (8)."""
_IPV4 = 4
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


def neighbour(host: Host, address: str, interface: str) -> str:
    """The MAC by which the kernel reaches an IPv6 address, "" if it does not: it says so some seconds after it was asked."""
    words = ["ip", "-6", "-json", "neigh", "show", "to", address, "dev", interface]
    try:
        found = json.loads(host.run(words, check=False).stdout or "[]")
    except ValueError:
        return ""
    return next((n["lladdr"] for n in found if "lladdr" in n and not {"FAILED", "INCOMPLETE"} & set(n.get("state", ()))), "")


def resolved(host: Host, address: str, interface: str) -> tuple[str, ...]:
    """Who has an address, by ARP or neighbour discovery: MAC addresses."""
    if version(address) == _IPV4:
        return arping(host, address, interface)
    mac = neighbour(host, address, interface)
    return (mac,) if mac else ()


def gateway(host: Host, plane: PlaneReport, address: str) -> GatewayProbe:
    """A router that answers no ping, by its own policy, is there all the same when it answers ARP or neighbour discovery."""
    if ping(host, address, plane.interface, plane.mtu):
        return GatewayProbe(plane=plane.name, address=address, answers=True, passes=True)
    if ping(host, address, plane.interface):
        return GatewayProbe(plane=plane.name, address=address, answers=True, passes=False)
    return GatewayProbe(plane=plane.name, address=address, answers=bool(resolved(host, address, plane.interface)))


def probe(host: Host, report: NetworkReport) -> Iterator[Answer]:
    """All that is asked, one by one, so that whoever asks may stop in between. Nothing where there is no link."""
    own = {str(link["mac"]).lower() for link in host.netlink.links()}
    for plane in report.planes:
        if not plane.interface or not report.uplink(plane).link:
            continue
        for address in plane.gateways:
            yield gateway(host, plane, address)
        for held in plane.addresses:
            bare = held.address.partition("/")[0]
            if version(bare) == _IPV4:
                macs = duplicates(host, bare, plane.interface, own)
                yield DuplicateProbe(plane=plane.name, address=held.address, macs=macs)


def gathered(found: Collection[Answer]) -> Probes:
    """The answers by their kind."""
    return Probes(
        gateways=tuple(p for p in found if isinstance(p, GatewayProbe)),
        duplicates=tuple(p for p in found if isinstance(p, DuplicateProbe)),
    )
