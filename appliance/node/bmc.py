# SPDX-License-Identifier: Apache-2.0
"""The board's own computer (BMC) of this server: its address and its users, in the words of ipmitool. Reads only."""

from appliance.host.host import Host
from appliance.model.base import Model
from appliance.services.system import hardware

_MODULES = ("modprobe", "--quiet", "--all", "ipmi_si", "ipmi_devintf")
_LAN = ("ipmitool", "lan", "print")
_USERS = ("ipmitool", "user", "list")
_WANTED = ("IP Address Source", "IP Address", "Subnet Mask", "MAC Address", "Default Gateway IP", "802.1q VLAN ID")


class BmcView(Model):
    """`lan` are names and values, `users` the lines of a table, both as ipmitool prints them."""

    interface: str
    lan: tuple[tuple[str, str], ...]
    users: tuple[str, ...]


def view(host: Host) -> BmcView | None:
    """None without a BMC. CommandError when there is one that does not answer."""
    found = hardware.bmc(host)
    if found is None:
        return None
    host.run(list(_MODULES), check=False)  # on no machine is the second one loaded by itself
    return BmcView(
        interface=found.interface,
        lan=tuple(lan(host.run(list(_LAN)).stdout)),
        users=tuple(line.rstrip() for line in host.run(list(_USERS)).stdout.splitlines() if line.strip()),
    )


def lan(text: str) -> list[tuple[str, str]]:
    """What is to be known of `name : value` lines."""
    pairs = (line.partition(":")[::2] for line in text.splitlines())
    return [(name.strip(), value.strip()) for name, value in pairs if name.strip() in _WANTED]
