# SPDX-License-Identifier: Apache-2.0
"""Which disks are slow, and which are stuck: from the kernel's own counters, one look a second. Pure.

The kernel counts requests and the milliseconds in which a disk had any, not each request's own time. So the time of a request
is the work of that second divided by the requests that it ended. Not the time that they waited: a disk with thirty requests
before it makes each of them wait thirty times its work, and would be called slow for being used.

A flush is counted twice, as itself and as an empty write that asks for it, and a disk whose every write takes 250 ms would be
called three times as fast with them. So they are taken out of both, requests and work; where they are all of the work, they are
judged like any other request.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

WINDOW = 300
"""Seconds over which slow requests are counted."""
REQUESTS = 60
"""So many slow ones in the window are a slow disk."""
WARN, ISOLATE = 25.0, 125.0
"""Milliseconds of work for a request."""
STUCK, STUCK_WINDOW = 10, 13
"""Seconds of the last so many in which requests waited and none ended."""
_FIELDS = 14
"""/proc/diskstats since Linux 2.6; later ones have discards (4 more) and flushes (2 more)."""
_DISCARDS, _FLUSHES = 14, 18

Verdict = Literal["good", "slow", "too slow", "stuck"]


@dataclass(frozen=True)
class Counted:
    """A disk's counters: requests that ended, milliseconds in which it had any, requests that it has now.

    Of those that ended so many were flushes, and took so many milliseconds.
    """

    ended: int
    busy: int
    waiting: int
    flushes: int = 0
    flushing: int = 0

    def since(self, old: "Counted") -> "Counted":
        """What came since then; below 0 where a counter began anew."""
        return Counted(self.ended - old.ended, self.busy - old.busy, self.waiting, self.flushes - old.flushes,
                       self.flushing - old.flushing)  # fmt: skip


@dataclass(frozen=True)
class _Second:
    """`work` milliseconds for so many `requests`."""

    at: float
    requests: int
    work: int
    stuck: bool

    @property
    def each(self) -> float:
        return self.work / self.requests if self.requests else 0.0

    @classmethod
    def of(cls, at: float, now: Counted, *, waited: bool) -> "_Second":
        """`waited`: there were requests at its beginning."""
        stuck = waited and now.waiting > 0 and now.ended == 0
        whole = cls(at, now.ended, now.busy, stuck)
        # A flush that began in the second before ends in this one, with all its milliseconds.
        apart = cls(at, max(0, now.ended - now.flushes), max(0, now.busy - now.flushing), stuck)
        return max(whole, apart, key=lambda second: second.each)


@dataclass(frozen=True)
class Judged:
    """`latency` is milliseconds of work for a request over the window, None without any; `slow` how many took over WARN."""

    verdict: Verdict = "good"
    latency: float | None = None
    slow: int = 0
    too_slow: int = 0
    stuck: int = 0


def parse(text: str) -> dict[str, Counted]:
    """/proc/diskstats, by the kernel's name of the disk."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < _FIELDS:
            continue
        numbers = [int(word) for word in words[3:]]
        # Of `numbers`: 0 reads, 4 writes, 8 waiting now, 9 busy, 11 discards, 15 flushes, 16 milliseconds of these.
        discards = numbers[11] if len(words) > _DISCARDS else 0
        flushes, flushing = numbers[15:17] if len(words) > _FLUSHES else (0, 0)
        found[words[2]] = Counted(numbers[0] + numbers[4] + discards, numbers[9], numbers[8], flushes, flushing)
    return found


class Disks:
    """The seconds of the window of each disk. Which those are is given each time: disks come and go."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, Counted]] = {}
        self._seconds: dict[str, deque[_Second]] = {}

    def look(self, at: float, now: Mapping[str, Counted]) -> None:
        """One more look, at `at` seconds. A counter that went down belongs to another disk, or began anew."""
        for name in set(self._last) - set(now):
            del self._last[name]
            self._seconds.pop(name, None)
        for name, counted in now.items():
            before = self._last.get(name)
            self._last[name] = (at, counted)
            if before is None:
                continue
            _, old = before
            new = counted.since(old)
            seconds = self._seconds.setdefault(name, deque())
            if new.ended < 0 or new.busy < 0:
                seconds.clear()
                continue
            seconds.append(_Second.of(at, new, waited=old.waiting > 0))
            while seconds[0].at <= at - WINDOW:
                seconds.popleft()

    def judged(self, names: Iterable[str]) -> dict[str, Judged]:
        """What to say of each of these disks. Where most of them are too slow at once, it is not the disks: none is isolated."""
        found = {name: self._judge(name) for name in names}
        bad = [name for name, judged in found.items() if judged.verdict in ("too slow", "stuck")]
        if len(bad) > 1 and 2 * len(bad) > len(found):
            for name in bad:
                found[name] = Judged(**{**found[name].__dict__, "verdict": "slow"})
        return found

    def _judge(self, name: str) -> Judged:
        seconds = self._seconds.get(name, deque())
        if not seconds:
            return Judged()
        latest = seconds[-1].at
        stuck = sum(s.stuck for s in seconds if s.at > latest - STUCK_WINDOW)
        slow = sum(s.requests for s in seconds if s.each > WARN)
        too_slow = sum(s.requests for s in seconds if s.each > ISOLATE)
        ended, busy = sum(s.requests for s in seconds), sum(s.work for s in seconds)
        verdict: Verdict = "good"
        if slow >= REQUESTS:
            verdict = "slow"
        if too_slow >= REQUESTS:
            verdict = "too slow"
        if stuck >= STUCK:
            verdict = "stuck"
        return Judged(verdict, busy / ended if ended else None, slow, too_slow, stuck)
