# SPDX-License-Identifier: Apache-2.0
"""Effects: have the copies of everything compared now. Ceph does a few groups at a time, and what VMs ask comes first."""

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.services.storage.answers import groups_of


def begin(host: Host, *, deep: bool) -> int:
    """Ask for each placement group; how many those are. ApplianceError where copies are being made again."""
    status = host.ceph("status")
    if status["pgmap"].get("degraded_objects"):
        message = "copies are missing, and are made again before any are compared"
        raise ApplianceError(message, "wait until `trivet storage` says healthy")
    groups = [group["pgid"] for group in groups_of(host.ceph("pg ls"))]
    for group in groups:
        host.ceph("pg deep-scrub" if deep else "pg scrub", pgid=group)
    return len(groups)
