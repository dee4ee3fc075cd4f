# SPDX-License-Identifier: Apache-2.0
"""What trivetd saw when it looked last, for those who show it."""

from pydantic import ValidationError

from appliance.host.host import Host
from appliance.model.netreport import Alert, Health

HEALTH = "/run/trivet/health.json"
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


def alerts(host: Host, uptime: float) -> tuple[Alert, ...]:
    """What is wrong with the network, and that nobody has looked for long. `uptime` is now, in seconds since the start."""
    health = last(host)
    if health is None:
        return ()
    age = uptime - health.at
    if age < _STALE:
        return health.alerts
    message = f"trivetd has not looked at the network for {age:.0f} s, and what follows may be over"
    stale = Alert(where="trivetd", severity="warning", message=message, hint="see `journalctl -u trivetd`")
    return (stale, *health.alerts)
