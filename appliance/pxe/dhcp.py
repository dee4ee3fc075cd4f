# SPDX-License-Identifier: Apache-2.0
"""dnsmasq's configuration for one wire: which boot loader a machine gets, by what its firmware says of itself. Pure.

Beside an existing DHCP server it gives out no address and only says what to start (proxy-DHCP); on a wire of its own it does
both. A BIOS gets our GRUB, UEFI the signed shim, which takes the signed GRUB beside it, UEFI's HTTP boot the same by HTTP, and
iPXE a script.
"""

import ipaddress
from dataclasses import dataclass

from appliance.pxe.menus import Place

BIOS, SHIM = "grub.0", "shimx64.efi"
_BIOS, _UEFI, _HTTP = (0,), (7, 9), (16,)
"""Client architectures of RFC 4578 as IANA lists them."""
_IPXE_OPTION = 175


@dataclass(frozen=True)
class Wire:
    """One network. `first` to `last` are the addresses that are given out; "" for proxy-DHCP."""

    interface: str
    network: ipaddress.IPv4Interface
    first: str = ""
    last: str = ""

    @property
    def proxy(self) -> bool:
        return not self.first


def dnsmasq(wire: Wire, place: Place, tftp: str, leases: str) -> str:
    """The configuration file."""
    script = f"{place.url}/boot.ipxe"
    lines = [
        "# Written by trivet pxe serve, for as long as it runs.",
        "port=0",
        "pid-file",
        f"interface={wire.interface}",
        "bind-interfaces",
        "no-hosts",
        "no-resolv",
        "no-ping",
        "log-dhcp",
        f"dhcp-leasefile={leases}",
        "enable-tftp",
        f"tftp-root={tftp}",
        "tftp-max=1000",
        f"dhcp-match=set:ipxe,{_IPXE_OPTION}",
        *(f"dhcp-match=set:bios,option:client-arch,{number}" for number in _BIOS),
        *(f"dhcp-match=set:uefi,option:client-arch,{number}" for number in _UEFI),
        *(f"dhcp-match=set:http,option:client-arch,{number}" for number in _HTTP),
    ]
    return "\n".join([*lines, *(_proxy(wire, script) if wire.proxy else _full(wire, place, script))]) + "\n"


def _full(wire: Wire, place: Place, script: str) -> list[str]:
    return [
        f"dhcp-range={wire.first},{wire.last},{wire.network.netmask},1h",
        "dhcp-authoritative",
        "dhcp-lease-max=20000",
        "dhcp-option=option:router",
        "dhcp-option=option:dns-server",
        "dhcp-option-force=tag:http,option:vendor-class,HTTPClient",
        f"dhcp-boot=tag:ipxe,{script}",
        f"dhcp-boot=tag:!ipxe,tag:bios,{BIOS}",
        f"dhcp-boot=tag:!ipxe,tag:uefi,{SHIM}",
        f"dhcp-boot=tag:!ipxe,tag:http,{place.url}/{SHIM}",
    ]


def _proxy(wire: Wire, script: str) -> list[str]:
    """No HTTP boot here: dnsmasq answers PXE clients alone without giving them an address."""
    return [
        f"dhcp-range={wire.network.network.network_address},proxy,{wire.network.netmask}",
        f'pxe-service=tag:ipxe,x86PC,"Trivet",{script}',
        f'pxe-service=tag:ipxe,X86-64_EFI,"Trivet",{script}',
        f'pxe-service=tag:!ipxe,x86PC,"Trivet",{BIOS}',
        f'pxe-service=tag:!ipxe,X86-64_EFI,"Trivet",{SHIM}',
        f'pxe-service=tag:!ipxe,BC_EFI,"Trivet",{SHIM}',
    ]
