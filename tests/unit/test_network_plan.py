# SPDX-License-Identifier: Apache-2.0
"""The management plane as networkd reads it."""

import pytest

from appliance.model.inventory import Inventory, System
from appliance.model.network import Address, Nic
from appliance.model.plan import RenderFile
from appliance.model.rendered import digest
from appliance.model.spec import Spec
from appliance.services.network import plan as network

MAC = "52:54:00:12:34:56"
NICS = (Nic(mac=MAC, driver="igb", pci="0000:01:00.0", link=True), Nic(mac="52:54:00:12:34:57", driver="igb"))


def spec(**management: object) -> Spec:
    plane = {"nics": [{"mac": MAC}]} | management
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": {"management": plane}}})


def files(wish: Spec, inventory: Inventory | None = None) -> dict[str, str]:
    steps = list(network.plan(inventory or Inventory(nics=NICS), wish))
    assert all(isinstance(s, RenderFile) and s.reload == ("systemd-networkd.service",) for s in steps)
    return {s.path.removeprefix("/run/systemd/network/10-trivet-"): s.content for s in steps if isinstance(s, RenderFile)}


def test_dhcp() -> None:
    assert files(spec(address="dhcp")) == {
        "management.network": f"""\
# Written by Trivet from its spec; changes are lost. See `trivet plan`.
[Match]
PermanentMACAddress={MAC}
Type=ether

[Network]
DHCP=yes
IPv6AcceptRA=yes
LLDP=yes
EmitLLDP=nearest-bridge

[DHCPv4]
ClientIdentifier=mac
UseHostname=no
"""
    }


def test_static_on_a_vlan() -> None:
    rendered = files(spec(address=["10.0.0.11/24", "fd00::11/64"], gateway="10.0.0.1", dns=["10.0.0.1"], vlan=30, mtu=9000))
    assert rendered == {
        "management-vlan.netdev": """\
# Written by Trivet from its spec; changes are lost. See `trivet plan`.
[NetDev]
Name=management
Kind=vlan

[VLAN]
Id=30
""",
        "management-vlan.network": """\
# Written by Trivet from its spec; changes are lost. See `trivet plan`.
[Match]
Name=management

[Link]
MTUBytes=9000

[Network]
IPv6AcceptRA=no
Address=10.0.0.11/24
Address=fd00::11/64
Gateway=10.0.0.1
DNS=10.0.0.1
LLDP=yes
EmitLLDP=nearest-bridge
""",
        "management.network": f"""\
# Written by Trivet from its spec; changes are lost. See `trivet plan`.
[Match]
PermanentMACAddress={MAC}
Type=ether

[Link]
MTUBytes=9000

[Network]
VLAN=management
LinkLocalAddressing=no
IPv6AcceptRA=no
""",
    }


def test_plan_twice_is_nothing_and_a_vlan_that_went_is_removed() -> None:
    static = spec(address="10.0.0.11/24")
    vlan = spec(address="10.0.0.11/24", vlan=30)
    now = {f"/run/systemd/network/10-trivet-{p}": digest(c) for p, c in files(vlan).items()}
    inventory = Inventory(nics=NICS, system=System(files=now))
    assert files(vlan, inventory) == {}
    assert [p for p, content in files(static, inventory).items() if not content] == [
        "management-vlan.netdev",
        "management-vlan.network",
    ]


def test_an_address_that_did_not_come_up_is_said() -> None:
    wish = spec(address="10.0.0.11/24")
    now = {f"/run/systemd/network/10-trivet-{p}": digest(c) for p, c in files(wish).items()}
    inventory = Inventory(nics=NICS, system=System(installed=True, files=now))
    assert [p.where for p in network.pending(inventory, wish)] == ["network.planes.management.address"]
    up = inventory.model_copy(update={"addresses": (Address(link="management", address="10.0.0.11/24"),)})
    assert list(network.pending(up, wish)) == []


@pytest.mark.parametrize(
    ("management", "message"),
    [
        ({"address": "dhcp", "nics": []}, "no port is named"),
        ({"address": "dhcp", "nics": [{"driver": "igb"}]}, "2 match, and 1 is asked for"),
        ({"address": "dhcp", "nics": [{"driver": "igb", "count": 2}]}, "on one port only"),
        ({"address": "dhcp", "bond": "active-backup"}, "on one port only"),
        ({"address": "dhcp", "nics": [{"mac": "52:54:00:00:00:00"}]}, "nothing matches"),
        ({"address": "dhcp", "vlan": "trunk"}, "not on a trunk"),
        ({}, "needs an address"),
    ],
)
def test_what_cannot_be(management: dict[str, object], message: str) -> None:
    problems = list(network.check(Inventory(nics=NICS), spec(**management)))
    assert [p for p in problems if message in p.message], problems
