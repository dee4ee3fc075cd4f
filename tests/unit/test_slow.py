# SPDX-License-Identifier: Apache-2.0
"""Slow and stuck disks, from counters as the kernel has them."""

import pytest

from appliance.services.storage.slow import Counted, Disks, Verdict, parse


def line(name: str, *, reads: int = 0, writes: int = 0, waiting: int = 0, busy: int = 0) -> str:
    return f"   8  0 {name} {reads} 0 0 0 {writes} 0 0 0 {waiting} {busy} 0 1 0 0 0 2 0"


def watched(seconds: int, *, ended: int, busy: int, waiting: int = 1, name: str = "a", disks: Disks | None = None) -> Disks:
    """A disk that ends so many requests in each second, with so many milliseconds of work."""
    disks = disks or Disks()
    for second in range(seconds + 1):
        disks.look(second, {name: Counted(ended * second, busy * second, waiting)})
    return disks


def verdict(disks: Disks, *names: str) -> Verdict:
    return disks.judged(names or ("a",))["a"].verdict


def test_counters_are_read_with_discards_and_flushes() -> None:
    found = parse(line("sda", reads=3, writes=4, waiting=2, busy=50))
    assert found == {"sda": Counted(ended=3 + 4 + 1, busy=50, waiting=2, flushes=2, flushing=0)}


def test_the_kernel_of_this_day_gives_twenty_fields() -> None:
    text = "   7       0 loop0 52 0 2268 25 0 0 0 0 0 20 25 0 0 0 0 0 0"
    assert parse(text) == {"loop0": Counted(ended=52, busy=20, waiting=0)}


@pytest.mark.parametrize(
    ("seconds", "ended", "busy", "expected"),
    [
        (300, 100, 1000, "good"),  # 10 ms for each: a disk at work all the time
        (300, 30, 900, "slow"),  # 30 ms
        (1, 59, 2000, "good"),  # 33 ms, and one too few
        (2, 30, 1000, "slow"),
        (11, 5, 1000, "good"),  # 200 ms, and 55 of them
        (12, 5, 1000, "too slow"),
        (9, 0, 1000, "good"),
        (10, 0, 1000, "stuck"),
    ],
)
def test_sixty_slow_requests_or_ten_dead_seconds(seconds: int, ended: int, busy: int, expected: str) -> None:
    assert verdict(watched(seconds, ended=ended, busy=busy)) == expected


def test_a_flush_after_each_write_hides_no_slow_disk() -> None:
    """What the kernel counted of a loop device: 20 writes, each with a flush, are 40 writes and 20 flushes."""
    before = "   7 6 loop6 15592 132 3978526 7617 49366 88347 9230480 114477 0 32844 143773 0 0 0 0 7752 21677"
    after = "   7 6 loop6 15592 132 3978526 7617 49406 88347 9230640 114490 0 32852 143795 0 0 0 0 7772 21687"
    new = parse(after)["loop6"].since(parse(before)["loop6"])
    assert (new.ended, new.flushes, new.flushing) == (40, 20, 10)
    disks = Disks()
    for second in range(20):  # 4 writes of 245 ms in a second, and the 4 flushes between them are done at once
        disks.look(second, {"a": Counted(8 * second, 1000 * second, 1, 4 * second, 20 * second)})
    judged = disks.judged(["a"])["a"]
    assert (judged.verdict, judged.latency, judged.too_slow) == ("too slow", 245.0, 76)


def test_flushes_that_take_long_are_no_slow_writes() -> None:
    """A healthy HDD empties its cache after each write: 8 ms and 16 ms, in all no 25 for each request."""
    disks = Disks()
    for second in range(300):
        disks.look(second, {"a": Counted(80 * second, 1000 * second, 1, 40 * second, 640 * second)})
    assert (verdict(disks), disks.judged(["a"])["a"].slow) == ("good", 0)


def test_flushes_alone_that_do_not_end_in_time_are_a_slow_disk() -> None:
    disks = Disks()
    for second in range(20):
        disks.look(second, {"a": Counted(4 * second, 1000 * second, 1, 4 * second, 1000 * second)})
    assert verdict(disks) == "too slow"


def test_a_disk_without_requests_is_not_stuck() -> None:
    assert verdict(watched(100, ended=0, busy=0, waiting=0)) == "good"


def test_a_long_queue_is_no_slow_disk() -> None:
    """Thirty requests wait for 10 ms each: that they take 300 ms is not the disk's."""
    judged = watched(300, ended=100, busy=1000, waiting=30).judged(["a"])["a"]
    assert (judged.verdict, judged.latency) == ("good", 10.0)


def test_what_was_slow_is_forgotten_after_the_window() -> None:
    disks = watched(20, ended=5, busy=1000)
    for second in range(21, 321):
        disks.look(second, {"a": Counted(100 + 100 * (second - 20), 20_000 + 500 * (second - 20), 1)})
    assert verdict(disks) == "good"


def test_three_seconds_of_thirteen_may_be_good() -> None:
    disks, ended = Disks(), 0
    for second in range(14):
        ended += 1 if second in (3, 6, 9) else 0
        disks.look(second, {"a": Counted(ended, 1000 * second, 4)})
    assert verdict(disks) == "stuck"


def test_when_most_are_slow_it_is_not_the_disks() -> None:
    disks = Disks()
    for second in range(20):
        disks.look(second, {name: Counted(5 * second, 1000 * second, 1) for name in "abc"})
    assert {name: j.verdict for name, j in disks.judged("abc").items()} == {"a": "slow", "b": "slow", "c": "slow"}


def test_one_of_three_is_isolated() -> None:
    disks = Disks()
    for second in range(20):
        good = Counted(100 * second, 500 * second, 1)
        disks.look(second, {"a": Counted(5 * second, 1000 * second, 1), "b": good, "c": good})
    assert {name: j.verdict for name, j in disks.judged("abc").items()} == {"a": "too slow", "b": "good", "c": "good"}


def test_a_new_disk_of_the_same_name_begins_anew() -> None:
    disks = watched(20, ended=5, busy=1000)
    disks.look(21, {"a": Counted(0, 0, 0)})
    disks.look(22, {"a": Counted(10, 10, 0)})
    assert disks.judged(["a"])["a"].latency == 1.0


def test_a_disk_that_is_pulled_is_forgotten() -> None:
    disks = watched(20, ended=5, busy=1000)
    disks.look(21, {})
    assert verdict(disks) == "good"
