# SPDX-License-Identifier: Apache-2.0
"""What trivetd saw when it looked last, at the network and at the disks, for those who show it."""

from pydantic import ValidationError

from appliance.host.host import Host
from appliance.model.netreport import Alert, Health
from appliance.model.poolreport import StorageHealth

HEALTH = "/run/trivet/health.json"
STORAGE = "/run/trivet/storage.json"
LOOK = 30
"""Seconds between two looks of trivetd at the network."""
_STALE = 5 * LOOK
"""Seconds after which something keeps trivetd from looking. A look itself takes seconds when nobody answers."""


def last(host: Host) -> Health | None:
    """The last look; None before the first one."""
    text = host.files.read(HEALTH)
    try:
        return Health.model_validate_json(text) if text else None
    except ValidationError:
        return None  # of another version of trivetd: the next look replaces it


def storage(host: Host) -> StorageHealth | None:
    """The last look at the disks; None before the first one."""
    text = host.files.read(STORAGE)
    try:
        return StorageHealth.model_validate_json(text) if text else None
    except ValidationError:
        return None  # as above


def alerts(host: Host, uptime: float) -> tuple[Alert, ...]:
    """What is wrong, and that nobody has looked for long. `uptime` is now, in seconds since the start."""
    health, disks = last(host), storage(host)
    found = [*(health.alerts if health else ()), *(disks.alerts if disks else ())]
    if health is not None and uptime - health.at >= _STALE:
        found.insert(0, _stale("network", uptime - health.at))
    if disks is not None and disks.report.health != "none" and uptime - disks.at >= _STALE:
        found.insert(0, _stale("disks", uptime - disks.at))
    return tuple(found)


def _stale(what: str, age: float) -> Alert:
    message = f"trivetd has not looked at the {what} for {age:.0f} s, and what follows may be over"
    return Alert(where="trivetd", severity="warning", message=message, hint="see `journalctl -u trivetd`")
