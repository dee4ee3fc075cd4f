# SPDX-License-Identifier: Apache-2.0
"""The layout of a system disk holds on every disk that is large enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.installer import layout
from appliance.installer.layout import MIB, MINIMUM, Identity, array_link, part, partitions

UUIDS = [f"00000000-0000-4000-8000-{n:012}" for n in range(5)]
sizes = st.integers(min_value=MINIMUM * MIB, max_value=64 * 2**40)


@given(sizes, st.sampled_from([512, 4096]), st.booleans())
def test_partitions_are_in_order_aligned_and_on_the_disk(size: int, sector: int, mirrored: bool) -> None:
    table = partitions(size - size % sector, UUIDS, mirrored=mirrored)
    assert [p.number for p in table] == [1, 2, 3, 4, 5]
    assert [p.start for p in table[1:]] == [p.start + p.size for p in table[:-1]]
    assert table[0].start == layout.EDGE
    # The copy of the table: its header and 16 KiB of entries, in whole sectors, at the very end.
    assert (table[-1].start + table[-1].size) * MIB <= size - size % sector - (sector + 16384)
    assert table[-1].size >= layout.STATE_LEAST


@given(sizes)
def test_nothing_is_left_over(size: int) -> None:
    last = partitions(size, UUIDS, mirrored=False)[-1]
    assert size - (last.start + last.size) * MIB < 2 * MIB


@given(sizes, st.integers(min_value=1, max_value=2**20), st.booleans())
def test_what_is_left_to_the_pool_is_the_last_part(size: int, pool: int, mirrored: bool) -> None:
    whole = partitions(size, UUIDS, mirrored=mirrored)
    parted = partitions(size + pool * MIB, [*UUIDS, "p"], mirrored=mirrored, pool=pool)
    last = parted[-1]
    assert parted[:-1] == whole
    assert (last.number, last.name, last.size, last.uuid) == (layout.POOL_NUMBER, "trivet-pool", pool, "p")
    assert last.start == whole[-1].start + whole[-1].size
    assert last.type == partitions(size, UUIDS, mirrored=False)[-1].type, "each disk's is an OSD of its own, and no mirror"


def test_too_small_is_an_error() -> None:
    with pytest.raises(ValueError, match="too small"):
        partitions(MINIMUM * MIB - 1, UUIDS, mirrored=False)
    with pytest.raises(ValueError, match="too small"):
        partitions(MINIMUM * MIB, UUIDS, mirrored=False, pool=1)


def test_the_smallest_disk_that_people_buy_is_large_enough() -> None:
    assert MINIMUM * MIB <= 8 * 10**9


def test_an_installation_begins_as_unfinished_and_mirrors_are_marked() -> None:
    alone, mirrored = (partitions(2**40, UUIDS, mirrored=m) for m in (False, True))
    assert alone[4].name == mirrored[4].name == "trivet-unfinished"
    assert [a.type == m.type for a, m in zip(alone, mirrored, strict=True)] == [True, True, False, False, False]


def test_uuids_follow_machine_disk_and_spec_and_nothing_else() -> None:
    one = Identity("m", ["x", "y"], "spec")
    assert one.uuid("a") == Identity("m", ["y", "x"], "spec").uuid("a")
    others = [Identity("n", ["x", "y"], "spec"), Identity("m", ["x"], "spec"), Identity("m", ["x", "y"], "other")]
    assert len({i.uuid("a") for i in (one, *others)} | {one.uuid("b"), one.uuid("a", "b")}) == 6


def test_forms() -> None:
    identity = Identity("m", ["x"], "spec")
    assert [len(p) for p in identity.array("a").split(":")] == [8, 8, 8, 8]
    assert len(identity.machine_id) == 32
    assert int(identity.volume("x"), 16) < 2**32
    assert part("/dev/disk/by-id/x", 3) == "/dev/disk/by-id/x-part3"
    assert array_link("1:2:3:4") == "/dev/disk/by-id/md-uuid-1:2:3:4"
