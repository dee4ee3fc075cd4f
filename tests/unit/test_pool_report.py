# SPDX-License-Identifier: Apache-2.0
"""What Ceph answered in each state -> one word, its reason, the numbers; then alerts, each cause once."""

import pytest

from appliance.model.netreport import Alert
from appliance.model.poolreport import CacheReport, DiskReport, PoolReport
from appliance.model.storage import Disk, RaidVolume
from appliance.services.storage import answers, health
from tests.unit import pools


def seen(state: str) -> PoolReport:
    return answers.report(pools.answers(state), "vms")


def data(**facts: object) -> DiskReport:
    known = {"id": "ata-A", "serial": "A", "slot": "3", "role": "data", "osd": 3, "up": True, "in_": True, "running": True}
    return DiskReport.model_validate(known | facts)


def of_disk(**facts: object) -> tuple[Alert, ...]:
    return health.alerts(seen("healthy").model_copy(update={"disks": (data(**facts),)}))


def only(found: tuple[Alert, ...]) -> Alert:
    (alert,) = found
    assert alert.hint
    return alert


@pytest.mark.parametrize(
    ("state", "word", "reason"),
    [
        ("healthy", "healthy", "3 copies of everything, 4 of 4 disks at work"),
        ("scrubbing", "healthy", "3 copies of everything, 4 of 4 disks at work"),
        ("osd-down", "degraded", "478 objects have a copy too few: 1 of 4 disks does not work"),
        ("peering", "checking", "12 of 17 parts of the pool are made ready"),
        ("rebuilding", "rebuilding", "copies are made again, 746 objects to go"),
        ("rebuilt", "checking", "2 of 65 parts of the pool are made ready"),
        ("damaged", "at risk", "3 copies differ from the others"),
        ("repaired", "healthy", "3 copies of everything, 4 of 4 disks at work"),
        ("two-copies-one-down", "at risk", "1187 objects have one copy only: 1 of 4 disks does not work"),
        ("nearfull", "healthy", "3 copies of everything, 4 of 4 disks at work"),
    ],
)
def test_one_word_and_its_reason(state: str, word: str, reason: str) -> None:
    now = seen(state)
    assert (now.health, now.reason) == (word, reason)


def test_every_recorded_state_is_tried() -> None:
    assert len(pools.STATES) == 12


def test_while_groups_find_each_other_ceph_says_that_all_is_well() -> None:
    """The reason why its own word is not ours."""
    assert pools.answers("peering")["status"]["health"]["status"] == "HEALTH_OK"


def test_a_rebuild_has_a_rate_and_a_time() -> None:
    rebuild = seen("rebuilding").rebuild
    assert (rebuild.degraded, rebuild.rate, rebuild.eta) == (746, 112366359, 7)
    assert seen("osd-down").rebuild.eta is None


def test_sizes_are_those_of_the_pool() -> None:
    now = seen("healthy")
    assert (now.raw, now.replicas, now.least) == (4 * 4 * 2**30, 3, 2)
    assert now.used < now.usable < now.raw / 3


def test_an_osd_that_is_out_has_no_room() -> None:
    osd = answers.osds(pools.answers("rebuilding"))[3]
    assert (osd.up, osd.in_, osd.room) == (False, False, 0)


def test_scrubs_are_dated_by_the_group_that_was_last() -> None:
    scrub = seen("scrubbing").scrub
    assert scrub.running == 2
    assert scrub.light == min(g["last_scrub_stamp"] for g in pools.answers("scrubbing")["pg ls"]["pg_stats"])


def test_the_damaged_group_is_named() -> None:
    scrub = seen("damaged").scrub
    assert (scrub.damaged, scrub.errors) == (("2.3d",), 3)


@pytest.mark.parametrize("state", ["healthy", "scrubbing", "peering", "repaired", "rebuilt", "nearfull"])
def test_a_pool_without_a_risk_has_no_alert(state: str) -> None:
    """Near full is what Ceph was told here, at 10 %."""
    assert health.alerts(seen(state)) == ()


def test_too_few_copies_are_said_once_with_what_not_to_do() -> None:
    alert = only(health.alerts(seen("rebuilding")))
    assert alert.message == "746 objects have a copy too few, and they are copied again: 7 s to go"
    assert "take no other disk out" in alert.hint


