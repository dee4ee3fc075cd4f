# SPDX-License-Identifier: Apache-2.0
"""The document of a network for VMs, version 1: a VLAN of the business plane, or an overlay network with its own addresses."""

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from appliance.model.base import Model
from appliance.model.spec import VLAN_MAX, Ip, Name
from appliance.model.spec import Network as Cidr

_PORT_MAX = 65535
KEY_MAX = 1023
"""Of an ERSPAN session."""
RULES_MAX = 1900
"""Each has a priority of its own, between what passes anyway and what nobody speaks of."""
DNS_MAX = 3
"""Resolvers ask no more of them."""
_LEAST = 4
"""Addresses of the smallest overlay network: its own, the gateway's, a VM's, the broadcast."""


def _ports(value: int | str) -> str:
    first, _, last = str(value).partition("-")
    numbers = [int(text) if text.isdigit() else -1 for text in (first, last or first)]
    if not 0 <= numbers[0] <= numbers[1] <= _PORT_MAX:
        raise ValueError(f"{value!r} is neither a port nor a range of them such as 8000-8080")
    return f"{numbers[0]}-{numbers[1]}" if numbers[0] != numbers[1] else str(numbers[0])


Ports = Annotated[int | str, AfterValidator(_ports)]


class RuleWish(Model):
    """One rule at the ports of a `group` (of all VMs, without one). `peer` is a network, or `peer_group`; the first rule wins."""

    direction: Literal["in", "out"] = "in"
    group: Name | None = None
    peer: Cidr | None = None
    peer_group: Name | None = None
    protocol: Literal["any", "tcp", "udp", "icmp"] = "any"
    ports: tuple[Ports, ...] = ()
    action: Literal["allow", "drop", "reject"]

    @model_validator(mode="after")
    def _consistent(self) -> "RuleWish":
        if self.peer and self.peer_group:
            raise ValueError("give either peer or peer_group")
        if self.ports and self.protocol not in ("tcp", "udp"):
            raise ValueError("ports are of tcp or udp: say which")
        return self


class MirrorWish(Model):
    """What goes `in` and `out` of a VM's port is seen by another one too: by the VM `to_vm`, or by the collector `to`.

    A VM that is mirrored to hears nothing else by that port, and must be on the same node. A collector is told the `key`.
    """

    name: Name
    vm: Name
    direction: Literal["in", "out", "both"] = "both"
    to_vm: Name | None = None
    to: Ip | None = None
    kind: Literal["erspan", "gre"] = "erspan"
    key: int = Field(default=0, ge=0, le=KEY_MAX)

    @model_validator(mode="after")
    def _consistent(self) -> "MirrorWish":
        if (self.to_vm is None) == (self.to is None):
            raise ValueError("give either to_vm or to")
        if self.to_vm == self.vm:
            raise ValueError(f"{self.vm} would hear itself")
        return self


class VirtualNetwork(Model):
    """With `vlan` or `untagged: true` a network of the business plane; with `subnet` an overlay network.

    An overlay network gives its VMs their addresses, and their names as they are called; `gateway` (by default the first
    address) answers for both, and `dns` are those whom names of others are asked of, over a router. What comes in and no
    rule speaks of is `default`; replies pass in any case.
    """

    version: Literal[1]
    name: Name
    description: str = ""
    vlan: int | None = Field(default=None, ge=1, le=VLAN_MAX)
    untagged: bool = False
    subnet: Cidr | None = None
    gateway: Ip | None = None
    dns: tuple[Ip, ...] = Field(default=(), max_length=DNS_MAX)
    mtu: int = Field(default=1400, ge=1280, le=9000)
    rules: tuple[RuleWish, ...] = Field(default=(), max_length=RULES_MAX)
    default: Literal["allow", "drop"] = "allow"
    mirrors: tuple[MirrorWish, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "VirtualNetwork":
        if sum((self.vlan is not None, self.untagged, self.subnet is not None)) != 1:
            raise ValueError("give one of vlan, untagged: true, and subnet")
        if self.subnet is None:
            if self.gateway or self.dns or self.rules or self.default != "allow" or self.mirrors:
                raise ValueError("gateway, dns, rules, default and mirrors are those of an overlay network, which has a subnet")
            return self
        names = [mirror.name for mirror in self.mirrors]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the mirror {twice[0]} stands here twice")
        net = ipaddress.ip_network(self.subnet)
        if net.version != 4 or net.num_addresses < _LEAST:  # noqa: PLR2004 - the version
            raise ValueError(f"{net} is not an IPv4 network with room for VMs, such as 10.1.0.0/24")
        if self.gateway and ipaddress.ip_address(self.gateway) not in net:
            raise ValueError(f"the gateway {self.gateway} is not in {net}")
        if sixth := [server for server in self.dns if ipaddress.ip_address(server).version != net.version]:
            raise ValueError(f"the name server {sixth[0]} is out of an IPv4 network's reach")
        return self

    @property
    def router(self) -> str:
        """The address that answers for the network itself; "" without one."""
        if self.subnet is None:
            return ""
        return self.gateway or str(ipaddress.ip_network(self.subnet)[1])


class NetworkRecord(Model):
    """A network as it is kept: its document, and which VM's port (by MAC) has which address of it."""

    network: VirtualNetwork
    addresses: dict[str, str] = {}


class PortRow(Model):
    """A VM's port on an overlay network: OVN's name for it, and what it is given."""

    id: str
    vm: str
    mac: str
    address: str
    groups: tuple[str, ...] = ()
    rate_in: int = 0
    rate_out: int = 0


class PortCount(Model):
    """What a port that is plugged in on this node has counted, from the guest's side."""

    mac: str
    taken: int = 0
    taken_packets: int = 0
    sent: int = 0
    sent_packets: int = 0
    dropped: int = 0
