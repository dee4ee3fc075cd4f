# SPDX-License-Identifier: Apache-2.0
"""What Open vSwitch and OVN are told, and what they tell. ANSWER is in the words of a container node.

It was shortened, and given the trunks of a business plane without a tag."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from appliance import flow
from appliance.host.host import Host, Result
from appliance.host.playback import NAME, playback
from appliance.model.inventory import Inventory
from appliance.model.network import Address, Chassis, Device, Nic
from appliance.model.plan import ConfigureNetwork, ConfigureOvn
from appliance.model.spec import Spec
from appliance.services.network import ovn, report, switch
from appliance.services.network import plan as network
from appliance.services.network.firewall import allowed
from appliance.services.network.topology import BRIDGE, resolve

MAC = "52:54:00:12:34:5{}"
NICS = tuple(Nic(mac=MAC.format(n), driver="igb", pci=f"0000:0{n + 1}:00.0", link=True) for n in range(3))
ANSWER = """\
{"data":[["br-business",["set",[["uuid","p2"],["uuid","p3"],["uuid","p4"]]]],["br-int",["uuid","p1"]]],"headings":["name","ports"]}
{"data":[[["uuid","p1"],"br-int",["set",[]],["set",[]],["uuid","i1"]],[["uuid","p2"],"br-business",["set",[]],["set",[]],["uuid","i3"]],[["uuid","p3"],"eth1",["set",[]],["set",[0,30]],["uuid","i2"]],[["uuid","p4"],"overlay",30,["set",[]],["uuid","i4"]]],"headings":["_uuid","name","tag","trunks","interfaces"]}
{"data":[[["uuid","i1"],"br-int","internal",65534],[["uuid","i2"],"eth1","",2],[["uuid","i3"],"br-business","internal",65534],[["uuid","i4"],"overlay","internal",1]],"headings":["_uuid","name","type","ofport"]}
{"data":[[["map",[["ovn-bridge-mappings","business:br-business"],["ovn-encap-ip","10.9.0.1"],["system-id","n1"]]]]],"headings":["external_ids"]}
"""
LINKS = (
    {"name": "eth1", "kind": "", "mtu": 1500, "mac": MAC.format(1)},
    {"name": "overlay", "kind": "openvswitch", "mtu": 1400, "mac": MAC.format(1)},
)
BUSINESS = {"nics": [{"mac": MAC.format(1)}]}
OVERLAY = {"on": "business", "vlan": 30, "mtu": 1400, "address": "10.9.0.1/24"}
BRIDGED = Device(name=BRIDGE, kind="bridge", members=(MAC.format(1),), trunks=(0, 30))
PORT = Device(name="overlay", kind="internal", mtu=1400, vlan=30, parent=BRIDGE, mac=MAC.format(1))


MACHINES = Path(__file__).parents[1] / "machines"


def spec(**planes: dict[str, Any]) -> Spec:
    management = {"nics": [{"mac": MAC.format(0)}], "address": "dhcp"}
    planes = {"management": management} | planes
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": planes}})


def wished(wish: Spec) -> tuple[Device, ...]:
    uplinks, problems = resolve(Inventory(nics=NICS), wish)
    assert not problems
    return tuple(device for uplink in uplinks for device in uplink.devices)


def steps(wish: Spec, **facts: Any) -> list[Any]:
    return list(network.plan(Inventory(nics=NICS, **facts), wish))


def test_the_planes_on_businesss_ports_are_internal_ports() -> None:
    assert wished(spec(business=BUSINESS, overlay=OVERLAY)) == (BRIDGED, PORT)


def test_a_trunk_lets_every_vlan_through() -> None:
    assert wished(spec(business=BUSINESS | {"vlan": "trunk"}, overlay=OVERLAY))[0].trunks == ()


def test_business_on_a_vlan_lets_that_one_through() -> None:
    assert wished(spec(business=BUSINESS | {"vlan": 100}, overlay=OVERLAY))[0].trunks == (30, 100)


def test_what_open_vswitch_tells() -> None:
    tables = switch.Tables(ANSWER)
    assert tuple(tables.devices(LINKS, {"eth1": MAC.format(1)})) == (BRIDGED, PORT)
    assert tables.chassis() == Chassis(name="n1", encap="10.9.0.1", mappings=(("business", BRIDGE),))


def test_an_uplink_that_the_switch_could_not_open_is_none() -> None:
    (bridge, _) = switch.Tables(ANSWER.replace('"eth1","",2', '"eth1","",-1')).devices(LINKS, {})
    assert bridge.members == ()


def test_the_transaction_names_ports_as_the_kernel_does_now() -> None:
    words = " ".join(switch.transaction((BRIDGED, PORT), (), {MAC.format(1): "eth7"}, "system"))
    assert "add-port br-business eth7 -- clear Port eth7 trunks -- set Port eth7 trunks=0,30" in words
    assert "set Port overlay tag=30 -- set Interface overlay type=internal mtu_request=1400" in words


def test_a_plane_without_a_vlan_has_untagged_frames_and_no_others() -> None:
    """A port without any tag would be a trunk: VMs' frames of every VLAN would be the node's to look at."""
    untagged = PORT.model_copy(update={"vlan": 0})
    words = " ".join(switch.transaction((BRIDGED, untagged), (), {}, "system"))
    assert "add-port br-business overlay -- set Port overlay tag=0 -- set Interface overlay" in words
    (_, port) = switch.Tables(ANSWER.replace('"overlay",30', '"overlay",0')).devices(LINKS, {"eth1": MAC.format(1)})
    assert port == untagged
    (_, trunk) = switch.Tables(ANSWER.replace('"overlay",30', '"overlay",["set",[]]')).devices(LINKS, {"eth1": MAC.format(1)})
    assert trunk != untagged


def test_a_port_that_the_bridge_shall_not_have_any_more_leaves_it() -> None:
    before = BRIDGED.model_copy(update={"members": (MAC.format(2),)})
    assert "--if-exists del-port eth2" in " ".join(
        switch.transaction((BRIDGED,), (before,), {MAC.format(1): "eth1", MAC.format(2): "eth2"}, "system")
    )


def test_surplus_goes_ports_first() -> None:
    assert switch.surplus((), (BRIDGED, PORT)) == (PORT, BRIDGED)
    assert switch.surplus((BRIDGED,), (BRIDGED, PORT)) == (PORT,)
    assert switch.removal((PORT, BRIDGED)) == ["--", "--if-exists", "del-port", "overlay", "--", "--if-exists", "del-br", BRIDGE]
    assert switch.removal(()) == []


def test_a_plane_that_is_no_longer_the_switchs_is_a_step() -> None:
    kinds = [type(step) for step in steps(spec(), devices=(BRIDGED,))]
    assert ConfigureNetwork in kinds


def test_tunnels_end_on_the_overlay_or_on_management() -> None:
    assert ovn.tunnels(spec()) == ""
    assert ovn.tunnels(spec(business=BUSINESS)) == "management"
    assert ovn.tunnels(spec(business=BUSINESS, overlay=OVERLAY)) == "overlay"


def test_ovn_waits_for_an_address_and_says_so() -> None:
    wish = spec(business=BUSINESS)
    assert ConfigureOvn not in [type(step) for step in steps(wish)]
    address = Address(link=MAC.format(0), address="10.7.0.5/24")
    (step,) = (s for s in steps(wish, addresses=(address,)) if isinstance(s, ConfigureOvn))
    assert step.chassis == Chassis(name="n1", encap="10.7.0.5", mappings=(("business", BRIDGE),))


def test_tunnels_leave_vms_what_ipv6_needs() -> None:
    (problem,) = network.check(Inventory(nics=NICS), spec(business=BUSINESS, overlay=OVERLAY | {"mtu": 1300}))
    assert problem.where == "network.planes.overlay.mtu"
    assert "leave VMs' networks 1242" in problem.message
    assert problem.hint == "give it mtu: 1338 or more"


def test_ovn_stops_with_its_last_plane() -> None:
    (step,) = (s for s in steps(spec(), chassis=Chassis(name="n1", encap="10.9.0.1")) if isinstance(s, ConfigureOvn))
    assert step.chassis is None


def test_geneve_comes_in_where_tunnels_end() -> None:
    rules = allowed(spec(business=BUSINESS, overlay=OVERLAY))
    assert {name: [(rule.protocol, rule.ports) for rule in plane] for name, plane in rules.items()} == {
        "management": [("udp", "68"), ("udp", "546")],
        "business": [],
        "overlay": [("udp", "6081")],
    }


def switching() -> tuple[Host, list[str]]:
    """A node whose Open vSwitch and OVN run, and every command that it was asked."""
    data = json.loads((MACHINES / "small-bios" / NAME).read_bytes())
    data["files"] |= {
        "/proc/cmdline": "trivet.slot=a",
        "/run/openvswitch/ovs-vswitchd.pid": "7",
        "/run/ovn/ovn-controller.pid": "8",
        "/proc/7/comm": "ovs-vswitchd",
        "/proc/8/comm": "ovn-controller",
    }
    data["folders"] |= {"/run/openvswitch": ["db.sock"], "/run/ovn": ["ovnsb_db.sock"]}
    find = 'ovn-sbctl --timeout=10 --bare --columns=ip find Encap \'chassis_name="n1"\''
    answers = {shlex.join(switch.QUERY): ANSWER, find: "10.9.0.1", "nft list table inet trivet": ""}
    data["commands"] |= {line: {"code": 0, "stdout": text, "stderr": ""} for line, text in answers.items()}
    host, asked = playback(data), []

    def run(argv: Sequence[str], **options: Any) -> Result:
        asked.append(shlex.join(argv))
        return host.run(argv, **options)

    return replace(host, run=run), asked  # type: ignore[arg-type]


def test_open_vswitch_is_asked_once_for_all_that_it_knows() -> None:
    host, asked = switching()
    inventory = flow.inspect(host)
    assert inventory.chassis == Chassis(name="n1", encap="10.9.0.1", mappings=(("business", BRIDGE),))
    assert BRIDGE in [device.name for device in inventory.devices]
    assert asked.count(shlex.join(switch.QUERY)) == 1


def test_a_look_at_the_network_does_not_ask_it() -> None:
    host, asked = switching()
    report.ports(host)
    assert not [line for line in asked if line.startswith("ov")]
