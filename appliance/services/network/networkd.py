# SPDX-License-Identifier: Apache-2.0
"""Uplinks -> the files that systemd-networkd shall read. Pure.

Ports are matched by their permanent MAC address, so a name that the kernel or a driver changes changes nothing. A bond has
the address of its first port, whichever comes up first: a DHCP server knows the node by it. What the virtual switch has,
networkd brings up and leaves where it is.
"""

from collections.abc import Iterator, Sequence

from appliance.model.rendered import HEADER
from appliance.services.network.firewall import GROUPS
from appliance.services.network.topology import Plane, Uplink

FOLDER = "/run/systemd/network"
PREFIX = f"{FOLDER}/10-trivet-"


def files(uplinks: Sequence[Uplink]) -> dict[str, str]:
    """Path -> content."""
    from appliance.services.network.templates import render  # noqa: PLC0415 - jinja2 is 30 ms, and `inspect` needs none

    parts = (part for uplink in uplinks for part in _parts(uplink))
    return {f"{PREFIX}{name}": HEADER + render(template, **values).rstrip() + "\n" for name, template, values in parts}


def _parts(uplink: Uplink) -> Iterator[tuple[str, str, dict[str, object]]]:
    """(the end of the file's name, its template, what the template is told) for each file of an uplink."""
    name, group = uplink.owner.name, _group(uplink.itself)
    if uplink.bond:
        values: dict[str, object] = {"uplink": uplink, "mode": uplink.owner.spec.bond, "group": group}
        yield f"{name}-bond.netdev", "bond.netdev", values
        yield f"{name}-bond.network", "bond.network", values
    for nic in uplink.nics:
        # One port: called like its plane. Members of a bond: by their addresses, which is how they are matched, too.
        end = f"-{nic.mac.replace(':', '')}" if uplink.bond else ""
        yield f"{name}{end}.network", "port.network", {"uplink": uplink, "nic": nic, "group": 0 if uplink.bond else group}
    for plane in uplink.apart:
        if not uplink.switched:
            yield f"{plane.name}-vlan.netdev", "vlan.netdev", {"plane": plane}
        yield f"{plane.name}-plane.network", "plane.network", {"plane": plane, "group": _group(plane)}


def _group(plane: Plane | None) -> int:
    """The link group by which the firewall knows the plane that stands on an interface; 0 for none."""
    return GROUPS[plane.name] if plane else 0
