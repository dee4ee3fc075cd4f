# SPDX-License-Identifier: Apache-2.0
"""The netlink door of a running machine, through pyroute2 (100 ms to import, so only when it is asked)."""

import array
import fcntl
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

_VF_INFO = 1  # RTEXT_FILTER_VF: without it the kernel leaves the virtual functions out
_SCOPES = {0: "global", 200: "site", 253: "link", 254: "host"}
_SIOCETHTOOL, _GDRVINFO = 0x8946, 0x00000003
_BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_LINK_STATES = {0: "auto", 1: "up", 2: "down"}
_MAIN = 254  # the routing table that everybody uses
_DADFAILED = 0x08
_STATS = ("rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "rx_errors", "tx_errors", "rx_dropped", "tx_dropped")
_NOBODY = "00:00:00:00:00:00"
_DRVINFO = struct.Struct("=I32s32s32s32s32s12s5I")


class LiveNetlink:
    """Links and addresses of this machine's first network namespace."""

    def links(self) -> tuple[Mapping[str, Any], ...]:
        """One dump of all links, then one ioctl for each that has a device behind it."""
        messages = list(_dump("link", ext_mask=_VF_INFO))
        names = {m["index"]: m.get("IFLA_IFNAME") for m in messages}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            return tuple(_link(m, names, control) for m in messages)

    def addresses(self) -> tuple[Mapping[str, Any], ...]:
        names = {m["index"]: m.get("IFLA_IFNAME") for m in _dump("link")}
        return tuple(
            {
                "link": names.get(m["index"], ""),
                "address": f"{m.get('IFA_LOCAL') or m.get('IFA_ADDRESS')}/{m['prefixlen']}",
                "scope": _SCOPES.get(m["scope"], str(m["scope"])),
                "duplicate": bool((m.get("IFA_FLAGS") or m["flags"]) & _DADFAILED),
            }
            for m in _dump("addr")
        )

    def gateways(self) -> tuple[Mapping[str, Any], ...]:
        names = {m["index"]: m.get("IFLA_IFNAME") for m in _dump("link")}
        routes = [m for family in (socket.AF_INET, socket.AF_INET6) for m in _dump("route", family=family)]
        return tuple(
            {"link": names.get(m.get("RTA_OIF"), ""), "address": m.get("RTA_GATEWAY")}
            for m in routes
            if m["dst_len"] == 0 and m.get("RTA_GATEWAY") and (m.get("RTA_TABLE") or m["table"]) == _MAIN
        )


def _dump(what: str, **arguments: object) -> Iterator[Any]:
    from pyroute2.iproute.linux import IPRoute  # noqa: PLC0415 - 100 ms, see above

    with IPRoute() as socket_:
        yield from getattr(socket_, what)("dump", **arguments)


def _link(message: Any, names: Mapping[int, str], control: socket.socket) -> dict[str, Any]:
    """The kernel's message in our words. `outside`: what the link stands on is in another namespace, so it has no name here."""
    name = message.get("IFLA_IFNAME")
    info = message.get("IFLA_LINKINFO")
    kind = (info.get("IFLA_INFO_KIND") if info else "") or ""
    data = info.get("IFLA_INFO_DATA") if info else None
    mac = message.get("IFLA_ADDRESS") or ""
    outside = message.get("IFLA_LINK_NETNSID") is not None
    return {
        "name": name,
        "mac": mac,
        "permanent_mac": (message.get("IFLA_PERM_ADDRESS") or "").lower(),
        "mtu": message.get("IFLA_MTU") or 0,
        "kind": kind,
        "mode": _BOND_MODES[data.get("IFLA_BOND_MODE")] if data and kind == "bond" else "",
        "vlan": data.get("IFLA_VLAN_ID") if data and kind == "vlan" else 0,
        "up": message.get("state") == "up",
        "carrier": bool(message.get("IFLA_CARRIER")),
        "master": names.get(message.get("IFLA_MASTER") or 0, ""),
        "parent": "" if outside else names.get(message.get("IFLA_LINK") or 0, ""),
        "outside": outside,
        "firmware": "" if kind else _firmware(name, control),
        "vfs": tuple(_vf(v) for v in _attributes(message.get("IFLA_VFINFO_LIST"), "IFLA_VF_INFO")),
        "stats": {key: value for key, value in (message.get("IFLA_STATS64") or {}).items() if key in _STATS},
        "losses": message.get("IFLA_CARRIER_DOWN_COUNT") or 0,
        "bond": _bond(data, names) if data and kind == "bond" else {},
        "slave": _slave(info),
    }


def _bond(data: Any, names: Mapping[int, str]) -> dict[str, Any]:
    """What a bond does with its members now. Without LACP, and without a partner, there is neither aggregator nor partner."""
    lacp = data.get("IFLA_BOND_AD_INFO")
    partner = (lacp.get("IFLA_BOND_AD_INFO_PARTNER_MAC") or "").lower() if lacp else ""
    return {
        "active": names.get(data.get("IFLA_BOND_ACTIVE_SLAVE") or 0, ""),
        "aggregator": (lacp.get("IFLA_BOND_AD_INFO_AGGREGATOR") or 0) if lacp else 0,
        "partner": "" if partner == _NOBODY else partner,
    }


def _slave(info: Any) -> dict[str, Any]:
    """What a bond says of one of its members; nothing for other links."""
    if not info or info.get("IFLA_INFO_SLAVE_KIND") != "bond":
        return {}
    data = info.get("IFLA_INFO_SLAVE_DATA")
    return {
        "active": data.get("IFLA_BOND_SLAVE_STATE") == 0,
        "up": data.get("IFLA_BOND_SLAVE_MII_STATUS") == 0,
        "aggregator": data.get("IFLA_BOND_SLAVE_AD_AGGREGATOR_ID") or 0,
    }


def _attributes(message: Any, name: str) -> list[Any]:
    return message.get_attrs(name) if message else []


def _vf(message: Any) -> dict[str, Any]:
    """Rates in Mbit/s, 0 is unlimited. Old drivers report one rate only (TX_RATE)."""
    mac, vlan = message.get("IFLA_VF_MAC"), message.get("IFLA_VF_VLAN")
    rate, old = message.get("IFLA_VF_RATE"), message.get("IFLA_VF_TX_RATE")
    state = message.get("IFLA_VF_LINK_STATE")
    trust, spoofchk = message.get("IFLA_VF_TRUST"), message.get("IFLA_VF_SPOOFCHK")
    return {
        "index": mac["vf"],
        "mac": mac["mac"],
        "vlan": vlan["vlan"] if vlan else 0,
        "qos": vlan["qos"] if vlan else 0,
        "link": _LINK_STATES.get(state["link_state"], "auto") if state else "auto",
        "trust": _on(trust, "trust"),
        "spoofchk": _on(spoofchk, "spoofchk"),
        "min_rate": rate["min_tx_rate"] if rate else 0,
        "max_rate": rate["max_tx_rate"] if rate else old["tx_rate"] if old else 0,
    }


def _on(message: Any, name: str) -> bool:
    """The kernel says 0xffffffff where the driver does not know."""
    return bool(message) and message[name] == 1


def _firmware(name: str, control: socket.socket) -> str:
    """The adapter's own firmware version, as `ethtool -i` prints it; "" where the driver says nothing."""
    info = array.array("B", _DRVINFO.pack(_GDRVINFO, *[b""] * 6, *[0] * 5))
    try:
        fcntl.ioctl(control, _SIOCETHTOOL, struct.pack("16sP", name.encode(), info.buffer_info()[0]))
    except OSError:
        return ""
    text = _DRVINFO.unpack(info.tobytes())[3].split(b"\0")[0].decode(errors="replace").strip()
    return "" if text.upper() == "N/A" else text
