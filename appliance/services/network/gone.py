# SPDX-License-Identifier: Apache-2.0
"""(ports, the spec that a node follows) -> the uplinks that it can still have, and what its hardware has lost. Pure.

A new spec is refused when a port is not there: somebody reads why, and nothing was changed. Who follows the saved one starts
alone in a rack: there a card that died takes with it what stood on it, and nothing else. A bond goes on with the ports that are
left; a plane without any is left out, with those that stand on it; no port takes the place of another. What is gone is an alert.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from appliance.model.inventory import Inventory
from appliance.model.netreport import Alert
from appliance.model.network import Nic
from appliance.model.problem import Problem
from appliance.model.selector import NicSelector, Selection
from appliance.model.spec import Spec
from appliance.services.network.ports import left
from appliance.services.network.sriov import PLACE as SRIOV
from appliance.services.network.topology import PLACE, Uplink, joined, owners, ports_of, stand

_AGAIN = "put the card in again and say `trivet apply`, or name other ports in the spec; `trivet inspect` shows them"
_REACHED = "put the card in again and restart this node, or give management another port at its console"
_UNREACHED = "nobody reaches this node by its management network"


def remaining(inventory: Inventory, spec: Spec) -> tuple[tuple[Uplink, ...], list[Problem], tuple[Alert, ...]]:
    """The uplinks with the ports that are there; what is wrong with the spec itself; what is gone.

    A port that two planes would have now, since another one has its place, is that of the first: management's above all.
    """
    ports: dict[str, tuple[Nic, ...]] = {}
    problems = list(stand(spec))
    alerts: list[Alert] = []
    for name, plane in owners(spec).items():
        taken = {nic.mac: other for other, nics in ports.items() for nic in nics}
        nics, gone, wrong = ports_of(name, plane, partial(_left, inventory, spec, taken))
        problems += wrong
        ports |= {name: nics} if nics and not wrong else {}
        alerts += _bond(name, nics, gone) if nics else [_plane(name, "; ".join(gone.values()))] if gone else []
    without = {alert.where.removeprefix(f"{PLACE}.") for alert in alerts}
    alerts += (_guest(name, plane.on) for name, plane in spec.network.planes.given.items() if plane.on and plane.on in without)
    uplinks, shared = joined(spec, ports)
    return uplinks, [*problems, *shared], (*alerts, *_functions(inventory, spec))


def _left(inventory: Inventory, spec: Spec, taken: Mapping[str, str], selector: NicSelector) -> Selection[Nic]:
    """What is left for a plane beside those that have chosen before it."""
    selection = left(inventory, spec, selector)
    others = (f"{nic.label} belongs to {taken[nic.mac]} already" for nic in selection.chosen if nic.mac in taken)
    mine = tuple(nic for nic in selection.chosen if nic.mac not in taken)
    return Selection(mine, (), "; ".join(filter(None, (selection.problem, *others))))


def _bond(name: str, nics: Sequence[Nic], gone: Mapping[int, str]) -> Iterator[Alert]:
    ports = ", ".join(nic.label for nic in nics)
    for number, what in gone.items():
        where, message = f"{PLACE}.{name}.nics[{number}]", f"{what}: the bond goes on with {ports}"
        yield Alert(where=where, severity="warning", message=message, hint=_AGAIN)


def _plane(name: str, gone: str) -> Alert:
    where, managed = f"{PLACE}.{name}", name == "management"
    message = f"{gone}: no port is left, and {_UNREACHED if managed else 'the plane is left out'}"
    return Alert(where=where, severity="critical", message=message, hint=_REACHED if managed else _AGAIN)


def _guest(name: str, host: str) -> Alert:
    managed = name == "management"
    message = f"no port of {host} is left, on whose ports it stands: {_UNREACHED if managed else 'it is left out, too'}"
    return Alert(where=f"{PLACE}.{name}", severity="critical", message=message, hint=f"see what is said of {host}")


def _functions(inventory: Inventory, spec: Spec) -> Iterator[Alert]:
    for number, entry in enumerate(spec.network.sriov):
        selection = left(inventory, spec, entry.nic.counted(1))
        if selection.problem:
            message = f"{selection.problem}: its virtual functions are left out"
            yield Alert(where=f"{SRIOV}[{number}].nic", severity="warning", message=message, hint=_AGAIN)
