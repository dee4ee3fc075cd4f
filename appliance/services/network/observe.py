# SPDX-License-Identifier: Apache-2.0
"""The ports of this machine, their virtual functions, its addresses.

One dump of the kernel's links, one of its addresses, one enumeration of udev's network devices; then a few attributes of
/sys for each port. A port is a network device with hardware behind it: bonds, bridges, VLANs and tunnels are not.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from appliance.host.host import Host, UdevDevice
from appliance.model.central import SOUTHBOUND, TLS, remotes
from appliance.model.network import Address, Chassis, Device, Neighbour, Nic, Sriov, Vf
from appliance.model.selector import Chosen
from appliance.services.network import central, hostdev
from appliance.services.network.firewall import TABLE
from appliance.services.network.ports import PORTS
from appliance.services.network.switch import QUERY, Tables

_PCI_DEVICES = "/sys/bus/pci/devices"
_PLACE = re.compile(r"^(/sys/devices/.*/([0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]))/(?!.*/usb\d)")
_MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
_COMMENT = re.compile(r'^\s*comment "([0-9a-f]{12})"$', re.MULTILINE)
_NETWORKD = "/run/systemd/netif"
_OVS, _OVN = "/run/openvswitch", "/run/ovn"
_SOCKET = "io.systemd.Network"
_WIRELESS = {"wlan", "wwan", "bluetooth"}

Links = Sequence[Mapping[str, Any]]


def observe(host: Host, switch: Tables | None = None) -> tuple[tuple[Nic, ...], tuple[Device, ...], tuple[Address, ...]]:
    """The ports in the order of their places; bonds, VLANs, Open vSwitch's devices; the addresses, as the kernel lists them.

    `switch` is what Open vSwitch tells; None where that is no matter.
    """
    links, found, heard = host.netlink.links(), host.netlink.addresses(), neighbours(host)
    by_name = {link["name"]: link for link in links}
    ports = {_name(d): d for d in host.udev.devices("net") if _is_port(d, by_name.get(_name(d)))}
    below = {name: tuple(_ports_below(name, links, ports)) for name in {a["link"] for a in found}}
    held = {name: tuple(a["address"] for a in found if name in below[a["link"]]) for name in ports}
    vms = hostdev.users(host)
    nics = (_nic(host, d, by_name[name], held[name], heard.get(name, ()), vms=vms) for name, d in ports.items())
    macs = {name: _mac(by_name[name]) for name in ports}
    addresses = (
        Address(link=macs.get(a["link"], a["link"]), address=a["address"], scope=a["scope"])
        for a in found
        if a["scope"] != "host"
    )
    return tuple(sorted(nics, key=lambda nic: (nic.pci, nic.mac))), devices(switch, links), tuple(addresses)


def chosen(host: Host) -> Chosen:
    """Which ports the selectors of a spec chose here before; nothing where that cannot be read: they choose again."""
    try:
        return Chosen.model_validate_json(host.files.read(PORTS) or "{}")
    except ValidationError:
        return Chosen()


def firewall(host: Host) -> str:
    """The digest of our table that the kernel has; "" without one."""
    match = _COMMENT.search(host.run(["nft", "list", "table", "inet", TABLE], check=False).stdout)
    return match[1] if match else ""


def devices(switch: Tables | None, links: Links) -> tuple[Device, ...]:
    """The bonds and VLAN interfaces among the kernel's links, and our bridge of Open vSwitch with its ports."""
    lasting = {str(link["name"]): _mac(link) if _has_hardware(link) else str(link["name"]) for link in links}
    kernel = (_device(link, links, lasting) for link in links if link["kind"] in ("bond", "vlan"))
    return (*kernel, *(switch.devices(links, lasting) if switch else ()))


