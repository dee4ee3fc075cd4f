# SPDX-License-Identifier: Apache-2.0
"""trivetd's care for the disks, against a pool whose answers were recorded: what it stops, what it leaves, what it repairs."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import CommandError
from appliance.host.host import Host, Result
from appliance.host.playback import playback
from appliance.model.inventory import Inventory
from appliance.model.netreport import Health
from appliance.model.pool import Osd, Pool
from appliance.model.storage import Disk
from appliance.node import diskwatch, health, storage
from appliance.services.storage import isolate, led
from appliance.services.storage.roles import Role, Roles
from tests.unit import pools

MISMATCHES: dict[str, Any] = json.loads((Path(__file__).parents[1] / "mismatches.json").read_text(encoding="utf-8"))


class Node:
    """Four disks with an OSD each, whose pool is in one of the recorded states. What is done to it is in `did`."""

    def __init__(self, state: str = "healthy", needed: str = "", mismatch: str = "") -> None:
        self.answers, self.needed, self.mismatch = pools.answers(state), needed, mismatch
        self.did: list[str] = []
        self.second = 0
        self.text: dict[str, str] = {"/proc/uptime": "100.0 1.0", "/var/lib/ceph/trivet.json": "{}"}
        self.lights: dict[str, str] = {}

    @property
    def host(self) -> Host:
        plain = playback({})
        return Host(files=self, run=self.run, udev=plain.udev, netlink=plain.netlink, ceph=self.ceph)  # type: ignore[arg-type]

    def ceph(self, prefix: str, **arguments: Any) -> Any:
        if prefix == "osd ok-to-stop" and self.needed:
            raise CommandError(["ceph"], 16, self.needed)
        if prefix == "pg ls" and "states" in arguments:
            groups = [{"pgid": "2.c", "state": "active+clean+inconsistent"}]
            return {"pg_ready": True} | ({"pg_stats": groups} if self.mismatch else {})  # as 18.2.7 says that there are none
        if prefix in self.answers and not prefix.startswith("osd ok"):
            return self.answers[prefix]
        if prefix not in ("osd ok-to-stop", "osd tree", "mon dump"):
            self.did.append(f"{prefix} {' '.join(f'{k}={v}' for k, v in arguments.items())}")
        return None

    def run(self, argv: list[str], **_: Any) -> Result:
        if argv[0] == "rados":
            return Result(0, json.dumps(MISMATCHES[self.mismatch]), "")
        self.did.append(" ".join(argv))
        return Result(0, "", "")

    def read(self, path: str) -> str | None:
        return self.lights.get(path, self.text.get(path))

    def real(self, path: str) -> str | None:
        name = path.rpartition("/")[2]
        return f"/dev/{name}" if path.startswith("/dev/") else f"/sys/devices/host0/0:0:{name[-1]}:0/block/{name}"

    def link(self, path: str) -> str | None:
        return f"../../0:0:{path.split('/')[-2][-1]}:0" if path.endswith("/device") else None

    def list(self, path: str) -> tuple[str, ...]:
        return {"/sys/class/enclosure": ("e",), "/sys/class/enclosure/e": ("bay0", "bay1", "bay2", "bay3")}.get(path, ())

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        (self.lights if path.startswith("/sys/") else self.text)[path] = text

    def pass_seconds(self, watch: diskwatch.DiskWatch, number: int, slow: str = "") -> None:
        """Each disk ends a hundred requests a second; the slow one ends five, with 200 ms of work for each."""
        for _ in range(number):
            self.second += 1
            rows = []
            for n in range(4):
                each = 5 if f"d{n}" == slow else 100
                busy = 1000 if f"d{n}" == slow else 300
                rows.append(f"8 0 d{n} {each * self.second} 0 0 0 0 0 0 0 1 {busy * self.second} 0 0 0 0 0 0 0 0")
            self.text["/proc/diskstats"] = "\n".join(rows)
            watch.pulse(self.host)

    def well(self) -> dict[str, str]:
        return {path.split("/")[-2]: text for path, text in self.lights.items() if path.endswith("fault")}


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    disks = tuple(Disk(id=f"d{n}", link=f"/dev/disk/by-id/d{n}", serial=f"S{n}", slot=str(n)) for n in range(4))
    osds = tuple(Osd(id=n, uuid="u", disk=f"d{n}", running=True, up=True, in_=True) for n in range(4))
    pool = Pool(fsid="f", host="n1", address="10.0.0.1", monitor=True, answers=True, osds=osds)
    roles = Roles(roles=tuple(Role(disk=f"d{n}", role="data", why="") for n in range(4)))
    monkeypatch.setattr(storage, "inventory", lambda host: Inventory(disks=disks, pool=pool))
    monkeypatch.setattr(storage, "roles", lambda inventory, spec: roles)
    clock = iter(range(1, 10_000))
    monkeypatch.setattr(diskwatch.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(diskwatch.pool, "part", lambda host, document: "made")


def seen(node: Node) -> Any:
    found = health.storage(node.host)
    assert found is not None
    return found


def watched(node: Node) -> diskwatch.DiskWatch:
    watch = diskwatch.DiskWatch(lambda: node.host)
    for n in range(4):
        node.lights[f"/sys/class/enclosure/e/bay{n}/fault"] = "0"
    watch.look(node.host)
    return watch


def test_a_well_pool_is_left_alone() -> None:
    node = Node()
    watch = watched(node)
    node.pass_seconds(watch, 60)
    watch.look(node.host)
    assert (node.did, seen(node).alerts) == ([], ())
    assert seen(node).disks["d1"].latency == pytest.approx(3.0)
    assert seen(node).report.health == "healthy"


def test_a_slow_disk_is_stopped_and_its_light_is_on() -> None:
    node = Node()
    watch = watched(node)
    node.pass_seconds(watch, 20, slow="d2")
    watch.look(node.host)
    assert node.did == ["systemctl stop --no-block ceph-osd@2.service", "osd down ids=['2']"]
    (alert,) = seen(node).alerts
    assert "the disk in slot 2 (OSD 2) was taken out of the pool" in alert.message
    assert node.well() == {"bay0": "0", "bay1": "0", "bay2": "1", "bay3": "0"}
    assert health.alerts(node.host, 100.0) == (alert,)


def test_a_slow_disk_that_is_needed_stays_and_says_why() -> None:
    node = Node(needed="11 PGs would become offline")
    watch = watched(node)
    node.pass_seconds(watch, 20, slow="d2")
    watch.look(node.host)
    assert node.did == []
    (alert,) = seen(node).alerts
    assert "stays in the pool: without it part of the data could not be read or written" in alert.message


def test_the_look_is_woken_by_a_slow_disk() -> None:
    node = Node()
    watch = watched(node)
    node.pass_seconds(watch, 5)
    assert not watch._wake.is_set()
    node.pass_seconds(watch, 20, slow="d2")
    assert watch._wake.is_set()


def test_a_wrong_primary_is_moved_away_before_the_repair_and_gets_its_place_again() -> None:
    node = Node("damaged", mismatch="primary")
    watch = watched(node)
    assert node.did == ["osd primary-affinity id=2 weight=0.0", "pg repair pgid=2.c"]
    assert "that of OSD 2 is made anew from OSD 0 and OSD 1" in seen(node).repaired[0]
    watch.look(node.host)
    assert len(node.did) == 2, "once"
    node.answers, node.mismatch = pools.answers("repaired"), ""
    watch.look(node.host)
    assert node.did[2:] == ["osd primary-affinity id=2 weight=1.0"]


def test_a_right_primary_repairs_at_once() -> None:
    node = Node("damaged", mismatch="replica")
    watched(node)
    assert node.did == ["pg repair pgid=2.c"]


def test_an_osd_whose_ssd_is_gone_goes_on_without_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    node, applied = Node(), []
    inventory = storage.inventory(node.host)
    assert inventory.pool
    osds = tuple(each.model_copy(update={"lvm": True, "cache_lost": each.id == 1}) for each in inventory.pool.osds)
    lost = inventory.model_copy(update={"pool": inventory.pool.model_copy(update={"osds": osds})})
    monkeypatch.setattr(storage, "inventory", lambda host: lost)
    monkeypatch.setattr(diskwatch, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(diskwatch.flow, "apply", lambda plan, host, emit: applied.extend(map(str, plan.steps)))
    watched(node)
    assert applied == ["let osd.1 go on without its cache, which is gone"]
    assert all("goes on without its read cache" in alert.message for alert in seen(node).alerts)
    assert len(seen(node).alerts) == 4, "those that have none any more, too"


def test_a_look_that_fails_is_said_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    watch = diskwatch.DiskWatch(lambda: Node().host)
    watch._log("trivetd", "the disks could not be looked at (look): no")
    watch._log("trivetd", "the disks could not be looked at (look): no")
    assert capsys.readouterr().err.count("could not be looked at") == 1


def test_a_node_whose_trivetd_looks_at_neither_says_both() -> None:
    node = Node()
    watched(node)
    node.text[health.HEALTH] = Health(at=0.0).model_dump_json()
    found = [alert.message for alert in health.alerts(node.host, 1000.0)]
    assert found[0].startswith("trivetd has not looked at the disks")
    assert found[1].startswith("trivetd has not looked at the network")


def test_a_disk_without_a_bay_has_no_light() -> None:
    node = Node()
    assert led.bay(node.host, Disk(id="d9", link="/dev/disk/by-id/d9")) == ""
    assert isolate.refusal(node.host, 1) == ""
