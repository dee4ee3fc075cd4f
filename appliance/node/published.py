# SPDX-License-Identifier: Apache-2.0
"""What trivetd and a change on trial leave under /run, for those who show it: a few small files, and no look at the machine.

The console reads them every second, so nothing heavy is imported here.
"""

from pydantic import ValidationError

from appliance.host.host import Host
from appliance.model.status import Boot

BOOT = "/run/trivet/status.json"
CANDIDATE = "/run/trivet/candidate.yaml"
"""A spec that is tried and not kept yet (node/trial.py); beside it, in seconds since the start, when it is taken back."""
DEADLINE = f"{CANDIDATE}.deadline"


def uptime(host: Host) -> float:
    """Seconds since the start."""
    return float((host.files.read("/proc/uptime") or "0").split()[0])


def seconds_left(host: Host) -> int | None:
    """Until a change that nobody has kept is taken back; None when there is none."""
    try:
        return max(0, round(float(host.files.read(DEADLINE) or "") - uptime(host)))
    except ValueError:
        return None


def last_boot(host: Host) -> Boot | None:
    """What trivetd did at this boot; None while it is at it."""
    text = host.files.read(BOOT)
    try:
        return Boot.model_validate_json(text) if text else None
    except ValidationError:
        return None  # half a file, of a trivetd that was killed while writing: as good as none
