# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.network import Nic
from appliance.model.selector import DiskSelector, NicSelector, Range, select
from appliance.model.storage import Disk

GB = 10**9
DISKS = (
    Disk(id="nvme-A", link="/dev/disk/by-id/nvme-A", model="P4510", serial="A1", transport="nvme", size=1000 * GB),
    Disk(id="nvme-B", link="/dev/disk/by-id/nvme-B", model="P4510", serial="B1", transport="nvme", size=500 * GB),
    Disk(id="ata-C", link="/dev/disk/by-id/ata-C", model="ST4000", serial="C1", transport="sata", size=4000 * GB,
         rotational=True),
    Disk(id="usb-D", link="/dev/disk/by-id/usb-D", serial="D1", transport="usb", size=8 * GB, unusable=("boot medium",)),
)  # fmt: skip


def ids(selector: DiskSelector) -> list[str]:
    return [d.id for d in select(selector, DISKS).chosen]


def test_all_facts_must_hold() -> None:
    assert ids(DiskSelector(transport="nvme", size=">= 1TB")) == ["nvme-A"]
    assert ids(DiskSelector(model="p45*", serial="b?")) == ["nvme-B"]
    assert ids(DiskSelector(rotational=True)) == ["ata-C"]


def test_more_than_asked_is_refused_with_the_candidates() -> None:
    selection = select(DiskSelector(transport="nvme"), DISKS)
    assert selection.chosen == ()
    assert "2 match, and 1 is asked for" in selection.problem
    assert "serial A1" in selection.problem
    assert "serial B1" in selection.problem


def test_a_preference_says_which() -> None:
    assert ids(DiskSelector(prefer="smallest")) == ["nvme-B"]
    assert ids(DiskSelector(prefer="largest")) == ["ata-C"]
    assert ids(DiskSelector(prefer="fastest", count=2)) == ["nvme-B", "nvme-A"]


def test_fewer_than_asked_says_why_each_fell_out() -> None:
    problem = select(DiskSelector(transport="nvme", size="> 2TB"), DISKS).problem
    assert problem.startswith("nothing matches, and 1 is asked for")
    assert "transport is sata" in problem
    assert "size is 931 GiB, not > 2TB" in problem
    assert "boot medium" in problem


def test_what_is_unusable_never_matches() -> None:
    assert "boot medium" in select(DiskSelector(serial="D1"), DISKS).problem


def test_ranges() -> None:
    assert ids(DiskSelector(count=Range(min=1))) == ["nvme-A", "nvme-B", "ata-C"]
    assert select(DiskSelector(count=Range(min=4)), DISKS).problem.startswith("only 3 match, and at least 4")


def test_nics_by_mac_in_any_form() -> None:
    nics = (Nic(mac="52:54:00:12:34:56", driver="igb"), Nic(mac="52:54:00:12:34:57", driver="igb", link=True))
    assert select(NicSelector(mac="52-54-00-12-34-56"), nics).chosen == nics[:1]
    assert select(NicSelector(link=True), nics).chosen == nics[1:]
    assert "2 match" in select(NicSelector(driver="igb"), nics).problem


@pytest.mark.parametrize("selector", [DiskSelector(), NicSelector()])
def test_nothing_to_choose_from(selector: DiskSelector | NicSelector) -> None:
    assert "there are no candidates at all" in select(selector, ()).problem


@given(st.lists(st.integers(min_value=1, max_value=10**13), min_size=1, max_size=20), st.integers(min_value=1, max_value=20))
def test_a_choice_has_the_size_asked_for_or_a_reason(sizes: list[int], count: int) -> None:
    disks = tuple(Disk(id=f"d{i}", link=f"/dev/disk/by-id/d{i}", size=s) for i, s in enumerate(sizes))
    selection = select(DiskSelector(count=count, prefer="smallest"), disks)
    assert bool(selection.problem) != (len(selection.chosen) == count)
    if selection.chosen:
        assert [d.size for d in selection.chosen] == sorted(sizes)[:count]
