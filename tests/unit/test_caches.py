# SPDX-License-Identifier: Apache-2.0
"""How often a read cache had what was asked for, in the form of the kernel (device-mapper/cache.rst)."""

from appliance.host.playback import playback
from appliance.services.storage import caches

STATUS = "ceph--u-osd--block--u: 0 41934848 cache 8 219/4096 128 77/81904 300 100 12 34 0 77 0 2 metadata2 writethrough 2 ..."
"""As `dmsetup status` of the kernel's source says it: hits and misses of reads stand first of the counts."""


def test_hits_and_misses_of_reads() -> None:
    assert caches.parse(STATUS) == {"ceph--u-osd--block--u": (300, 100)}


def test_a_cache_that_failed_has_none() -> None:
    assert caches.parse("ceph--u-osd--block--u: 0 41934848 cache Fail") == {}
    assert caches.parse("") == {}
    assert caches.parse("No devices found") == {}


def test_they_are_those_of_the_disk_below_through_volumes_and_partitions() -> None:
    host = playback({
        "commands": {"dmsetup status --target cache": {"code": 0, "stdout": STATUS, "stderr": ""}},
        "folders": {
            "/sys/block": ["dm-0", "dm-1", "dm-2", "sda", "sdb"],
            "/sys/block/dm-2/slaves": ["dm-0", "dm-1"], "/sys/block/dm-0/slaves": ["sda"], "/sys/block/dm-1/slaves": ["sdb1"],
        },
        "files": {"/sys/block/dm-0/dm/name": "corig", "/sys/block/dm-1/dm/name": "cdata",
                  "/sys/block/dm-2/dm/name": "ceph--u-osd--block--u"},
        "real": {"/sys/class/block/sda": "/sys/devices/x/block/sda", "/sys/class/block/sdb1": "/sys/devices/x/block/sdb/sdb1"},
    })  # fmt: skip
    assert caches.read(host) == {"sda": (300, 100), "sdb": (300, 100)}


def test_without_a_device_mapper_there_are_none() -> None:
    host = playback({"commands": {"dmsetup status --target cache": {"code": 1, "stdout": "", "stderr": "no"}}})
    assert caches.read(host) == {}
