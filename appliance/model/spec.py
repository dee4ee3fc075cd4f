# SPDX-License-Identifier: Apache-2.0
"""Spec version 1: what one node shall be. The answer file, the saved state, what the console edits: all this document.

Loading text into a Spec is in `model/document.py`.
"""

import hashlib
import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from appliance.model.base import Model
from appliance.model.selector import DiskSelector, NicSelector, Range
from appliance.model.units import Size

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_HASH = re.compile(r"\$(y|gy|2[aby]|5|6|7)\$\S+")
_KEY_TYPES = ("ssh-ed25519", "ssh-rsa", "ecdsa-sha2-", "sk-ssh-ed25519@", "sk-ecdsa-sha2-")
VLAN_MAX = 4094


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(f"{value!r} is not a host name: lower-case letters, digits and inner hyphens, at most 63")
    return value


def _ip(value: str) -> str:
    if "%" in value:
        raise ValueError(f"{value!r} names a port, which the plane does already; write the address alone")
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 or IPv6 address") from None


def _interface(value: str) -> str:
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an address with its prefix length, such as 10.0.0.11/24") from None
    if "/" not in value:
        raise ValueError(f"{value!r} lacks its prefix length; write it like {value}/24")
    network = interface.network
    if network.prefixlen < interface.max_prefixlen - 1:
        if interface.ip == network.network_address:
            raise ValueError(f"{value!r} is the address of the network itself, not of a host in it")
        if isinstance(network, ipaddress.IPv4Network) and interface.ip == network.broadcast_address:
            raise ValueError(f"{value!r} is the address of all hosts in the network, not of one of them")
    if interface.is_multicast or interface.is_loopback or interface.ip.is_unspecified:
        raise ValueError(f"{value!r} is not an address that a host can have on a network")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError(f"{value!r} is not a network such as 10.1.0.0/16 or fd00::/8") from None


def _mac(value: str) -> str:
    text = value.lower().replace("-", ":")
    if not _MAC.fullmatch(text) or int(text[:2], 16) & 1 or not int(text.replace(":", ""), 16):
        raise ValueError(f"{value!r} is not a MAC address that a port can have, such as 02:00:00:00:00:01")
    return text


VfDriver = Literal["kernel", "vfio-pci"]
Mac = Annotated[str, AfterValidator(_mac)]
Name = Annotated[str, AfterValidator(_name)]
Ip = Annotated[str, AfterValidator(_ip)]
Interface = Annotated[str, AfterValidator(_interface)]
Network = Annotated[str, AfterValidator(_network)]


Layout = Literal[
    "us", "uk", "de-latin1", "sg-latin1", "fr-latin9", "fr_CH-latin1", "es", "it", "pt-latin1", "br-abnt2", "nl", "be-latin1",
    "dk-latin1", "no-latin1", "se-latin1", "fi-latin1", "pl", "cz-lat2", "hu", "ru", "trq", "jp106",
]  # fmt: skip
"""Of a keyboard, as loadkeys(1) calls it."""


class NodeSpec(Model):
    """Who the node is. `ntp` lists servers by name or address; empty leaves Debian's pool.

    `keyboard` is the layout of the one at the server itself.
    """

    name: Name
    timezone: str = "Etc/UTC"
    language: Literal["en", "zh_CN"] = "en"
    keyboard: Layout = "us"
    ntp: tuple[str, ...] = ()

    @field_validator("timezone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", zone):
            raise ValueError(f"{zone!r} is not a time zone; write it like Asia/Shanghai or Etc/UTC")
        return zone


class SshSpec(Model):
    """SSH is off unless this turns it on; root may use keys only, never a password."""

    enabled: bool = False
    authorized_keys: tuple[str, ...] = ()

    @field_validator("authorized_keys")
    @classmethod
    def _keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not key.startswith(_KEY_TYPES) or len(key.split()) < 2 or "\n" in key:  # noqa: PLR2004 - type and key
                raise ValueError(f"{key[:40]!r} is not a public key; paste one line of a .pub file")
        return keys


