# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.model.units import compare, format_size, format_speed, parse_size, parse_speed


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GiB", 4 << 30), ("500 GB", 500 * 10**9), ("1.5TiB", 3 << 39), (512, 512), ("512", 512), ("0", 0), ("8kib", 8192)],
)
def test_sizes_as_people_write_them(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["big", "", "-1", -1, True, None, "4 GiBs", [], 1.5, "1,5GiB"])
def test_what_is_no_size_is_said_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="write it like"):
        parse_size(text)


def test_speeds() -> None:
    assert [parse_speed(v) for v in ("10G", "25 Gbit/s", 100, "100M")] == [10_000, 25_000, 100, 100]
    assert [format_speed(v) for v in (100, 2500, 10_000)] == ["100 Mbit/s", "2.5 Gbit/s", "10 Gbit/s"]


@given(st.integers(min_value=0, max_value=2**60))
def test_what_is_printed_is_read_back_within_its_precision(size: int) -> None:
    assert parse_size(format_size(size)) == pytest.approx(size, rel=0.06)


@pytest.mark.parametrize(
    ("wish", "holds"),
    [(">= 1TiB", True), ("> 1TiB", False), ("<= 1TiB", True), ("< 1TiB", False), ("1TiB", True), ("== 1024GiB", True)],
)
def test_comparisons(wish: str, holds: bool) -> None:
    assert compare(wish, 2**40, parse_size) is holds
