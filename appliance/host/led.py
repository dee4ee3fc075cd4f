# SPDX-License-Identifier: Apache-2.0
"""Make a network port show itself: its LED blinks, and somebody behind the server sees which one it is."""

from appliance.errors import ApplianceError
from appliance.host.host import Host

SECONDS = 15


def blink(host: Host, pci: str) -> None:
    """For SECONDS, which it takes. ApplianceError when the port cannot."""
    names = host.files.list(f"/sys/bus/pci/devices/{pci}/net") if pci else ()
    if not names:
        raise ApplianceError("this port has no LED that can be switched", "pull its cable and see which line changes")
    if host.run(["ethtool", "--identify", names[0], str(SECONDS)], check=False).code:
        raise ApplianceError("the driver of this port switches no LED", "pull its cable and see which line changes")
