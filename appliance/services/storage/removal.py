# SPDX-License-Identifier: Apache-2.0
"""When an OSD may be taken out of the pool: when nothing is lost by it, and not before.

A disk that is there gives its data to the others first. One that is gone has lost its copies already; it is forgotten unless it
may be the only one that has something, so that putting it in again would help.
"""

import time
from collections.abc import Mapping
from typing import Any

from appliance.engine.apply import Report
from appliance.errors import CommandError, StepFailed
from appliance.host.host import Host
from appliance.model.poolsteps import RemoveOsd

_HELD = ("down", "incomplete", "stale", "unknown", "inactive")
"""Placement groups in these states wait for somebody who has what they need."""
_STALLED_SECONDS = 120
"""Without any object moved, after which there is no place for what is on the disk."""


def allow(host: Host, step: RemoveOsd, report: Report) -> None:
    """Return when the OSD may go. StepFailed says why it may not."""
    if not step.disk:
        if held := _waiting(host):
            message = f"{held} of the pool's parts have no other copy that can be read"
            raise StepFailed(message, f"put the disk of osd.{step.osd} in again: it may be the last that has them")
        return
    if step.degraded:
        _permitted(host, "osd ok-to-stop", step, "it holds the last copy that can be read of something")
        return
    host.ceph("osd out", ids=[str(step.osd)])
    try:
        _drain(host, step, report)
    except StepFailed:
        host.ceph("osd in", ids=[str(step.osd)])
        raise


def forget(host: Host, step: RemoveOsd) -> None:
    """Out of the map, with its key. Its daemon has ended; the monitor may not have heard of that yet."""
    host.ceph("osd down", ids=[str(step.osd)])
    host.ceph("osd purge", id=step.osd, force=True, yes_i_really_mean_it=True)


def _drain(host: Host, step: RemoveOsd, report: Report) -> None:
    """Wait until all that is on it is on others as well."""
    first = last = _left(host)
    moved = time.monotonic()
    while not _safe(host, step):
        left = _left(host)
        if left != last:
            last, moved, first = left, time.monotonic(), max(first, left)
            report.progress(first - left, first)
        if time.monotonic() - moved > _STALLED_SECONDS:
            message = f"what is on osd.{step.osd} finds no place on the others"
            raise StepFailed(message, "put in another disk first, or go on with fewer copies for a while (--degraded)")
        time.sleep(2)


def _safe(host: Host, step: RemoveOsd) -> bool:
    """Asked for JSON, Ceph says no in its answer, not by an error."""
    try:
        answer = host.ceph("osd safe-to-destroy", ids=[str(step.osd)])
    except CommandError:
        return False
    return step.osd in (answer or {}).get("safe_to_destroy", ())


def _permitted(host: Host, question: str, step: RemoveOsd, why: str) -> None:
    try:
        host.ceph(question, ids=[str(step.osd)])
    except CommandError as error:
        message = f"osd.{step.osd} may not go: {why} ({error.stderr.strip()})"
        raise StepFailed(message, "wait until the pool is healthy; `trivet storage` says when") from None


def _left(host: Host) -> int:
    """Copies of objects that are not where they shall be."""
    now: Mapping[str, Any] = host.ceph("status")["pgmap"]
    return int(now.get("misplaced_objects", 0)) + int(now.get("degraded_objects", 0))


def _waiting(host: Host) -> int:
    """Placement groups that nobody can read now."""
    states = host.ceph("status")["pgmap"].get("pgs_by_state", ())
    return sum(int(s["count"]) for s in states if any(word in s["state_name"].split("+") for word in _HELD))
