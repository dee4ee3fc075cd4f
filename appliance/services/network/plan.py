# SPDX-License-Identifier: Apache-2.0
"""(NICs, network spec) -> networkd's files, as steps. Pure.

So far the management plane on one port: static, DHCP, SLAAC, on a VLAN or not. Files match on the permanent MAC address, so
a name that the kernel changes changes nothing.
"""

from collections.abc import Iterator

from appliance.model.inventory import Inventory
from appliance.model.network import Nic
from appliance.model.plan import Pending, Step
from appliance.model.problem import Problem
from appliance.model.rendered import HEADER, digest, render
from appliance.model.selector import select
from appliance.model.spec import PlaneSpec, Spec

FOLDER = "/run/systemd/network"
NETWORKD = "systemd-networkd.service"
PLACE = "network.planes.management"
VLAN_NAME = "management"
"""The kernel's name of the VLAN interface that carries the plane; within the 15 characters that it allows."""

_PORT = """\
[Match]
{{ "PermanentMACAddress" if nic.permanent else "MACAddress" }}={{ nic.mac }}
Type=ether
{{ link }}
[Network]
{% if plane.vlan %}
VLAN={{ vlan_name }}
LinkLocalAddressing=no
IPv6AcceptRA=no
{% else %}
{{ address }}
{% endif %}
"""
_VLAN_DEVICE = """\
[NetDev]
Name={{ vlan_name }}
Kind=vlan

[VLAN]
Id={{ plane.vlan }}
"""
_VLAN_NETWORK = """\
[Match]
Name={{ vlan_name }}
{{ link }}
[Network]
{{ address }}
"""
_LINK = """\
{% if plane.mtu %}

[Link]
MTUBytes={{ plane.mtu }}
{% endif %}
"""
_ADDRESS = """\
{% if plane.address == "dhcp" %}
DHCP=yes
{% endif %}
IPv6AcceptRA={{ "yes" if plane.address in ("dhcp", "slaac") else "no" }}
{% for address in plane.addresses %}
Address={{ address }}
{% endfor %}
{% if plane.gateway %}
Gateway={{ plane.gateway }}
{% endif %}
{% for server in plane.dns %}
DNS={{ server }}
{% endfor %}
LLDP=yes
EmitLLDP=nearest-bridge
{% if plane.address == "dhcp" %}

[DHCPv4]
ClientIdentifier=mac
UseHostname=no
{% endif %}
"""


def _render(template: str, **values: object) -> str:
    import jinja2  # noqa: PLC0415 - 30 ms that `trivet inspect` and most of `trivet status` need not wait for

    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template).render(vlan_name=VLAN_NAME, **values)


def _port(inventory: Inventory, plane: PlaneSpec) -> tuple[Nic | None, list[Problem]]:
    """The one port of the management plane, or why there is none."""
    if len(plane.nics) > 1 or plane.bond != "none" or plane.on:
        hint = "give one selector under nics, without bond and on"
        return None, [Problem(where=PLACE, message="this version can put management on one port only", hint=hint)]
    if not plane.nics:
        return None, [Problem(where=f"{PLACE}.nics", message="no port is named", hint='such as [{mac: "52:54:00:12:34:56"}]')]
    selection = select(plane.nics[0], [nic for nic in inventory.nics if not nic.vf_of])
    if not selection.chosen:
        return None, [Problem(where=f"{PLACE}.nics[0]", message=selection.problem, hint="see `trivet inspect`")]
    if len(selection.chosen) > 1:
        return None, [Problem(where=f"{PLACE}.nics[0].count", message="this version can put management on one port only")]
    return selection.chosen[0], []


def check(inventory: Inventory, spec: Spec) -> Iterator[Problem]:
    """What this machine's ports cannot give."""
    plane = spec.network.planes.management
    yield from _port(inventory, plane)[1]
    if plane.address == "none":
        hint = 'give "dhcp", "slaac" or an address such as 10.0.0.11/24'
        yield Problem(where=f"{PLACE}.address", message="the management plane needs an address", hint=hint)
    if plane.vlan == "trunk":
        yield Problem(where=f"{PLACE}.vlan", message="management is on one VLAN, not on a trunk", hint="give its number")


def files(nic: Nic, plane: PlaneSpec) -> dict[str, str]:
    """Path -> content of what networkd shall read for the management plane. "" removes a file of an earlier spec."""
    values = {"nic": nic, "plane": plane, "address": _render(_ADDRESS, plane=plane).strip(), "link": _render(_LINK, plane=plane)}
    contents = {
        "-vlan.netdev": _render(_VLAN_DEVICE, **values) if plane.vlan else "",
        "-vlan.network": _render(_VLAN_NETWORK, **values) if plane.vlan else "",
        ".network": _render(_PORT, **values),
    }
    return {f"{FOLDER}/10-trivet-management{end}": text and HEADER + text.rstrip() + "\n" for end, text in contents.items()}


def plan(inventory: Inventory, spec: Spec) -> Iterator[Step]:
    """Render networkd's files; those that changed make networkd read them again."""
    plane = spec.network.planes.management
    nic, _ = _port(inventory, plane)
    if nic is None:
        return
    for path, content in files(nic, plane).items():
        yield from render(inventory, path, content, why=f"{PLACE} on {nic.label}", reload=NETWORKD)


def pending(inventory: Inventory, spec: Spec) -> Iterator[Pending]:
    """What is wished and not there: planes of later versions, and addresses that have not come up."""
    planes = spec.network.planes
    later = "this version of Trivet reads it and does not carry it out yet"
    for name in ("business", "overlay", "storage"):
        if getattr(planes, name) is not None:
            yield Pending(where=f"network.planes.{name}", why=later)
    if spec.network.sriov:
        yield Pending(where="network.sriov", why=later)
    nic, _ = _port(inventory, planes.management)
    if nic is None or not _rendered(inventory, nic, planes.management):
        return
    present = {a.address for a in inventory.addresses}
    for address in planes.management.addresses:
        if address not in present:
            why = "the port has no link" if not nic.link else "networkd has not set it; see `journalctl -u systemd-networkd`"
            yield Pending(where=f"{PLACE}.address", why=f"{address} is not on this machine: {why}")


def _rendered(inventory: Inventory, nic: Nic, plane: PlaneSpec) -> bool:
    return all(inventory.system.files.get(p, "") == digest(c) for p, c in files(nic, plane).items())
