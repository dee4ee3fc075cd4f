# SPDX-License-Identifier: Apache-2.0
"""The draft: pure, so without a terminal. Whatever is typed, every problem finds its field."""

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from appliance import flow
from appliance.host.playback import recorded
from appliance.model.inventory import Inventory
from appliance.model.problem import Problem
from appliance.tui import draft as drafts
from appliance.tui.draft import Draft
from tests.tui.pilot import MACHINES

NAMES = sorted(path.parent.name for path in MACHINES.glob("*/machine.json"))
HASH = SecretStr("$y$j9T$abc$def")


@functools.cache
def machine(name: str) -> Inventory:
    return flow.inspect(recorded(MACHINES / name))


def complete(name: str, /, **answers: object) -> Draft:
    """A draft that can be planned on a recorded machine, but for these answers."""
    fit = [disk.id for disk in flow.system_disks(machine(name)) if not disk.unusable and not disk.contents]
    draft = drafts.suggested(machine(name)).with_disks(fit[0])
    return draft.model_copy(update={"name": "n1", "password_hash": HASH} | answers)


def test_there_are_machines() -> None:
    assert len(NAMES) >= 6


@pytest.mark.parametrize("name", NAMES)
def test_no_disk_that_holds_data_or_cannot_be_used_is_suggested(name: str) -> None:
    inventory = machine(name)
    draft = drafts.suggested(inventory)
    fit = {disk.id: disk for disk in flow.system_disks(inventory)}
    assert not any(fit[disk].contents or fit[disk].unusable for disk in draft.disks)
    assert not draft.wipe
    assert draft.password_hash is None


def test_the_only_blank_disk_is_suggested_and_of_several_none() -> None:
    assert drafts.suggested(machine("small-bios")).disks == ("pci-0000:01:00.0",)
    assert drafts.suggested(machine("full-disks")).disks == ()


@pytest.mark.parametrize("name", ["small-bios", "two-sockets", "full-disks", "hundred-disks"])
def test_a_complete_draft_is_planned_as_its_spec_is(name: str) -> None:
    verdict = drafts.judge(complete(name), machine(name))
    assert verdict.ready
    assert verdict.spec is not None
    assert flow.plan(machine(name), verdict.spec).steps


def test_what_is_open_is_not_wrong() -> None:
    verdict = drafts.judge(Draft(), machine("two-sockets"))
    assert verdict.open == {"disks", "ports", "name", "password"}
    assert not verdict.wrong


WRONG = [
    ({"name": "N1"}, "name", "not a host name"),
    ({"timezone": "Mars Base"}, "timezone", "not a time zone"),
    ({"ssh": "ssh-rsa"}, "ssh", "not a public key"),
    ({"vlan": "5000"}, "vlan", "at most 4094"),
    ({"vlan": "0"}, "vlan", "at least 1"),
    ({"vlan": "blue"}, "vlan", "whole number"),
    ({"vlan": "trunk"}, "vlan", "not on a trunk"),
    ({"method": "static", "address": "10.0.0.11"}, "address", "lacks its prefix length"),
    ({"method": "static", "address": "10.0.0.0/24"}, "address", "address of the network itself"),
    ({"method": "static", "address": "10.0.0.11/24", "gateway": "10.0.1.1"}, "gateway", "in none of"),
    ({"method": "static", "address": "fd00::11/64", "gateway": "fe80::1%eth0"}, "gateway", "names a port"),
    ({"method": "static", "address": "10.0.0.11/24", "gateway": "here"}, "gateway", "not an IPv4 or IPv6"),
    ({"method": "static", "address": "10.0.0.11/24", "gateway": "10.0.0.1 10.0.0.2"}, "gateway", "one gateway"),
    ({"method": "static", "address": "10.0.0.11/24", "dns": "10.0.0.1, dns"}, "dns", "not an IPv4 or IPv6"),
]


@pytest.mark.parametrize(("answers", "field", "words"), WRONG)
def test_what_is_wrong_is_said_at_its_field_and_nowhere_else(answers: dict[str, str], field: str, words: str) -> None:
    verdict = drafts.judge(complete("two-sockets", **answers), machine("two-sockets"))
    assert list(verdict.wrong) == [field]
    assert words in str(verdict.wrong[field][0])  # type: ignore[index]  # one of the fields
    assert verdict.spec is None


