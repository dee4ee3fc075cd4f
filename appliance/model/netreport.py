# SPDX-License-Identifier: Apache-2.0
"""The network as it is at this moment: planes, what carries them, what has passed, what is wrong.

Apart from the inventory, which is what a machine has: counters change with every packet, and a plan made from them would
never be the same twice.
"""

from typing import Literal

from appliance.model.base import Model
from appliance.model.problem import Problem

Severity = Literal["warning", "critical"]


class Counters(Model):
    """Since the link was made. Bytes and packets as the kernel counts them."""

    rx_bytes: int = 0
    tx_bytes: int = 0
    rx_packets: int = 0
    tx_packets: int = 0
    rx_errors: int = 0
    tx_errors: int = 0
    rx_dropped: int = 0
    tx_dropped: int = 0


class PortReport(Model):
    """A port of an uplink. `speed` in Mbit/s, 0 without a link; `losses` is how often its carrier went.

    `member` says whether the bond has it; a port that is the whole uplink counts as one. `active` is whether traffic goes
    through it: with LACP its `aggregator` is the one in use. `partner` is the MAC of the system that speaks LACP at the other
    end, "" for none. `cable_to` is who LLDP says is there, or was when it spoke last.
    """

    mac: str
    pci: str = ""
    driver: str = ""
    interface: str = ""
    link: bool = False
    speed: int = 0
    member: bool = True
    active: bool = False
    aggregator: int = 0
    partner: str = ""
    cable_to: str = ""
    losses: int = 0
    counters: Counters = Counters()

    @property
    def label(self) -> str:
        """`52:54:00:12:34:56 (igb, 0000:02:00.0)`: as `trivet inspect` names it."""
        more = ", ".join(word for word in (self.driver, self.pci) if word)
        return f"{self.mac} ({more})" if more else self.mac


class UplinkReport(Model):
    """Ports, as one. `owner` is the plane that they belong to; `bond` is a bond's mode, "" for a single port.

    `aggregator` and `partner` (MAC) are those that the bond uses, with LACP.
    """

    owner: str
    interface: str = ""
    bond: str = ""
    link: bool = False
    aggregator: int = 0
    partner: str = ""
    ports: tuple[PortReport, ...] = ()


class HeldAddress(Model):
    """An address of the node, in CIDR form. `duplicate`: the kernel found that somebody else has it (IPv6)."""

    address: str
    duplicate: bool = False


class PlaneReport(Model):
    """A plane where it stands. `mtu` is as the spec says; `interface` is "" when the node has no address on the plane.

    `uplink` is the owner of the ports. `guest_mtu` is what the networks of VMs on top of it can have, 0 where there are none.
    """

    name: str
    uplink: str
    interface: str = ""
    vlan: int | Literal["trunk"] = 0
    mtu: int
    addresses: tuple[HeldAddress, ...] = ()
    gateways: tuple[str, ...] = ()
    guest_mtu: int = 0


class NetworkReport(Model):
    """The planes of the spec that this node follows, and their uplinks; `problems` are what keeps planes from having ports.

    `gone` are the ports that it has lost since. `tunnels` is the address at which OVN's tunnels are to end, "" for none or none
    yet.
    """

    planes: tuple[PlaneReport, ...] = ()
    uplinks: tuple[UplinkReport, ...] = ()
    problems: tuple[Problem, ...] = ()
    gone: tuple["Alert", ...] = ()
    tunnels: str = ""

    def uplink(self, plane: PlaneReport) -> UplinkReport:
        """What carries a plane."""
        return next(uplink for uplink in self.uplinks if uplink.owner == plane.uplink)


class GatewayProbe(Model):
    """Does a router answer, and do packets of the plane's MTU reach it? `passes` is None where it answers no ping."""

    plane: str
    address: str
    answers: bool
    passes: bool | None = None


class DuplicateProbe(Model):
    """Others that answer for an address of ours, by MAC."""

    plane: str
    address: str
    macs: tuple[str, ...] = ()


class Probes(Model):
    """What was asked on the wire."""

    gateways: tuple[GatewayProbe, ...] = ()
    duplicates: tuple[DuplicateProbe, ...] = ()


class Alert(Model):
    """Something that somebody must look after: `where` ("network.planes.storage"), a sentence, a remedy."""

    where: str
    severity: Severity
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.severity}: {self.where}: {self.message}"
        return f"{text}; {self.hint}" if self.hint else text


class Health(Model):
    """What trivetd saw when it looked last (/run/trivet/health.json): `at` in seconds since the start of the machine."""

    at: float
    alerts: tuple[Alert, ...] = ()


class NetworkView(Model):
    """What `trivet net show` prints: also what is gone now and trivetd has yet to see.

    `looked` is how many seconds ago it looked for alerts, None for not yet.
    """

    report: NetworkReport
    looked: float | None = None
    alerts: tuple[Alert, ...] = ()