def chassis(host: Host, switch: Tables | None) -> Chassis | None:
    """This node in OVN: what its controller is told to be, once the southbound database has heard so from it."""
    told = switch.chassis() if switch else None
    if told is None or not _runs(host, f"{_OVN}/ovn-controller.pid"):
        return None
    own, where = "ovnsb_db.sock" in host.files.list(_OVN), list[str]()
    if told.remotes:
        where = [f"--db={remotes(told.remotes, SOUTHBOUND)}", *TLS, "--no-leader-only"]
        told = told.model_copy(update={"central": central.member(host) if own else None})
    elif not own:
        return None
    query = ["ovn-sbctl", "--timeout=10", *where, "--bare", "--columns=ip", "find", "Encap", f'chassis_name="{told.name}"']
    return told if told.encap in host.run(query, check=False).stdout.split() else None


def tables(host: Host) -> Tables | None:
    """Open vSwitch's tables; None where it does not run. A process is started for the answer: who needs it twice keeps it."""
    if "db.sock" not in host.files.list(_OVS) or not _runs(host, f"{_OVS}/ovs-vswitchd.pid"):
        return None
    answer = host.run(QUERY, check=False)
    return None if answer.code else Tables(answer.stdout)


def _runs(host: Host, pid_file: str) -> bool:
    """Is the process of a pid file alive? One that was killed leaves its file."""
    pid = host.files.read(pid_file)
    return bool(pid) and host.files.read(f"/proc/{pid}/comm") is not None


def _device(link: Mapping[str, Any], links: Links, lasting: Mapping[str, str]) -> Device:
    name = str(link["name"])
    if link["kind"] == "vlan":
        parent = lasting.get(str(link["parent"]), "")
        return Device(name=name, kind="vlan", mtu=link["mtu"], vlan=link.get("vlan", 0), parent=parent)
    members = sorted(lasting[str(each["name"])] for each in links if each["master"] == name)
    return Device(name=name, kind="bond", mtu=link["mtu"], mode=link.get("mode", ""), members=tuple(members))


def neighbours(host: Host) -> dict[str, tuple[Neighbour, ...]]:
    """The kernel's name of a port -> who is at the other end. networkd listens; without it nobody has."""
    if _SOCKET not in host.files.list(_NETWORKD):
        return {}
    told = host.run(["networkctl", "--json=short", "lldp"], check=False).stdout
    try:
        links = json.loads(told)["Neighbors"]
        return {link["InterfaceName"]: tuple(_neighbour(n) for n in link["Neighbors"]) for link in links}
    except (ValueError, KeyError, TypeError):
        return {}  # networkd is stopping, or of another version: no reason to see no ports


def _neighbour(facts: Mapping[str, Any]) -> Neighbour:
    return Neighbour(system=facts.get("SystemName", ""), chassis=facts.get("ChassisID", ""), port=facts.get("PortID", ""))


def _name(device: UdevDevice) -> str:
    return device.path.rpartition("/")[2]


def _has_hardware(link: Mapping[str, Any]) -> bool:
    """As far as the link itself says so; a container node's cable counts."""
    return not link["kind"] or (link["kind"] == "veth" and bool(link.get("outside")))


def _is_port(device: UdevDevice, link: Mapping[str, Any] | None) -> bool:
    if link is None or not _MAC.fullmatch(_mac(link)):
        return False
    if link["kind"] == "veth":
        return bool(link.get("outside"))  # the cable of a container node: its other end is in the host
    return "/devices/virtual/" not in device.path and device.type not in _WIRELESS and not link["kind"]


def _mac(link: Mapping[str, Any]) -> str:
    """The address that the port was made with: a bond gives all of its ports the same one."""
    return str(link["permanent_mac"] or link["mac"]).lower()


def port_names(links: Links) -> dict[str, str]:
    """The lasting address of each port -> what the kernel calls it now."""
    hardware = (link for link in links if _has_hardware(link))
    return {_mac(link): str(link["name"]) for link in hardware}


def _ports_below(name: str, links: Links, ports: Mapping[str, UdevDevice]) -> Iterator[str]:
    """The ports that carry a link: itself, the members of a bond or bridge, what a VLAN stands on, and so on down."""
    todo, seen = [name], set[str]()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        if here in ports:
            yield here
        todo += [str(link["name"]) for link in links if link["master"] == here]
        todo += [str(link["parent"]) for link in links if link["name"] == here and link["parent"]]


