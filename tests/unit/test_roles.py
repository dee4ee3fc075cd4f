# SPDX-License-Identifier: Apache-2.0
"""What each disk of each recorded machine is for (tests/roles), and what holds of roles whatever disks there are.

`tests/roles/<machine>.txt` is what the rules give; a folder `tests/roles/<wish>/` has `machine`, the `storage.yaml` of a wish
and `roles.txt`. `make golden` writes them anew: read the difference before you commit it.
"""

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import flow
from appliance.host.playback import recorded
from appliance.model.inventory import Inventory
from appliance.model.pool import Osd, Pool
from appliance.model.spec import Spec
from appliance.model.storage import SYSTEM_DISK, Content, Disk, OsdLabel
from appliance.services.storage import part
from appliance.services.storage.check import check
from appliance.services.storage.roles import FEWEST, GROUP, Roles, assign
from tests.unit.test_golden import TESTS, agree

MACHINES = sorted(path.parent.name for path in (TESTS / "machines").glob("*/machine.json"))
ROLES = TESTS / "roles"
WISHES = sorted(path.parent for path in ROLES.glob("*/storage.yaml"))
OURS, THEIRS = "11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000"
GIB = 2**30


@cache
def machine(name: str) -> Inventory:
    return flow.inspect(recorded(TESTS / "machines" / name))


def spec(storage: Any = None, **more: Any) -> Spec:
    network = {"planes": {"management": {"address": "dhcp"}}}
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": network, "storage": storage or {}} | more)


def text(inventory: Inventory, wish: Spec) -> str:
    roles = flow.roles(inventory, wish)
    lines = [f"{each.role:6} {each.disk}\n       because: {each.why}" for each in roles.roles]
    lines += [f"group  {group.cache or 'without a cache'}: {', '.join(group.data) or 'nothing'}" for group in roles.groups]
    disks = flow.installer_plan.chosen(inventory, wish)
    return "\n".join([*lines, *(f"refused: {problem}" for problem in check(disks, wish))])


@pytest.mark.parametrize("name", MACHINES)
def test_each_machine_by_the_rules(name: str) -> None:
    agree(ROLES / f"{name}.txt", text(machine(name), spec(install={"disk": {"prefer": "smallest"}})))


@pytest.mark.parametrize("wish", WISHES, ids=lambda wish: wish.name)
def test_wishes(wish: Path) -> None:
    storage = yaml.safe_load((wish / "storage.yaml").read_text())
    agree(wish / "roles.txt", text(machine((wish / "machine").read_text().strip()), spec(storage)))


def test_the_files_are_those_of_the_machines() -> None:
    assert {path.stem for path in ROLES.glob("*.txt")} == set(MACHINES)
    assert len(MACHINES) + len(WISHES) >= 25


def disk(number: int, rotational: bool = True, size: int = 1000, **facts: Any) -> Disk:
    kind = "hdd" if rotational else "ssd"
    id_ = f"wwn-{kind}{number:03}"
    facts = {"transport": "sas", "wwn": f"0x{kind}{number}", "serial": f"{kind}{number}", "path": f"pci-{number}"} | facts
    return Disk(id=id_, link=f"/dev/disk/by-id/{id_}", size=size * GIB, rotational=rotational, **facts)


def lab(*more: Disk, size: int = 40, contents: Sequence[Content] = ()) -> Inventory:
    """A node that runs from a disk with a part for the pool, as `observe` has it."""
    parts = (Content(type="gpt"), Content(partition=5, type="ext4", name="trivet-state", size=GIB),
             Content(partition=6, type="", name="trivet-pool", size=size * GIB))  # fmt: skip
    system = disk(0, rotational=False, size=100, contents=parts, unusable=(SYSTEM_DISK,))
    ((number, own),) = part.found(system)
    assert number == 6
    return node(system, own.model_copy(update={"contents": tuple(contents)}), *more)


