# SPDX-License-Identifier: Apache-2.0
"""What machines are told to start, as golden files; ISO files; ranges; who waits for whom."""

import ipaddress
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.installer.answers import options
from appliance.model.plan import Pending
from appliance.model.problem import Problem
from appliance.model.status import Boot, Status
from appliance.node.report import words
from appliance.pxe import boards, firewall, iso, menus
from appliance.pxe.dhcp import Wire, dnsmasq
from appliance.pxe.menus import Place
from appliance.pxe.rack import Machine, Rack
from appliance.pxe.serve import Wish, _address, _wire
from appliance.pxe.web import part
from tests.unit.test_answers import Bench

GOLDEN = Path(__file__).with_name("pxe")
MAC, TOKEN, SHA = "52:54:00:00:00:01", "a-token", "ab" * 32
PLACE = Place("10.0.0.1", fingerprint="cd" * 32)
ELSEWHERE = Place("10.0.0.1", http=8080, https=9443, fingerprint="cd" * 32)
TAGGED = Place("10.0.0.1", fingerprint="cd" * 32, vlan=20)
NETWORK = ipaddress.IPv4Interface("10.0.0.1/24")

FILES = {
    "first.grub.cfg": menus.grub_first(PLACE),
    "first-elsewhere.grub.cfg": menus.grub_first(ELSEWHERE),
    "install.grub.cfg": menus.grub_install(PLACE, MAC, TOKEN, SHA),
    "install-tagged.grub.cfg": menus.grub_install(TAGGED, MAC, TOKEN, SHA),
    "local.grub.cfg": menus.grub_local(),
    "first.ipxe": menus.ipxe_first(PLACE),
    "install.ipxe": menus.ipxe_install(ELSEWHERE, MAC, TOKEN, SHA),
    "local.ipxe": menus.ipxe_local(),
    "proxy.dnsmasq.conf": dnsmasq(Wire("eth1", NETWORK), PLACE, "/tftp", "/leases"),
    "full.dnsmasq.conf": dnsmasq(Wire("eth1", NETWORK, "10.0.0.100", "10.0.0.200"), PLACE, "/tftp", "/leases"),
    "firewall.nft": firewall.opening("eth1", (80, 8443)),
}


@pytest.mark.parametrize("name", FILES)
def test_goldens(name: str) -> None:
    path = GOLDEN / name
    if os.environ.get("GOLDEN") == "write":
        path.write_text(FILES[name])
    assert path.read_text() == FILES[name]


def test_every_golden_has_its_text() -> None:
    assert {path.name for path in GOLDEN.iterdir()} == set(FILES)


def test_the_installer_understands_what_the_menu_says() -> None:
    for menu in (menus.grub_install(ELSEWHERE, MAC, TOKEN, SHA), menus.ipxe_install(ELSEWHERE, MAC, TOKEN, SHA)):
        line = next(line for line in menu.splitlines() if "trivet.mode" in line)
        found = options(line)
        assert (found.mode, found.url, found.report) == (
            "unattended", "https://10.0.0.1:9443/answer", "https://10.0.0.1:9443/report",
        )  # fmt: skip
        assert (found.fingerprint, found.token) == ("cd" * 32, TOKEN)
        assert TOKEN not in repr(found)
        assert f"root=live:http://10.0.0.1:8080/boot/{MAC}/trivet.squashfs" in line.split()


def record(name: str, block: int, length: int, *, folder: bool = False, long: str = "") -> bytes:
    entry = b"" if not long else struct.pack("2sBBB", b"NM", 5 + len(long), 1, 0) + long.encode()
    short = name.encode()
    pad = b"\0" * ((len(short) + 1) % 2)
    size = 33 + len(short) + len(pad) + len(entry)
    size += size % 2
    head = struct.pack("<BBIIII7sBBBIB", size, 0, block, 0, length, 0, bytes(7), 2 * folder, 0, 0, 0, len(short))
    return (head + short + pad + entry).ljust(size, b"\0")


def image() -> bytes:
    """A descriptor, a root folder in sector 18, the folder LIVE in 19, a file in 20."""
    root = record("", 18, 2048, folder=True)
    folders = record("\0", 18, 2048, folder=True) + record("\1", 18, 2048, folder=True)
    live = record("LIVE", 19, 2048, folder=True, long="live")
    inside = record("TRIVET.SQU;1", 20, 5, long="trivet.squashfs") + record("README.;1", 20, 3)
    descriptor = (b"\x01CD001\x01".ljust(156, b"\0") + root).ljust(2048, b"\0")
    sectors = (b"", folders + live, folders + inside)
    return b"\0" * 16 * 2048 + descriptor + b"".join(sector.ljust(2048, b"\0") for sector in sectors)


def test_files_of_an_iso() -> None:
    data = image()
    found = iso.files(lambda offset, length: data[offset : offset + length])
    assert found == {"live/trivet.squashfs": (20 * 2048, 5), "live/readme.": (20 * 2048, 3)}
    with pytest.raises(ValueError, match="it is no ISO 9660 image"):
        iso.files(lambda offset, length: b"\0" * length)


