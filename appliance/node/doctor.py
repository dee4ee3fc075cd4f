# SPDX-License-Identifier: Apache-2.0
"""The doctor on this node: who the others are, what is asked of whom, what comes of it."""

import time
from collections.abc import Callable, Iterator, Sequence

from pydantic import ValidationError

from appliance import __version__, flow
from appliance.cluster import doctor, examine
from appliance.errors import ApplianceError
from appliance.host import peer
from appliance.host.connect import connect
from appliance.host.dns import ask
from appliance.host.host import Host
from appliance.model.cluster import API_PORT
from appliance.model.doctor import Answers, Report, Side
from appliance.model.inventory import Inventory
from appliance.model.joining import Greeting
from appliance.model.netreport import NetworkReport
from appliance.node.status import followed
from appliance.services.network import report


def visit(host: Host, addresses: Sequence[str], say: Callable[[str], None]) -> Report:
    """Ask everything, of the other members and of those at `addresses`."""
    answers = asked(host, addresses, say)
    names = [path.peer for path in answers.paths]
    told = ("this node", *dict.fromkeys(names))
    return Report(findings=tuple(doctor.findings(answers)), asked=told, unasked=answers.unasked)


def asked(host: Host, addresses: Sequence[str], say: Callable[[str], None]) -> Answers:
    """The answers alone."""
    spec, _ = followed(host)
    inventory = flow.inspect(host)
    now = report.report(host, report.ports(host), spec)
    others = examine.targets(inventory.cluster, spec.node.name, tuple(addresses))
    servers = tuple(dict.fromkeys(server for plane in spec.network.planes.given.values() for server in plane.dns))
    me = side(host, inventory, now, spec.node.name)
    return examine.examine(
        host, me, now, others, tuple(greeted(others)), servers=servers, ours=inventory.pool.fsid if inventory.pool else "",
        cluster=inventory.cluster is not None, connect=connect, ask=ask, say=say,
    )  # fmt: skip


def greeted(others: Sequence[examine.Target]) -> Iterator[Side]:
    """What the others say to anybody: their version and the time. Who is in no cluster says nothing."""
    for other in others:
        for address in other.addresses[:1]:
            if connect(address, API_PORT) != "open":
                continue
            before = time.time()
            try:
                said = Greeting.model_validate(peer.stranger(address, "/v1/cluster"))
            except (ApplianceError, ValidationError):
                continue
            offset = said.time - (before + time.time()) / 2
            yield Side(name=other.name, version=said.version, offset=round(offset, 2), planes={"management": address})


def side(host: Host, inventory: Inventory, now: NetworkReport, name: str) -> Side:
    """This node in its own words."""
    held = {plane.name: plane.addresses[0].address.partition("/")[0] if plane.addresses else "" for plane in now.planes}
    return Side(
        name=name,
        machine_id=inventory.system.machine_id,
        version=__version__,
        synchronised=examine.synchronised(host),
        cpu=inventory.machine.cpu.model,
        flags=inventory.machine.cpu.flags,
        planes={plane: address for plane, address in held.items() if address or _addressed(now, plane)},
        mtu={plane.name: plane.mtu for plane in now.planes},
    )


def _addressed(now: NetworkReport, name: str) -> bool:
    """Is it to have an address, and stands somewhere?"""
    return any(plane.name == name and plane.interface for plane in now.planes)
