# SPDX-License-Identifier: Apache-2.0
"""The board's own computer (BMC): what it says of itself, and what it can be told."""

import ipaddress
from typing import Literal

from pydantic import Field, SecretStr

from appliance.model.base import Model
from appliance.model.spec import Ip

Role = Literal["admin", "operator", "user"]
DHCP = "dhcp"


class BmcUser(Model):
    """`role` is "" for one that may do nothing, or for what has no name here; `enabled`: may log in."""

    number: int
    name: str = ""
    role: Role | Literal[""] = ""
    enabled: bool = False


class BmcView(Model):
    """`lan` are names and values as ipmitool prints them; `channel` is the number of its network port."""

    interface: str
    channel: int
    lan: tuple[tuple[str, str], ...]
    users: tuple[BmcUser, ...]

    def _said(self, name: str) -> str:
        return dict(self.lan).get(name, "")

    @property
    def dhcp(self) -> bool:
        """Does somebody else give it its address?"""
        return "DHCP" in self._said("IP Address Source")

    @property
    def address(self) -> str:
        """With its prefix length, "" without one."""
        try:
            found = ipaddress.IPv4Interface(f"{self._said('IP Address')}/{self._said('Subnet Mask')}")
        except ValueError:
            return ""
        return "" if found.ip.is_unspecified else str(found)

    @property
    def gateway(self) -> str:
        """The router that it knows, "" without one."""
        found = self._said("Default Gateway IP")
        return "" if found == "0.0.0.0" else found

    @property
    def vlan(self) -> int:
        """0 for none."""
        found = self._said("802.1q VLAN ID")
        return int(found) if found.isdecimal() else 0

    @property
    def named(self) -> tuple[BmcUser, ...]:
        """Those places that somebody has taken."""
        return tuple(user for user in self.users if user.name or user.role)

    @property
    def free(self) -> int | None:
        """The first place for somebody else. The first of all is the nameless user's, by the standard."""
        return next((user.number for user in self.users[1:] if user not in self.named), None)


class BmcUserWish(Model):
    """Who is user `number`: the name, the role, and another password, unless the one that is there stays."""

    number: int = Field(ge=1, le=63)
    name: str
    role: Role = "admin"
    password: SecretStr | None = None


class BmcWish(Model):
    """What shall be otherwise; what is left out stays. `address` is "dhcp" or one with its prefix length; `vlan` 0 is none."""

    version: Literal[1] = 1
    address: str | None = None
    gateway: Ip | None = None
    vlan: int | None = Field(default=None, ge=0, le=4094)
    user: BmcUserWish | None = None


class BmcStep(Model):
    """`commands` are ipmitool's. With `secret` they are given to it as its input: who lists processes does not see them."""

    id: str
    title: str
    commands: tuple[str, ...]
    secret: bool = False

    def __str__(self) -> str:
        return self.title
