# SPDX-License-Identifier: Apache-2.0
"""The doors of a live machine, on the machine that tests: commands, netlink."""

from __future__ import annotations

import logging
import socket

import pytest

from appliance.errors import ApplianceError, CommandError
from appliance.host import netlink
from appliance.host.live import live


def test_a_command_says_what_it_printed() -> None:
    assert live().run(["printf", "%s-", "a b", "$HOME"]).stdout == "a b-$HOME-"


def test_standard_input_ends() -> None:
    assert live().run(["cat"]).stdout == ""
    assert live().run(["cat"], stdin="one\ntwo").stdout == "one\ntwo"


def test_lines_come_as_they_are_printed() -> None:
    lines: list[str] = []
    result = live().run(["printf", "one\ntwo\nthree"], on_line=lines.append)
    assert lines == ["one", "two", "three"]
    assert result.stdout == "one\ntwo\nthree"


def test_a_command_that_fails_says_its_last_words() -> None:
    with pytest.raises(CommandError, match=r"^`ls /absent` ended with 2: .*No such file") as caught:
        live().run(["ls", "/absent"])
    assert caught.value.code == 2
    assert live().run(["false"], check=False).code == 1


def test_a_command_that_is_killed_has_a_negative_code() -> None:
    assert live().run(["sh", "-c", "kill -9 $$"], check=False).code == -9


def test_a_program_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(ApplianceError, match=r"^the program no-such-program is not on this machine;"):
        live().run(["no-such-program"])


def test_output_that_is_no_text_is_survived() -> None:
    assert live().run(["printf", r"\377\376"]).stdout == "��"


def test_a_command_can_be_pasted_from_the_log_and_its_input_is_not_in_it(caplog: pytest.LogCaptureFixture) -> None:
    host = live()
    with caplog.at_level(logging.DEBUG):
        host.run(["cat", "--", "-"], stdin="hunter2")
        host.run(["printf", "a b"])
    assert "cat -- -" in caplog.text
    assert "printf 'a b'" in caplog.text
    assert "hunter2" not in caplog.text


def test_the_kernel_answers_over_netlink() -> None:
    door = live().netlink
    loopback = next(link for link in door.links() if link["name"] == "lo")
    assert loopback["up"]
    assert {"link": "lo", "address": "127.0.0.1/8", "scope": "host", "duplicate": False} in door.addresses()


def test_the_kernel_counts_and_knows_ways_out() -> None:
    door = live().netlink
    for link in door.links():
        folder = f"/sys/class/net/{link['name']}"
        assert link["losses"] == int(live().files.read(f"{folder}/carrier_down_count") or -1)
        counted = ("bytes", "packets", "errors", "dropped")
        assert {f"{way}_{what}" for way in ("rx", "tx") for what in counted} == set(link["stats"])
    told = live().run(["ip", "-json", "route", "show", "default"]).stdout + live().run(["ip", "-6", "-json", "route"]).stdout
    assert len(door.gateways()) == told.count('"dst":"default","gateway"')
    for gateway in door.gateways():
        assert f'"gateway":"{gateway["address"]}","dev":"{gateway["link"]}"' in told


def test_a_bond_and_its_members_as_the_kernel_encodes_them() -> None:
    """There is no bonding driver where this runs: pyroute2 packs the messages, with the numbers of the kernel's if_link.h."""
    from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg  # noqa: PLC0415 - as in host/netlink.py

    lacp = {"attrs": [("IFLA_BOND_AD_INFO_AGGREGATOR", 1), ("IFLA_BOND_AD_INFO_PARTNER_MAC", "02:01:00:00:01:01")]}
    bond = [("IFLA_BOND_MODE", 4), ("IFLA_BOND_ACTIVE_SLAVE", 3), ("IFLA_BOND_AD_INFO", lacp)]
    member = [("STATE", 1), ("MII_STATUS", 0), ("AD_AGGREGATOR_ID", 2)]
    sent: dict[str, list[tuple[str, object]]] = {
        "bond": [("IFLA_INFO_KIND", "bond"), ("IFLA_INFO_DATA", {"attrs": bond})],
        "slave": [
            ("IFLA_INFO_SLAVE_KIND", "bond"),
            ("IFLA_INFO_SLAVE_DATA", {"attrs": [(f"IFLA_BOND_SLAVE_{name}", value) for name, value in member]}),
        ],
    }
    found = {}
    for name, info in sent.items():
        message = ifinfmsg()
        message["attrs"] = [("IFLA_IFNAME", name), ("IFLA_LINKINFO", {"attrs": info})]
        message.encode()
        received = ifinfmsg(message.data)
        received.decode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            found[name] = netlink._link(received, {3: "eth1"}, control)
    assert found["bond"]["bond"] == {"active": "eth1", "aggregator": 1, "partner": "02:01:00:00:01:01"}
    assert found["slave"]["slave"] == {"active": False, "up": True, "aggregator": 2}
    assert found["bond"]["slave"] == found["slave"]["bond"] == {}
