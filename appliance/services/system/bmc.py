# SPDX-License-Identifier: Apache-2.0
"""(what the BMC says, what it shall say) -> commands of ipmitool; what cannot be is said first. Pure."""

import csv
import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import get_args

from appliance.model.bmc import DHCP, BmcStep, BmcUser, BmcUserWish, BmcView, BmcWish, Role
from appliance.model.problem import Problem

_WANTED = ("IP Address Source", "IP Address", "Subnet Mask", "MAC Address", "Default Gateway IP", "802.1q VLAN ID")
_ROLES: dict[str, Role] = {"ADMINISTRATOR": "admin", "OPERATOR": "operator", "USER": "user"}
_PRIVILEGES: dict[Role, int] = {"user": 2, "operator": 3, "admin": 4}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,15}")
_LEAST, _MOST = 8, 16
"""Characters of a password: the least is ours, the most is what every BMC has. Some say that they take 20, and keep 16."""
_USER_COLUMNS = 6


def lan(text: str) -> tuple[tuple[str, str], ...]:
    """What is to be known of `name : value` lines."""
    pairs = (line.partition(":")[::2] for line in text.splitlines())
    return tuple((name.strip(), value.strip()) for name, value in pairs if name.strip() in _WANTED)


def users(text: str) -> tuple[BmcUser, ...]:
    """Of `ipmitool -c user list`: number, name, three switches, privilege."""
    rows = (row for row in csv.reader(text.splitlines()) if len(row) >= _USER_COLUMNS and row[0].strip().isdecimal())
    return tuple(
        BmcUser(number=int(row[0]), name=row[1].strip(), role=_ROLES.get(row[5].strip(), ""), enabled=row[4].strip() == "true")
        for row in rows
    )


def check(view: BmcView, wish: BmcWish) -> list[Problem]:
    """All that keeps it from being."""
    return [*_lan_problems(view, wish), *(_user_problems(view, wish.user) if wish.user else ())]


def _lan_problems(view: BmcView, wish: BmcWish) -> Iterator[Problem]:
    if wish.address not in (None, DHCP):
        try:
            ipaddress.IPv4Interface(wish.address)
        except ValueError:
            message = "is not an IPv4 address with its prefix length"
            yield Problem(where="address", message=message, hint="write it like 10.0.0.50/24, or dhcp")
            return
        if "/" not in str(wish.address):
            message = "is not an IPv4 address with its prefix length"
            yield Problem(where="address", message=message, hint=f"write it like {wish.address}/24")
            return
    if wish.gateway is None:
        return
    address = wish.address or (DHCP if view.dhcp else view.address)
    if address == DHCP:
        yield Problem(where="gateway", message="who gives the BMC its address gives its gateway, too", hint="leave it out")
    elif not address or ipaddress.ip_address(wish.gateway) not in ipaddress.IPv4Interface(address).network:
        message = f"the gateway {wish.gateway} is not in the BMC's network"
        yield Problem(where="gateway", message=message, hint="correct it, or the address and its prefix length")


def _user_problems(view: BmcView, wish: BmcUserWish) -> Iterator[Problem]:
    had = {user.number: user for user in view.users}
    if wish.number not in had:
        yield Problem(where="user.number", message=f"the BMC has no place {wish.number} for a user", hint=f"it has {len(had)}")
        return
    if not _NAME.fullmatch(wish.name):
        message = "letters, digits and . _ - alone, at most 16, are a BMC user's name"
        yield Problem(where="user.name", message=message, hint="choose another one")
    elif other := next((user for user in view.users if user.name == wish.name and user.number != wish.number), None):
        yield Problem(where="user.name", message=f"user {other.number} has this name", hint="choose another one")
    password = wish.password.get_secret_value() if wish.password else None
    if password is None:
        if not had[wish.number].enabled:
            yield Problem(where="user.password", message="a new user of the BMC needs a password", hint="type one, twice")
    elif not _LEAST <= len(password) <= _MOST or not (password.isascii() and password.isprintable()):
        message = f"a BMC's password has {_LEAST} to {_MOST} letters, digits and signs of ASCII"
        yield Problem(where="user.password", message=message, hint="choose another one")


def plan(view: BmcView, wish: BmcWish) -> tuple[BmcStep, ...]:
    """What is to be done; () when all is so."""
    return (*_lan_steps(view, wish), *(_user_steps(view, wish.user) if wish.user else ()))


def _lan_steps(view: BmcView, wish: BmcWish) -> Iterator[BmcStep]:
    to = f"lan set {view.channel}"
    if wish.vlan is not None and wish.vlan != view.vlan:
        title = f"put the BMC into VLAN {wish.vlan}" if wish.vlan else "take the BMC out of its VLAN"
        yield BmcStep(id="vlan", title=title, commands=(f"{to} vlan id {wish.vlan or 'off'}",))
    if wish.address == DHCP:
        if not view.dhcp:
            yield BmcStep(id="address", title="have DHCP give the BMC its address", commands=(f"{to} ipsrc dhcp",))
    elif wish.address and (view.dhcp or wish.address != view.address):
        own = ipaddress.IPv4Interface(wish.address)
        commands = (f"{to} ipsrc static", f"{to} ipaddr {own.ip}", f"{to} netmask {own.netmask}")
        yield BmcStep(id="address", title=f"give the BMC the address {wish.address}", commands=commands)
    if wish.gateway is not None and wish.gateway != view.gateway:
        title = f"give the BMC the gateway {wish.gateway}"
        yield BmcStep(id="gateway", title=title, commands=(f"{to} defgw ipaddr {wish.gateway}",))


def _user_steps(view: BmcView, wish: BmcUserWish) -> Iterator[BmcStep]:
    number, had = wish.number, next(user for user in view.users if user.number == wish.number)
    if wish.name != had.name:
        title = f"call user {number} of the BMC {wish.name}"
        yield BmcStep(id="name", title=title, commands=(f"user set name {number} {wish.name}",))
    if wish.password is not None:
        commands = tuple(_raw(number, what, wish.password.get_secret_value()) for what in (2, 3))  # set it, and test it
        yield BmcStep(id="password", title=f"set the password of user {number} of the BMC", commands=commands, secret=True)
    if wish.role != had.role or not had.enabled:
        access = f"link=on ipmi=on callin=on privilege={_PRIVILEGES[wish.role]}"
        commands = (f"channel setaccess {view.channel} {number} {access}", f"user enable {number}")
        title = f"let user {number} of the BMC in as {wish.role}"
        yield BmcStep(id="role", title=title, commands=commands)


def _raw(number: int, what: int, password: str) -> str:
    """The request itself, byte by byte: ipmitool's own words know neither blanks nor signs in a password."""
    data = (0x06, 0x47, number, what, *password.encode("ascii").ljust(_MOST, b"\0"))
    return " ".join(("raw", *(f"0x{byte:02x}" for byte in data)))


def left(view: BmcView, wish: BmcWish) -> list[str]:
    """The titles of what is still to be done; a password cannot be seen, so it was tested when it was set."""
    user = wish.user.model_copy(update={"password": None}) if wish.user else None
    return [step.title for step in plan(view, wish.model_copy(update={"user": user}))]


def roles() -> Iterable[Role]:
    """Those that a user may have."""
    return get_args(Role)
