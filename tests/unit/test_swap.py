# SPDX-License-Identifier: Apache-2.0
"""Disks that come, go and are replaced: the steps, and every reason why not."""

from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.model.inventory import Inventory, System
from appliance.model.plan import Plan
from appliance.model.pool import Osd, Pool
from appliance.model.poolreport import DiskReport, PoolReport
from appliance.model.poolsteps import AddCache, AddOsd, DropCache, RemoveOsd, StartOsd
from appliance.model.spec import Spec
from appliance.model.storage import Content, Disk, OsdLabel
from appliance.services.storage import swap

FSID = "11111111-2222-4333-8444-555555555555"
TIB = 2**40
WELL = PoolReport(health="healthy", reason="all is well", replicas=3, raw=4 * TIB, raw_used=TIB)


def disk(name: str, slot: str = "", **facts: Any) -> Disk:
    return Disk.model_validate({"id": name, "link": f"/dev/disk/by-id/{name}", "serial": f"S{name}", "slot": slot, "size": TIB,
                                "rotational": True, "transport": "sata"} | facts)  # fmt: skip


def osd(number: int, on: str, **facts: Any) -> Osd:
    known = {"id": number, "uuid": f"u{number}", "disk": on, "device_class": "hdd", "running": True, "up": True, "in_": True}
    return Osd.model_validate(known | facts)


def held(name: str, number: int, slot: str = "") -> Disk:
    label = OsdLabel(fsid=FSID, uuid=f"u{number}", id=number)
    return disk(name, slot, contents=(Content(type="ceph_bluestore"),), osd=label)


def node(*more: Disk, gone: tuple[int, ...] = (), down: tuple[int, ...] = ()) -> Inventory:
    """Four disks with an OSD each, in slots 0 to 3; those of `gone` were pulled."""
    disks = tuple(held(f"d{n}", n, str(n)) for n in range(4) if n not in gone)
    dead = (*gone, *down)
    osds = tuple(osd(n, "" if n in gone else f"d{n}", up=n not in dead, running=n not in dead) for n in range(4))
    pool = Pool(fsid=FSID, host="n1", address="10.0.0.1", monitor=True, manager=True, answers=True, osds=osds)
    return Inventory(disks=(*disks, *more), pool=pool, system=System(installed=True, machine_id="1" * 32))


def wanted(inventory: Inventory, now: PoolReport = WELL, **facts: Any) -> swap.Wanted:
    planes = {"management": {"nics": [{"driver": "igb"}], "address": "dhcp"}}
    document = {"version": 1, "node": {"name": "n1"}, "storage": facts.pop("storage", {}), "network": {"planes": planes}}
    spec = Spec.model_validate(document)
    osds = inventory.pool.osds if inventory.pool else ()
    up = tuple(DiskReport(id=o.disk, osd=o.id, up=o.up, in_=True, room=TIB) for o in osds)
    return swap.Wanted(inventory, spec, "10.0.0.1", now.model_copy(update={"disks": up}), **facts)


def kinds(plan: Plan) -> list[str]:
    """The steps about disks; settings are the planner's."""
    about = (AddOsd, RemoveOsd, StartOsd, AddCache, DropCache)
    steps = [step for step in plan.steps if isinstance(step, about)]
    return [f"{step.kind} {step.disk if isinstance(step, AddOsd) else step.osd}" for step in steps]


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(ApplianceError) as caught:
        call(*arguments)
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", ["2", "slot 2", "Sd2", "d2", "osd.2"])
def test_a_disk_has_many_names(name: str) -> None:
    target = swap.find(node(), name)
    assert target.disk is not None
    assert target.osd is not None
    assert (target.disk.id, target.osd.id) == ("d2", 2)


def test_a_disk_that_is_gone_is_known_by_what_ceph_remembers() -> None:
    target = swap.find(node(gone=(3,)), "ZC10ABCD", {3: "ZC10ABCD"})
    assert target == swap.Target(None, target.osd)
    assert target.name == "osd.3, whose disk is gone"


def test_nobody_has_that_name_or_two_have() -> None:
    assert "no disk has the slot" in refused(swap.find, node(), "9")
    twins = node(disk("x", serial="same"), disk("y", serial="same"))
    assert "same is what 2 disks are called" in refused(swap.find, twins, "same")


def test_a_new_disk_is_taken_in_and_no_other() -> None:
    now = node(disk("new", "4"), disk("other", "5"))
    assert kinds(swap.added(wanted(now), swap.find(now, "4"))) == ["add-osd new"]


def test_a_disk_that_holds_data_needs_consent_that_names_it() -> None:
    now = node(disk("new", "4", contents=(Content(type="ext4", label="photos"),)), disk("old", contents=(Content(type="xfs"),)))
    target = swap.find(now, "4")
    assert "holds data: ext4 photos" in refused(swap.added, wanted(now), target)
    plan = swap.added(wanted(now, wipe=True), target)
    assert kinds(plan) == ["add-osd new"]
    assert "ext4 photos" in plan.destroys[0]


