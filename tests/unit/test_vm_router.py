# SPDX-License-Identifier: Apache-2.0
"""Routers: a document in tests/routers gives OVN these very rows; what cannot be is refused, all of it at once."""

from pathlib import Path

import pytest

from appliance.errors import SpecError
from appliance.model.document import load
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmRecord
from appliance.model.vnet import NetworkRecord, VirtualNetwork
from appliance.model.vrouter import FloatingRow, Router
from appliance.services.vm import ovnrouter
from appliance.services.vm.northbound import floating_of
from appliance.services.vm.routers import problems
from tests.unit.test_golden import agree

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "routers").glob("*/router.yaml"))
OWNER = "7e2b6c1e-3f0a-4d55-9c0e-0123456789ab"
MAC = "02:00:00:00:00:01"


def network(name: str, **parts: object) -> NetworkRecord:
    addresses = {MAC: "10.1.0.2"} if name == "inside" else {}
    document = VirtualNetwork.model_validate({"version": 1, "name": name, **parts})
    return NetworkRecord(network=document, addresses=addresses)


KNOWN = (
    network("inside", subnet="10.1.0.0/24"),
    network("backend", subnet="10.3.0.0/24"),
    network("crossing", subnet="10.1.0.128/25"),
    network("campus", vlan=30),
    network("untagged", untagged=True),
)
A = VmRecord(
    vm=Vm.model_validate(
        {"version": 1, "name": "a", "memory": {"size": "1GiB"}, "nics": [{"network": "inside", "mac": MAC}]}
    ),
    uuid=OWNER,
    node="n1",
)


def document(**parts: object) -> Router:
    return Router.model_validate({"version": 1, "name": "edge", "networks": ["inside"], **parts})


def rows(wish: Router, present: ovnrouter.OutPresent) -> list[list[str]]:
    by_name = {record.network.name: record.network for record in KNOWN}
    around = ovnrouter.Around(
        networks=tuple(by_name[name] for name in wish.networks),
        floating=tuple(FloatingRow(address=each.address, inner=f"10.1.0.{n}") for n, each in enumerate(wish.floating, 2)),
        outside=by_name[wish.out.network] if wish.out else None,
        chassis=("n2", "n1"),
    )
    return ovnrouter.rows(wish, around, present)


def test_there_are_cases() -> None:
    assert len(CASES) >= 3


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_rows(case: Path) -> None:
    wish = load((case / "router.yaml").read_text(), Router, "")
    agree(case / "nbctl.txt", "\n".join(" ".join(command) for command in rows(wish, ovnrouter.OutPresent())))


def test_a_way_out_that_is_as_it_shall_be_is_not_interrupted() -> None:
    wish = document(out={"network": "campus", "address": "10.2.0.10/24"})
    same = rows(wish, ovnrouter.OutPresent(address="10.2.0.10/24", gateways=("n2", "n1")))
    assert not any(word in ("lrp-del", "lrp-set-gateway-chassis") for command in same for word in command)
    moved = rows(wish, ovnrouter.OutPresent(address="10.2.0.10/24", gateways=("n1",)))
    assert not any("lrp-del" in command for command in moved)
    assert ["lrp-set-gateway-chassis", "router.edge.out", "n2", "100"] in moved
    gone = rows(wish, ovnrouter.OutPresent(address="10.2.0.10/24", gateways=("n3", "n2", "n1")))
    assert ["lrp-del-gateway-chassis", "router.edge.out", "n3"] in gone


def test_the_order_of_gateways_is_read_as_it_was_told() -> None:
    listed = "router.edge.out-n1    99\nrouter.edge.out-n-2   100\n"
    assert ovnrouter.ranked("router.edge.out", listed) == ("n-2", "n1")
    assert ovnrouter.ranked("router.edge.out", "") == ()


