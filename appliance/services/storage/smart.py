# SPDX-License-Identifier: Apache-2.0
"""What disks say of their own health: SMART of SATA and SAS, the health log of NVMe, all by `smartctl`.

Asked only where somebody wants it, never by `inspect`: a disk takes up to a second to answer, and a hundred of them are not
waited for at boot. A disk that sleeps is left asleep. What a disk does not say, or what hides behind a RAID controller's
volume, is None: it is not made up, and is no failure either.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.storage import Disk, DiskHealth

_SMARTCTL = ("smartctl", "--json=c", "--nocheck=standby", "--health", "--attributes")
_VIRTUAL = ("virtio", "raid", "mmc", "other")
_REALLOCATED, _PENDING, _UNCORRECTABLE = 5, 197, 198
"""Numbers of the ATA attributes that mean the same with every maker, in sectors."""
_LIFE_LEFT = {
    "Media_Wearout_Indicator", "Percent_Life_Remaining", "Percent_Lifetime_Remain", "Remaining_Lifetime_Perc", "SSD_Life_Left",
    "Wear_Leveling_Count",
}  # fmt: skip
"""ATA attributes whose normal value is what is left of an SSD's life, in percent; their numbers differ from maker to maker."""
_WHOLE = 100


def read(host: Host, disks: Sequence[Disk]) -> dict[str, DiskHealth]:
    """The health of those that have something to say of it, by their ids."""
    asked = (disk for disk in disks if disk.transport not in _VIRTUAL and disk.size and disk.link and not disk.within)
    found = {disk.id: ask(host, disk) for disk in asked}
    return {id_: health for id_, health in found.items() if health is not None}


def ask(host: Host, disk: Disk) -> DiskHealth | None:
    """The health of one disk, None when it does not say."""
    wear = () if disk.rotational or disk.transport == "nvme" else ("--log=ssd",)
    try:
        # Each bit of the exit code means something of its own, most of them of the disk: what was said counts.
        return parse(json.loads(host.run([*_SMARTCTL, *wear, disk.link], check=False).stdout))
    except (ApplianceError, ValueError):
        return None


def parse(said: Mapping[str, Any]) -> DiskHealth | None:
    """`smartctl --json`, of ATA, SCSI or NVMe."""
    nvme = said.get("nvme_smart_health_information_log", {})
    ata = {each["id"]: each for each in said.get("ata_smart_attributes", {}).get("table", ())}
    counters = said.get("scsi_error_counter_log", {}).values()
    errors = [each["total_uncorrected_errors"] for each in counters if "total_uncorrected_errors" in each]
    health = DiskHealth(
        passed=said.get("smart_status", {}).get("passed"),
        wear=next(_wear(said, nvme, ata.values()), None),
        temperature=said.get("temperature", {}).get("current"),
        hours=said.get("power_on_time", {}).get("hours"),
        reallocated=_first(_raw(ata, _REALLOCATED), said.get("scsi_grown_defect_list")),
        pending=_raw(ata, _PENDING),
        errors=_first(nvme.get("media_errors"), _raw(ata, _UNCORRECTABLE), sum(errors) if errors else None),
    )
    return None if health == DiskHealth() else health


def _wear(said: Mapping[str, Any], nvme: Mapping[str, Any], ata: Any) -> Iterator[int]:
    """How much of its life is used, by the most exact of those who say so: a standard before a maker's own attribute."""
    used = (
        nvme.get("percentage_used"),
        said.get("scsi_percentage_used_endurance_indicator"),
        said.get("endurance_used", {}).get("current_percent"),
    )
    yield from (percent for percent in used if percent is not None)
    for page in said.get("ata_device_statistics", {}).get("pages", ()):
        for row in page.get("table", ()):
            if row.get("name") == "Percentage Used Endurance Indicator" and "value" in row:
                yield row["value"]
    for each in ata:
        if each.get("name") in _LIFE_LEFT and 0 <= each.get("value", -1) <= _WHOLE:
            yield _WHOLE - each["value"]


def _raw(ata: Mapping[int, Any], number: int) -> int | None:
    """The count itself, of which some makers keep other things in the upper half."""
    return ata[number]["raw"]["value"] & 0xFFFFFFFF if number in ata else None


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)
