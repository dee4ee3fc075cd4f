# SPDX-License-Identifier: Apache-2.0
"""(addresses, planes of the spec) -> this node as a chassis of OVN. Pure.

OVN runs where there is a network for VMs: with a business or an overlay plane. Its tunnels end on the overlay plane; when the
spec has none, on management's, as in a lab with one port. A card that died moves them nowhere: what VMs send to each other is
not for another plane, and with the address that the spec says the networks of the other planes go on.
"""

from collections.abc import Iterator, Sequence

from appliance.model.central import DEFAULTS, NORTHD, defaults, northd, shared
from appliance.model.cluster import control_members, myself
from appliance.model.inventory import Inventory
from appliance.model.network import Chassis
from appliance.model.plan import RenderFile
from appliance.model.rendered import render
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
    if not encap:
        return None
    alone = Chassis(name=spec.node.name, encap=encap, mappings=mappings)
    document, me = inventory.cluster, myself(inventory.cluster, inventory.system.machine_id)
    if document is None or me is None or not shared(document):
        return alone
    known = tuple(each.address for each in control_members(document))
    return alone.model_copy(update={"remotes": known, "central": me.address if me.control else None})


def rendered(inventory: Inventory, wished: Chassis | None) -> Iterator[RenderFile]:
    """The files that the databases and northd are started with, where they are the cluster's."""
    if wished is not None and wished.central:
        why = "OVN's databases are on all control nodes"
        yield from render(inventory, DEFAULTS, defaults(wished.central), why=why)
        yield from render(inventory, NORTHD, northd(wished.remotes), why=why, reload="ovn-northd.service")
    elif inventory.system.files.get(NORTHD):
        for path in (NORTHD, DEFAULTS):
            yield from render(inventory, path, "", why="OVN's databases are not on this node, or its own")


def waiting(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> bool:
    """Shall OVN run, and has its plane no address yet?"""
    return bool(tunnels(spec)) and not end(inventory, spec, uplinks)


def address(inventory: Inventory, spec: Spec) -> str:
    """`end`, for those who have not resolved the planes."""
    return end(inventory, spec, remaining(inventory, spec)[0])


def end(inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink]) -> str:
    """The address at which tunnels end; "" for none yet."""
    return addresses.first(inventory, spec, uplinks, tunnels(spec))
