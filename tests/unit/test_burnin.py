# SPDX-License-Identifier: Apache-2.0
"""What a burn-in makes of what fio, memtester, disks and ports say. The words are fio 3.39's and memtester 4.7's own."""

import json
from typing import Any

import pytest

from appliance.errors import StepFailed
from appliance.host.host import Host, Result
from appliance.host.playback import playback
from appliance.installer import burnin
from appliance.installer.plan import plan
from appliance.model.plan import BurnIn, WriteAndRead
from appliance.model.storage import DiskHealth
from tests.unit.test_installer_plan import disk, kinds, machine, spec

FINE = {"jobs": [{"jobname": "0", "error": 0, "read": {"bw_bytes": 104857600}}, {"jobname": "1", "error": 5, "read": {}}]}


def test_it_comes_before_anything_is_changed_and_writes_to_nothing_else() -> None:
    data = disk("ata-B", size=64 * 2**30, contents=())
    found = machine(disk(), data)
    wish = spec("{disk: {prefer: smallest}, burn_in: {disks: write, seconds: 5, memory: 1GiB}}")
    assert kinds(found, wish)[:4] == ["verify-image", "burn-in", "write-and-read", "partition-disk"]
    steps = plan(found, wish)
    tried = next(step for step in steps if isinstance(step, BurnIn))
    assert (tried.memory, tried.seconds, tried.disks) == (2**30, 5, ("ata-A", "ata-B"))
    assert [step.disk for step in steps if isinstance(step, WriteAndRead)] == ["ata-A"]
    assert kinds(found, spec("{disk: {prefer: smallest}, burn_in: {}}"))[1:3] == ["burn-in", "partition-disk"]


def test_a_spec_without_one_has_the_digest_that_it_had() -> None:
    assert "burn_in" not in spec().model_dump_json()


def test_what_fio_says_of_each_disk() -> None:
    said = Result(1, "note: both iodepth >= 1\n" + json.dumps(FINE), "fio: io_u error on file /dev/sdb: Input/output error")
    assert burnin.job_errors(said, 2) == ["", "it cannot be read or written without errors"]
    assert burnin.rates(said, 2) == [104857600, 0]


def test_a_fio_that_does_not_run_is_no_disk_that_is_well() -> None:
    said = Result(1, "", "fio: engine libaio not loadable\n")
    assert burnin.job_errors(said, 2) == ["it could not be tried: fio: engine libaio not loadable"] * 2
    assert burnin.job_errors(Result(9, "", ""), 1) == ["it could not be tried: fio ended with 9"]
    assert burnin.rates(said, 2) == [0, 0]


@pytest.mark.parametrize(
    ("health", "said"),
    [
        (None, []),
        (DiskHealth(passed=True, pending=0, errors=0, reallocated=8), []),
        (DiskHealth(passed=False), ["it says of itself that it fails (SMART)"]),
        (DiskHealth(pending=3), ["it has 3 sectors that it cannot read (SMART)"]),
        (DiskHealth(errors=2), ["it counts 2 errors that it could not correct (SMART)"]),
    ],
)
def test_what_a_disk_says_of_itself(health: DiskHealth | None, said: list[str]) -> None:
    assert list(burnin.complaints(health)) == said


def host(*, memtester: int = 0, errors: int = 0) -> Host:
    """One port with a driver and one without, and memory of which a part is free."""
    net = "/sys/class/net/eth0"
    counted = {"rx_packets": 10_000, "tx_packets": 5000, "rx_errors": errors, "tx_errors": 0}
    data: dict[str, Any] = {
        "origin": "a test",
        "files": {"/proc/meminfo": "MemTotal: 2000000 kB\nMemAvailable: 1000000 kB", f"{net}/address": "52:54:00:00:00:01"}
        | {f"{net}/statistics/{name}": str(number) for name, number in counted.items()},
        "folders": {"/sys/class/net": ["eth0", "lo"]},
        "real": {f"{net}/device": "/sys/devices/pci0000:00/0000:00:03.0"},
        "commands": {"memtester 585M 1": {"code": memtester, "stdout": "", "stderr": ""}},
    }
    return playback(data)


class Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: int, total: int) -> None:
        raise AssertionError("a burn-in has no bytes to count")


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"memtester": 4}, "the memory fails its test of 585 MiB"),
        ({"memtester": 2}, "the memory fails its test of 585 MiB"),
        ({"memtester": 1}, "585 MiB of memory could not be tried: memtester ended with 1"),
        ({"errors": 20}, "the port 52:54:00:00:00:01 counts 20 errors in 15000 packets"),
        ({"memtester": 4, "errors": 20}, "the memory fails its test of 585 MiB; the port 52:54:00:00:00:01 counts 20"),
    ],
)
def test_what_fails_is_said_all_at_once_and_nothing_was_changed(facts: dict[str, int], said: str) -> None:
    step = BurnIn(memory=2**30, seconds=1, disks=(), why="install.burn_in")
    handler = burnin.HANDLERS[BurnIn]
    with pytest.raises(StepFailed, match="nothing was changed on any disk") as error:
        handler.do(step, host(**facts), Lines())  # type: ignore[arg-type]  # lines are all that it says
    assert said in str(error.value)
    assert not handler.done(step, host())
