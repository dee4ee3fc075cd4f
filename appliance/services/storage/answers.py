# SPDX-License-Identifier: Apache-2.0
"""What Ceph answers -> the pool now, and its health in one word with the reason. Pure.

Its own HEALTH_OK, WARN and ERR tell nobody whether data is safe: one OSD that is down and a clock that is late are the same
word to it. And while groups find each other anew it says OK with nobody able to write.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.model.poolreport import HostReport, PoolReport, Rebuild, Scrub, Word

Answers = Mapping[str, Any]
"""By command: `status`, `df`, `osd df`, `osd dump`, `osd pool ls`, and `pg ls` where somebody wants to know of scrubs."""

ONE_COPY = 1
_FULL = ("OSD_FULL", "POOL_FULL")
_SAID = {
    "OSD_DOWN", "OSD_HOST_DOWN", "OSD_ROOT_DOWN", "PG_DEGRADED", "PG_AVAILABILITY", "OBJECT_MISPLACED", "OBJECT_UNFOUND",
    "OSD_NEARFULL", "POOL_NEARFULL", "OSD_BACKFILLFULL", "POOL_BACKFILLFULL", "PG_BACKFILL_FULL", "PG_RECOVERY_FULL", *_FULL,
    "PG_DAMAGED", "OSD_SCRUB_ERRORS", "POOL_NO_REDUNDANCY",
}  # fmt: skip
"""Checks of Ceph's that we say in our own words."""


@dataclass(frozen=True)
class OsdNow:
    """An OSD as the pool knows it; `used` and `room` in bytes, both 0 while it is out. `new`: it has never worked yet."""

    id: int
    device_class: str
    up: bool
    in_: bool
    used: int
    room: int
    new: bool = False


def osds(answers: Answers) -> dict[int, OsdNow]:
    """All that there are, by number."""
    nodes = {node["id"]: node for node in answers["osd df"]["nodes"]}
    found = {}
    for osd in answers["osd dump"]["osds"]:
        node = nodes.get(osd["osd"], {})
        found[osd["osd"]] = OsdNow(
            id=osd["osd"],
            device_class=node.get("device_class", ""),
            up=bool(osd["up"]),
            in_=bool(osd["in"]),
            used=int(node.get("kb_used", 0)) * 1024,
            room=int(node.get("kb", 0)) * 1024,
            new="new" in osd.get("state", ()),
        )
    return found


def report(answers: Answers, name: str) -> PoolReport:
    """The pool `name`, without the disks of this node."""
    status, every = answers["status"], osds(answers)
    numbers = status["pgmap"]
    pool: Mapping[str, Any] = next((p for p in answers["osd pool ls"] if p["pool_name"] == name), {})
    stats: Mapping[str, Any] = next((p["stats"] for p in answers["df"]["pools"] if p["name"] == name), {})
    found = PoolReport(
        name=name if pool else "",
        fsid=status["fsid"],
        replicas=pool.get("size", 0),
        least=pool.get("min_size", 0),
        raw=numbers.get("bytes_total", 0),
        raw_used=numbers.get("bytes_used", 0),
        usable=stats.get("stored", 0) + stats.get("max_avail", 0),
        used=stats.get("stored", 0),
        objects=numbers.get("num_objects", 0),
        osds=len(every),
        osds_up=sum(osd.up for osd in every.values()),
        osds_in=sum(osd.in_ for osd in every.values()),
        rebuild=_rebuild(numbers),
        scrub=_scrub(status, answers.get("pg ls")),
        checks=tuple(_checks(status)),
        hosts=tuple(_hosts(answers, every)),
        monitors=tuple(sorted(monitors := {each["name"] for each in (answers.get("mon dump") or {}).get("mons", ())})),
        silent=tuple(sorted(monitors - set(status.get("quorum_names", ())))),
    )
    word, reason = health(found, states(status))
    return found.model_copy(update={"health": word, "reason": reason})


def _hosts(answers: Answers, every: Mapping[int, OsdNow]) -> Iterator[HostReport]:
    for host in (answers.get("osd tree") or {}).get("nodes", ()):
        if host["type"] != "host" or not host.get("children"):
            continue
        osds_ = [every[number] for number in host["children"] if number in every]
        yield HostReport(
            name=host["name"],
            osds=len(osds_),
            up=sum(osd.up for osd in osds_),
            in_=sum(osd.in_ for osd in osds_),
            used=sum(osd.used for osd in osds_),
            room=sum(osd.room for osd in osds_),
        )


def states(status: Mapping[str, Any]) -> dict[str, int]:
    """How many placement groups are in each state: {"active+clean": 16, ...}."""
    return {each["state_name"]: each["count"] for each in status["pgmap"].get("pgs_by_state", ())}


