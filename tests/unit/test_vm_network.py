# SPDX-License-Identifier: Apache-2.0
"""Networks for VMs: a document in tests/networks gives OVN these very rows; what cannot be is refused."""

from pathlib import Path

import pytest

from appliance.errors import SpecError
from appliance.model.document import load
from appliance.model.vm import NicWish, Vm
from appliance.model.vmrecord import VmRecord
from appliance.model.vnet import NetworkRecord, PortCount, PortRow, VirtualNetwork
from appliance.services.vm import counters, ovn
from appliance.services.vm.networks import free_address
from appliance.services.vm.northbound import ports_of
from appliance.services.vm.records import VmError, mac_of, port_id, with_macs
from tests.unit.test_golden import agree

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "networks").glob("*/network.yaml"))
OWNER = "7e2b6c1e-3f0a-4d55-9c0e-0123456789ab"


def network(**parts: object) -> VirtualNetwork:
    return VirtualNetwork.model_validate({"version": 1, "name": "inside", "subnet": "10.1.0.0/29", **parts})


def ports(name: str) -> list[PortRow]:
    rows = (("a", "02:00:00:00:00:01", "2", ("web",)), ("b", "02:00:00:00:00:02", "3", ("db", "old")))
    prefix = {"three-tiers": "10.2.0.", "wide": "10.3.0.", "inside": "10.1.0."}[name]
    return [
        PortRow(id=port_id(OWNER, mac), vm=vm, mac=mac, address=prefix + last, groups=groups) for vm, mac, last, groups in rows
    ]


def test_there_are_cases() -> None:
    assert len(CASES) >= 3


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_rows(case: Path) -> None:
    wish = load((case / "network.yaml").read_text(), VirtualNetwork, "")
    present = ovn.Present(ports=("gone",), dhcp=("row-of-dhcp",), dns=("row-of-dns",))
    told = ovn.rows(wish, ports(wish.name), present)
    agree(case / "nbctl.txt", "\n".join(" ".join(command) for command in told))
    assert ovn.words(told).count("--") == len(told) - 1


def test_a_network_on_a_router_has_none_of_its_own_and_its_gateway_moves_once() -> None:
    moved = ovn.rows(network(), [], ovn.Present(at="trivet-inside-router"), "router.edge")
    assert ["--if-exists", "lrp-del", "trivet-inside-gateway"] in moved
    assert ["--if-exists", "lr-del", "trivet-inside-router"] in moved
    there = ovn.rows(network(), [], ovn.Present(at="router.edge"), "router.edge")
    assert [command for command in there if "lrp-del" in command] == []
    assert [command[:4] for command in there if "lrp-add" in command] == [
        ["--may-exist", "lrp-add", "router.edge", "trivet-inside-gateway"]
    ]
    back = ovn.rows(network(), [], ovn.Present(at="router.edge"))
    assert ["--if-exists", "lrp-del", "trivet-inside-gateway"] in back
    assert not any("lr-del" in command for command in back)


def test_limits_are_meters_of_the_switch() -> None:
    port = ports("inside")[0].model_copy(update={"rate_in": 100, "rate_out": 5})
    told = [command for command in ovn.rows(network(), [port], ovn.Present()) if command[0].startswith("qos")]
    assert told == [
        ["qos-del", "trivet-inside"],
        ["qos-add", "trivet-inside", "to-lport", "100", f'outport == "{port.id}"', "rate=100000", "burst=20000"],
        ["qos-add", "trivet-inside", "from-lport", "100", f'inport == "{port.id}"', "rate=5000", "burst=1000"],
    ]


def test_mirrors_are_of_the_vm_s_ports_and_of_no_others() -> None:
    first = {"name": "one", "vm": "a", "to_vm": "b"}
    wish = network(mirrors=[first, {"name": "two", "vm": "a", "to": "10.9.0.9", "key": 5, "direction": "in"}])
    a, b = ports("inside")
    told = ovn.rows(wish, [a, b], ovn.Present(mirrors=("old",)))
    assert ["--if-exists", "destroy", "Mirror", "old"] in told
    made = [command for command in told if "Mirror" in command and "create" in command]
    assert [command[4:] for command in made] == [
        ["name=trivet.inside.one", "filter=both", "index=0", "type=local", 'sink="trivet.inside.one"'],
        ["name=trivet.inside.two", "filter=to-lport", "index=5", "type=erspan", 'sink="10.9.0.9"'],
    ]
    assert ["set", "Logical_Switch_Port", a.id, "mirror_rules=[@mirror_0_inside,@mirror_1_inside]"] in told
    assert ["set", "Logical_Switch_Port", b.id, "mirror_rules=[]"] in told


def test_what_the_switch_receives_is_what_a_guest_has_sent() -> None:
    told = (
        '{"data":[[["map",[["attached-mac","02:00:00:00:00:01"],["iface-id","x"]]],["map",[["rx_bytes",10],["rx_packets",1],'
        '["tx_bytes",20],["tx_packets",2],["tx_dropped",3]]]],[["map",[]],["map",[]]]],"headings":["external_ids","statistics"]}'
    )
    found = counters.parse(told)
    assert found == {
        "02:00:00:00:00:01": PortCount(
            mac="02:00:00:00:00:01", taken=20, taken_packets=2, sent=10, sent_packets=1, dropped=3
        )
    }
    assert counters.parse("") == {}


