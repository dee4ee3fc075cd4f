# SPDX-License-Identifier: Apache-2.0
"""(addresses, planes of the spec) -> this node as a chassis of OVN. Pure.

OVN runs where there is a network for VMs: with a business or an overlay plane. Its tunnels end on the overlay plane; without
one, on management's, as in a lab with one port.
"""

import ipaddress
from collections.abc import Sequence

from appliance.model.inventory import Inventory
from appliance.model.network import Chassis
from appliance.model.spec import Spec
from appliance.services.network.topology import BRIDGE, Uplink, resolve


def tunnels(spec: Spec) -> str:
    """The plane on which OVN's tunnels end; "" when OVN does not run."""
    planes = spec.network.planes
    return "overlay" if planes.overlay else "management" if planes.business else ""


def chassis(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> Chassis | None:
    """What this node shall be in OVN; None when OVN does not run, or as long as its plane has no address."""
    encap = end(inventory, spec, uplinks)
    mappings = (("business", BRIDGE),) if spec.network.planes.business else ()
    return Chassis(name=spec.node.name, encap=encap, mappings=mappings) if encap else None


def waiting(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> bool:
    """Shall OVN run, and has its plane no address yet?"""
    return bool(tunnels(spec)) and not end(inventory, spec, uplinks)


def address(inventory: Inventory, spec: Spec) -> str:
    """`end`, for those who have not resolved the planes."""
    return end(inventory, spec, resolve(inventory, spec)[0])


def end(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> str:
    """The address at which tunnels end: the plane's first static one, or what a server or router has given; "" for none yet."""
    found = [(uplink, plane) for uplink in uplinks for plane in uplink.planes if plane.name == tunnels(spec)]
    if not found:
        return ""
    uplink, plane = found[0]
    link = plane.name if plane in uplink.apart else uplink.link
    given = (a.address for a in inventory.addresses if a.link == link and a.scope == "global")
    first = next(iter((*plane.spec.addresses, *given)), "")
    return str(ipaddress.ip_interface(first).ip) if first else ""