def test_routers_share_the_nodes_and_none_has_more_than_ovn_watches() -> None:
    nodes = [f"n{number}" for number in range(12)]
    chosen = {name: ovnrouter.gateways(name, nodes) for name in ("a", "b", "c", "d", "e", "f")}
    assert {len(each) for each in chosen.values()} == {ovnrouter.GATEWAYS_MAX}
    assert len({each[0] for each in chosen.values()}) > 1
    assert ovnrouter.gateways("a", ["n1", "n1"]) == ("n1",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("networks: []", "at least 1 item"),
        ("networks: [a, a]", "the network a stands here twice"),
        ("networks: [a]\nfloating: [{address: 10.0.0.1, vm: x}]", "say by which network with out"),
        ("networks: [a]\nout: {network: b, address: 'fd00::1/64'}", "is not an IPv4 address"),
        ("networks: [a]\nout: {network: b, address: 10.2.0.1/24, gateway: 10.3.0.1}", "is not another address of 10.2.0.0/24"),
        (
            "networks: [a]\nout: {network: b, address: 10.2.0.1/24}\nfloating: [{address: 10.3.0.1, vm: x}]",
            "the floating address 10.3.0.1 is not in 10.2.0.0/24",
        ),
        (
            "networks: [a]\nout: {network: b, address: 10.2.0.1/24}\nfloating: [{address: 10.2.0.1, vm: x}]",
            "and no VM's",
        ),
        (
            "networks: [a]\nout: {network: b, address: 10.2.0.1/24}\n"
            "floating: [{address: 10.2.0.2, vm: x}, {address: 10.2.0.2, vm: y}]",
            "the floating address 10.2.0.2 stands here twice",
        ),
        ("networks: [a]\nroutes: [{to: 10.9.0.0/16, via: 10.1.0.1}, {to: 10.9.0.0/16, via: 10.1.0.2}]", "two routes to"),
    ],
)
def test_what_cannot_be_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        load(f"version: 1\nname: n\n{text}\n", Router, "")


@pytest.mark.parametrize(
    ("parts", "others", "sentences"),
    [
        ({"networks": ["inside", "backend"]}, [], []),
        ({"networks": ["inside", "campus"]}, [], ["networks: campus is of the business plane"]),
        ({"networks": ["inside", "crossing"]}, [], ["networks: crossing and inside share addresses"]),
        ({}, [{"name": "old"}], ["networks: inside is on the router old already"]),
        ({"out": {"network": "backend", "address": "10.2.0.1/24"}}, [], ["out: backend is an overlay network"]),
        ({"out": {"network": "campus", "address": "10.1.0.9/16"}}, [], ["out: 10.1.0.0/16 has addresses of inside"]),
        (
            {"out": {"network": "campus", "address": "10.2.0.9/24"}, "floating": [{"address": "10.2.0.8", "vm": "a"}]},
            [{"name": "o", "networks": ["backend"], "out": {"network": "campus", "address": "10.2.0.8/24"}}],
            ["out: 10.2.0.8 is the router o's"],
        ),
        (
            {
                "out": {"network": "campus", "address": "10.2.0.9/24"},
                "floating": [{"address": "10.2.0.8", "vm": "b"}, {"address": "10.2.0.7", "vm": "a", "network": "x"}],
            },
            [],
            ["floating: b has no port on inside", "floating: x is none of the router's networks"],
        ),
        ({"routes": [{"to": "10.9.0.0/16", "via": "10.4.0.1"}]}, [], ["routes: 10.4.0.1 is on none of the router's networks"]),
    ],
)
def test_what_the_others_do_not_let_be(
    parts: dict[str, object], others: list[dict[str, object]], sentences: list[str]
) -> None:
    found = list(problems(document(**parts), KNOWN, [document(**other) for other in others], [A]))
    assert len(found) == len(sentences), found
    assert all(said.startswith(sentence) for said, sentence in zip(found, sentences, strict=True)), found


def test_a_floating_address_is_the_first_port_s_of_its_vm_and_waits_for_one_that_is_gone() -> None:
    out = {"network": "campus", "address": "10.2.0.9/24"}
    wish = document(out=out, floating=[{"address": "10.2.0.8", "vm": "a"}, {"address": "10.2.0.7", "vm": "gone"}])
    assert floating_of(wish, KNOWN[:1], [A]) == [FloatingRow(address="10.2.0.8", inner="10.1.0.2")]
