# SPDX-License-Identifier: Apache-2.0
"""Planes on ports: which uplinks they make, what networkd reads, what cannot be. Whole machines are in tests/cases."""

from typing import Any

import pytest

from appliance.model.inventory import Inventory, System
from appliance.model.network import Address, Nic
from appliance.model.plan import ConfigureNetwork
from appliance.model.rendered import digest
from appliance.model.spec import Spec
from appliance.services.network import networkd
from appliance.services.network import plan as network
from appliance.services.network.firewall import digest as digest_of

MAC = "52:54:00:12:34:5{}"
NICS = tuple(Nic(mac=MAC.format(n), driver="igb", pci=f"0000:0{n + 1}:00.0", link=True) for n in range(4))
FIRST, PAIR, REST = [{"mac": MAC.format(0)}], [{"mac": MAC.format(1)}, {"mac": MAC.format(2)}], [{"mac": MAC.format(3)}]
HEADER = "# Written by Trivet from its spec; changes are lost. See `trivet plan`.\n"


def spec(**planes: dict[str, Any]) -> Spec:
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": planes}})


def management(**plane: Any) -> Spec:
    return spec(management={"nics": FIRST} | plane)


def files(wish: Spec, inventory: Inventory | None = None) -> dict[str, str]:
    """The end of each file's name -> what it is to hold, without our header."""
    changed = step(wish, inventory or Inventory(nics=NICS)).files
    return {f.path.removeprefix(networkd.PREFIX): f.content.removeprefix(HEADER) for f in changed}


def step(wish: Spec, inventory: Inventory) -> ConfigureNetwork:
    """A network is changed at once, or not at all."""
    (only,) = (step for step in network.plan(inventory, wish) if isinstance(step, ConfigureNetwork))
    return only


def carried_out(wish: Spec, **facts: Any) -> Inventory:
    """The machine once it is so."""
    done = step(wish, Inventory(nics=NICS))
    now = {file.path: digest(file.content) for file in done.files}
    same = {"devices": done.devices, "firewall": digest_of(wish)}
    return Inventory(nics=NICS, system=System(installed=True, files=now), **same | facts)


def test_dhcp_on_one_port() -> None:
    assert files(management(address="dhcp")) == {
        "management.network": f"""\
[Match]
PermanentMACAddress={MAC.format(0)}
Type=ether

[Link]
MTUBytes=1500
Group=1

[Network]
LLDP=yes
EmitLLDP=nearest-bridge
DHCP=yes
IPv6AcceptRA=yes

[DHCPv4]
ClientIdentifier=mac
UseHostname=no

[DHCPv6]
UseHostname=no
"""
    }


def test_ports_speak_lldp_and_nothing_on_top_of_them() -> None:
    """Who is at the other end is asked on each cable: networkd listens and speaks on no bond, and a VLAN's frames have a tag."""
    speaks = "[Network]\nLLDP=yes\nEmitLLDP=nearest-bridge\n"
    bonded = {"nics": PAIR, "bond": "802.3ad", "vlan": 10, "address": "10.0.0.11/24"}
    found = files(spec(management=bonded, storage={"nics": REST, "vlan": 20, "address": "10.0.1.11/24"}))
    ports = {"management-525400123451.network", "management-525400123452.network", "storage.network"}
    assert {name for name, text in found.items() if speaks in text} == ports
    assert {name for name, text in found.items() if "LLDP" in text} == ports


def test_static_on_a_vlan_with_routes() -> None:
    routes = [{"to": "10.1.0.0/16", "via": "10.0.0.2"}]
    addresses = ["10.0.0.11/24", "fd00::11/64"]
    wish = management(address=addresses, gateway=["10.0.0.1", "fd00::1"], dns=["10.0.0.1"], vlan=30, mtu=9000, routes=routes)
    assert files(wish) == {
        "management-vlan.netdev": "[NetDev]\nName=management\nKind=vlan\nMTUBytes=9000\n\n[VLAN]\nId=30\n",
        "management-plane.network": """\
[Match]
Name=management

[Link]
MTUBytes=9000
Group=1

[Network]
IPv6AcceptRA=no
Address=10.0.0.11/24
Address=fd00::11/64
Gateway=10.0.0.1
Gateway=fd00::1
DNS=10.0.0.1

[Route]
Destination=10.1.0.0/16
Gateway=10.0.0.2
""",
        "management.network": f"""\
[Match]
PermanentMACAddress={MAC.format(0)}
Type=ether

[Link]
MTUBytes=9000
Group=0

[Network]
LLDP=yes
EmitLLDP=nearest-bridge
VLAN=management
LinkLocalAddressing=no
IPv6AcceptRA=no
""",
    }