def test_name_servers_are_those_of_the_document() -> None:
    told = ovn.rows(network(dns=["10.9.0.1", "10.9.0.2"]), [], ovn.Present())
    assert any('"dns_server"="{10.9.0.1, 10.9.0.2}"' in word for command in told for word in command)


def test_nothing_is_left_of_one_that_is_removed() -> None:
    assert ovn.removal(network(), ["trivet.inside"], ovn.Present(dhcp=("d",), dns=("n",))) == [
        ["--if-exists", "ls-del", "trivet-inside"],
        ["--if-exists", "lr-del", "trivet-inside-router"],
        ["--if-exists", "destroy", "DHCP_Options", "d"],
        ["--if-exists", "destroy", "DNS", "n"],
        ["--if-exists", "destroy", "Port_Group", "trivet.inside"],
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("vlan: 5\nsubnet: 10.0.0.0/24", "give one of vlan, untagged: true, and subnet"),
        ("vlan: 5\ndefault: drop", "those of an overlay network"),
        ("vlan: 5\nmirrors: [{name: m, vm: a, to_vm: b}]", "those of an overlay network"),
        ("subnet: 10.0.0.0/24\nmirrors: [{name: m, vm: a}]", "give either to_vm or to"),
        ("subnet: 10.0.0.0/24\nmirrors: [{name: m, vm: a, to_vm: a}]", "a would hear itself"),
        ("vlan: 5\ndns: [10.0.0.1]", "those of an overlay network"),
        ("subnet: 10.0.0.0/24\ndns: ['2001:db8::1']", "out of an IPv4 network's reach"),
        ("subnet: fd00::/64", "is not an IPv4 network with room for VMs"),
        ("subnet: 10.0.0.0/31", "is not an IPv4 network with room for VMs"),
        ("subnet: 10.0.0.0/24\ngateway: 10.0.1.1", "the gateway 10.0.1.1 is not in 10.0.0.0/24"),
        ("subnet: 10.0.0.0/24\nrules: [{ports: [80], action: allow}]", "ports are of tcp or udp"),
        ("subnet: 10.0.0.0/24\nrules: [{protocol: tcp, ports: [90-80], action: allow}]", "is neither a port nor a range"),
        ("subnet: 10.0.0.0/24\nrules: [{peer: 10.0.0.0/8, peer_group: a, action: drop}]", "give either peer or peer_group"),
        ("subnet: 10.0.0.0/24\nrule: []", "did you mean 'rules'"),
    ],
)
def test_what_cannot_be_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        load(f"version: 1\nname: n\n{text}\n", VirtualNetwork, "")


def test_an_address_is_the_first_that_nobody_has_and_stays() -> None:
    nic = NicWish(network="inside", mac="02:00:00:00:00:01")
    record = NetworkRecord(network=network(), addresses={"02:00:00:00:00:02": "10.1.0.2"})
    assert free_address(record, nic) == "10.1.0.3"
    kept = record.model_copy(update={"addresses": {"02:00:00:00:00:01": "10.1.0.5"}})
    assert free_address(kept, nic) == "10.1.0.5"
    assert free_address(record, nic.model_copy(update={"address": "10.1.0.6"})) == "10.1.0.6"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("10.1.0.2", "is somebody else's"),
        ("10.1.0.1", "is somebody else's"),
        ("10.9.0.1", "is not in 10.1.0.0/29"),
        (None, "no free address"),
    ],
)
def test_an_address_that_cannot_be_had(address: str | None, sentence: str) -> None:
    others = {f"02:00:00:00:00:0{n}": f"10.1.0.{n}" for n in range(2, 7 if address is None else 3)}
    nic = NicWish(network="inside", mac="02:00:00:00:00:01", address=address)
    with pytest.raises(VmError, match=sentence):
        free_address(NetworkRecord(network=network(), addresses=others), nic)


def test_ports_are_those_of_vms_and_none_of_the_bin() -> None:
    vm = Vm.model_validate(
        {"version": 1, "name": "a", "memory": {"size": "1GiB"}, "nics": [{"network": "inside"}, {"network": "else"}]}
    )
    record = VmRecord(vm=with_macs(vm, OWNER), uuid=OWNER, node="n1")
    mac = mac_of(OWNER, 0)
    found = ports_of(NetworkRecord(network=network(), addresses={mac: "10.1.0.2"}), [record])
    assert [(port.vm, port.mac, port.address, port.id) for port in found] == [("a", mac, "10.1.0.2", port_id(OWNER, mac))]


def test_each_port_has_a_mac_of_its_own_which_stays() -> None:
    taken = mac_of(OWNER, 0)
    vm = Vm.model_validate(
        {
            "version": 1,
            "name": "a",
            "memory": {"size": "1GiB"},
            "nics": [{"network": "x"}, {"network": "x", "mac": taken}, {"network": "x"}],
        }
    )
    macs = [nic.mac for nic in with_macs(vm, OWNER).nics]
    assert macs == [mac_of(OWNER, 1), taken, mac_of(OWNER, 2)]
    assert with_macs(with_macs(vm, OWNER), OWNER) == with_macs(vm, OWNER)
