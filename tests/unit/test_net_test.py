# SPDX-License-Identifier: Apache-2.0
"""`trivet net test`: what is asked, what is not asked any more, and what a person reads."""

import json
from typing import Any

import pytest

from appliance.cli import main, net
from appliance.cli.nettest import finding_text, head_text
from appliance.errors import MissingProgram, StepFailed
from appliance.host import dns
from appliance.host.host import Host, Result
from appliance.model.nettest import Finding
from appliance.services.network import hole, listen, selftest
from appliance.services.network.report import ports, report
from tests.unit.network import node, spec


class Wire:
    """The commands of the tests, on a network that lets so much through. A person's `run` door."""

    def __init__(self, mtu: int = 1500, arp: bool = True, iperf3: str = "") -> None:
        self._mtu, self._arp, self._iperf3, self.asked = mtu, arp, iperf3, list[str]()

    def __call__(self, argv: Any, *, stdin: str | None = None, check: bool = True, on_line: Any = None) -> Result:
        self.asked.append(argv[0])
        match argv[0]:
            case "ping":
                size = int(argv[argv.index("-s") + 1]) + 28 if "-s" in argv else 0
                return Result(int(size > self._mtu), "", "")
            case "arping":
                reply = "Unicast reply from 10.0.0.1 [02:00:00:00:00:99]  0.7ms\n"
                return Result(0, reply if self._arp and "-D" not in argv else "", "")
            case "resolvectl":
                return Result(0, "Link 2 (eth0): 10.0.0.53\n", "")
            case "iperf3" if self._iperf3:
                return Result(0, self._iperf3, "")
        raise MissingProgram(f"the program {argv[0]} is not on this machine", "")


def found(wire: Wire, *names: str, peer: str = "", dns_says: str = "") -> list[Finding]:
    played = node()
    host = Host(files=played.files, run=wire, udev=played.udev, netlink=played.netlink)
    wish = spec(storage=None, overlay=None) if not names else spec()
    now = report(played, ports(played), wish)
    return [test.run() for test in selftest.tests(host, now, wish, names=names, peer=peer, ask=lambda server: dns_says)]


def words(findings: list[Finding]) -> list[str]:
    return [f"{f.test} {f.target}".strip() + (f": {f.message}" if f.outcome != "ok" else "") for f in findings]


def test_everything_is_well() -> None:
    assert words(found(Wire())) == ["link", "address", "ARP 10.0.0.1", "ping 10.0.0.1", "MTU 10.0.0.1", "DNS 10.0.0.53"]


@pytest.mark.parametrize("mtu", [1499, 1400, 577, 576])
def test_the_largest_packet_that_passes_is_found(mtu: int) -> None:
    finding = next(f for f in found(Wire(mtu=mtu)) if f.test == "MTU")
    assert finding.message == f"1500 bytes do not pass, {mtu} do"
    assert f"mtu: {mtu}" in finding.hint


def test_nothing_passes_but_what_everybody_must_carry() -> None:
    assert "nor do small ones" in next(f for f in found(Wire(mtu=500)) if f.test == "MTU").message


def test_who_is_not_there_is_not_pinged() -> None:
    wire = Wire(arp=False)
    assert words(found(wire, dns_says="no answer within 4 s")) == [
        "link",
        "address",
        "ARP 10.0.0.1: nobody on eth0 has this address",
        "DNS 10.0.0.53: no answer within 4 s",
    ]
    assert "ping" not in wire.asked


MEASURED = '{"end": {"sum_received": {"bits_per_second": 9412345678.9}}}'
REFUSED = '{"start": {}, "error": "unable to connect to server: Connection refused"}'


@pytest.mark.parametrize(
    ("said", "outcome", "message"),
    [
        (MEASURED, "ok", "9.412 Gbit/s to it over 5 s"),
        (REFUSED, "failed", "unable to connect to server: Connection refused"),
        ("no JSON", "failed", "iperf3 ended with 0 and measured nothing"),
        ("", "failed", "the program iperf3 is not on this machine"),
    ],
)
def test_the_throughput_to_another_node(said: str, outcome: str, message: str) -> None:
    *_, last = found(Wire(iperf3=said), peer="10.0.0.12")
    assert (last.test, last.target, last.outcome, last.message) == ("throughput", "10.0.0.12", outcome, message)


def test_the_plane_of_a_peer_is_the_one_whose_network_it_is_in() -> None:
    host = node()
    now = report(host, ports(host), spec())
    assert selftest.plane_of(now, (), "10.0.1.12") == "storage"
    assert selftest.plane_of(now, (), "10.9.9.9") == ""
    assert selftest.plane_of(now, ("storage",), "10.9.9.9") == "storage"
    assert selftest.plane_of(now, ("storage",), "10.0.0.12") == ""


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Link 2 (eth0): 10.0.2.3 fd00::3", ("10.0.2.3", "fd00::3")),
        ("Link 2 (eth0): 10.0.2.3:5353 10.0.2.4#dns.example [fd00::3]:5353", ("10.0.2.3", "10.0.2.4", "fd00::3")),
        ("Link 2 (eth0):\n", ()),
    ],
)
def test_name_servers_as_resolved_prints_them(said: str, expected: tuple[str, ...]) -> None:
    assert selftest.servers(said) == expected


