# SPDX-License-Identifier: Apache-2.0
"""What Open vSwitch has counted at its interfaces -> what VMs' ports have taken and sent, by MAC address. Pure."""

import json
from typing import Any

from appliance.model.vnet import PortCount


def parse(answer: str) -> dict[str, PortCount]:
    """The answer of ovs-vsctl in JSON, with external_ids and statistics. What the switch receives is what a guest has sent."""
    table = json.loads(answer or '{"headings": [], "data": []}')
    rows = [dict(zip(table["headings"], row, strict=True)) for row in table["data"]]
    found = [_count(_map(row["external_ids"]), _map(row["statistics"])) for row in rows]
    return {each.mac: each for each in found if each.mac}


def _map(value: Any) -> dict[str, Any]:
    """OVSDB's form of a map: ["map", [[key, value], ...]]."""
    return {str(key): each for key, each in value[1]}


def _count(ids: dict[str, Any], told: dict[str, Any]) -> PortCount:
    return PortCount(
        mac=ids.get("attached-mac", ""),
        taken=told.get("tx_bytes", 0),
        taken_packets=told.get("tx_packets", 0),
        sent=told.get("rx_bytes", 0),
        sent_packets=told.get("rx_packets", 0),
        dropped=told.get("tx_dropped", 0) + told.get("rx_dropped", 0),
    )
