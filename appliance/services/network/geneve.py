# SPDX-License-Identifier: Apache-2.0
"""What a tunnel between nodes costs. Pure.

OVN wraps each frame of a VM into Geneve with one 8-byte option: the inner Ethernet header (14), Geneve (8 and 8), UDP (8), and
IP (20 or 40). None of that may count against what the VM sends.
"""

import ipaddress
from collections.abc import Mapping

PORT = 6081
"""In UDP (RFC 8926)."""
OVERHEAD: Mapping[int, int] = {4: 58, 6: 78}
"""IP version of the tunnels -> bytes of their plane's MTU that are not the VM's."""


def guest_mtu(mtu: int, end: str) -> int:
    """The MTU of VMs' networks over a plane with this MTU, whose tunnels end at this address; without one, the worse is taken."""
    return mtu - OVERHEAD[ipaddress.ip_address(end).version if end else 6]
