# SPDX-License-Identifier: Apache-2.0
"""What the leader does outside of etcd: the pool's blocklist, its map of disks, a BMC. Each may be done twice."""

import ipaddress
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
    said = host.ceph("osd dump", timeout=_SECONDS)
    wanted = ipaddress.ip_network(address)
    for entry in said.get("range_blocklist", {}):
        where, _, length = str(entry).rpartition("/")
        bare = where.rpartition(":")[0].strip("[]") or where
        try:
            if wanted.subnet_of(ipaddress.ip_network(f"{bare}/{length}", strict=False)):  # type: ignore[arg-type]  # of one version
                return True
        except (ValueError, TypeError):
            continue
    return False


def disks(host: Host, name: str) -> list[str]:
    """The numbers of a node's disks in the pool."""
    rows = host.ceph("osd tree", timeout=_SECONDS)["nodes"]
    own = (row for row in rows if row.get("type") == "host" and row["name"] == name)
    return [str(number) for row in own for number in row.get("children", ())]
