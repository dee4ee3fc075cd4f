# SPDX-License-Identifier: Apache-2.0
"""`trivet storage` and `trivet disk` as text: everything that is known is in it, within 79 columns."""

import pytest

from appliance.cli.storageshow import disks_text, view_text
from appliance.model.poolreport import CacheReport, DiskReport, PoolReport, StorageView
from appliance.services.storage import answers, health
from tests.unit import pools

LONG = "SAMSUNG MZILT3T8HBLS/007, 3.5 TiB, serial S5G0NE0R600123, pci-0000:3b:00.0-sas-phy7-lun-0"
SERIAL = "ZL2ABCDEFGHIJKLMNOPQRST"
SSD = DiskReport(
    id="scsi-1", label=LONG, serial="S5G0NE0R600123", size=3840755982336, slot="32:7", role="cache",
    why="read cache of 7 HDDs", temperature=41, wear=12,
)  # fmt: skip
HDD = DiskReport(
    id="scsi-2", label=f"ST16000NM, 14.6 TiB, serial {SERIAL}", serial=SERIAL, size=16 * 10**12, slot="32:11", role="data",
    why="an HDD", osd=1234, up=True, in_=True, used=9, room=10, temperature=33, latency=120.4, led=True,
    failing="it cannot read 8 of its sectors", cache=CacheReport(disk="scsi-1", hits=30, misses=10),
)  # fmt: skip
GONE = DiskReport(role="data", osd=7, in_=True)
STUCK = DiskReport(
    id="scsi-3", serial="B", role="data", osd=8, isolated=True, slow="stuck", cache=CacheReport(works=False),
)  # fmt: skip


def view(state: str) -> StorageView:
    now = answers.report(pools.answers(state), "vms").model_copy(update={"disks": (SSD, HDD, GONE, STUCK)})
    repaired = ("copies of 1 object (over) in 2.c differed: " * 3,)
    return StorageView(report=now, looked=12.0, alerts=health.alerts(now), repaired=repaired)


@pytest.mark.parametrize("state", pools.STATES)
def test_it_fits(state: str) -> None:
    for text in (view_text(view(state)), disks_text(view(state))):
        assert [line for line in text.splitlines() if len(line) > 79] == []


def test_a_line_has_what_is_known_of_a_disk() -> None:
    lines = view_text(view("healthy")).splitlines()
    (line,) = [line for line in lines if line.startswith("32:11")]
    assert " ".join(line.split()) == "32:11 data 1234 up ZL2ABCDEFGHIJKLMNO~ 14.6 TiB 90 % 33 C 120.4 ms 75 %"
    assert "it cannot read 8 of its sectors, its light is on" in lines[lines.index(line) + 1]
    assert any(line.split()[1:] == ["data", "7", "gone", "-"] for line in lines)
    assert any("stuck, taken out of the pool, without its read cache" in line for line in lines)


def test_a_rebuild_has_its_time() -> None:
    assert "107 MiB/s, about 7 s" in " ".join(view_text(view("rebuilding")).split())


def test_a_node_without_a_pool_says_how_to_have_one() -> None:
    text = view_text(StorageView(report=PoolReport()))
    assert "`storage: {}`" in text
    assert "trivetd has not looked yet" in text
    assert disks_text(StorageView(report=PoolReport())) == "no disk"