def test_a_question_and_its_answer() -> None:
    asked = dns.question(0x1234)
    assert asked.hex() == "123401000001000000000000" + "00" + "0002" + "0001"
    refused = bytes.fromhex("1234" + "8105") + asked[4:]
    assert dns.is_answer(refused, 0x1234), "a server that refuses is there"
    assert not dns.is_answer(refused, 0x1235)
    assert not dns.is_answer(asked, 0x1234), "our own question, sent back"
    assert not dns.is_answer(b"\x12\x34", 0x1234)


def test_what_is_opened_is_closed() -> None:
    assert hole.opening(listen.HOLE, ["management", "storage"]) == (
        "add set inet trivet net-test { type inet_service; flags timeout; }\n"
        "add element inet trivet net-test { 5201 timeout 600s }\n"
        'add rule inet trivet management tcp dport @net-test accept comment "trivet net test"\n'
        'add rule inet trivet storage tcp dport @net-test accept comment "trivet net test"\n'
    )
    ours = {"family": "inet", "table": "trivet", "chain": "storage", "handle": 12, "comment": "trivet net test", "expr": []}
    other = ours | {"handle": 13, "comment": "SSH"}
    listed = {"nftables": [{"metainfo": {}}, {"set": {"name": "net-test", "table": "trivet"}}, {"rule": other}, {"rule": ours}]}
    told = hole.closing(listen.HOLE, json.dumps(listed))
    assert told == "delete rule inet trivet storage handle 12\ndelete set inet trivet net-test\n"
    assert hole.closing(listen.HOLE, "") == ""


class Server:
    """A node whose iperf3 ends so; what was given to nft, and whether the table was as it had been at the end."""

    def __init__(self, ended: Result | BaseException) -> None:
        self._ended, self.told = ended, list[str]()

    def __call__(self, argv: Any, *, stdin: str | None = None, check: bool = True, on_line: Any = None) -> Result:
        if argv[0] == "setpriv" and isinstance(self._ended, BaseException):
            raise self._ended
        if argv[0] == "setpriv":
            return self._ended  # type: ignore[return-value]
        self.told += [stdin] if stdin else []
        opened = any(text.startswith("add") for text in self.told)
        return Result(0, '{"nftables": [{"set": {"name": "net-test"}}]}' if "list" in argv and opened else "{}", "")


@pytest.mark.parametrize(
    ("ended", "message"),
    [
        (Result(0, MEASURED, ""), ""),
        (Result(124, "", ""), "nobody came within 10 minutes"),
        (Result(1, '{"error": "unable to start listener"}', ""), "nothing was measured: unable to start listener"),
        (SystemExit(143), "143"),
    ],
)
def test_what_was_opened_is_closed_whatever_happens(ended: Any, message: str) -> None:
    server, played, said = Server(ended), node(), list[str]()
    host = Host(files=played.files, run=server, udev=played.udev, netlink=played.netlink)

    def run() -> int:
        return listen.listen(host, ["management"], lambda: said.append("ready"))

    if message:
        with pytest.raises((StepFailed, SystemExit), match=message):
            run()
    else:
        assert run() == 9412
    assert said == ["ready"]
    assert [text.split()[0] for text in server.told] == ["add", "delete"]


@pytest.mark.parametrize(
    ("line", "command", "as_json"),
    [
        ("net", net.show, False),
        ("net --json", net.show, True),
        ("net show", net.show, False),
        ("net show --json", net.show, True),
        ("net --json show", net.show, True),
    ],
)
def test_net_alone_shows(line: str, command: object, as_json: bool) -> None:
    args = main._parser().parse_args(line.split())
    assert (args.run, args.json, args.verbose) == (command, as_json, False)


def test_a_line_is_there_before_its_test_is_through() -> None:
    hint = "see whether it is on, has this address, and whether the switch's port has the right VLAN without a tag"
    head = head_text("management", "ARP", "10.0.0.1")
    finding = Finding(plane="management", test="ARP", target="10.0.0.1", outcome="failed", message="nobody has it", hint=hint)
    assert head == "management  ARP 10.0.0.1 ... "
    assert finding_text(head, finding) == (
        "management  ARP 10.0.0.1 ... FAILED: nobody has it\n"
        "              see whether it is on, has this address, and whether the switch's\n"
        "              port has the right VLAN without a tag"
    )
    long = Finding(plane="storage", test="link", outcome="ok", message="word " * 20 + "end")
    assert max(map(len, finding_text(head_text("storage", "link", ""), long).splitlines())) <= 79
