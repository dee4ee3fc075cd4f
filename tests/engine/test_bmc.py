# SPDX-License-Identifier: Apache-2.0
"""The BMC of a server: its address and its users are changed, by a BMC that speaks real IPMI (ipmi_sim of OpenIPMI)."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import Unsatisfiable
from appliance.host.live import live
from appliance.model.bmc import BmcView, BmcWish
from appliance.model.events import Event, Finished, Started
from appliance.node import bmc
from tests.engine.test_pxe_bmc import SECRET, SIMULATED, Ipmi

PASSWORD = 'Pa s#wo"rd1\''
LONG = "sixteen-letters!"


@pytest.fixture
def ipmi(tmp_path: Path) -> Iterator[Ipmi]:
    made = Ipmi(tmp_path / "bmc")
    yield made
    made.process.terminate()
    made.process.wait(10)


def words(ipmi: Ipmi, user: str = "rack", password: str = SECRET) -> tuple[str, ...]:
    """With the cipher suite that ipmi_sim has: to be asked for it takes ten seconds."""
    return ("ipmitool", "-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", str(ipmi.port), "-U", user, "-P", password)


def told(ipmi: Ipmi, **wish: object) -> tuple[list[str], BmcView]:
    """The steps, and what the BMC says after them."""
    events: list[Event] = []
    before = bmc.look(live(), "KCS", words(ipmi))
    after = bmc.change(live(), before, BmcWish.model_validate(wish), events.append, words(ipmi))
    begun, ended = (len([event for event in events if isinstance(event, kind)]) for kind in (Started, Finished))
    assert begun == ended
    assert SECRET not in json.dumps([event.model_dump() for event in events])
    return [event.title for event in events if isinstance(event, Started)], after


def asked(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@SIMULATED
def test_an_address_and_back_to_dhcp(ipmi: Ipmi) -> None:
    steps, after = told(ipmi, address="10.9.9.9/23", gateway="10.9.8.1", vlan=30)
    assert steps == ["put the BMC into VLAN 30", "give the BMC the address 10.9.9.9/23", "give the BMC the gateway 10.9.8.1"]
    said = asked(*words(ipmi), "lan", "print", "1")
    for line in ("Static Address", "10.9.9.9", "255.255.254.0", "10.9.8.1", "802.1q VLAN ID          : 30"):
        assert line in said, said
    assert (after.address, after.gateway, after.vlan, after.dhcp) == ("10.9.9.9/23", "10.9.8.1", 30, False)
    assert told(ipmi, address="10.9.9.9/23", gateway="10.9.8.1", vlan=30)[0] == [], "it is so already"
    steps, after = told(ipmi, address="dhcp", vlan=0)
    assert steps == ["take the BMC out of its VLAN", "have DHCP give the BMC its address"]
    assert after.dhcp
    assert "DHCP Address" in asked(*words(ipmi), "lan", "print", "1")


@SIMULATED
@pytest.mark.parametrize("password", [PASSWORD, LONG])
def test_a_user_who_can_log_in(ipmi: Ipmi, password: str) -> None:
    steps, after = told(ipmi, user={"number": 3, "name": "anna", "role": "operator", "password": password})
    assert steps == [
        "call user 3 of the BMC anna", "set the password of user 3 of the BMC", "let user 3 of the BMC in as operator",
    ]  # fmt: skip
    anna = after.users[2]
    assert (anna.number, anna.name, anna.role, anna.enabled) == (3, "anna", "operator", True)
    assert "Device ID" in asked(*words(ipmi, "anna", password), "-L", "OPERATOR", "mc", "info"), "the BMC lets her in"
    with pytest.raises(subprocess.CalledProcessError):
        asked(*words(ipmi, "anna", "another"), "-L", "OPERATOR", "mc", "info")
    assert told(ipmi, user={"number": 3, "name": "anna", "role": "admin"})[0] == ["let user 3 of the BMC in as admin"]


@SIMULATED
def test_what_cannot_be_changes_nothing(ipmi: Ipmi) -> None:
    before = bmc.look(live(), "KCS", words(ipmi))
    wish = BmcWish.model_validate({"address": "10.9.9.9", "user": {"number": 3, "name": "rack"}})
    with pytest.raises(Unsatisfiable) as refused:
        bmc.change(live(), before, wish, print, words(ipmi))
    assert {problem.where for problem in refused.value.problems} == {"address", "user.name", "user.password"}
    assert bmc.look(live(), "KCS", words(ipmi)) == before


@SIMULATED
def test_the_password_is_in_no_argument_list(ipmi: Ipmi, tmp_path: Path) -> None:
    """A program in ipmitool's place writes down its arguments, and does what it was asked."""
    spy = tmp_path / "ipmitool"
    spy.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {tmp_path}/said\nexec ipmitool "$@"\n')
    spy.chmod(0o755)
    own = (str(spy), *words(ipmi)[1:])
    before = bmc.look(live(), "KCS", own)
    wish = BmcWish.model_validate({"user": {"number": 4, "name": "otto", "password": LONG}})
    bmc.change(live(), before, wish, lambda _event: None, own)
    said = (tmp_path / "said").read_text()
    assert "user set name 4 otto" in said
    assert LONG not in said
    assert LONG.encode().hex(" ").replace(" ", " 0x")[:20] not in said
