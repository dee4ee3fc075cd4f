# SPDX-License-Identifier: Apache-2.0
"""What HA decides of one situation at a time; tests/sim has what becomes of it over time."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from appliance.cluster.decide import decide
from appliance.cluster.effects import heard, refused
from appliance.cluster.guests import Reader
from appliance.cluster.guests import guest as guest_of
from appliance.cluster.spare import shortfalls
from appliance.cluster.spread import Spread
from appliance.cluster.state import Claim, Do, Guest, Memory, Move, Peer, View, Waits, Write
from appliance.model.ha import Beat, Facts, Fence, HaConfig
from appliance.model.placement import Cell
from appliance.model.timers import EMULATED, NORMAL, Timers
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmRecord

GIB = 2**30


def peer(name: str, memory: int = 32, **more: Any) -> Peer:
    cells = (Cell(id=0, cpus=tuple(range(8)), memory=memory * GIB),)
    facts = Facts(node=name, cpus=8, memory=memory * GIB, cells=cells, **more.pop("facts", {}))
    beat = Beat(node=name, boot="b", **more.pop("beat", {}))
    return Peer(**{"name": name, "facts": facts, "lease": 5, "beat": beat, "opinion": "alive", **more})


def view(*peers: Peer, guests: tuple[Guest, ...] = (), **more: Any) -> View:
    return View(now=100.0, token=7, peers={p.name: p for p in peers}, guests={g.name: g for g in guests}, **more)


def fenced(name: str, stage: str = "safe") -> Peer:
    fence = Fence.model_validate({"id": "f1", "node": name, "stage": stage, "blocked": True})
    return replace(peer(name), lease=0, beat=None, fence=fence, fence_revision=9, opinion="dead")


ON_N3 = (Guest("db", "n3", 11, order=10, memory=2 * GIB), Guest("web", "n3", 12, memory=GIB))


# -- fencing ------------------------------------------------------------------------------------------------------------


def test_a_node_whose_lease_is_gone_is_suspected_and_nothing_else() -> None:
    gone = replace(peer("n3"), lease=0, beat=None)
    (only,) = decide(view(peer("n1"), gone, guests=ON_N3), Memory())
    assert isinstance(only, Write)
    assert Fence.model_validate_json(only.text or "").stage == "suspected"
    assert {(c.key.rpartition("/")[2], c.revision) for c in only.compares} == {("leader", 7), ("n3", 0)}


def test_a_node_without_vms_is_left_alone() -> None:
    assert decide(view(peer("n1"), replace(peer("n3"), lease=0, beat=None)), Memory()) == []


def test_a_node_whose_fencing_was_never_tested_keeps_its_vms() -> None:
    gone = replace(peer("n3"), lease=0, beat=None, tested=False)
    (only,) = decide(view(peer("n1"), gone, guests=ON_N3), Memory())
    assert isinstance(only, Waits)
    assert "never passed its test" in only.why


def test_with_ha_off_nothing_is_begun() -> None:
    gone = replace(peer("n3"), lease=0, beat=None)
    assert decide(view(peer("n1"), gone, guests=ON_N3, config=HaConfig()), Memory()) == []


def test_fencing_blocks_always_and_powers_off_where_there_is_a_bmc() -> None:
    there = fenced("n3", "fencing")
    assert decide(view(peer("n1"), there, guests=ON_N3), Memory()) == [Do("block", "n3", "f1")]
    with_bmc = replace(there, facts=there.facts and there.facts.model_copy(update={"bmc": True}))
    assert decide(view(peer("n1"), with_bmc, guests=ON_N3), Memory()) == [Do("block", "n3", "f1"), Do("power", "n3", "f1")]


def test_many_silent_nodes_that_ceph_hears_are_a_plane() -> None:
    silent = [replace(fenced(f"n{number}", "suspected"), opinion="alive") for number in range(3, 8)]
    memory = Memory(staged={"f1 suspected": 0.0})
    waits = [a for a in decide(view(peer("n1"), peer("n2"), *silent), memory) if isinstance(a, Waits)]
    assert len(waits) == 5
    assert "see the management plane" in waits[0].why


def test_a_node_without_its_storage_plane_is_told_to_stop_only_where_others_have_it() -> None:
    memory = Memory(planes={"n3": 0.0})
    lost = peer("n3", beat={"storage": False})
    (only,) = decide(view(peer("n1"), peer("n2"), lost, guests=ON_N3), memory)
    assert isinstance(only, Write)
    assert Fence.model_validate_json(only.text or "").stage == "evicting"
    dark = [peer(name, beat={"storage": False}) for name in ("n1", "n2", "n3")]
    assert decide(view(*dark, guests=ON_N3), Memory(planes={"n3": 0.0})) == []


def test_the_pool_refuses_an_address_when_a_range_of_its_own_words_has_it() -> None:
    # `range_blocklist` of `ceph osd dump`, as a pool of the image has answered (18.2.7)
    said = {
        "cidr:10.7.0.3:0/32": "2036-11-21T11:31:11.886299+0800",
        "cidr:10.7.0.9:0/32": "2026-11-24T12:31:05.604616+0800",
        "cidr:[fd00:7::3]:0/128": "2026-11-24T11:32:37.512634+0800",
    }
    assert [refused(said, address) for address in ("10.7.0.3", "10.7.0.9", "fd00:7::3")] == [True] * 3
    assert [refused(said, address) for address in ("10.7.0.4", "10.7.0.30", "fd00:7::4")] == [False] * 3
    assert not refused({}, "10.7.0.3")


# -- claims -------------------------------------------------------------------------------------------------------------


def test_vms_are_claimed_by_order_and_each_claim_rests_on_all_it_saw() -> None:
    memory = Memory()
    (first,) = decide(view(peer("n1"), peer("n2"), fenced("n3"), guests=ON_N3), memory)
    assert isinstance(first, Claim)
    assert (first.guest, first.target) == ("db", "n1")
    assert {(c.key, c.revision) for c in first.compares} == {
        ("/trivet/v1/leader", 7), ("/trivet/v1/fences/n3", 9), ("/trivet/v1/vms/db", 11), ("/trivet/v1/nodes/n1", 5),
        ("/trivet/v1/fences/n1", 0),
    }  # fmt: skip
    moved = (replace(ON_N3[0], node="n1"), ON_N3[1])
    assert decide(view(peer("n1"), peer("n2"), fenced("n3"), guests=moved), memory) == [], "the first one does not run yet"
    (second,) = decide(view(peer("n1", beat={"running": ("db",)}), peer("n2"), fenced("n3"), guests=moved), memory)
    assert isinstance(second, Claim)
    assert (second.guest, second.target) == ("web", "n2")


@pytest.mark.parametrize("stage", ["suspected", "evicting", "fencing", "fenced", "lifting"])
def test_nothing_is_claimed_before_it_is_safe(stage: str) -> None:
    actions = decide(view(peer("n1"), fenced("n3", stage), guests=ON_N3), Memory())
    assert not [action for action in actions if isinstance(action, Claim)]


def test_what_fits_nowhere_says_why() -> None:
    def why(guest: Guest, *others: Guest) -> str:
        (said,) = decide(view(peer("n1"), peer("n2"), fenced("n3"), guests=(guest, *others)), Memory())
        assert isinstance(said, Waits)
        return said.why

    lost = Guest("db", "n3", 11)
    assert why(replace(lost, memory=64 * GIB)) == "it wants 64 GiB, and no node has that: 32 GiB are the most that one has free"
    assert why(replace(lost, nodes=("n3",))) == "it may be on n3 alone, and none of them takes VMs"
    assert why(replace(lost, fixed="it has a USB device of that node, 1:2")) == (
        "it can run on n3 alone: it has a USB device of that node, 1:2"
    )
    pair = [Guest(f"g{n}", f"n{n}", apart=("g",)) for n in (1, 2)]
    assert why(replace(lost, apart=("g",)), *pair) == "on each node that it could be on there is another one of g"
    full = Guest("big", "n2", memory=31 * GIB + 900 * 2**20, together=("t",))
    assert why(replace(lost, together=("t",)), full) == "it has to be with t on n2, which has no room for it"
    (alone,) = decide(view(fenced("n3"), guests=(lost,)), Memory())
    assert isinstance(alone, Waits)
    assert alone.why == "there is no other node that takes VMs"


def test_huge_pages_are_asked_of_the_nodes_own_placement() -> None:
    def with_pages(name: str, pages: int) -> Peer:
        cells = (Cell(id=0, cpus=tuple(range(8)), memory=8 * GIB, pages={"2MiB": pages}),)
        return replace(peer(name), facts=Facts(node=name, cpus=8, memory=8 * GIB, cells=cells))

    guest = Guest("db", "n3", memory=2 * GIB, pages="2MiB")
    (claim,) = decide(view(with_pages("n1", 512), with_pages("n2", 2048), fenced("n3"), guests=(guest,)), Memory())
    assert isinstance(claim, Claim)
    assert claim.target == "n2"


def test_a_vm_half_moved_belongs_to_where_it_may_run_already() -> None:
    guest = Guest("db", "n3", 11, moving="n1")
    (claim,) = decide(view(peer("n1"), peer("n2"), fenced("n3"), guests=(guest,)), Memory())
    assert isinstance(claim, Claim)
    assert claim.target == "n1"
    unknown = replace(peer("n1"), lease=0, beat=None)
    actions = decide(view(unknown, peer("n2"), fenced("n3"), guests=(guest,)), Memory())
    assert not [action for action in actions if isinstance(action, Claim)]


# -- what would be ------------------------------------------------------------------------------------------------------


def test_a_loss_that_could_not_be_carried_is_said() -> None:
    guests = tuple(Guest(f"v{n}", f"n{n % 2 + 1}", memory=6 * GIB) for n in range(6))
    assert list(shortfalls(view(peer("n1"), peer("n2"), peer("n3"), guests=guests))) == []
    short = [str(each) for each in shortfalls(view(peer("n1"), peer("n2"), guests=guests))]
    assert short == [
        "if n1 were lost, v4 would not run again: it wants 6 GiB, and no node has that: 1.7 GiB are the most that one has free",
        "if n2 were lost, v5 would not run again: it wants 6 GiB, and no node has that: 1.7 GiB are the most that one has free",
    ]


def test_a_hot_node_is_relieved_after_its_time_with_a_reason() -> None:
    loads = {"a": 0.5, "b": 0.2, "pinned": 0.25}
    hot = peer("n1", facts={"load": 0.95, "loads": loads})
    guests = (Guest("a", "n1"), Guest("b", "n1"), Guest("pinned", "n1", pin=True))
    now = view(hot, peer("n2", facts={"load": 0.1}), guests=guests)
    memory = Memory()
    assert decide(now, memory) == [], "not before it has been so for ten minutes"
    (move,) = decide(replace(now, now=701.0), memory)
    assert isinstance(move, Move)
    assert (move.guest, move.target, move.recommended) == ("b", "n2", True)
    assert move.why == "95% of the processors of n1 have been in use for 10 minutes, over the 80% that are set; n2 uses 10%"
    full = view(hot, peer("n2", facts={"load": 0.65}), guests=guests, config=HaConfig(enabled=True, threshold=0.7))
    assert decide(replace(full, now=701.0), Memory(hot={"n1": 0.0})) == [], "it would be as hot there"


def test_without_its_business_plane_a_node_gives_up_its_vms() -> None:
    lost = peer("n1", beat={"business": False})
    now = view(lost, peer("n2"), guests=(Guest("a", "n1"),))
    (move,) = decide(now, Memory(hot={"n1": 0.0}))
    assert isinstance(move, Move)
    assert move.why == "n1 does not reach the business plane, and n2 does"


def test_what_is_placed_counts_until_it_is_taken_away() -> None:
    spread = Spread([peer("n1", 8)], [Guest("a", "n1", memory=6 * GIB)])
    assert spread.choose(Guest("b", "", memory=4 * GIB))[0] == ""
    spread.take(Guest("a", "n1", memory=6 * GIB), "n1")
    assert spread.choose(Guest("b", "", memory=4 * GIB))[0] == "n1"


# -- documents ----------------------------------------------------------------------------------------------------------


def test_timers_that_do_not_fit_together_are_refused() -> None:
    assert NORMAL.worst <= 30 < EMULATED.worst
    for wrong in ({"patience": 7.5}, {"watchdog": 9.0}, {"ttl": 9.0}, {"election": 3.0}, {"doubt": 15.0}, {"heartbeat": 0.5}):
        with pytest.raises(ValidationError, match="these timers do not keep that"):
            Timers.model_validate(wrong)


def test_a_vm_as_ha_sees_it() -> None:
    wish = {"version": 1, "name": "db", "memory": {"size": "1GiB"}, "place": {"apart": ["db"]}, "start": {"order": 5}}
    record = VmRecord(vm=Vm.model_validate(wish), uuid="u", node="n1", wanted="running")
    assert guest_of(record, 3) == Guest("db", "n1", 3, order=5, memory=GIB, apart=("db",))
    local = record.model_copy(update={"files": {"data": "/var/lib/libvirt/images/u/data.0.qcow2"}})
    assert guest_of(local, 3).fixed == "its disk data is a file of that node, and not in the pool"
    assert guest_of(record.model_copy(update={"template": True}), 3).wanted is False
    reader = Reader()
    assert reader.guest("k", record.model_dump_json(), 3) is reader.guest("k", "never read again", 3)
    assert reader.guest("other", "{}", 1) is None


def test_what_ceph_hears() -> None:
    rows = [
        {"id": -1, "type": "root", "name": "default", "children": [-3, -5, -7]},
        {"id": -3, "type": "host", "name": "n1", "children": [0, 1]},
        {"id": -5, "type": "host", "name": "n2", "children": [2]},
        {"id": -7, "type": "host", "name": "n3", "children": []},
        {"id": 0, "type": "osd", "name": "osd.0", "status": "up"},
        {"id": 1, "type": "osd", "name": "osd.1", "status": "down"},
        {"id": 2, "type": "osd", "name": "osd.2", "status": "down"},
    ]
    assert heard(rows) == {"n1": "alive", "n2": "dead"}