@given(st.binary(max_size=200), st.integers(0, 3000))
def test_a_damaged_iso_is_a_sentence(noise: bytes, at: int) -> None:
    data = bytearray(image())
    data[16 * 2048 + 150 + at : 16 * 2048 + 150 + at + len(noise)] = noise
    try:
        assert isinstance(iso.files(lambda offset, length: bytes(data[offset : offset + length])), dict)
    except ValueError as error:
        assert str(error)


@given(st.text(alphabet="bytes=0123456789-, ", max_size=20), st.integers(1, 10**6))
def test_whatever_is_asked_for_is_in_the_file(asked: str, size: int) -> None:
    found = part(asked, size)
    assert found is None or 0 <= found[0] < found[1] <= size


def test_addresses_that_are_given_out() -> None:
    def wire(dhcp: str) -> Wire | None:
        return _wire(Wish(Path(), "eth1", "slot", dhcp=dhcp), NETWORK)

    assert wire("off") is None
    assert wire("proxy") == Wire("eth1", NETWORK)
    assert wire("10.0.0.100 - 10.0.0.200") == Wire("eth1", NETWORK, "10.0.0.100", "10.0.0.200")
    for dhcp, said in (
        ("10.0.0.100", "is no range; write FIRST-LAST"),
        ("10.0.1.100-10.0.1.200", r"is no range in 10.0.0.0/24"),
        ("10.0.0.200-10.0.0.100", r"is no range in 10.0.0.0/24"),
        ("10.0.0.1-10.0.0.100", r"has the server's own address 10.0.0.1 in it"),
    ):
        with pytest.raises(ApplianceError, match=said):
            wire(dhcp)


def test_the_servers_own_address() -> None:
    bench = Bench(addresses_=({"link": "x", "address": "10.0.0.1/24"}, {"link": "x", "address": "10.0.1.1/24"}))
    bench.links = lambda: ({"name": "x"}, {"name": "y"})  # type: ignore[method-assign]  # as many as this test needs
    host = Host(files=bench, run=bench, udev=bench, netlink=bench)  # type: ignore[arg-type]  # doors of a test
    assert str(_address(host, Wish(Path(), "x", "slot", address="10.0.1.1"))) == "10.0.1.1/24"
    for name, address, said in (
        ("x", "", "has several addresses: 10.0.0.1/24, 10.0.1.1/24; choose one with --address"),
        ("x", "10.0.2.1", "x has no IPv4 address 10.0.2.1"),
        ("y", "", "y has no IPv4 address; give it one: ip address add"),
        ("z", "", "there is no interface z"),
    ):
        with pytest.raises(ApplianceError, match=said):
            _address(host, Wish(Path(), name, "slot", address=address))


def test_the_firewall_is_closed_again() -> None:
    listed = '{"nftables": [{"rule": {"chain": "input", "handle": 7, "comment": "trivet pxe serve"}}, {"rule": {"handle": 8}}]}'
    assert firewall.closing(listed) == "delete rule inet trivet input handle 7\n"
    assert firewall.closing("") == ""


def test_what_a_node_says_of_itself() -> None:
    def status(state: str, **more: object) -> Status:
        return Status.model_validate({"state": state, "name": "n1", "version": "1", **more})

    assert words(status("ready")) == ("ready", "")
    assert words(status("differs")) == ("ready", "")
    assert words(status("differs", pending=(Pending(where="cluster.join", why="later"),))) == ("joining", "cluster.join: later")
    lacks = status("differs", pending=(Pending(where="cluster.join", why="later"),), boot=Boot(failed="no token"))
    assert words(lacks) == ("joining", "no token"), "it tries again, and is not to be installed again"
    assert words(status("failed", problems=(Problem(where="node", message="no"),))) == ("failed", "node: no")
    assert words(status("differs", boot=Boot(failed="a step failed"))) == ("failed", "a step failed")


def test_the_board_as_lines() -> None:
    machines = (
        Machine(mac="02:00:00:00:00:02", state="writing", since=90, name="n2", done=25, total=100, rate=5 * 2**20),
        Machine(mac="02:00:00:00:00:01", state="failed", since=0, serial="S1", cause="the disk is broken"),
        Machine(mac="02:00:00:00:00:03", state="writing", since=0, name="n1", done=100, total=100, rate=1),
        Machine(mac="02:00:00:00:00:04", state="ready", since=-9999, name="n3"),
    )
    rack = Rack(machines={m.mac: m for m in machines}, strangers=("10.0.0.66 asked for x, and got nothing",))
    assert list(boards.text(rack, 100)) == [
        "1 failed, 2 writing, 1 ready",
        "02:00:00:00:00:01  failed        2 min  S1",
        "    the disk is broken",
        "02:00:00:00:00:03  writing       2 min  n1               100%",
        "02:00:00:00:00:02  writing        10 s  n2               25%, 5 MiB/s, 0 s left",
        "02:00:00:00:00:04  ready         2.8 h  n3",
        "strangers:",
        "    10.0.0.66 asked for x, and got nothing",
    ]
    assert list(boards.text(Rack(), 0)) == ["no machine has been seen yet"]


def test_the_board_shows_no_credential() -> None:
    machine = Machine(mac=MAC, token="t0ken", bound="b0und")
    assert not {"token", "bound", "claim"} & boards.shown(Rack(machines={MAC: machine}))["machines"][MAC].keys()