def node(*disks: Disk, pool: Pool | None = None) -> Inventory:
    return Inventory(disks=tuple(sorted(disks, key=lambda d: d.id)), pool=pool)


def hdds(number: int, **facts: Any) -> list[Disk]:
    return [disk(n, **facts) for n in range(number)]


def ssds(number: int, size: int = 100, **facts: Any) -> list[Disk]:
    return [disk(n, False, size, **facts) for n in range(number)]


def shape(roles: Roles) -> str:
    counts = [f"{len(roles.of(role))} {role}" for role in ("cache", "data", "spare", "none") if roles.of(role)]
    groups = ["+".join(["1" if g.cache else "0", str(len(g.data))]) for g in roles.groups]
    return f"{', '.join(counts)}: {' '.join(groups)}"


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        (hdds(1), "1 data: 0+1"),
        (hdds(60), "60 data: 0+60"),
        (ssds(24, 3840), "24 data: 0+24"),
        (hdds(4) + ssds(1, 480), "1 cache, 4 data: 1+4"),
        (hdds(12) + ssds(2, 960), "2 cache, 12 data: 1+6 1+6"),
        (hdds(14) + ssds(2, 960), "2 cache, 14 data: 1+7 1+7"),
        (hdds(16) + ssds(2, 960), "2 cache, 16 data: 1+7 1+7 0+2"),
        (hdds(2) + ssds(1), "1 cache, 2 data: 1+2"),
        (hdds(6) + ssds(4), "2 cache, 6 data, 2 spare: 1+3 1+3"),
        (hdds(4) + ssds(1, 8000), "1 cache, 4 data: 1+4"),
        (hdds(4) + ssds(2, 2000), "2 data, 4 none: 0+2"),
        ([*hdds(3), disk(9, size=4)], "3 data, 1 none: 0+3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_shapes(disks: Sequence[Disk], expected: str) -> None:
    assert shape(assign(node(*disks), spec())) == expected


def test_the_fastest_ssd_serves_and_the_other_waits() -> None:
    roles = assign(node(*hdds(4), disk(0, False, 200), disk(1, False, 100, transport="nvme")), spec())
    assert roles.of("cache") == ("wwn-ssd001",)
    assert roles.of("spare") == ("wwn-ssd000",)


def label(number: int, fsid: str = OURS, **facts: Any) -> OsdLabel:
    return OsdLabel(fsid=fsid, uuid=f"{number:08}-aaaa", id=number, **facts)


def pooled(number: int, caches: int = 0, lvm: bool = False) -> Inventory:
    """A node whose HDDs are OSDs already, as many as can be are served by SSDs."""
    disks = [d.model_copy(update={"osd": label(n), "unusable": ("held by LVM x",) * lvm}) for n, d in enumerate(hdds(number))]
    serves = {n: tuple(label(i, part="cache") for i in range(number) if i % caches == n) for n in range(caches)}
    cached = [d.model_copy(update={"serves": serves[n]}) for n, d in enumerate(ssds(caches))]
    osds = tuple(Osd(id=n, uuid=label(n).uuid, disk=d.id, lvm=lvm) for n, d in enumerate(disks))
    return node(*disks, *cached, pool=Pool(fsid=OURS, host="n1", address="10.0.0.1", osds=osds))


def more(inventory: Inventory, *disks: Disk) -> Inventory:
    return inventory.model_copy(update={"disks": tuple(sorted((*inventory.disks, *disks), key=lambda d: d.id))})


@pytest.mark.parametrize(
    ("disks", "expected"),
    [
        ([], "2 cache, 4 data: 1+2 1+2"),
        ([disk(50)], "2 cache, 5 data: 1+3 1+2"),
        ([disk(n) for n in range(50, 60)], "2 cache, 14 data: 1+7 1+7"),
        ([disk(n) for n in range(50, 61)], "2 cache, 15 data: 1+7 1+7 0+1"),
        ([disk(n) for n in range(50, 61)] + [disk(50, False)], "3 cache, 15 data: 1+5 1+5 1+5"),
        ([disk(50, False)], "2 cache, 4 data, 1 spare: 1+2 1+2"),
        ([disk(n, False, 4000) for n in range(50, 54)], "2 cache, 4 data, 4 spare: 1+2 1+2"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pool_that_is_there_keeps_its_groups(disks: list[Disk], expected: str) -> None:
    before = pooled(4, 2, lvm=True)
    roles = assign(more(before, *disks), spec())
    assert shape(roles) == expected
    for group in assign(before, spec()).groups:
        now = next(g for g in roles.groups if g.cache == group.cache)
        assert set(group.data) <= set(now.data)


def test_a_bare_osd_never_gets_a_cache_and_one_on_lvm_does() -> None:
    assert shape(assign(more(pooled(4), *ssds(1)), spec())) == "4 data, 1 spare: 0+4"
    assert shape(assign(more(pooled(4, lvm=True), *ssds(1)), spec())) == "1 cache, 4 data: 1+4"


def test_flash_pools_stay_flash() -> None:
    flash = [d.model_copy(update={"osd": label(n)}) for n, d in enumerate(ssds(3))]
    pool = Pool(fsid=OURS, host="n1", address="10.0.0.1")
    assert shape(assign(node(*flash, *hdds(5, size=9000), disk(9, False), pool=pool), spec())) == "4 data, 5 none: 0+4"


def test_what_a_selector_leaves_out_stays_in_the_pool() -> None:
    roles = assign(pooled(3), spec({"data": {"serial": "none-of-them"}}))
    assert shape(roles) == "3 data: 0+3"
    assert {each.why for each in roles.roles} == {f"holds OSD {n} of this node's pool" for n in range(3)}


def test_a_count_is_met_by_the_disks_of_the_pool_first() -> None:
    wish = spec({"data": {"rotational": True, "count": 4}})
    now = more(pooled(3), disk(50), disk(51))
    assert next(problem.message for problem in check(now, wish)).startswith("2 match, and 1 is asked for")
    assert list(check(more(pooled(3), disk(50)), wish)) == []
    assert list(check(more(pooled(4), disk(50)), wish)) == []
    assert shape(assign(more(pooled(4), disk(50)), wish)) == "4 data, 1 none: 0+4"


def test_without_storage_nothing_is_taken_and_nothing_is_given_up() -> None:
    wish = spec().model_copy(update={"storage": None})
    assert shape(assign(more(pooled(2), disk(50)), wish)) == "2 data, 1 none: 0+2"
    assert list(check(more(pooled(2), disk(50)), wish)) == []


FOREIGN = disk(50, osd=OsdLabel(fsid=THEIRS, uuid="u", id=7), contents=({"type": "ceph_bluestore"},))


def test_another_clusters_osd_is_somebodys_data() -> None:
    [none] = [each for each in assign(more(pooled(2), FOREIGN), spec()).roles if each.disk == FOREIGN.id]
    assert none.why == f"holds data: ceph_bluestore, OSD 7 of Ceph cluster {THEIRS}; only storage.wipe: true takes it"
    [problem] = check(more(pooled(2), FOREIGN), spec({"data": {"rotational": True}}))
    assert "OSD 7 of Ceph cluster" in problem.message
    assert FOREIGN.id in assign(more(pooled(2), FOREIGN), spec({"wipe": True})).of("data")


def test_twins_are_taken_when_somebody_points_at_them() -> None:
    twin = {"wwn": "0x5000", "serial": "SAME"}
    now = node(disk(0), disk(1, **twin), disk(2, **twin))
    assert shape(assign(now, spec())) == "1 data, 2 none: 0+1"
    assert len(list(check(now, spec({"data": {"rotational": True}})))) == 1, "said once of the pair"
    assert assign(now, spec({"data": {"rotational": True}})).of("data") == ("wwn-hdd000",), "nor is either taken"
    pointed = spec({"data": {"path": "pci-[12]", "count": 2}})
    assert list(check(now, pointed)) == []
    assert assign(now, pointed).of("data") == ("wwn-hdd001", "wwn-hdd002")


@pytest.mark.parametrize(
    ("now", "storage", "where", "message"),
    [
        (node(*hdds(9), *ssds(1)), {"data": {"rotational": True}, "cache": {"rotational": False}}, "storage.cache",
         "1 SSD for 9 HDDs, and one serves 7 at most"),
        (node(*ssds(4)), {"data": {"size": ">= 1GiB"}, "cache": {"rotational": False}}, "storage.cache",
         "is chosen for data, too: 100 GiB, serial ssd0; 100 GiB, serial ssd1; 100 GiB, serial ssd2; 100 GiB, serial ssd3"),
        (node(*ssds(4)), {"cache": {"serial": "ssd0"}}, "storage.cache", "there is no HDD to serve: all data is on SSDs"),
        (node(*hdds(2)), {"cache": {"serial": "hdd0"}}, "storage.cache",
         "1000 GiB, serial hdd0 is an HDD, and only an SSD is faster than one"),
        (node(*hdds(2)), {"replicas": 3}, "storage.replicas",
         "3 copies on different disks are asked for, and there are 2 data disks"),
        (node(*hdds(1)), {"replicas": 2}, "storage.replicas",
         "2 copies on different disks are asked for, and there is 1 data disk"),
        (node(*hdds(3)), {"db": True}, "storage.db", "there is no SSD that the databases of HDDs could be on"),
        (node(disk(0, unusable=(SYSTEM_DISK,))), {}, "storage",
         "no disk is left for data (1000 GiB, serial hdd0: chosen by install.disk)"),
        (pooled(2), {"cache": {"serial": "hdd0"}}, "storage.cache", "1000 GiB, serial hdd0 holds an OSD of this node's pool"),
        (pooled(4, 1), {"data": {"serial": "ssd0"}}, "storage.data",
         "100 GiB, serial ssd0 is the cache of OSDs of this node's pool"),
        (pooled(2), {"spare": {"serial": "hdd1"}}, "storage.spare", "1000 GiB, serial hdd1 holds an OSD of this node's pool"),
    ],
)  # fmt: skip
def test_refusals(now: Inventory, storage: Any, where: str, message: str) -> None:
    problems = list(check(now, spec(storage)))
    assert (where, message) in [(problem.where, problem.message) for problem in problems]
    assert all(problem.hint for problem in problems)
    assert list(check(now, spec(storage), follow=True)) == []


@pytest.mark.parametrize("name", ["hundred-disks", "full-disks"])
def test_a_hundred_disks_are_quick(name: str) -> None:
    """Processor time, so that a busy machine judges no differently; each takes a few hundredths of a second."""
    host = recorded(TESTS / "machines" / name)
    network = {"planes": {"management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"}}}
    wish = spec({"data": {"rotational": True, "size": ">= 15GiB"}, "wipe": True}, network=network)
    begun = time.process_time()
    now = flow.inspect(host)
    looked = time.process_time()
    now = now.model_copy(update={"system": now.system.model_copy(update={"installed": True})})
    assert len(flow.roles(now, wish).of("data")) == {"hundred-disks": 100, "full-disks": 2}[name]
    assert flow.plan(now, wish).steps
    ended = time.process_time()
    assert looked - begun < 1
    assert ended - looked < 1


FACTS = st.fixed_dictionaries(
    {"rotational": st.booleans(), "size": st.sampled_from([4, 100, 1000, 8000])},
    optional={
        "unusable": st.sampled_from([(), ("mounted at /mnt",), (SYSTEM_DISK,)]),
        "transport": st.sampled_from(["nvme", "sata", "usb"]),
        "contents": st.sampled_from([(), ({"type": "ext4"},)]),
        "osd": st.sampled_from([None, label(1), label(2), label(3, THEIRS)]),
        "wwn": st.sampled_from(["", "0xsame"]),
    },
)
SELECTORS = st.none() | st.sampled_from(
    [{"rotational": True}, {"rotational": False}, {"size": ">= 1TB"}, {"count": 2}, {"count": 0}]
)
STORAGES = st.fixed_dictionaries({"wipe": st.booleans(), "data": SELECTORS, "cache": SELECTORS, "spare": SELECTORS})


@given(st.lists(FACTS, max_size=20), STORAGES)
@settings(max_examples=300, deadline=None)
def test_whatever_disks_there_are(facts: list[dict[str, Any]], storage: dict[str, Any]) -> None:
    now = node(*(disk(n, **f) for n, f in enumerate(facts)), pool=Pool(fsid=OURS, host="n1", address="10.0.0.1"))
    wish = spec(storage)
    roles = assign(now, wish)
    assert [each.disk for each in roles.roles] == [d.id for d in now.disks], "each disk has one role"
    assert all(each.why for each in roles.roles), "and a reason"
    grouped = [id_ for group in roles.groups for id_ in group.data]
    assert sorted(grouped) == sorted(roles.of("data")), "each data disk is in one group"
    assert {group.cache for group in roles.groups if group.cache} == set(roles.of("cache"))
    assert all(len(group.data) <= GROUP for group in roles.groups if group.cache)
    by_id = {d.id: d for d in now.disks}
    for each in roles.roles:
        one = by_id[each.disk]
        if one.osd and one.osd.fsid == OURS:
            assert each.role == "data", "a disk of the pool is never anything else"
        elif each.role in ("cache", "data", "spare"):
            assert not one.unusable
            assert one.size >= 5 * GIB
            assert wish.storage
            assert wish.storage.wipe or not (one.contents or one.osd)
    list(check(now, wish))
    assert FEWEST < GROUP


def by_role(inventory: Inventory, storage: Any = None) -> dict[str, str]:
    return {each.disk: each.role for each in assign(inventory, spec(storage)).roles}


def test_what_a_lab_leaves_of_its_system_disk_is_a_disk_for_data() -> None:
    inventory = lab()
    assert by_role(inventory) == {"wwn-ssd000": "system", "wwn-ssd000-part6": "data"}
    own = inventory.disks[1]
    assert (own.serial, own.wwn, own.size, own.within, own.unusable) == ("ssd0-part6", "", 40 * GIB, "wwn-ssd000", ())
    assert own.link == "/dev/disk/by-id/wwn-ssd000-part6"
    assert list(check(inventory, spec())) == []


def test_a_part_of_the_system_disk_caches_for_nobody() -> None:
    hdds = [disk(number) for number in range(1, 5)]
    roles = by_role(lab(*hdds))
    assert roles["wwn-ssd000-part6"] == "data"
    assert "cache" not in roles.values()
    asked = {"cache": {"serial": "ssd0-part6"}}
    assert by_role(lab(*hdds), asked)["wwn-ssd000-part6"] == "data"
    (problem,) = check(lab(*hdds), spec(asked))
    assert problem.where == "storage.cache"
    assert "can only hold data" in problem.message


def test_what_somebody_has_put_on_the_part_is_not_erased() -> None:
    inventory = lab(contents=[Content(type="ext4", label="letters")])
    assert by_role(inventory)["wwn-ssd000-part6"] == "none"
    assert by_role(inventory, {"wipe": True})["wwn-ssd000-part6"] == "data"


def test_a_disk_of_another_node_is_one_disk() -> None:
    other = disk(0, contents=(Content(partition=6, type="", name="trivet-pool", size=GIB),))
    assert list(part.found(other)) == []
