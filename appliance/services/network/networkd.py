# SPDX-License-Identifier: Apache-2.0
"""Uplinks -> the files that systemd-networkd shall read. Pure.

Ports are matched by their permanent MAC address, so a name that the kernel or a driver changes changes nothing. A bond has
the address of its first port, whichever comes up first: a DHCP server knows the node by it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from appliance.model.rendered import HEADER
from appliance.services.network.topology import Uplink

FOLDER = "/run/systemd/network"
PREFIX = f"{FOLDER}/10-trivet-"


def files(uplinks: Sequence[Uplink]) -> dict[str, str]:
    """Path -> content."""
    import jinja2  # noqa: PLC0415 - 30 ms that `trivet inspect` and most of `trivet status` need not wait for

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    parts = (part for uplink in uplinks for part in _parts(uplink))
    return {
        f"{PREFIX}{name}": HEADER + environment.get_template(f"{template}.j2").render(values).rstrip() + "\n"
        for name, template, values in parts
    }


def _parts(uplink: Uplink) -> Iterator[tuple[str, str, dict[str, object]]]:
    """(the end of the file's name, its template, what the template is told) for each file of an uplink."""
    name = uplink.owner.name
    if uplink.bond:
        values: dict[str, object] = {"uplink": uplink, "mode": uplink.owner.spec.bond}
        yield f"{name}-bond.netdev", "bond.netdev", values
        yield f"{name}-bond.network", "bond.network", values
    for nic in uplink.nics:
        # One port: called like its plane. Members of a bond: by their addresses, which is how they are matched, too.
        end = f"-{nic.mac.replace(':', '')}" if uplink.bond else ""
        yield f"{name}{end}.network", "port.network", {"uplink": uplink, "nic": nic}
    for plane in uplink.tagged:
        yield f"{plane.name}-vlan.netdev", "vlan.netdev", {"plane": plane}
        yield f"{plane.name}-vlan.network", "vlan.network", {"plane": plane}
