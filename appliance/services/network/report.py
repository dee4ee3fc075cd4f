# SPDX-License-Identifier: Apache-2.0
"""(machine, its ports, the spec that it follows) -> the network as it is at this moment. Reads only.

One dump of links, of addresses and of routes; of a bond with LACP also the kernel's own report, which alone knows what each
member hears from its other end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.model.netreport import Counters, HeldAddress, NetworkReport, PlaneReport, PortReport, UplinkReport
from appliance.model.network import Nic
from appliance.model.spec import Spec
from appliance.services.network import ovn
from appliance.services.network.geneve import guest_mtu
from appliance.services.network.gone import remaining
from appliance.services.network.health import LACP
from appliance.services.network.observe import chosen, observe, port_names
from appliance.services.network.topology import Plane, Uplink

_BONDS = "/proc/net/bonding"
_NOBODY = "00:00:00:00:00:00"

Link = Mapping[str, Any]


def ports(host: Host) -> Inventory:
    """So much of an inventory as a report needs: no disk is asked for it, and not Open vSwitch."""
    nics, _, addresses = observe(host)
    return Inventory(nics=nics, chosen=chosen(host), addresses=addresses)


def report(host: Host, inventory: Inventory, spec: Spec) -> NetworkReport:
    """The planes whose ports this machine has, and why it has those of the others not."""
    links = host.netlink.links()
    uplinks, problems, gone = remaining(inventory, spec)
    names = port_names(links)
    reports = tuple(_uplink(host, uplink, names, {str(link["name"]): link for link in links}) for uplink in uplinks)
    held, gateways = host.netlink.addresses(), host.netlink.gateways()
    tunnels = ovn.end(inventory, spec, uplinks)
    ends = {ovn.tunnels(spec): tunnels}
    planes = (
        _plane(plane, uplink, now, held, gateways, end=ends.get(plane.name))
        for uplink, now in zip(uplinks, reports, strict=True)
        for plane in uplink.planes
    )
    order = list(spec.network.planes.given)
    ordered = tuple(sorted(planes, key=lambda plane: order.index(plane.name)))
    return NetworkReport(planes=ordered, uplinks=reports, problems=tuple(problems), gone=gone, tunnels=tunnels)


def _plane(
    plane: Plane,
    uplink: Uplink,
    now: UplinkReport,
    held: Sequence[Mapping[str, Any]],
    gateways: Sequence[Mapping[str, Any]],
    *,
    end: str | None,
) -> PlaneReport:
    """`end` is where tunnels end, if they do on this plane."""
    interface = (plane.name if plane in uplink.apart else now.interface) if plane.stands else ""
    mine = tuple(a for a in held if interface and a["link"] == interface and a["scope"] == "global")
    addresses = tuple(HeldAddress(address=a["address"], duplicate=bool(a.get("duplicate"))) for a in mine)
    found = tuple(str(g["address"]) for g in gateways if interface and g["link"] == interface)
    return PlaneReport(
        name=plane.name,
        uplink=uplink.owner.name,
        interface=interface,
        vlan="trunk" if plane.spec.vlan == "trunk" else plane.vlan,
        mtu=plane.mtu,
        addresses=addresses,
        # Those of the spec first: they are asked for even when a pulled cable has taken their routes away.
        gateways=tuple(dict.fromkeys((*plane.spec.gateways, *found))),
        guest_mtu=guest_mtu(plane.mtu, end) if end is not None else 0,
    )


def _uplink(host: Host, uplink: Uplink, names: Mapping[str, str], links: Mapping[str, Link]) -> UplinkReport:
    if not uplink.bond:
        (nic,) = uplink.nics
        link = links.get(names.get(nic.mac, ""), {})
        port = _port(nic, link, member=True, active=nic.link)
        return UplinkReport(owner=uplink.owner.name, interface=port.interface, link=nic.link, ports=(port,))
    mode, bond = uplink.owner.spec.bond, links.get(uplink.bond, {})
    told: Mapping[str, Any] = bond.get("bond") or {}
    heard = partners(host.files.read(f"{_BONDS}/{uplink.bond}") or "") if mode == LACP else {}
    members = []
    for nic in uplink.nics:
        link = links.get(names.get(nic.mac, ""), {})
        slave: Mapping[str, Any] = link.get("slave") or {}
        aggregator = int(slave.get("aggregator", 0))
        active = bool(nic.link and slave.get("active") and (mode != LACP or aggregator == told.get("aggregator")))
        port = _port(nic, link, member=link.get("master") == uplink.bond, active=active)
        members.append(port.model_copy(update={"aggregator": aggregator, "partner": heard.get(port.interface, "")}))
    return UplinkReport(
        owner=uplink.owner.name,
        interface=uplink.bond if bond else "",
        bond=mode,
        link=bool(bond.get("up") and bond.get("carrier")),
        aggregator=told.get("aggregator", 0),
        partner=told.get("partner", ""),
        ports=tuple(members),
    )


def _port(nic: Nic, link: Link, *, member: bool, active: bool) -> PortReport:
    return PortReport(
        mac=nic.mac,
        pci=nic.pci,
        driver=nic.driver,
        interface=link.get("name", ""),
        link=nic.link,
        speed=nic.speed,
        member=member,
        active=active,
        cable_to=nic.lldp,
        losses=link.get("losses", 0),
        counters=Counters(**link.get("stats") or {}),
    )


def partners(text: str) -> dict[str, str]:
    """The kernel's report on a bond -> interface of a member -> MAC of the system at its other end, of those that hear one.

    The report has a block for each member, and in it `details partner lacp pdu:` with a `system mac address`.
    """
    found: dict[str, str] = {}
    member = block = ""
    for line in text.splitlines():
        key, _, value = (word.strip() for word in line.partition(": " if ": " in line else ":"))
        if key == "Slave Interface":
            member, block = value, ""
        elif key.startswith("details "):
            block = key
        elif key == "system mac address" and block == "details partner lacp pdu" and value != _NOBODY:
            found[member] = value.lower()
    return found
