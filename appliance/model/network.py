# SPDX-License-Identifier: Apache-2.0
"""Nouns of the network: what a host has (Nic), with its virtual functions."""

from typing import Literal

from appliance.model.base import Model


class Vf(Model):
    """A virtual function as the PF's driver reports it. Rates in Mbit/s, 0 is unlimited. `used_by` is the VM that has it."""

    index: int
    pci: str = ""
    mac: str = ""
    vlan: int = 0
    qos: int = 0
    trust: bool = False
    spoofchk: bool = False
    link: str = "auto"
    min_rate: int = 0
    max_rate: int = 0
    driver: str = ""
    used_by: str = ""


class Sriov(Model):
    """What a physical function offers (`total`), and what is made of it now."""

    total: int
    vfs: tuple[Vf, ...] = ()


class Neighbour(Model):
    """What is at the other end of a port's cable, as it says itself (LLDP)."""

    system: str = ""
    chassis: str = ""
    port: str = ""

    @property
    def label(self) -> str:
        """`sw1/Ethernet7`: what a selector's `lldp` is compared with."""
        return f"{self.system or self.chassis}/{self.port}"


class Nic(Model):
    """A physical port as observed: known by permanent MAC and PCI address, never by the kernel's name.

    `permanent` is false where the driver knows no permanent MAC (veth), and `mac` is the present one. `speed` is in Mbit/s, 0
    without a link. `addresses` are in CIDR form, on the port itself or on what stands on it.
    """

    mac: str
    permanent: bool = True
    pci: str = ""
    driver: str = ""
    firmware: str = ""
    model: str = ""
    speed: int = 0
    link: bool = False
    mtu: int = 1500
    numa_node: int = -1
    master: str = ""
    neighbours: tuple[Neighbour, ...] = ()
    vf_of: str = ""
    sriov: Sriov | None = None
    addresses: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()

    @property
    def lldp(self) -> str:
        """Who is at the other end: the first that speaks."""
        return self.neighbours[0].label if self.neighbours else ""

    @property
    def label(self) -> str:
        """The port in a few words."""
        return f"{self.mac} ({', '.join(w for w in (self.driver, self.pci) if w)})"


class Device(Model):
    """A bond, a VLAN interface, a bridge of Open vSwitch or an internal port of it, as wished and as observed: they are compared.

    `members` of a bond are permanent MAC addresses, sorted; those of a bridge are its uplinks. A `parent` (of a VLAN) and an
    uplink are a bond's name, or a port's address. `trunks` are the VLANs that a bridge's uplink lets through, 0 for untagged
    frames, () for all. `mac` is an internal port's, `mtu` is 0 for a bridge, which has none of its own.
    """

    name: str
    kind: Literal["bond", "vlan", "bridge", "internal"]
    mtu: int = 0
    mode: str = ""
    members: tuple[str, ...] = ()
    vlan: int = 0
    trunks: tuple[int, ...] = ()
    parent: str = ""
    mac: str = ""

    @property
    def switched(self) -> bool:
        """Is it Open vSwitch's, and not the kernel's?"""
        return self.kind in ("bridge", "internal")


class VfPool(Model):
    """A network of libvirt that gives out virtual functions of one port: their PCI addresses, in order."""

    name: str
    functions: tuple[str, ...]


class Chassis(Model):
    """This node as OVN knows it: its name, the address of its tunnels, and which of its bridges lead to which outside network.

    `remotes` are the control nodes of its cluster, whose databases it follows; () for its own, which stand alone. `central` is
    the address under which its own are raft members, "" when they stand alone; None when it has none.
    """

    name: str
    encap: str
    mappings: tuple[tuple[str, str], ...] = ()
    remotes: tuple[str, ...] = ()
    central: str | None = ""


class Address(Model):
    """An address of this machine. `link` names what carries it by our words ("management"), or by MAC."""

    link: str
    address: str
    scope: str = "global"