def test_what_is_in_the_pool_is_not_taken_in_again() -> None:
    now = node()
    assert "is in the pool already" in refused(swap.added, wanted(now), swap.find(now, "2"))


def test_a_disk_whose_daemon_rests_is_started() -> None:
    now = node(down=(2,))
    assert kinds(swap.added(wanted(now), swap.find(now, "2"))) == ["start-osd 2"]


def test_without_storage_in_the_spec_nothing_is_taken() -> None:
    now = node(disk("new", "4"))
    assert "says nothing of storage" in refused(swap.added, wanted(now, storage=None), swap.find(now, "4"))


def test_a_disk_is_taken_out_while_the_others_have_room() -> None:
    now = node()
    plan = swap.removed(wanted(now), swap.find(now, "2"))
    assert kinds(plan) == ["remove-osd 2"]
    assert plan.destroys == ("osd.2 on d2",)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"health": "degraded", "reason": "1 object has a copy too few"}, "the pool is degraded (1 object has a copy too few)"),
        ({"health": "stopped", "reason": "no monitor"}, "the pool is stopped"),
        ({"replicas": 4}, "keeps 4 copies on different disks, and 3 would be left"),
        ({"raw_used": 29 * TIB // 10}, "the others would be 97 % full"),
    ],
)
def test_nothing_is_taken_out_while_data_would_be_at_risk(update: dict[str, Any], reason: str) -> None:
    now = node()
    arguments = (wanted(now, WELL.model_copy(update=update)), swap.find(now, "2"))
    assert reason in refused(swap.removed, *arguments)
    forced = swap.Wanted(**(arguments[0].__dict__ | {"degraded": True}))
    assert kinds(swap.removed(forced, arguments[1])) == ["remove-osd 2"]


def test_a_dead_disk_is_taken_out_of_a_pool_that_is_ill_for_that() -> None:
    now, ill = node(down=(2,)), WELL.model_copy(update={"health": "degraded"})
    assert kinds(swap.removed(wanted(now, ill), swap.find(now, "2"))) == ["remove-osd 2"]


def test_a_pulled_disk_is_replaced_by_the_one_in_its_slot() -> None:
    """One names the slot, and in that is the new one."""
    now = node(disk("new", "3"), gone=(3,))
    assert kinds(swap.replaced(wanted(now), swap.find(now, "3"))) == ["remove-osd 3", "add-osd new"]


def test_a_pulled_disk_is_replaced_by_the_only_new_one() -> None:
    now = node(disk("new", "7"), gone=(3,))
    assert kinds(swap.replaced(wanted(now), swap.find(now, "osd.3"))) == ["remove-osd 3", "add-osd new"]


def test_of_two_new_disks_one_is_named() -> None:
    now = node(disk("new", "7"), disk("other", "8"), gone=(3,))
    target = swap.find(now, "osd.3")
    assert "2 disks could take the place of osd.3, whose disk is gone: 7, 8" in refused(swap.replaced, wanted(now), target)
    plan = swap.replaced(wanted(now), target, swap.find(now, "8"))
    assert kinds(plan) == ["remove-osd 3", "add-osd other"]


def test_without_a_new_disk_nothing_is_replaced() -> None:
    now = node(gone=(3,))
    assert "there is no new disk for osd.3" in refused(swap.replaced, wanted(now), swap.find(now, "osd.3"))


def test_for_a_disk_that_works_the_new_one_comes_first() -> None:
    now = node(disk("new", "7"))
    assert kinds(swap.replaced(wanted(now), swap.find(now, "2"))) == ["add-osd new", "remove-osd 2"]


def test_a_disk_that_is_dead_in_its_slot_goes_first() -> None:
    now = node(disk("new", "7"), down=(2,))
    ill = WELL.model_copy(update={"health": "degraded"})
    assert kinds(swap.replaced(wanted(now, ill), swap.find(now, "2"))) == ["remove-osd 2", "add-osd new"]


def test_an_ssd_is_taken_from_those_that_it_caches_for() -> None:
    now = node(disk("ssd", "9", rotational=False, serves=(OsdLabel(fsid=FSID, uuid="u0", id=0, part="cache"),)))
    assert now.pool
    cached = tuple(o.model_copy(update={"cache": "ssd", "lvm": True}) if o.id == 0 else o for o in now.pool.osds)
    now = now.model_copy(update={"pool": now.pool.model_copy(update={"osds": cached})})
    assert kinds(swap.removed(wanted(now), swap.find(now, "9"))) == ["drop-cache 0"]
    assert "serves as a cache and works" in refused(swap.replaced, wanted(now), swap.find(now, "9"))


def test_a_disk_that_nobody_uses_is_not_taken_out() -> None:
    now = node(disk("new", "7"))
    assert "is not in the pool" in refused(swap.removed, wanted(now), swap.find(now, "7"))
