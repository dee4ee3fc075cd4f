# SPDX-License-Identifier: Apache-2.0
"""What this node is in its cluster now."""

from pydantic import ValidationError

from appliance.host.host import Host
from appliance.host.units import running
from appliance.model.cluster import COPY, ClusterDocument

ETCD = "etcd.service"


def etcd(host: Host) -> bool:
    """Does etcd run here?"""
    return running(host, ETCD)


def cluster(host: Host) -> ClusterDocument | None:
    """What this node knew last of its cluster; None for a node alone."""
    text = host.files.read(COPY)
    try:
        return ClusterDocument.model_validate_json(text) if text else None
    except ValidationError:
        return None  # written by nobody of ours: trivetd fetches it again, with the certificate that is beside it