def _nic(
    host: Host,
    device: UdevDevice,
    link: Mapping[str, Any],
    addresses: tuple[str, ...],
    heard: tuple[Neighbour, ...],
    *,
    vms: Mapping[str, str],
) -> Nic:
    facts = device.properties
    place = _PLACE.match(device.path)
    sys, pci = (place[1], place[2]) if place else ("", "")
    carrier = bool(link["up"] and link["carrier"])
    physical = (host.files.link(f"{sys}/physfn") or "").rpartition("/")[2] if pci else ""
    return Nic(
        mac=_mac(link),
        permanent=bool(link["permanent_mac"]),
        pci=pci,
        driver=facts.get("ID_NET_DRIVER") or _driver(host, f"{device.path}/device"),
        firmware=link["firmware"],
        model=_model(facts),
        speed=_integer(host, f"{device.path}/speed") if carrier else 0,
        link=carrier,
        mtu=link["mtu"],
        numa_node=_integer(host, f"{sys}/numa_node", -1) if pci else -1,
        master=link["master"],
        neighbours=heard,
        vf_of=physical,
        sriov=_sriov(host, sys, link["vfs"], vms) if pci and not physical else None,
        addresses=addresses,
        unusable=(f"virtual function of {physical}",) if physical else (),
    )


def _model(facts: Mapping[str, str]) -> str:
    """Maker and model from udev's hardware database, or the PCI numbers when it does not know them."""
    names = (facts.get("ID_VENDOR_FROM_DATABASE", ""), facts.get("ID_MODEL_FROM_DATABASE", ""))
    if any(names):
        return " ".join(name for name in names if name)
    ids = (facts.get("ID_VENDOR_ID", ""), facts.get("ID_MODEL_ID", ""))
    return ":".join(i.removeprefix("0x") for i in ids if i)


def _sriov(host: Host, sys: str, reported: Links, vms: Mapping[str, str]) -> Sriov | None:
    """What a physical function offers and what is made of it: places and drivers from /sys, settings from the PF's driver."""
    total = _integer(host, f"{sys}/sriov_totalvfs")
    if not total:
        return None
    settings = {vf["index"]: vf for vf in reported}
    made = _integer(host, f"{sys}/sriov_numvfs")
    vfs = tuple(_vf(host, sys, index, settings.get(index, {})) for index in range(made))
    return Sriov(total=total, vfs=tuple(vf.model_copy(update={"used_by": vms.get(vf.pci, "")}) for vf in vfs))


def functions(host: Host, pci: str) -> tuple[Vf, ...]:
    """The virtual functions of the port at a PCI address, as they are now."""
    sys, name = f"{_PCI_DEVICES}/{pci}", port_name(host, pci)
    reported: Links = next((link["vfs"] for link in host.netlink.links() if link["name"] == name), ())
    found = _sriov(host, sys, reported, hostdev.users(host))
    return found.vfs if found else ()


def port_name(host: Host, pci: str) -> str:
    """What the kernel calls the port at a PCI address now; "" for none."""
    return next(iter(host.files.list(f"{_PCI_DEVICES}/{pci}/net")), "")


def _vf(host: Host, sys: str, index: int, settings: Mapping[str, Any]) -> Vf:
    pci = (host.files.link(f"{sys}/virtfn{index}") or "").rpartition("/")[2]
    driver = _driver(host, f"{_PCI_DEVICES}/{pci}") if pci else ""
    return Vf(**{**settings, "index": index, "pci": pci, "driver": driver})


def _driver(host: Host, device: str) -> str:
    return (host.files.link(f"{device}/driver") or "").rpartition("/")[2]


def _integer(host: Host, path: str, default: int = 0) -> int:
    """A port without a link answers -1, or not at all, when asked for its speed."""
    text = host.files.read(path)
    return max(int(text), default) if text and text.lstrip("-").isdigit() else default
