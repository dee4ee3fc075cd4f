# SPDX-License-Identifier: Apache-2.0
"""Put together what `trivet net show` says: the network as it is now, and what trivetd found wrong with it."""

from appliance.host.host import Host
from appliance.model.netreport import NetworkView
from appliance.node import health
from appliance.node.published import uptime
from appliance.node.status import followed
from appliance.services.network import report


def view(host: Host) -> NetworkView:
    """Problems when there is no spec to follow: planes are words of a spec."""
    spec, _ = followed(host)
    now, last = uptime(host), health.last(host)
    seen = report.report(host, report.ports(host), spec)
    return NetworkView(
        report=seen,
        looked=round(now - last.at, 1) if last else None,
        alerts=tuple(dict.fromkeys((*seen.gone, *health.alerts(host, now)))),
    )
