# SPDX-License-Identifier: Apache-2.0
"""What only an NVMe namespace can say of itself: the sector sizes that it could be formatted to, by nvme-cli."""

import json
from typing import Any

from appliance.errors import ApplianceError
from appliance.host.host import Host

_ID = ("nvme", "id-ns", "--output-format=json")
_LEAST, _MOST = 9, 16
"""Powers of two. A format that the namespace does not have is 0 in its table."""


def formats(host: Host, link: str) -> tuple[int, ...]:
    """Bytes of a sector, of each format that keeps nothing beside the data: no disk of ours is used with such."""
    try:
        return parse(json.loads(host.run([*_ID, link]).stdout))
    except (ApplianceError, ValueError):
        return ()  # recorded before this was asked, behind a controller that does not pass it on, or no nvme-cli


def parse(said: Any) -> tuple[int, ...]:
    """`nvme id-ns`."""
    found = said.get("lbafs", ()) if isinstance(said, dict) else ()
    return tuple(sorted({2 ** each["ds"] for each in found if _LEAST <= each["ds"] <= _MOST and not each["ms"]}))