def _rebuild(numbers: Mapping[str, Any]) -> Rebuild:
    """What is left is counted in copies of objects, so bytes are those of a middling object."""
    degraded, misplaced = numbers.get("degraded_objects", 0), numbers.get("misplaced_objects", 0)
    each = numbers.get("data_bytes", 0) / max(numbers.get("num_objects", 0), 1)
    left, rate = round((degraded + misplaced) * each), numbers.get("recovering_bytes_per_sec", 0)
    return Rebuild(
        degraded=degraded,
        misplaced=misplaced,
        unfound=numbers.get("unfound_objects", 0),
        left=left,
        rate=rate,
        eta=round(left / rate) if rate and left else None,
    )


def _scrub(status: Mapping[str, Any], groups: Any) -> Scrub:
    by_state = states(status)
    stats = groups_of(groups)
    return Scrub(
        running=sum(n for state, n in by_state.items() if "scrubbing" in state),
        light=min((g["last_scrub_stamp"] for g in stats), default=""),
        deep=min((g["last_deep_scrub_stamp"] for g in stats), default=""),
        damaged=tuple(g["pgid"] for g in stats if "inconsistent" in g["state"]),
        errors=_count(status, "OSD_SCRUB_ERRORS"),
        repairing=sum(n for state, n in by_state.items() if "repair" in state.split("+")),
    )


def groups_of(said: Any) -> Sequence[Mapping[str, Any]]:
    """The placement groups of `pg ls`. Where none is in the states that were asked for, it has no list of them either."""
    found: Sequence[Mapping[str, Any]] = said.get("pg_stats", ()) if isinstance(said, Mapping) else ()
    return found


def _checks(status: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for code, check in sorted(status["health"]["checks"].items()):
        if not check.get("muted"):
            yield code, check["summary"]["message"]


def _count(status: Mapping[str, Any], code: str) -> int:
    check = status["health"]["checks"].get(code)
    return int(check["summary"].get("count", 0)) if check else 0


def others(report: PoolReport) -> tuple[tuple[str, str], ...]:
    """What Ceph itself complains of beside what this report says in its own words."""
    return tuple((code, message) for code, message in report.checks if code not in _SAID)


def health(now: PoolReport, groups: Mapping[str, int]) -> tuple[Word, str]:
    """The worst, and why. `groups` are the states of placement groups."""
    return next(_reasons(now, groups))


def _reasons(now: PoolReport, groups: Mapping[str, int]) -> Iterator[tuple[Word, str]]:
    yield from _risks(now)
    rebuild, down = now.rebuild, _down(now)
    moving = f", {objects(rebuild.degraded + rebuild.misplaced)} to go"
    if rebuild.degraded and rebuild.rate:
        yield "rebuilding", f"copies are made again{moving}{down}"
    if rebuild.degraded:
        yield "degraded", f"{objects(rebuild.degraded)} {'has' if rebuild.degraded == 1 else 'have'} a copy too few{down}"
    if down:
        yield "degraded", down.removeprefix(": ")
    if rebuild.misplaced:
        yield "rebuilding", f"data moves to where it shall be{moving}"
    # Groups that find each other after a change are inactive for seconds; Ceph complains when they stay so.
    if idle := sum(number for state, number in groups.items() if "active" not in state.split("+")):
        yield "checking", f"{idle} of {sum(groups.values())} parts of the pool are made ready"
    if rest := others(now):
        yield "warning", rest[0][1]
    if not now.name:
        yield "checking", "the pool for virtual machines is not made yet"
    yield "healthy", f"{now.replicas} copies of everything, {now.osds_up} of {now.osds} disks at work"


def _risks(now: PoolReport) -> Iterator[tuple[Word, str]]:
    codes, down = {code for code, _ in now.checks}, _down(now)
    if now.rebuild.unfound:
        yield "at risk", f"{objects(now.rebuild.unfound)} cannot be found on any disk that works{down}"
    if "PG_AVAILABILITY" in codes:
        yield "at risk", f"part of the data cannot be read or written{down}"
    if any(code in codes for code in _FULL):
        yield "full", "a disk is full to its limit, and nothing more is written"
    if now.scrub.errors:
        yield "at risk", f"{now.scrub.errors} {'copy differs' if now.scrub.errors == 1 else 'copies differ'} from the others"
    if now.rebuild.degraded and now.replicas - 1 <= ONE_COPY:
        verb = "are copied again" if now.rebuild.rate else "have one copy only"
        yield "at risk", f"{objects(now.rebuild.degraded)} {verb}{down}"
    if now.replicas == ONE_COPY:
        yield "at risk", "there is one copy of everything: a disk that dies takes data with it"


def _down(now: PoolReport) -> str:
    gone = now.osds_in - now.osds_up
    if gone <= 0:
        return ""
    return f": 1 of {now.osds} disks does not work" if gone == 1 else f": {gone} of {now.osds} disks do not work"


def objects(number: int) -> str:
    """So many, with the noun."""
    return "1 object" if number == 1 else f"{number} objects"