def test_two_planes_on_a_bond() -> None:
    wish = spec(
        management={"nics": PAIR, "bond": "802.3ad", "address": "10.0.0.11/24"},
        storage={"on": "management", "vlan": 20, "address": "10.0.1.11/24"},
    )
    found = files(wish)
    assert sorted(found) == [
        "management-525400123451.network",
        "management-525400123452.network",
        "management-bond.netdev",
        "management-bond.network",
        "storage-plane.network",
        "storage-vlan.netdev",
    ]
    assert found["management-525400123452.network"].endswith("EmitLLDP=nearest-bridge\nBond=bond-management\n")
    assert (
        found["management-bond.netdev"]
        == f"""\
[NetDev]
Name=bond-management
Kind=bond
MACAddress={MAC.format(1)}
MTUBytes=1500

[Bond]
Mode=802.3ad
MIIMonitorSec=100ms
TransmitHashPolicy=layer3+4
LACPTransmitRate=fast
"""
    )
    assert "VLAN=storage\nIPv6AcceptRA=no\nAddress=10.0.0.11/24\n" in found["management-bond.network"]


def test_a_bond_that_lost_a_member_is_put_right() -> None:
    wish = spec(management={"nics": PAIR, "bond": "802.3ad", "vlan": 7, "address": "dhcp"})
    now = carried_out(wish)
    bond, vlan = now.devices
    assert (vlan.parent, vlan.vlan) == ("bond-management", 7)
    drifted = now.model_copy(update={"devices": (bond.model_copy(update={"members": bond.members[:1]}), vlan)})
    assert step(wish, drifted).files == ()
    assert step(wish, drifted).devices == (bond, vlan)


def test_only_management_takes_a_way_out_that_is_offered() -> None:
    found = files(spec(management={"nics": FIRST, "address": "dhcp"}, storage={"nics": REST, "address": "dhcp"}))
    assert "UseGateway" not in found["management.network"]
    assert found["storage.network"].count("UseGateway=no") == 2
    assert "UseDNS" not in found["management.network"]
    for section in ("DHCPv4", "DHCPv6", "IPv6AcceptRA"):
        assert "UseDNS=no" in found["storage.network"].partition(f"[{section}]")[2].partition("\n[")[0], section


@pytest.mark.parametrize(
    ("stated", "planes"),
    [
        ("management", {"management": {"nics": FIRST, "address": ["dhcp", "10.1.0.11/24"], "gateway": "10.1.0.1"}}),
        ("management", {"management": {"nics": FIRST, "vlan": 9, "address": ["dhcp", "10.1.0.11/24"], "gateway": "10.1.0.1"}}),
        (
            "storage",
            {
                "management": {"nics": FIRST, "address": "dhcp"},
                "business": {"nics": REST[:1]},
                "storage": {"on": "business", "vlan": 9, "address": ["dhcp", "10.1.0.11/24"], "gateway": "10.1.0.1"},
            },
        ),
    ],
)
def test_beside_a_stated_gateway_no_option_of_dhcp_gives_another(stated: str, planes: dict[str, Any]) -> None:
    """UseGateway is about option 3 alone: a default route may come as a classless one, 121, and that is UseRoutes."""
    texts = (text.partition("[DHCPv4]\n")[2].partition("\n\n")[0] for text in files(spec(**planes)).values())
    asking = [section for section in texts if section]
    assert len(asking) == len({"management", stated})
    assert all("UseGateway=no\nUseRoutes=no" in section for section in asking)


def test_time_servers_that_are_offered_are_asked_on_management_alone() -> None:
    """networkd makes a route to each of them by the router of the same offer, whatever is said of that router."""
    found = files(spec(management={"nics": FIRST, "address": "dhcp"}, storage={"nics": REST[:1], "address": "dhcp"}))
    assert "UseNTP" not in found["management.network"]
    for section in ("DHCPv4", "DHCPv6"):
        assert "UseNTP=no" in found["storage.network"].partition(f"[{section}]")[2].partition("\n[")[0], section


@pytest.mark.parametrize("address", ["fd00::11/64", "slaac", ["10.0.0.11/24", "fd00::11/64"], "dhcp"])
def test_a_router_is_known_by_its_link_local_address(address: str | list[str]) -> None:
    """It is the one that routers have whatever networks they announce; each link with IPv6 reaches it."""
    wish = management(address=address, gateway="fe80::1", routes=[{"to": "fd09::/48", "via": "fe80::2"}])
    assert not list(network.check(Inventory(nics=NICS), wish))
    (text,) = files(wish).values()
    assert "Gateway=fe80::1\n" in text
    assert "[Route]\nDestination=fd09::/48\nGateway=fe80::2\n" in text


