# SPDX-License-Identifier: Apache-2.0
"""What a plane says of its own addresses and routes that no network would make true. Pure.

The kernel refuses a route by a router that it cannot reach, and takes IPv6 off a link whose packets are too small for it:
networkd says so in its log, and the plane would be without them.
"""

import ipaddress
from collections.abc import Iterator

from appliance.model.problem import Problem
from appliance.services.network.topology import PLACE, Plane

IPV6_LEAST = 1280
"""Bytes that every link of an IPv6 network carries (RFC 8200)."""


def check(planes: Iterator[Plane]) -> Iterator[Problem]:
    """Everything that is wrong with single planes, whatever ports they have."""
    for plane in planes:
        yield from _routes(plane)
        yield from _packets(plane)


def _routes(plane: Plane) -> Iterator[Problem]:
    """A router is in one of the plane's networks. Those that a server or a router gives are not known yet."""
    for number, route in enumerate(plane.spec.routes):
        via = ipaddress.ip_address(route.via)
        given = plane.spec.dhcp if isinstance(via, ipaddress.IPv4Address) else plane.spec.announced
        if not (given or plane.spec.reaches(route.via)):
            message = f"the router {via} is in none of the plane's networks"
            hint = "give the plane an address in its network, or write the route at the plane that has one"
            yield Problem(where=f"{PLACE}.{plane.name}.routes[{number}].via", message=message, hint=hint)


def _packets(plane: Plane) -> Iterator[Problem]:
    """DHCP alone is no wish for IPv6: it takes what there is."""
    six = any(isinstance(ipaddress.ip_interface(address), ipaddress.IPv6Interface) for address in plane.spec.addresses)
    if plane.mtu < IPV6_LEAST and (six or (plane.spec.announced and not plane.spec.dhcp)):
        message = f"{plane.mtu} bytes are too few for IPv6, which needs {IPV6_LEAST}"
        yield Problem(where=f"{PLACE}.{plane.name}.mtu", message=message, hint=f"give it mtu: {IPV6_LEAST} or more")
