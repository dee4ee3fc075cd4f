# SPDX-License-Identifier: Apache-2.0
"""A node of a rack with `serve_peers` has its slot for the other machines, for an hour after it has come up.

What is served is the image alone, which is no secret; who gets it compares it with the SHA-256 that the rack's server told.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.answer import ReportTo
from appliance.pxe.firewall import opened
from appliance.pxe.server import Slot
from appliance.pxe.source import slot

_COMMENT = "trivet serves its slot"


@contextmanager
def served(host: Host, whom: ReportTo) -> Iterator[str]:
    """The SHA-256 of what is served, for as long as the block lasts. ApplianceError or OSError when it cannot be."""
    piece, sha256 = slot(host)
    address = _towards(whom.url)
    links = [str(a["link"]) for a in host.netlink.addresses() if str(a["address"]).partition("/")[0] == address]
    if not links:
        raise ApplianceError(f"{address} is no address of this node any more")
    server = Slot((address, whom.peers), piece, sha256)
    with opened(host, links[0], (whom.peers,), (), _COMMENT):
        server.start()
        try:
            yield sha256
        finally:
            server.stop()


def _towards(url: str) -> str:
    """This node's own address on the way to a server. Nothing is sent."""
    parts = urlsplit(url)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((parts.hostname or "", parts.port or 443))
        return str(way.getsockname()[0])