class AdminSpec(Model):
    """The administrator. `password_hash` is a crypt(5) hash, as `mkpasswd` prints it; without one nobody can log in."""

    password_hash: SecretStr | None = None
    ssh: SshSpec = SshSpec()

    @field_validator("password_hash")
    @classmethod
    def _hash(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _HASH.fullmatch(value.get_secret_value()):
            raise ValueError("this is not a password hash; make one with `mkpasswd -m yescrypt`")
        return value


class SystemDiskSelector(DiskSelector):
    """The system disk. `count: 2` mirrors it; by default the smallest that matches is taken."""

    count: Literal[1, 2] = 1
    prefer: Literal["smallest", "largest", "fastest"] | None = None


class BurnInSpec(Model):
    """What a machine must stand before anything is installed on it: a part of its memory, every disk for so many seconds.

    `disks: write` also writes to the disks that this installation erases anyway, and reads back; others are only ever read.
    """

    memory: Size = 256 * 2**20
    seconds: int = Field(default=30, ge=1, le=86_400)
    disks: Literal["read", "write"] = "read"


class InstallSpec(Model):
    """Read once, at installation. `wipe: true` is the consent to erase what is on the chosen disk.

    `pool` leaves so much of each system disk to the pool: for a laboratory whose machines have no other disk.
    """

    disk: SystemDiskSelector = SystemDiskSelector()
    wipe: bool = False
    pool: Size | None = Field(default=None, exclude_if=lambda size: size is None)
    burn_in: BurnInSpec | None = Field(default=None, exclude_if=lambda wish: wish is None)
    then: Literal["reboot", "poweroff"] = "reboot"


class RouteSpec(Model):
    """A static route: to a network, by a router on the plane."""

    to: Network
    via: Ip

    @model_validator(mode="after")
    def _consistent(self) -> "RouteSpec":
        to, via = ipaddress.ip_network(self.to), ipaddress.ip_address(self.via)
        if to.version != via.version:
            raise ValueError(f"{to} is IPv{to.version} and {via} is IPv{via.version}: a route is of one family")
        if not to.prefixlen:
            raise ValueError(f"{to} is everything: write gateway: {via} on the plane that is the way out")
        return self


class PlaneSpec(Model):
    """One plane of the network: its ports, and how the node stands on it.

    `address` is "none", or one or more of: "dhcp" (and what routers announce for IPv6), "slaac", addresses with prefix
    length. `on` puts the plane on the ports of another one. `vlan: trunk` hands every VLAN to the virtual switch.
    """

    nics: tuple[NicSelector, ...] = ()
    on: Literal["management", "business", "overlay", "storage"] | None = None
    bond: Literal["none", "active-backup", "802.3ad", "balance-alb", "balance-tlb", "balance-rr"] = "none"
    vlan: Annotated[int, Field(ge=1, le=VLAN_MAX)] | Literal["trunk"] | None = None
    mtu: int | None = Field(default=None, ge=576, le=9216)
    address: Literal["dhcp", "slaac", "none"] | Interface | tuple[Literal["dhcp", "slaac"] | Interface, ...] = "none"
    gateway: Ip | tuple[Ip, ...] = ()
    dns: tuple[Ip, ...] = ()
    routes: tuple[RouteSpec, ...] = ()

    @property
    def selectors(self) -> tuple[NicSelector, ...]:
        """Of ports, each with its count: one, and with a bond a single selector takes all that match."""
        default = 1 if self.bond == "none" or len(self.nics) > 1 else Range(min=1)
        return tuple(selector.counted(default) for selector in self.nics)

    @property
    def addresses(self) -> tuple[str, ...]:
        """The static addresses, in CIDR form."""
        return tuple(a for a in self._wished if a not in ("dhcp", "slaac"))

    @property
    def dhcp(self) -> bool:
        """Is a DHCP server asked?"""
        return "dhcp" in self._wished

    @property
    def announced(self) -> bool:
        """Are the routers' announcements (IPv6) believed?"""
        return self.dhcp or "slaac" in self._wished

    @property
    def gateways(self) -> tuple[str, ...]:
        """One for each family at most."""
        return self.gateway if isinstance(self.gateway, tuple) else (self.gateway,)

    def reaches(self, router: str) -> bool:
        """Is a router in one of the networks that are written here? fe80::/10 is one on each link with IPv6."""
        address = ipaddress.ip_address(router)
        networks = [ipaddress.ip_interface(a).network for a in self.addresses]
        if address.version == 6 and address.is_link_local:  # noqa: PLR2004
            return self.announced or any(network.version == 6 for network in networks)  # noqa: PLR2004
        return any(address in network for network in networks)

    @property
    def _wished(self) -> tuple[str, ...]:
        if isinstance(self.address, tuple):
            return self.address
        return () if self.address == "none" else (self.address,)

    @model_validator(mode="after")
    def _consistent(self) -> "PlaneSpec":
        if self.on and self.nics:
            raise ValueError("give either nics or on: a plane has ports of its own or stands on another plane's")
        if self.on and self.bond != "none":
            raise ValueError(f"bond belongs to the plane that has the ports: write it at {self.on}")
        for gateway in self.gateways:
            if not self.reaches(gateway):
                raise ValueError(f"the gateway {gateway} is in none of the plane's networks")
            if any(ipaddress.ip_address(gateway) == ipaddress.ip_interface(a).ip for a in self.addresses):
                raise ValueError(f"the gateway {gateway} is the node's own address")
        if len({ipaddress.ip_address(g).version for g in self.gateways}) < len(self.gateways):
            raise ValueError("a plane has one gateway for IPv4 and one for IPv6")
        return self


class Planes(Model):
    """The four planes. Only management is a must."""

    management: PlaneSpec
    business: PlaneSpec | None = None
    overlay: PlaneSpec | None = None
    storage: PlaneSpec | None = None

    @property
    def given(self) -> dict[str, PlaneSpec]:
        """Those that the spec has, by name."""
        return {name: plane for name in type(self).model_fields if (plane := getattr(self, name)) is not None}


class VfSpec(Model):
    """One virtual function's attributes; what is not given stays as the driver has it. Rates in Mbit/s, 0 is unlimited."""

    index: int = Field(ge=0)
    mac: Mac | None = None
    vlan: int | None = Field(default=None, ge=0, le=VLAN_MAX)
    qos: int | None = Field(default=None, ge=0, le=7)
    trust: bool | None = None
    spoofchk: bool | None = None
    link: Literal["auto", "up", "down"] | None = None
    min_rate: int | None = Field(default=None, ge=0)
    max_rate: int | None = Field(default=None, ge=0)
    driver: VfDriver | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "VfSpec":
        if self.qos and not self.vlan:
            raise ValueError("qos is the priority in a VLAN tag: give vlan, too")
        if self.max_rate and self.min_rate and self.min_rate > self.max_rate:
            raise ValueError(f"min_rate {self.min_rate} is over max_rate {self.max_rate}")
        return self


class SriovSpec(Model):
    """The whole state of one port's virtual functions. `driver` is that of those that name none themselves."""

    nic: NicSelector
    vfs: int = Field(ge=0)
    driver: VfDriver = "kernel"
    vf: tuple[VfSpec, ...] = ()
    force: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> "SriovSpec":
        indices = [vf.index for vf in self.vf]
        if over := [i for i in indices if i >= self.vfs]:
            raise ValueError(f"vf {over[0]} is described, and vfs: {self.vfs} makes 0 to {self.vfs - 1}")
        if len(set(indices)) < len(indices):
            raise ValueError("a virtual function is described twice")
        return self


class NetworkSpec(Model):
    """Planes and virtual functions."""

    planes: Planes
    sriov: tuple[SriovSpec, ...] = ()


class ScrubSpec(Model):
    """Hours of the node's clock between which copies are compared; over midnight when `begin` is the later one."""

    begin: int = Field(default=22, ge=0, le=23)
    end: int = Field(default=6, ge=0, le=23)


class StorageSpec(Model):
    """This node's part of the pool. `storage: {}` leaves every disk's role to the rules; a selector states it.

    `wipe: true` is the consent to erase what is on the disks that are chosen. `replicas`: without it 3 from three data disks
    on, else 2. `db: true` puts the databases of HDDs onto their group's SSD in place of a read cache: losing it loses them.
    """

    data: DiskSelector | None = None
    cache: DiskSelector | None = None
    spare: DiskSelector | None = None
    wipe: bool = False
    replicas: Literal[2, 3] | None = None
    db: bool = False
    priority: Literal["business", "balanced", "rebuild"] = "balanced"
    scrub: ScrubSpec = ScrubSpec()


class ReserveSpec(Model):
    """Kept for the platform and away from VMs."""

    cpus: int | None = Field(default=None, ge=0)
    memory: Size | None = None


Merging = Literal["off", "on", "auto"]


class HypervisorSpec(Model):
    """This node runs VMs. `hugepages` maps a page size ("2MiB", "1GiB") to how many pages, dealt evenly to its NUMA nodes.

    `emulation: true` lets VMs run where the processor cannot: many times slower, for labs. `merge` has the kernel merge equal
    pages of VMs (KSM), at its own pace with `auto`: it tells VMs of each other, so without a word it does not.
    """

    hugepages: dict[Literal["2MiB", "1GiB"], Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    reserve: ReserveSpec = ReserveSpec()
    emulation: bool = False
    merge: Merging = "off"


class CreateSpec(Model):
    """Start a cluster of this name."""

    name: Name


class JoinSpec(Model):
    """Join a cluster. Secrets are in the files named here, never in the spec."""

    address: Ip | None = None
    token_file: str | None = None
    words_file: str | None = None


class ClusterSpec(Model):
    """Either create or join."""

    create: CreateSpec | None = None
    join: JoinSpec | None = None

    @model_validator(mode="after")
    def _one(self) -> "ClusterSpec":
        if (self.create is None) == (self.join is None):
            raise ValueError("give either create or join")
        return self


class Spec(Model):
    """The whole wish for one node."""

    version: Literal[1]
    node: NodeSpec
    admin: AdminSpec = AdminSpec()
    install: InstallSpec | None = None
    network: NetworkSpec
    storage: StorageSpec | None = None
    hypervisor: HypervisorSpec | None = None
    cluster: ClusterSpec | None = None

    @property
    def digest(self) -> str:
        """12 hexadecimal digits of what is wished, whatever the text's comments and order of keys are."""
        secret = "".join(self.secrets.values())
        return hashlib.sha256((self.model_dump_json() + secret).encode()).hexdigest()[:12]

    @property
    def secrets(self) -> dict[str, str]:
        """What must be in no plan, log or argument list, by its place in the spec."""
        password = self.admin.password_hash
        return {"admin.password_hash": password.get_secret_value()} if password else {}
