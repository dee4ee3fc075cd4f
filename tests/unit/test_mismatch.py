# SPDX-License-Identifier: Apache-2.0
"""Copies that differ: whose is right, and who must be asked. The first three were said by a real Ceph."""

import json
from pathlib import Path
from typing import Any

from appliance.services.storage.mismatch import Finding, judge, sentence

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "mismatches.json").read_text(encoding="utf-8"))


def found(shards: list[dict[str, Any]]) -> Finding:
    objects = [{"object": {"name": "disk"}, "shards": [{"primary": s["osd"] == 0, "errors": [], "size": 8} | s for s in shards]}]
    finding = judge("2.1", {"inconsistents": objects})
    assert finding is not None
    return finding


def test_a_copy_of_the_wrong_size_knows_it_itself() -> None:
    finding = judge("2.3d", RECORDED["size"])
    assert finding == Finding("2.3d", ("victim",), good=(0, 2), bad=(1,), primary=0, moves=1)
    assert sentence(finding) == "copies of 1 object (victim) in 2.3d differed: that of OSD 1 is made anew from OSD 0 and OSD 2"


def test_a_replica_that_two_others_outvote() -> None:
    assert judge("2.c", RECORDED["replica"]) == Finding("2.c", ("over",), good=(1, 2), bad=(0,), primary=2)


def test_a_wrong_primary_must_not_be_asked() -> None:
    """Ceph would have written its copy over the two others."""
    assert judge("2.c", RECORDED["primary"]) == Finding("2.c", ("over",), good=(0, 1), bad=(2,), primary=0, moves=2)


def test_nothing_differs() -> None:
    assert judge("2.1", {"inconsistents": []}) is None


def test_of_two_copies_that_differ_nobody_knows_which() -> None:
    finding = found([{"osd": 0, "data_digest": "0x1"}, {"osd": 1, "data_digest": "0x2"}])
    assert finding.primary is None
    assert sentence(finding).endswith("not repaired: no two copies of disk agree, and none is known to be right")


def test_of_two_copies_one_that_cannot_be_read_is_wrong() -> None:
    finding = found([{"osd": 0, "errors": ["read_error"]}, {"osd": 1, "data_digest": "0x2"}])
    assert (finding.good, finding.primary, finding.moves) == ((1,), 1, 0)


def test_three_that_all_differ_are_left_alone() -> None:
    assert found([{"osd": n, "data_digest": f"0x{n}"} for n in range(3)]).primary is None


def test_all_copies_unreadable_are_left_alone() -> None:
    assert found([{"osd": n, "errors": ["read_error"]} for n in range(2)]).primary is None


def test_two_objects_whose_wrong_copies_are_everywhere() -> None:
    def thing(wrong: int) -> dict[str, Any]:
        shards = [{"osd": n, "primary": n == 0, "errors": ["read_error"] if n == wrong else [], "size": 8} for n in range(2)]
        return {"object": {"name": f"disk{wrong}"}, "shards": shards}

    finding = judge("2.1", {"inconsistents": [thing(0), thing(1)]})
    assert finding is not None
    assert (finding.primary, finding.why) == (None, "each disk has a copy that is wrong, of one object or another")
