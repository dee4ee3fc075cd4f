# SPDX-License-Identifier: Apache-2.0
"""The pool's plan and what it is made of, beside the golden cases: what is lost and found again, memory, copies, settings."""

import base64
import struct
from pathlib import Path
from typing import Any

import pytest

from appliance import flow
from appliance.engine.apply import Report
from appliance.errors import CommandError, StepFailed
from appliance.host.host import Host
from appliance.host.playback import playback, recorded
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan
from appliance.model.pool import Osd, Pool, Share
from appliance.model.poolsteps import AddCache, AddOsd, DropCache, StartOsd, TunePool
from appliance.model.spec import Spec, StorageSpec
from appliance.model.storage import Disk
from appliance.services.storage import conf, fast, memory, osd, plan, removal
from tests.unit.carried import node

MACHINE = Path(__file__).parents[1] / "machines" / "two-sockets"
GIB = 2**30
HYBRID = (
    "version: 1\nnode: {name: n1}\nnetwork: {planes: {management: {nics: [{mac: '52:54:00:00:00:01'}], address: 10.0.2.15/24}}}\n"
    "storage: {data: {rotational: true}, cache: {transport: nvme, count: 1, prefer: smallest}}\n"
)


@pytest.fixture(scope="module")
def hybrid() -> tuple[Inventory, Spec]:
    """A node with a pool of four HDDs, each with a cache on one SSD."""
    spec = load_spec(HYBRID)
    return node(flow.inspect(recorded(MACHINE)), spec), spec


def with_osds(inventory: Inventory, **update: object) -> Inventory:
    assert inventory.pool
    osds = tuple(each.model_copy(update=update) for each in inventory.pool.osds)
    return inventory.model_copy(update={"pool": inventory.pool.model_copy(update={"osds": osds})})


def steps(inventory: Inventory, spec: Spec) -> Plan:
    return Plan(steps=tuple(plan.plan(inventory, spec, "10.0.2.15")))


def test_a_node_that_starts_begins_with_what_is_there(hybrid: tuple[Inventory, Spec]) -> None:
    inventory, spec = hybrid
    starting = with_osds(inventory, running=False, up=False)
    assert starting.pool
    dark = starting.pool.model_copy(update={"monitor": False, "manager": False, "answers": False, "settings": {}, "wish": None})
    found = steps(starting.model_copy(update={"pool": dark}), spec).steps
    kinds = [step.kind for step in found]
    assert kinds == ["run-monitor", "run-manager", *["start-osd"] * 4, "tune-pool", "configure-pool"]
    assert all(step.lvm for step in found if isinstance(step, StartOsd))
    assert not any(step.destroys for step in found)


def test_an_osd_whose_cache_is_gone_goes_on_without_it(hybrid: tuple[Inventory, Spec]) -> None:
    inventory, spec = hybrid
    found = steps(with_osds(inventory, cache="", cache_lost=True, running=False), spec).steps
    dropped = [step for step in found if isinstance(step, DropCache)]
    assert len(dropped) == 4
    assert not any(isinstance(step, StartOsd) for step in found), "dropping the cache starts it"
    assert found[: len(dropped)] == tuple(dropped), "before anything else of the pool"


def test_an_osd_on_a_volume_gets_a_cache_again(hybrid: tuple[Inventory, Spec]) -> None:
    inventory, spec = hybrid
    ssd = next(disk for disk in inventory.disks if disk.serves)
    blank = ssd.model_copy(update={"contents": (), "serves": ()})
    bare = inventory.model_copy(update={"disks": tuple(blank if d.id == ssd.id else d for d in inventory.disks)})
    found = [step for step in steps(with_osds(bare, cache=""), spec).steps if isinstance(step, AddCache)]
    assert [step.fast.disk for step in found] == [ssd.id] * 4
    assert len({step.fast.uuid for step in found}) == 4
    assert sum(step.fast.size for step in found) * fast.MIB < ssd.size


def test_an_addition_that_was_interrupted_needs_no_consent(hybrid: tuple[Inventory, Spec]) -> None:
    inventory, spec = hybrid
    assert inventory.pool
    lost = inventory.pool.osds[0]
    begun = [
        d.model_copy(update={"osd": d.osd.model_copy(update={"id": -1})}) if d.osd and d.id == lost.disk else d
        for d in inventory.disks
    ]
    rest = inventory.pool.model_copy(update={"osds": inventory.pool.osds[1:]})
    found = steps(inventory.model_copy(update={"disks": tuple(begun), "pool": rest}), spec).steps
    (added,) = (step for step in found if isinstance(step, AddOsd))
    assert (added.uuid, added.destroys) == (lost.uuid, ())
    assert added.expects, "and still what is on it now, and nothing else"


