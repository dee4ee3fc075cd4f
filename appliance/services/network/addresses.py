# SPDX-License-Identifier: Apache-2.0
"""The address that the node has on a plane, for engines that have to be told one. Pure."""

import ipaddress
from collections.abc import Sequence

from appliance.model.inventory import Inventory
from appliance.model.spec import Spec
from appliance.services.network.gone import remaining
from appliance.services.network.topology import Uplink


def standing(inventory: Inventory, spec: Spec, name: str) -> str:
    """`first`, for those who have not resolved the planes."""
    return first(inventory, spec, remaining(inventory, spec)[0], name)


def first(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink], name: str) -> str:
    """The plane's first static address, or what a server or router has given; "" for none yet, and for no plane."""
    stated = spec.network.planes.given[name].addresses if name else ()
    here = [(uplink, plane) for uplink in uplinks for plane in uplink.planes if plane.name == name]
    links = {plane.name if plane in uplink.apart else uplink.link for uplink, plane in here}
    given = (a.address for a in inventory.addresses if a.link in links and a.scope == "global")
    found = next(iter((*stated, *given)), "")
    return str(ipaddress.ip_interface(found).ip) if found else ""
