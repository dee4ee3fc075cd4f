# SPDX-License-Identifier: Apache-2.0
"""Copies that differ -> may they be repaired, and from whom? Pure.

Ceph repairs from the copy that it takes for the right one: the first without an error of its own, and it asks the primary's
first. Where nothing says which is wrong (an object that was written in parts has no checksum of the whole), that is the
primary's, right or wrong: seen with 18.2.7, where `pg repair` wrote the one wrong copy over the two that agreed. For that
reason `osd_scrub_auto_repair` stays off. We look at the copies first: more than half must agree, and one of those must be the
primary's, or become it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Shard = Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """A placement group with copies that differ: which objects, and what to do.

    `good` are the OSDs whose copies of all its objects agree, `bad` those with a copy that does not; `primary` is the one that
    must be asked to repair, None where nobody can tell which copies are right; `why` says so then.
    """

    group: str
    objects: tuple[str, ...]
    good: tuple[int, ...] = ()
    bad: tuple[int, ...] = ()
    primary: int | None = None
    moves: int | None = None
    why: str = ""


def judge(group: str, said: Mapping[str, Any]) -> Finding | None:
    """From `rados list-inconsistent-obj`. None when nothing differs. `moves` is an OSD that must not be primary meanwhile."""
    objects = said["inconsistents"]
    if not objects:
        return None
    names = tuple(str(each["object"]["name"]) for each in objects)
    bad: set[int] = set()
    everybody: set[int] = set()
    for each in objects:
        right, wrong = _sides(each["shards"])
        if not right:
            return Finding(group, names, why=f"no two copies of {each['object']['name']} agree, and none is known to be right")
        bad |= wrong
        everybody |= right | wrong
    good = sorted(everybody - bad)
    if not good:
        return Finding(group, names, bad=tuple(sorted(bad)), why="each disk has a copy that is wrong, of one object or another")
    first = next((s["osd"] for s in objects[0]["shards"] if s["primary"]), None)
    return Finding(
        group,
        names,
        good=tuple(good),
        bad=tuple(sorted(bad)),
        primary=first if first in good else good[0],
        moves=None if first in good else first,
    )


def _sides(shards: Iterable[Shard]) -> tuple[set[int], set[int]]:
    """The OSDs whose copies are right, and the others. The first set is empty where nobody can tell.

    A copy that cannot be read, or that does not match its own checksum, is wrong; the rest must agree, or more than half of
    all. One good copy beside one that cannot be read is enough: what can be read was written so.
    """
    every = list(shards)
    whole = [shard for shard in every if not shard["errors"]]
    alike: dict[tuple[object, ...], set[int]] = {}
    for shard in whole:
        alike.setdefault((shard.get("size"), shard.get("data_digest"), shard.get("omap_digest")), set()).add(shard["osd"])
    most = max(alike.values(), key=len, default=set())
    if len(alike) == 1 or 2 * len(most) > len(every):
        return most, {shard["osd"] for shard in every} - most
    return set(), {shard["osd"] for shard in every}


def sentence(found: Finding) -> str:
    """What is done about it, for a person."""
    what = f"{len(found.objects)} object{'' if len(found.objects) == 1 else 's'} ({', '.join(found.objects[:3])})"
    where = f"in {found.group}"
    if found.primary is None:
        return f"copies of {what} {where} differ, and are not repaired: {found.why}"
    bad = " and ".join(f"OSD {each}" for each in found.bad)
    good = " and ".join(f"OSD {each}" for each in found.good)
    return f"copies of {what} {where} differed: that of {bad} is made anew from {good}"
