# SPDX-License-Identifier: Apache-2.0
"""What is understood of `smartctl --json`; the fields are those that version 7.4 prints for each kind of disk."""

import json
from typing import Any

import pytest

from appliance.host.playback import playback
from appliance.model.storage import Disk, DiskHealth
from appliance.services.storage import smart

COMMON = {"smart_status": {"passed": True}, "temperature": {"current": 31}, "power_on_time": {"hours": 150}}


def attribute(number: int, name: str, raw: int = 0, value: int = 100) -> dict[str, Any]:
    return {"id": number, "name": name, "value": value, "raw": {"value": raw, "string": str(raw)}}


def ata(*attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return COMMON | {"ata_smart_attributes": {"revision": 1, "table": list(attributes)}} | more


PAGES = {"pages": [{"number": 7, "table": [{"name": "Percentage Used Endurance Indicator", "value": 12}]}]}
SCSI = {
    "scsi_grown_defect_list": 3,
    "scsi_error_counter_log": {"read": {"total_uncorrected_errors": 2}, "verify": {}, "write": {"total_uncorrected_errors": 1}},
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (COMMON | {"nvme_smart_health_information_log": {"percentage_used": 7, "media_errors": 1}}, {"wear": 7, "errors": 1}),
        (COMMON | SCSI, {"reallocated": 3, "errors": 3}),
        (COMMON | SCSI | {"scsi_percentage_used_endurance_indicator": 0}, {"reallocated": 3, "errors": 3, "wear": 0}),
        (
            ata(attribute(5, "Reallocated_Sector_Ct", 8), attribute(197, "Current_Pending_Sector", 0x500000002),
                attribute(198, "Offline_Uncorrectable", 1)),
            {"reallocated": 8, "pending": 2, "errors": 1},
        ),
        (ata(attribute(245, "Percent_Life_Remaining", 93, 93)), {"wear": 7}),
        (ata(attribute(177, "Wear_Leveling_Count", 55, 90), ata_device_statistics=PAGES), {"wear": 12}),
        (ata(attribute(177, "Wear_Leveling_Count", 55, 200)), {}),
    ],
    ids=["nvme", "sas hdd", "sas ssd", "sata hdd", "maker", "standard first", "no percentage"],
)  # fmt: skip
def test_what_a_disk_says(said: dict[str, Any], expected: dict[str, Any]) -> None:
    assert smart.parse(said) == DiskHealth(passed=True, temperature=31, hours=150, **expected)


def test_a_disk_that_fails_says_so_and_one_that_says_nothing_is_not_ill() -> None:
    failing = smart.parse({"smart_status": {"passed": False}})
    assert failing
    assert failing.passed is False
    assert smart.parse({"smartctl": {"exit_status": 2}}) is None


def test_each_is_asked_by_its_lasting_name_and_volumes_are_not() -> None:
    """The exit code has a bit for each thing that is wrong with a disk; what is no JSON is nothing."""
    command = "smartctl --json=c --nocheck=standby --health --attributes"
    host = playback({"origin": "a test", "commands": {
        f"{command} /dev/disk/by-id/a": {"code": 64, "stdout": json.dumps(COMMON), "stderr": ""},
        f"{command} --log=ssd /dev/disk/by-id/b": {"code": 2, "stdout": "", "stderr": "broken"},
    }})  # fmt: skip
    kinds = {"a": ("sata", True), "b": ("sata", False), "c": ("nvme", False), "d": ("raid", False), "e": ("virtio", True)}
    disks = [
        Disk(id=name, link=f"/dev/disk/by-id/{name}", size=1, transport=transport, rotational=rotational)
        for name, (transport, rotational) in kinds.items()
    ]  # fmt: skip
    assert smart.read(host, disks) == {"a": DiskHealth(passed=True, temperature=31, hours=150)}
