# SPDX-License-Identifier: Apache-2.0
"""Devices -> what ovs-vsctl is told, and what it told -> devices. Pure.

Open vSwitch forgets everything at a restart of the node (its database does not persist): the spec has it all. What it shall
have is one transaction, whole, so that nothing stands between two of its states.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from appliance.model.central import SOUTHBOUND, addresses, remotes
from appliance.model.cluster import CA, CERTIFICATE, PRIVATE_KEY
from appliance.model.network import Chassis, Device
from appliance.services.network.topology import BRIDGE

QUERY = (
    "ovs-vsctl", "--timeout=10", "--format=json",
    "--", "--columns=name,ports", "list", "Bridge",
    "--", "--columns=_uuid,name,tag,trunks,interfaces", "list", "Port",
    "--", "--columns=_uuid,name,type,ofport", "list", "Interface",
    "--", "--columns=external_ids", "list", "Open_vSwitch",
)  # fmt: skip
"""What `parse` reads the answer of: one line of JSON for each table."""
Link = Mapping[str, Any]
EVERY_VLAN = -1
"""The VLAN of an internal port without any tag, which is none of ours: it is a trunk."""


class Tables:
    """The rows of the tables of QUERY's answer, with plain values."""

    def __init__(self, answer: str) -> None:
        tables = [_rows(json.loads(line)) for line in answer.splitlines()]
        self.bridges, self.ports, self.interfaces, (self.switch, *_) = tables

    def devices(self, links: Iterable[Link], lasting: Mapping[str, str]) -> Iterator[Device]:
        """Our bridge and its internal ports, as far as there are links for them. `lasting`: a link's name -> ours."""
        known = {str(link["name"]): link for link in links}
        interfaces = {row["_uuid"]: row for row in self.interfaces}
        for bridge in self.bridges:
            if bridge["name"] != BRIDGE:
                continue
            here = [port for port in self.ports if port["_uuid"] in _many(bridge["ports"]) and port["name"] != BRIDGE]
            kinds = {port["name"]: interfaces[_many(port["interfaces"])[0]] for port in here}
            uplinks = [port for port in here if kinds[port["name"]]["type"] == "" and _works(kinds[port["name"]])]
            yield Device(
                name=BRIDGE,
                kind="bridge",
                members=tuple(sorted(lasting.get(port["name"], port["name"]) for port in uplinks)),
                trunks=tuple(sorted({vlan for port in uplinks for vlan in _many(port["trunks"])})),
            )
            for port in here:
                name = port["name"]
                if kinds[name]["type"] == "internal" and name in known:
                    link, tag = known[name], _many(port["tag"])
                    vlan = tag[0] if tag else EVERY_VLAN
                    yield Device(name=name, kind="internal", mtu=link["mtu"], vlan=vlan, parent=BRIDGE, mac=link["mac"])

    def chassis(self) -> Chassis | None:
        """What ovn-controller is told to be."""
        told = self.switch["external_ids"]
        if "ovn-encap-ip" not in told:
            return None
        mappings = (each.partition(":")[::2] for each in told.get("ovn-bridge-mappings", "").split(",") if each)
        remotes = addresses(told.get("ovn-remote", ""))
        return Chassis(name=told.get("system-id", ""), encap=told["ovn-encap-ip"], mappings=tuple(mappings), remotes=remotes)


def surplus(wished: Iterable[Device], present: Iterable[Device]) -> tuple[Device, ...]:
    """What Open vSwitch has and shall not have, or not under this kind: its ports first, then the bridge."""
    names = {device.name for device in wished if device.switched}
    return tuple(sorted((d for d in present if d.switched and d.name not in names), key=lambda d: d.kind == "bridge"))


def removal(devices: Iterable[Device]) -> list[str]:
    """The arguments of ovs-vsctl that remove these; [] for none."""
    words = []
    for device in devices:
        words += ["--", "--if-exists", "del-br" if device.kind == "bridge" else "del-port", device.name]
    return words


def transaction(wished: Iterable[Device], present: Iterable[Device], names: Mapping[str, str], datapath: str) -> list[str]:
    """The arguments of ovs-vsctl that make what is wished of what is present. `names`: a port's address -> the kernel's name.

    `datapath` is "system" for the kernel's, "netdev" for the one in user space. [] when nothing is wished.
    """
    devices = [device for device in wished if device.switched]
    had = {member for device in present if device.kind == "bridge" for member in device.members}
    words: list[str] = []
    for device in devices:
        if device.kind == "bridge":
            words += ["--", "--may-exist", "add-br", device.name, "--", "set", "Bridge", device.name, f"datapath_type={datapath}"]
            for gone in sorted(had - set(device.members)):
                words += ["--", "--if-exists", "del-port", names.get(gone, gone)]
            for member in device.members:
                port = names.get(member, member)
                words += ["--", "--may-exist", "add-port", device.name, port, "--", "clear", "Port", port, "trunks"]
                if device.trunks:
                    words += ["--", "set", "Port", port, f"trunks={','.join(map(str, device.trunks))}"]
        else:
            # Without a tag it would be a trunk; with 0 it has what is untagged, and none of VMs' frames in their VLANs.
            words += ["--", "--may-exist", "add-port", device.parent, device.name]
            words += ["--", "set", "Port", device.name, f"tag={device.vlan}"]
            words += ["--", "set", "Interface", device.name, "type=internal", f"mtu_request={device.mtu}", f'mac="{device.mac}"']
    return words


def membership(chassis: Chassis, datapath: str) -> list[str]:
    """The arguments of ovs-vsctl that tell ovn-controller who it is."""
    told = {
        "system-id": chassis.name,
        "ovn-remote": remotes(chassis.remotes, SOUTHBOUND) or "unix:/run/ovn/ovnsb_db.sock",
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": chassis.encap,
        "ovn-bridge-mappings": ",".join(":".join(pair) for pair in chassis.mappings),
        "ovn-bridge-datapath-type": datapath,
    }
    tls = ["--", "set-ssl", PRIVATE_KEY, CERTIFICATE, CA] if chassis.remotes else []
    return ["set", "Open_vSwitch", ".", *(f'external_ids:{key}="{value}"' for key, value in told.items()), *tls]


def _works(interface: Mapping[str, Any]) -> bool:
    """Has the switch opened it? It counts its ports from 1; -1 is one that it could not open."""
    return any(number > 0 for number in _many(interface["ofport"]))


def _rows(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in zip(table["headings"], row, strict=True)} for row in table["data"]]


def _plain(value: Any) -> Any:
    """A value of OVSDB's JSON (RFC 7047, 5.1): sets as tuples, maps as mappings, UUIDs as text."""
    match value:
        case ["uuid", text]:
            return text
        case ["set", items]:
            return tuple(map(_plain, items))
        case ["map", pairs]:
            return {key: _plain(item) for key, item in pairs}
        case _:
            return value


def _many(value: Any) -> tuple[Any, ...]:
    """OVSDB writes a set of one as the one."""
    return value if isinstance(value, tuple) else (value,)
