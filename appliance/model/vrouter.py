# SPDX-License-Identifier: Apache-2.0
"""The document of a router, version 1: overlay networks that reach one another, and their way out of the pool."""

import ipaddress
from typing import Literal

from pydantic import Field, model_validator

from appliance.model.base import Model
from appliance.model.spec import Interface, Ip, Name
from appliance.model.spec import Network as Cidr

NETWORKS_MAX = 64


class WayOut(Model):
    """By a `network` of the business plane, with an address in it and the router that is there.

    With `nat` guests are seen as this address, and nobody begins to talk to them but by a floating one. Without it whoever
    routes outside must know that the overlay networks are behind this address.
    """

    network: Name
    address: Interface
    gateway: Ip | None = None
    nat: bool = True

    @model_validator(mode="after")
    def _consistent(self) -> "WayOut":
        own = ipaddress.ip_interface(self.address)
        if own.version != 4:  # noqa: PLR2004 - the version
            raise ValueError(f"{self.address} is not an IPv4 address, as those of overlay networks are")
        if self.gateway and (ipaddress.ip_address(self.gateway) not in own.network or self.gateway == str(own.ip)):
            raise ValueError(f"the gateway {self.gateway} is not another address of {own.network}")
        return self


class Floating(Model):
    """An address outside that is a VM's, in both directions. `network` says by which port, where it has several."""

    address: Ip
    vm: Name
    network: Name | None = None


class Route(Model):
    """Whom a guest reaches by another guest or router that is on one of the networks."""

    to: Cidr
    via: Ip


class Router(Model):
    """Connects `networks`, each of which is on one router at most."""

    version: Literal[1]
    name: Name
    description: str = ""
    networks: tuple[Name, ...] = Field(min_length=1, max_length=NETWORKS_MAX)
    out: WayOut | None = None
    floating: tuple[Floating, ...] = ()
    routes: tuple[Route, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Router":
        if twice := sorted({name for name in self.networks if self.networks.count(name) > 1}):
            raise ValueError(f"the network {twice[0]} stands here twice")
        addresses = [each.address for each in self.floating]
        if twice := sorted({address for address in addresses if addresses.count(address) > 1}):
            raise ValueError(f"the floating address {twice[0]} stands here twice")
        if self.floating and self.out is None:
            raise ValueError("floating addresses are outside: say by which network with out")
        if self.out:
            own = ipaddress.ip_interface(self.out.address)
            for address in addresses:
                if ipaddress.ip_address(address) not in own.network:
                    raise ValueError(f"the floating address {address} is not in {own.network}, where out is")
                if address in (str(own.ip), self.out.gateway):
                    raise ValueError(f"{address} is out's own address or its gateway, and no VM's")
        destinations = [route.to for route in self.routes]
        if twice := sorted({to for to in destinations if destinations.count(to) > 1}):
            raise ValueError(f"there are two routes to {twice[0]}")
        return self


class RouterView(Model):
    """A router for who shows it.

    `inside` are its networks: name, addresses, the router's own one. `given` maps floating addresses to the ports that they are
    for now. `by` is the node by which it goes out at this moment, "" when none has taken it, None where that cannot be asked.
    """

    router: Router
    inside: tuple[tuple[str, str, str], ...] = ()
    given: dict[str, str] = {}
    by: str | None = None


class FloatingRow(Model):
    """A floating address, and the address of the port that it is for."""

    address: str
    inner: str