def test_there_is_one_way_out_for_each_family() -> None:
    """Where the spec states one, here or on another plane, none that is offered stands beside it."""
    both = management(address=["dhcp", "fd00::11/64"], gateway="fd00::1")
    (text,) = files(both).values()
    assert "UseRoutes" not in text
    assert text.endswith("[IPv6AcceptRA]\nUseGateway=no\nUseRoutePrefix=no\n"), "its name servers are asked all the same"
    out = {"nics": REST, "address": "10.1.0.11/24", "gateway": "10.1.0.1"}
    text = files(spec(management={"nics": FIRST, "address": "dhcp"}, storage=out))["management.network"]
    assert "ClientIdentifier=mac\nUseHostname=no\nUseGateway=no\nUseRoutes=no\n\n[DHCPv6]" in text
    assert "IPv6AcceptRA]" not in text


def test_plan_twice_is_nothing_and_what_an_earlier_spec_left_goes() -> None:
    static, vlan = management(address="10.0.0.11/24"), management(address="10.0.0.11/24", vlan=30)
    assert list(network.plan(carried_out(vlan), vlan)) == []
    gone = [name for name, text in files(static, carried_out(vlan)).items() if not text]
    assert gone == ["management-plane.network", "management-vlan.netdev"]


def test_an_address_that_did_not_come_up_is_said() -> None:
    wish = spec(management={"nics": FIRST, "address": "dhcp"}, storage={"nics": REST, "address": "10.0.1.11/24"})
    assert [p.where for p in network.pending(carried_out(wish), wish)] == ["network.planes.storage.address"]
    up = carried_out(wish, addresses=(Address(link="storage", address="10.0.1.11/24"),))
    assert list(network.pending(up, wish)) == []


@pytest.mark.parametrize(
    ("planes", "where", "message"),
    [
        ({"management": {"address": "dhcp"}}, "management.nics", "no port is named"),
        ({"management": {"nics": [{"driver": "igb"}], "address": "dhcp"}}, "management.nics[0]", "4 match, and 1 is asked for"),
        ({"management": {"nics": PAIR, "address": "dhcp"}}, "management.bond", "2 ports, and no bond"),
        ({"management": {"nics": FIRST + FIRST, "bond": "802.3ad", "address": "dhcp"}}, "management.nics[1]", "named twice"),
        ({"management": {"nics": [{"mac": "52:54:00:00:00:00"}], "address": "dhcp"}}, "management.nics[0]", "nothing matches"),
        ({"management": {"nics": FIRST, "address": "dhcp", "vlan": "trunk"}}, "management.vlan", "not on a trunk"),
        ({"management": {"nics": FIRST}}, "management.address", "needs an address"),
        ({"management": {"on": "management", "address": "dhcp"}}, "management.on", "on itself"),
        ({"management": {"on": "business", "address": "dhcp"}}, "management.on", "there is no plane business"),
        (
            {"management": {"nics": FIRST, "address": "dhcp"}, "storage": {"nics": FIRST, "address": "10.1.0.1/24"}},
            "storage.nics",
            "belongs to management already",
        ),
        (
            {"management": {"nics": FIRST, "address": "dhcp"}, "storage": {"on": "management", "address": "10.1.0.1/24"}},
            "storage.vlan",
            "management and storage share their ports, and neither has a VLAN",
        ),
        (
            {
                "management": {"nics": FIRST, "vlan": 9, "address": "dhcp"},
                "storage": {"on": "management", "vlan": 9, "address": "10.1.0.1/24"},
            },
            "storage.vlan",
            "share their ports and VLAN 9",
        ),
        (
            {
                "management": {"nics": FIRST, "address": "dhcp"},
                "storage": {"on": "management", "vlan": 9, "mtu": 9000, "address": "10.1.0.1/24"},
            },
            "management.mtu",
            "the ports carry storage's 9000 bytes",
        ),
        (
            {"management": {"nics": PAIR, "bond": "balance-alb", "address": "dhcp"}, "business": {"on": "management", "vlan": 9}},
            "management.bond",
            "balance-alb writes the ports' own addresses",
        ),
        (
            {"management": {"nics": FIRST, "address": "dhcp"}, "business": {"nics": PAIR, "bond": "balance-tlb"}},
            "business.bond",
            "balance-tlb writes the ports' own addresses",
        ),
        (
            {
                "management": {"nics": FIRST, "address": "10.1.0.1/16"},
                "storage": {"nics": REST, "address": "10.1.2.1/24"},
                "overlay": {"on": "storage", "vlan": 5, "address": "10.3.0.1/24"},
                "business": {"on": "overlay"},
            },
            "storage.address",
            "10.1.2.1/24 is in the network of management",
        ),
    ],
)
def test_what_cannot_be(planes: dict[str, Any], where: str, message: str) -> None:
    problems = list(network.check(Inventory(nics=NICS), spec(**planes)))
    assert [p for p in problems if p.where == f"network.planes.{where}" and message in p.message], problems
