# SPDX-License-Identifier: Apache-2.0
"""A node with a bond that speaks LACP and a single port, as its doors answer: what tests of the report look at."""

from typing import Any

from appliance.host.host import Host
from appliance.host.playback import playback
from appliance.model.spec import Spec

PORTS = ("52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:00:00:03")
SWITCH, OTHER = "02:01:00:00:01:01", "02:01:00:00:02:02"
BASE: dict[str, Any] = {
    "kind": "", "mode": "", "vlan": 0, "up": True, "carrier": True, "master": "", "parent": "", "mtu": 9000, "firmware": "",
    "vfs": (), "outside": False, "permanent_mac": "",
}  # fmt: skip

# As the kernel's bonding driver writes it (bond_info_seq_show, v3.7.1).
MEMBER = """
Slave Interface: {name}
MII Status: up
Speed: 10000 Mbps
Duplex: full
Link Failure Count: 0
Permanent HW addr: {mac}
Slave queue ID: 0
Aggregator ID: {aggregator}
Actor Churn State: none
Partner Churn State: none
Actor Churned Count: 0
Partner Churned Count: 0
details actor lacp pdu:
    system priority: 65535
    system mac address: 52:54:00:00:00:02
    port key: 15
    port priority: 255
    port number: 1
    port state: 63
details partner lacp pdu:
    system priority: 65534
    system mac address: {partner}
    oper key: 201
    port priority: 1
    port number: 12
    port state: 63
"""
BONDING = """Ethernet Channel Bonding Driver: v6.12

Bonding Mode: IEEE 802.3ad Dynamic link aggregation
MII Status: up

802.3ad info
LACP active: on
System MAC address: 52:54:00:00:00:02
Active Aggregator Info:
\tAggregator ID: 1
\tNumber of ports: 2
\tPartner Mac Address: 02:01:00:00:01:01
"""


def link(name: str, mac: str, **facts: Any) -> dict[str, Any]:
    return BASE | {"name": name, "mac": mac} | facts


def member(name: str, mac: str, aggregator: int = 1, **facts: Any) -> dict[str, Any]:
    slave = {"active": True, "up": True, "aggregator": aggregator}
    return link(name, PORTS[1], permanent_mac=mac, master="bond-storage", slave=slave, **facts)


def device(number: int) -> dict[str, str]:
    path = f"/devices/pci0000:00/0000:0{number}:00.0/net/eth{number}"
    return {"DEVPATH": path, "SUBSYSTEM": "net", "INTERFACE": f"eth{number}", "ID_NET_DRIVER": "ixgbe"}


def node(partner: str = SWITCH, aggregator: int = 1, **sections: Any) -> Host:
    """eth0 for management; eth1 and eth2 in a bond; `partner` and `aggregator` are those of eth2."""
    stats = {"rx_bytes": 1536, "tx_bytes": 3 << 30, "rx_packets": 10, "tx_packets": 20, "rx_errors": 1, "tx_errors": 0}
    stats |= {"rx_dropped": 2, "tx_dropped": 0}
    bond = {"active": "", "aggregator": 1, "partner": SWITCH}
    links = [
        link("lo", "00:00:00:00:00:00", mtu=65536),
        link("eth0", PORTS[0], permanent_mac=PORTS[0], mtu=1500, stats=stats, losses=1),
        member("eth1", PORTS[1]),
        member("eth2", PORTS[2], aggregator),
        link("bond-storage", PORTS[1], kind="bond", mode="802.3ad", bond=bond),
        link("storage", PORTS[1], kind="vlan", vlan=20, parent="bond-storage"),
        link("overlay", PORTS[1], kind="vlan", vlan=30, parent="bond-storage", mtu=1600),
    ]
    addresses = [
        {"link": "lo", "address": "127.0.0.1/8", "scope": "host"},
        {"link": "eth0", "address": "10.0.0.11/24", "scope": "global", "duplicate": False},
        {"link": "eth0", "address": "fe80::1/64", "scope": "link", "duplicate": False},
        {"link": "storage", "address": "10.0.1.11/24", "scope": "global", "duplicate": False},
        {"link": "overlay", "address": "fd02::11/64", "scope": "global", "duplicate": True},
    ]
    members = (("eth1", PORTS[1], SWITCH, 1), ("eth2", PORTS[2], partner, aggregator))
    told = BONDING + "".join(MEMBER.format(name=n, mac=m, partner=p, aggregator=a) for n, m, p, a in members)
    speeds = {f"/sys/devices/pci0000:00/0000:0{n}:00.0/net/eth{n}/speed": "10000" for n in range(3)}
    data = {
        "origin": "a test",
        "udev": {"net": [device(n) for n in range(3)]},
        "netlink": {"links": links, "addresses": addresses, "gateways": [{"link": "eth0", "address": "10.0.0.1"}]},
        "files": {"/proc/net/bonding/bond-storage": told, "/proc/uptime": "100.0 1.0", **speeds},
    }
    return playback({name: data.get(name, {}) | sections[name] if name in sections else data[name] for name in data | sections})


def spec(**planes: Any) -> Spec:
    given: dict[str, Any] = {
        "management": {"nics": [{"mac": PORTS[0]}], "address": "dhcp"},
        "storage": {
            "nics": [{"mac": PORTS[1]}, {"mac": PORTS[2]}],
            "bond": "802.3ad",
            "vlan": 20,
            "mtu": 9000,
            "address": "10.0.1.11/24",
        },
        "overlay": {"on": "storage", "vlan": 30, "mtu": 1600, "address": "fd02::11/64"},
    }
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": given | planes}})
