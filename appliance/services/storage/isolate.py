# SPDX-License-Identifier: Apache-2.0
"""Effects of care: a disk that is too slow or stuck is taken out of the way; copies that differ are repaired.

Taken out means that its OSD is stopped: then reads and writes go on with the other copies at once, and after ten minutes the
monitor gives it up and the copies are made again elsewhere. (Marked out while it works it would stay in the way of each write
until the last copy had moved away from it.) Nothing is stopped whose data somebody may need.
"""

import json

from appliance.errors import ApplianceError, CommandError
from appliance.host.host import Host
from appliance.model.inventory import Inventory
from appliance.model.pool import ADMIN_KEYRING
from appliance.services.storage.answers import groups_of
from appliance.services.storage.mismatch import Finding, judge

_BUSY = ("repair", "scrubbing")


def refusal(host: Host, osd: int) -> str:
    """Why an OSD may not be stopped now; "" when it may."""
    try:
        host.ceph("osd ok-to-stop", ids=[str(osd)])
    except CommandError as error:
        return f"without it part of the data could not be read or written ({error.stderr.strip()})"
    except ApplianceError as error:
        return error.message
    return ""


def stop(host: Host, osd: int) -> None:
    """Stop its daemon and do not wait: one that hangs in the kernel ends when its disk lets go of it, or never."""
    host.run(["systemctl", "stop", "--no-block", f"ceph-osd@{osd}.service"])
    host.ceph("osd down", ids=[str(osd)])


def judges(host: Host, inventory: Inventory) -> bool:
    """Of a cluster's nodes one alone repairs: the one whose manager is the active one."""
    if inventory.cluster is None or inventory.pool is None:
        return inventory.pool is not None
    try:
        return bool(host.ceph("mgr stat")["active_name"] == inventory.pool.host)
    except ApplianceError:
        return False


def mismatches(host: Host) -> list[Finding]:
    """The placement groups whose copies differ, each with what to do. Those that are being checked or repaired are left alone."""
    groups = groups_of(host.ceph("pg ls", states=["inconsistent"]))
    found = []
    for group in groups:
        if any(word in group["state"] for word in _BUSY):
            continue
        words = ["--id", "admin", "--keyring", ADMIN_KEYRING, "list-inconsistent-obj", group["pgid"], "--format=json"]
        result = host.run(["rados", *words], check=False)
        if result.code:
            # Known only to the primary that found it; another one has to look again.
            host.ceph("pg deep-scrub", pgid=group["pgid"])
        elif finding := judge(group["pgid"], json.loads(result.stdout)):
            found.append(finding)
    return found


def repair(host: Host, finding: Finding) -> None:
    """Have one of those whose copies agree repair the others."""
    if finding.primary is None:
        return
    if finding.moves is not None:
        host.ceph("osd primary-affinity", id=finding.moves, weight=0.0)
    host.ceph("pg repair", pgid=finding.group)


def settle(host: Host, moved: set[int]) -> set[int]:
    """Give back their place to OSDs that are primary no more, once nothing is damaged. Those that still wait."""
    if not moved or groups_of(host.ceph("pg ls", states=["inconsistent", "repair"])):
        return moved
    for osd in moved:
        host.ceph("osd primary-affinity", id=osd, weight=1.0)
    return set()