def test_everything_wrong_is_said_at_once() -> None:
    answers = {"name": "N1", "vlan": "5000", "method": "static", "address": "x", "ssh": "key", "dns": "y"}
    draft = complete("full-disks", **answers).with_disks("scsi-0QEMU_QEMU_HARDDISK_LUKS")
    assert set(drafts.judge(draft, machine("full-disks")).wrong) == {"name", "vlan", "address", "ssh", "dns", "disks"}


def test_a_disk_that_holds_data_is_planned_only_when_it_may_be_erased() -> None:
    draft = complete("full-disks").with_disks("scsi-0QEMU_QEMU_HARDDISK_LUKS")
    assert "holds data: crypto_LUKS" in drafts.judge(draft, machine("full-disks")).wrong["disks"][0].message
    allowed = drafts.judge(draft.model_copy(update={"wipe": True}), machine("full-disks"))
    assert allowed.spec is not None
    assert flow.plan(machine("full-disks"), allowed.spec).destroys == ("QEMU HARDDISK, 10 GiB, serial LUKS: crypto_LUKS",)


def test_consent_goes_when_another_disk_comes() -> None:
    draft = Draft().with_disks("a", "b").model_copy(update={"wipe": True})
    assert draft.with_disks("a").wipe
    assert not draft.with_disks("a", "c").wipe


def test_exactly_the_two_disks_that_were_chosen_are_mirrored() -> None:
    draft = complete("two-sockets").with_disks("nvme-QEMU_NVMe_Ctrl_NV0", "nvme-QEMU_NVMe_Ctrl_NV1")
    spec = drafts.judge(draft, machine("two-sockets")).spec
    assert spec is not None
    touched = {step.disk for step in flow.plan(machine("two-sockets"), spec).steps if step.kind == "partition-disk"}
    assert touched == set(draft.disks)


def test_three_disks_are_too_many() -> None:
    draft = complete("two-sockets").with_disks(*(disk.id for disk in machine("two-sockets").disks[:3]))
    assert drafts.judge(draft, machine("two-sockets")).wrong["disks"][0].message == "must be 1 or 2"


def test_two_ports_want_a_bond() -> None:
    draft = complete("two-sockets").with_ports("52:54:00:00:00:01", "52:54:00:00:00:02")
    assert draft.bond == "active-backup"
    assert drafts.judge(draft, machine("two-sockets")).ready
    without = drafts.judge(draft.model_copy(update={"bond": "none"}), machine("two-sockets"))
    assert list(without.wrong) == ["bond"]
    assert draft.with_ports("52:54:00:00:00:01").bond == "none"


def test_a_machine_that_was_not_started_from_a_medium_says_so() -> None:
    inventory = machine("build-machine")
    assert "brings no image" in drafts.judge(drafts.suggested(inventory), inventory).wrong["medium"][0].message


def test_a_place_that_no_field_leads_to_is_a_mistake_of_ours() -> None:
    with pytest.raises(LookupError, match=r"storage\.data"):
        drafts.field_of(Problem(where="storage.data", message="x"))


_odd = ("10.0.0.1/24", "fd00::1/64", "::", "1", "trunk", "-1", "0x10", "٣", "&a *a", "'", "#")
_typed = st.text(max_size=24) | st.sampled_from(_odd)


@settings(max_examples=150, deadline=None)
@given(st.fixed_dictionaries({name: _typed for name in ("name", "timezone", "ntp", "vlan", "address", "gateway", "dns", "ssh")}),
       st.sampled_from(["dhcp", "static"]))  # fmt: skip
def test_whatever_is_typed_is_judged(answers: dict[str, str], method: str) -> None:
    """Never an exception, never a problem without a field, and a draft that is in order is a spec that says what was typed."""
    draft = complete("two-sockets", method=method, **answers)
    verdict = drafts.judge(draft, machine("two-sockets"))
    if verdict.ready:
        assert verdict.spec is not None
        assert verdict.spec.node.name == answers["name"].strip()
        assert not flow.check(machine("two-sockets"), verdict.spec)
