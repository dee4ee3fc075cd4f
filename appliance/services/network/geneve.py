# SPDX-License-Identifier: Apache-2.0
"""What a tunnel between nodes costs. Pure.

OVN wraps each frame of a VM into Geneve with one 8-byte option: the inner Ethernet header (14), Geneve (8 and 8), UDP (8), and
IP (20 or 40). None of that may count against what the VM sends.
"""

import ipaddress
from collections.abc import Iterable, Mapping

OVERHEAD: Mapping[int, int] = {4: 58, 6: 78}
"""IP version of the overlay plane -> bytes of its MTU that are not the VM's."""


def guest_mtu(mtu: int, addresses: Iterable[str]) -> int:
    """The MTU of VMs' networks on an overlay plane with this MTU, whose tunnels end at one of these addresses (CIDR).

    Tunnels go over IPv4 where there is an IPv4 address; without any address yet, the worse is taken.
    """
    versions = {ipaddress.ip_interface(address).version for address in addresses}
    return mtu - OVERHEAD[4 if 4 in versions else 6]  # noqa: PLR2004 - versions of IP
