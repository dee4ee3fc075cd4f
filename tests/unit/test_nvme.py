# SPDX-License-Identifier: Apache-2.0
"""What an NVMe disk could be formatted to; the recorded machines that have some are in test_machines.py."""

import pytest

from appliance.host.playback import playback
from appliance.services.storage import nvme


@pytest.mark.parametrize("said", ["", "Permission denied", "[]", "{}", '{"lbafs": []}'])
def test_a_disk_that_does_not_say_has_none(said: str) -> None:
    command = {"nvme id-ns --output-format=json /dev/x": {"code": 0, "stdout": said, "stderr": ""}}
    assert nvme.formats(playback({"origin": "a test", "commands": command}), "/dev/x") == ()


def test_a_machine_that_was_recorded_before_it_was_asked_has_none() -> None:
    assert nvme.formats(playback({"origin": "a test"}), "/dev/x") == ()


def test_formats_with_metadata_and_those_that_are_not_there_are_none() -> None:
    table = [{"ms": 0, "ds": 12, "rp": 0}, {"ms": 8, "ds": 9, "rp": 0}, {"ms": 0, "ds": 9, "rp": 2}, {"ms": 0, "ds": 0, "rp": 0}]
    assert nvme.parse({"lbafs": table}) == (512, 4096)
