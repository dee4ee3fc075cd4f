# SPDX-License-Identifier: Apache-2.0
"""(addresses, planes of the spec) -> this node as a chassis of OVN. Pure.

OVN runs where there is a network for VMs: with a business or an overlay plane. Its tunnels end on the overlay plane; when the
spec has none, on management's, as in a lab with one port. A card that died moves them nowhere: what VMs send to each other is
not for another plane, and with the address that the spec says the networks of the other planes go on.
"""

from collections.abc import Sequence

from appliance.model.inventory import Inventory
from appliance.model.network import Chassis
from appliance.model.spec import Spec
from appliance.services.network import addresses
from appliance.services.network.gone import remaining
from appliance.services.network.topology import BRIDGE, Uplink


def tunnels(spec: Spec) -> str:
    """The plane on which OVN's tunnels end; "" when OVN does not run."""
    planes = spec.network.planes
    return "overlay" if planes.overlay else "management" if planes.business else ""


def chassis(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> Chassis | None:
    """What this node shall be in OVN; None when OVN does not run, or as long as its plane has no address."""
    encap = end(inventory, spec, uplinks)
    mappings = (("business", BRIDGE),) if any(uplink.switched for uplink in uplinks) else ()
    return Chassis(name=spec.node.name, encap=encap, mappings=mappings) if encap else None


def waiting(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> bool:
    """Shall OVN run, and has its plane no address yet?"""
    return bool(tunnels(spec)) and not end(inventory, spec, uplinks)


def address(inventory: Inventory, spec: Spec) -> str:
    """`end`, for those who have not resolved the planes."""
    return end(inventory, spec, remaining(inventory, spec)[0])


def end(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> str:
    """The address at which tunnels end; "" for none yet."""
    return addresses.first(inventory, spec, uplinks, tunnels(spec))
