# SPDX-License-Identifier: Apache-2.0
"""What this node is in its cluster now."""

from appliance.host.host import Host
from appliance.host.units import running

ETCD = "etcd.service"


def etcd(host: Host) -> bool:
    """Does etcd run here?"""
    return running(host, ETCD)
