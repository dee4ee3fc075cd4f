# SPDX-License-Identifier: Apache-2.0
"""What the leader does outside of etcd: the pool's blocklist, its map of disks, a BMC. Each may be done twice."""

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from appliance.cluster.state import Do, Opinion
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.cluster import ClusterDocument, member

_SECONDS = 10.0
EVER = 10 * 365 * 86400.0
"""Until the node is let in: the pool's own hour would end while one is frozen."""
_LIST = "osd blocklist"
_RANGE = re.compile(r"cidr:\[?([0-9a-fA-F.:]+?)\]?:0/(\d+)")
"""A range in the pool's words: cidr:10.7.0.3:0/32, cidr:[fd00:7::3]:0/128."""


def opinions(host: Host) -> dict[str, Opinion]:
    """What Ceph's heartbeats say of each host that has disks in the pool."""
    try:
        nodes = host.ceph("osd tree", timeout=_SECONDS)["nodes"]
    except (ApplianceError, LookupError, TypeError):
        return {}
    return heard(nodes)


def heard(nodes: Iterable[dict[str, Any]]) -> dict[str, Opinion]:
    """The same, from the rows of `osd tree`. A host without disks is unknown."""
    rows = {row["id"]: row for row in nodes}
    found: dict[str, Opinion] = {}
    for row in rows.values():
        disks = [rows[number] for number in row.get("children", ()) if number in rows] if row.get("type") == "host" else []
        if disks:
            found[row["name"]] = "alive" if any(disk.get("status") == "up" for disk in disks) else "dead"
    return found


def carry_out(host: Host, document: ClusterDocument, action: Do) -> bool:
    """Was it done? ApplianceError says why it could not be."""
    there = member(document, action.node)
    if there is None:
        return False
    match action.effect:
        case "block":
            for address in _addresses(there.storage, there.address):
                host.ceph(_LIST, range="range", blocklistop="add", addr=address, expire=EVER, timeout=_SECONDS)
            return blocked(host, there.storage)
        case "unblock":
            for address in _addresses(there.storage, there.address):
                host.ceph(_LIST, range="range", blocklistop="rm", addr=address, timeout=_SECONDS)
            return not blocked(host, there.storage)
        case "down":
            ids = disks(host, action.node)
            if ids:
                host.ceph("osd down", ids=ids, definitely_dead=True, timeout=_SECONDS)
            return True
        case "power":
            return False  # no BMC's credentials are kept yet


def _addresses(*addresses: str) -> tuple[str, ...]:
    """As the pool wants them: one address each, as a range of one."""
    wide = {4: 32, 6: 128}
    return tuple(dict.fromkeys(f"{address}/{wide[ipaddress.ip_address(address).version]}" for address in addresses))


def blocked(host: Host, address: str) -> bool:
    """Does the pool refuse this address?"""
    return refused(host.ceph("osd dump", timeout=_SECONDS).get("range_blocklist", {}), address)


def refused(entries: Iterable[str], address: str) -> bool:
    """Is this address in one of the ranges of `osd dump`?"""
    wanted = ipaddress.ip_address(address)
    found = [match for entry in entries if (match := _RANGE.fullmatch(entry))]
    return any(wanted in ipaddress.ip_network(f"{match[1]}/{match[2]}", strict=False) for match in found)


def disks(host: Host, name: str) -> list[str]:
    """The numbers of a node's disks in the pool."""
    rows = host.ceph("osd tree", timeout=_SECONDS)["nodes"]
    own = (row for row in rows if row.get("type") == "host" and row["name"] == name)
    return [str(number) for row in own for number in row.get("children", ())]