def test_one_copy_only_is_critical() -> None:
    alert = only(health.alerts(seen("two-copies-one-down")))
    assert (alert.severity, alert.message) == ("critical", "1187 objects have one copy only")


def test_mismatches_name_the_group() -> None:
    alert = only(health.alerts(seen("damaged")))
    assert (alert.where, alert.message) == ("storage.scrub", "copies differ from each other (3 mismatches in 2.3d)")


@pytest.mark.parametrize(("share", "severity"), [(79, None), (80, "warning"), (90, "critical")])
def test_space_is_said_at_80_and_90_percent(share: int, severity: str | None) -> None:
    now = seen("healthy")
    found = health.alerts(now.model_copy(update={"raw_used": now.raw * share // 100 + 1}))
    assert [alert.severity for alert in found] == ([severity] if severity else [])


def test_one_disk_that_is_full_before_the_others() -> None:
    assert "95 % full" in only(of_disk(room=100, used=95)).message


@pytest.mark.parametrize(
    ("facts", "severity", "words"),
    [
        ({"up": False, "in_": True}, "critical", "OSD 3 is down, and is given up 10 minutes after it went"),
        ({"up": False, "in_": False}, "critical", "and its data is made again elsewhere"),
        ({"in_": False}, "warning", "works and is out of the pool"),
        ({"up": False, "isolated": True, "slow": "stuck"}, "critical", "taken out of the pool: requests to it do not end"),
        ({"up": False, "isolated": True, "slow": "too slow"}, "critical", "take more than 125 ms"),
        ({"slow": "slow"}, "warning", "more than 60 requests within 5 minutes"),
        ({"slow": "too slow", "refused": "other copies are missing"}, "critical", "stays in the pool: other copies are missing"),
        ({"failing": "it says that it will fail (SMART)"}, "critical", "it will fail"),
        ({"wear": 80}, "warning", "used up 80 %"),
        ({"wear": 95}, "critical", "used up 95 %"),
        ({"temperature": 60}, "warning", "60 degrees"),
        ({"cache": CacheReport(disk="", works=False)}, "warning", "goes on without its read cache"),
        ({"id": ""}, "warning", "cannot be seen any more, although its daemon runs"),
        ({"id": "", "up": False}, "critical", "the disk of OSD 3 is gone, and its data is on the others already"),
    ],
)
def test_each_thing_that_happens_to_a_disk(facts: dict[str, object], severity: str, words: str) -> None:
    alert = only(of_disk(**facts))
    assert alert.severity == severity
    assert words in alert.message


@pytest.mark.parametrize("facts", [{}, {"wear": 79}, {"temperature": 59}, {"temperature": 69, "device_class": "ssd"}])
def test_a_well_disk_has_none(facts: dict[str, object]) -> None:
    assert of_disk(**facts) == ()


def test_a_dead_disk_is_not_slow_as_well() -> None:
    only(of_disk(up=False, slow="slow", failing="it says that it will fail (SMART)", wear=99))


def test_a_pool_that_does_not_answer_says_that_alone() -> None:
    now = PoolReport(health="stopped", reason="no monitor", disks=(data(up=False),))
    assert only(health.alerts(now)).message == "the pool does not answer: no monitor"


def test_one_copy_of_everything_is_an_alert() -> None:
    assert "one copy of everything" in only(health.alerts(seen("healthy").model_copy(update={"replicas": 1}))).message


def test_a_bios_raid_that_lost_a_member_is_said_without_a_pool() -> None:
    raid = RaidVolume(format="imsm", level="raid1", state="degraded", members=("ata-A",), missing=1)
    alert = only(health.alerts(PoolReport(), [Disk(id="md-uuid-1", link="/dev/disk/by-id/md-uuid-1", raid=raid)]))
    assert alert.message == "the BIOS RAID md-uuid-1 is raid1 of 2 disks, degraded"


@pytest.mark.parametrize(
    ("code", "words"),
    [("MON_CLOCK_SKEW", "clocks"), ("MON_DISK_LOW", "system disk has little room"), ("RECENT_CRASH", "Ceph says RECENT_CRASH")],
)
def test_what_ceph_complains_of_beside_is_passed_on(code: str, words: str) -> None:
    alert = only(health.alerts(seen("healthy").model_copy(update={"checks": ((code, "something"),)})))
    assert words in alert.message
