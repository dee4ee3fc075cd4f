# SPDX-License-Identifier: Apache-2.0
"""Put together what `trivet storage` says: the pool as it is now, its disks, and what trivetd knows of the last minutes."""

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.inventory import Inventory, System
from appliance.model.poolreport import PoolReport, StorageView
from appliance.model.spec import Spec
from appliance.node.health import storage as last
from appliance.node.published import uptime
from appliance.node.status import followed
from appliance.services.storage import health, mirror, observe, pool, report
from appliance.services.storage.roles import Roles, assign


def inventory(host: Host) -> Inventory:
    """So much of an inventory as storage needs: no port is asked for it."""
    disks = observe.observe(host)
    arrays, now = mirror.observe(host, disks), System(installed=True)
    return Inventory(disks=disks, pool=pool.observe(host, disks), mirror=arrays, system=now)


def roles(found: Inventory, spec: Spec | None) -> Roles:
    """What each disk is for. Without a spec that can be read, what they are."""
    return assign(found, spec) if spec is not None else Roles()


def spec_of(host: Host) -> Spec | None:
    """The spec that is followed; None where it is wrong, which others say."""
    try:
        return followed(host)[0]
    except ApplianceError:
        return None


def now(host: Host, *, scrubs: bool = False) -> tuple[Inventory, PoolReport]:
    """The machine's disks and its pool."""
    found, known = inventory(host), last(host)
    seen = known.disks if known else {}
    return found, report.report(host, found, roles(found, spec_of(host)), seen, scrubs=scrubs)


def view(host: Host) -> StorageView:
    """What is wrong is judged anew: who has put a disk in wants to see that at once."""
    known, (found, seen) = last(host), now(host, scrubs=True)
    kept = [alert for alert in known.alerts if alert.where.startswith("trivetd")] if known else []
    return StorageView(
        report=seen,
        looked=round(uptime(host) - known.at, 1) if known else None,
        alerts=(*kept, *health.alerts(seen, found.disks, found.mirror)),
        repaired=known.repaired if known else (),
    )