def test_an_addition_that_was_interrupted_keeps_its_part_of_the_ssd(hybrid: tuple[Inventory, Spec]) -> None:
    """Its part was made, and its volume not yet: it is no disk without a cache for that, and the SSD has no room for another."""
    inventory, spec = hybrid
    assert inventory.pool
    lost = inventory.pool.osds[0]
    assert lost.cache
    blank = {"osd": None, "contents": (), "held": ()}
    bare = tuple(d.model_copy(update=blank) if d.id == lost.disk else d for d in inventory.disks)
    serving = {d.id: tuple(part for part in d.serves if part.uuid != lost.uuid) for d in bare}
    begun = tuple(d.model_copy(update={"serves": serving[d.id]}) for d in bare)
    rest = inventory.pool.model_copy(update={"osds": inventory.pool.osds[1:]})
    found = steps(inventory.model_copy(update={"disks": begun, "pool": rest}), spec).steps
    (added,) = (step for step in found if isinstance(step, AddOsd))
    ssd = next(disk for disk in begun if disk.id == lost.cache)
    (left,) = (part for part in ssd.contents if part.guid == fast.part_uuid(lost.uuid))
    assert added.fast
    assert (added.fast.disk, added.fast.uuid, added.fast.size) == (ssd.id, left.guid, left.size // fast.MIB)
    # Of the parts of others nothing is taken, and there is no room for one more.
    another = plan.osd_uuid(rest.fsid, "another")
    assert fast.shares(rest.fsid, ssd, [lost.uuid, another])[another] < fast.LEAST


@pytest.mark.parametrize(
    ("size", "osds", "wanted"),
    [
        (4 * GIB, 1, {"bluestore_cache_autotune": "false", "bluestore_cache_size": str(32 * 2**20)}),
        (8 * GIB, 1, {"osd_memory_target": str(1331 * 2**20)}),
        (64 * GIB, 8, {"osd_memory_target": str(1600 * 2**20)}),
        (1024 * GIB, 4, {"osd_memory_target": str(8 * GIB)}),
        (1 * GIB, 3, {"bluestore_cache_autotune": "false", "bluestore_cache_size": str(32 * 2**20)}),
    ],
)
def test_memory(size: int, osds: int, wanted: dict[str, str]) -> None:
    assert memory.settings(size, osds) == wanted


def test_what_the_spec_keeps_from_vms_is_the_pools() -> None:
    assert memory.settings(64 * GIB, 4, reserved=10 * GIB) == {"osd_memory_target": str(2176 * 2**20)}


@pytest.mark.parametrize(
    ("replicas", "osds", "wanted"), [(None, 1, 1), (None, 2, 2), (None, 3, 3), (2, 12, 2), (3, 2, 2), (None, 0, 1)]
)
def test_copies(replicas: Any, osds: int, wanted: int) -> None:
    assert conf.copies(StorageSpec(replicas=replicas), osds) == wanted


def test_of_three_copies_two_must_be_written() -> None:
    assert [conf.least(copies) for copies in (1, 2, 3)] == [1, 1, 2]


def test_copies_go_to_hosts_as_soon_as_there_are_enough() -> None:
    disks = [Disk(id=f"d{n}", link="", size=GIB, rotational=True) for n in range(4)]
    others = [Share(host=f"n{n}", device_class="hdd", osds=2, room=2 * GIB) for n in range(2, 6)]
    wishes = [conf.wish(StorageSpec(), disks, others[:more]) for more in range(5)]
    assert [(w.replicas, w.min_size, w.domain) for w in wishes] == [(3, 2, "osd"), (2, 1, "host"), *[(3, 2, "host")] * 3]
    assert conf.wish(StorageSpec(replicas=3), disks, others[:1]).rule == "trivet-hdd-by-osd", "two hosts cannot keep three apart"
    assert conf.wish(StorageSpec(), disks, [others[0].model_copy(update={"device_class": "ssd"})]).domain == "osd"


def test_the_class_with_more_room_carries_the_pool() -> None:
    disks = [Disk(id="h", link="", size=9 * GIB, rotational=True), *(Disk(id=f"s{n}", link="", size=GIB) for n in range(3))]
    assert (conf.wish(StorageSpec(), disks).device_class, conf.wish(StorageSpec(), disks).replicas) == ("hdd", 1)


def test_only_our_own_settings_are_taken_back() -> None:
    now = {"osd/osd_memory_target": "1", "mon/somebodys": "2", "osd/osd_mclock_profile": "balanced"}
    wished = {"osd/osd_mclock_profile": "high_client_ops"}
    assert conf.changed(now, wished) == {"osd/osd_memory_target": "", "osd/osd_mclock_profile": "high_client_ops"}


def test_no_key_is_in_what_is_rendered_and_ipv6_is_bracketed() -> None:
    text = conf.conf("f", "n1", "fd00::1", 3, emulated=True)
    assert "mon_host = [v2:[fd00::1]:3300/0]" in text
    assert "ms_bind_ipv4 = false" in text
    assert "osd_mclock_skip_benchmark" in text
    assert "osd_mclock_skip_benchmark" not in conf.conf("f", "n1", "10.0.0.1", 3, emulated=False)
    assert "key =" not in text


def test_a_pool_without_an_address_waits_for_one() -> None:
    spec, inventory = load_spec(HYBRID), flow.inspect(recorded(MACHINE))
    assert not list(plan.plan(inventory, spec, ""))
    assert [p.where for p in plan.pending(inventory, spec, "", "management")] == ["network.planes.management.address"]


def test_settings_are_steps_only_when_they_differ(hybrid: tuple[Inventory, Spec]) -> None:
    inventory, spec = hybrid
    assert not steps(inventory, spec).steps
    assert inventory.pool
    drifted = inventory.pool.model_copy(update={"settings": inventory.pool.settings | {"osd/osd_scrub_begin_hour": "3"}})
    (step,) = steps(inventory.model_copy(update={"pool": drifted}), spec).steps
    assert isinstance(step, TunePool)
    assert step.settings == {"osd/osd_scrub_begin_hour": "22"}


def test_a_key_is_as_ceph_makes_one() -> None:
    raw = base64.b64decode(osd.new_key())
    kind, _, _, length = struct.unpack("<hiih", raw[:12])
    assert (kind, length, len(raw)) == (1, 16, 28)
    assert osd.new_key() != osd.new_key()


class Answers:
    """A pool that says this; `asked` is what it was asked for."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("_", " "): answer for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, prefix: str, **_: object) -> Any:
        self.asked.append(prefix)
        answer = self.answers.get(prefix.replace("-", " "))
        if isinstance(answer, Exception):
            raise answer
        return answer


def removing(ceph: Answers, **update: object) -> None:
    played = playback({"origin": "a test"})
    host = Host(files=played.files, run=played.run, udev=played.udev, netlink=played.netlink, ceph=ceph)
    pool = Pool(fsid="f", host="n1", address="10.0.0.1")
    step = plan.remove(pool, Osd(id=2, uuid="u", disk="d")).model_copy(update=update)
    removal.allow(host, step, Report("s", lambda _: None))


def states(*names: str) -> dict[str, Any]:
    return {"pgmap": {"pgs_by_state": [{"state_name": name, "count": 3} for name in names]}}


def test_a_disk_that_is_gone_is_forgotten_unless_it_may_be_the_last() -> None:
    removing(Answers(status=states("active+clean", "active+undersized+degraded")), disk="")
    for held in ("down", "stale+active+clean", "incomplete"):
        with pytest.raises(StepFailed, match="3 of the pool's parts have no other copy"):
            removing(Answers(status=states("active+clean", held)), disk="")


def test_fewer_copies_for_a_while_only_where_everything_stays_readable() -> None:
    removing(Answers(osd_ok_to_stop={"ok_to_stop": True}), degraded=True)
    refused = Answers(osd_ok_to_stop=CommandError(("ceph",), 16, "unsafe to stop osd(s) at this time (33 PGs)"))
    with pytest.raises(StepFailed, match="33 PGs"):
        removing(refused, degraded=True)
    assert refused.asked == ["osd ok-to-stop"]


def test_a_disk_goes_when_its_data_is_on_others() -> None:
    """As Ceph 18 answers when it is asked for JSON: an OSD that may not go is no error there, but not in the list."""
    ceph = Answers(status={"pgmap": {}}, osd_safe_to_destroy={"safe_to_destroy": [2], "active": []})
    removing(ceph)
    assert ceph.asked == ["osd out", "status", "osd safe-to-destroy"]


def test_a_disk_whose_data_finds_no_place_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_STALLED_SECONDS", -1)
    ceph = Answers(status={"pgmap": {"misplaced_objects": 5}}, osd_safe_to_destroy={"safe_to_destroy": [], "active": [2]})
    with pytest.raises(StepFailed, match="finds no place"):
        removing(ceph)
    assert ceph.asked[-1] == "osd in"


def test_an_osd_whose_label_cannot_be_read_is_not_erased_even_with_consent(hybrid: tuple[Inventory, Spec]) -> None:
    """LVM that fails to answer makes its disks look like somebody's; the name of their volumes is still ours."""
    inventory, spec = hybrid
    assert spec.storage
    assert inventory.pool
    consent = spec.model_copy(update={"storage": spec.storage.model_copy(update={"wipe": True})})
    disks = tuple(disk.model_copy(update={"osd": None, "serves": ()}) for disk in inventory.disks)
    unread = inventory.model_copy(update={"disks": disks, "pool": inventory.pool.model_copy(update={"osds": ()})})
    assert sum(bool(disk.held) for disk in disks) == 4
    assert not any(step.destroys for step in steps(unread, consent).steps)
