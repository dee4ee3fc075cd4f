# SPDX-License-Identifier: Apache-2.0
"""(what the network is, the planes of the spec) -> steps. Pure.

All of networkd's files are one step: between two of them there would be a network that nobody wished for.
"""

from collections.abc import Iterator

from appliance.model.inventory import Inventory
from appliance.model.netreport import Alert
from appliance.model.plan import ConfigureNetwork, ConfigureOvn, File, LoadFirewall, Pending, Step
from appliance.model.problem import Problem
from appliance.model.rendered import digest
from appliance.model.spec import Spec
from appliance.services.network import firewall, geneve, networkd, ovn, ports, reach, sriov, switch
from appliance.services.network.gone import remaining
from appliance.services.network.topology import PLACE, Plane, Uplink, resolve


def check(inventory: Inventory, spec: Spec, *, follow: bool = False) -> Iterator[Problem]:
    """What this machine's ports cannot give, and what planes on the same ports cannot share.

    With `follow` (as in flow.plan) only what keeps even those planes whose ports are there from being carried out.
    """
    uplinks, problems, _ = _resolved(inventory, spec, follow=follow)
    yield from problems
    yield from reach.check(Plane(name, plane) for name, plane in spec.network.planes.given.items())
    if not follow:
        yield from _beside(inventory, spec, uplinks)


def _resolved(inventory: Inventory, spec: Spec, *, follow: bool) -> tuple[tuple[Uplink, ...], list[Problem], tuple[Alert, ...]]:
    """The uplinks, what is wrong with them, and what is gone without being wrong."""
    return remaining(inventory, spec) if follow else (*resolve(inventory, spec), ())


def _beside(inventory: Inventory, spec: Spec, uplinks: tuple[Uplink, ...], *, follow: bool = False) -> Iterator[Problem]:
    """What is wrong with what planes carry, and not with the planes."""
    yield from sriov.resolve(inventory, spec, uplinks, follow=follow)[1]
    yield from _tunnels(inventory, spec, uplinks)


def _tunnels(inventory: Inventory, spec: Spec, uplinks: tuple[Uplink, ...]) -> Iterator[Problem]:
    """VMs' networks are IPv6 networks, too."""
    for plane in (p for uplink in uplinks for p in uplink.planes if p.name == ovn.tunnels(spec)):
        left = geneve.guest_mtu(plane.mtu, ovn.end(inventory, spec, uplinks))
        if left < reach.IPV6_LEAST:
            message = f"of {plane.mtu} bytes the tunnels leave VMs' networks {left}, and IPv6 needs {reach.IPV6_LEAST}"
            hint = f"give it mtu: {plane.mtu + reach.IPV6_LEAST - left} or more"
            yield Problem(where=f"{PLACE}.{plane.name}.mtu", message=message, hint=hint)


def plan(inventory: Inventory, spec: Spec, *, follow: bool = False) -> Iterator[Step]:
    """The files that are not as they should be, those of an earlier spec among them, which go; the kernel's devices."""
    uplinks, _, _ = _resolved(inventory, spec, follow=follow)
    # First: at boot nothing comes in before it is there.
    known = inventory.cluster
    if inventory.firewall != firewall.digest(spec, known):
        why = "what may come in on each plane, and nothing else"
        yield LoadFirewall(content=firewall.table(spec, known), digest=firewall.digest(spec, known), why=why)
    yield from ports.plan(inventory, spec, follow=follow)
    changed = _changed(inventory, uplinks)
    devices = tuple(device for uplink in uplinks for device in uplink.devices)
    if changed or not set(devices) <= set(inventory.devices) or switch.surplus(devices, inventory.devices):
        carried = "; ".join(_words(uplink) for uplink in uplinks) or "no port of any plane is there"
        files = tuple(File(path=path, content=text) for path, text in changed.items())
        yield ConfigureNetwork(files=files, devices=devices, why=f"{PLACE}: {carried}")
    chassis = ovn.chassis(inventory, spec, uplinks)
    if not ovn.waiting(inventory, spec, uplinks):
        yield from ovn.rendered(inventory, chassis)
    if not ovn.waiting(inventory, spec, uplinks) and inventory.chassis != chassis:
        tunnels = f"for VMs' networks, with tunnels on the {ovn.tunnels(spec)} plane"
        yield ConfigureOvn(chassis=chassis, why=tunnels if chassis else "no plane is left for VMs' networks")
    yield from sriov.plan(sriov.able(*sriov.resolve(inventory, spec, uplinks, follow=follow)), inventory.pools)


def _changed(inventory: Inventory, uplinks: tuple[Uplink, ...]) -> dict[str, str]:
    """Path -> content of what is to be written, "" for what is to be removed."""
    present = {p: d for p, d in inventory.system.files.items() if p.startswith(networkd.PREFIX)}
    wanted = dict.fromkeys(present, "") | networkd.files(uplinks)
    return {path: text for path, text in sorted(wanted.items()) if present.get(path, "") != digest(text)}


def _words(uplink: Uplink) -> str:
    """An uplink for a person: `management and storage on bond-management (802.3ad) of 2 ports`."""
    names = " and ".join(plane.name for plane in uplink.planes)
    ports = ", ".join(nic.label for nic in uplink.nics)
    return f"{names} on {uplink.bond} ({uplink.owner.spec.bond}) of {ports}" if uplink.bond else f"{names} on {ports}"


def pending(inventory: Inventory, spec: Spec, *, follow: bool = False) -> Iterator[Pending]:
    """What is wished and not there: ports that are gone, addresses that have not come up."""
    uplinks, problems, gone = _resolved(inventory, spec, follow=follow)
    said = {alert.where for alert in gone}
    wrong = _beside(inventory, spec, uplinks, follow=True) if follow else ()
    lost: list[Alert | Problem] = [*gone, *(problem for problem in wrong if problem.where not in said)]
    yield from (Pending(where=each.where, why=each.message, hint=each.hint, lost=True) for each in lost)
    if ovn.waiting(inventory, spec, uplinks):
        tunnels = ovn.tunnels(spec)
        if any(plane.name == tunnels for uplink in uplinks for plane in uplink.planes):
            yield Pending(where=f"{PLACE}.{tunnels}.address", why="there is none yet, and OVN needs it for its tunnels")
        else:
            why, hint = "OVN needs an address here for its tunnels, and does not start without one", f"write one for {tunnels}"
            yield Pending(where=f"{PLACE}.{tunnels}", why=why, hint=hint, lost=True)
    if problems or _changed(inventory, uplinks):
        return
    present = {a.address for a in inventory.addresses}
    for uplink in uplinks:
        linked = any(nic.link for nic in uplink.nics)
        why = "networkd has not set it; see `journalctl -u systemd-networkd`" if linked else "its ports have no link"
        for plane in uplink.planes:
            for address in plane.spec.addresses:
                if address not in present:
                    yield Pending(where=f"{PLACE}.{plane.name}.address", why=f"{address} is not on this machine: {why}")
