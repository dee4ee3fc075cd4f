# SPDX-License-Identifier: Apache-2.0
"""VMs that come from other nodes, as trivetd answers for them; and those that leave, as a person asks for it."""

from collections.abc import Mapping
from typing import Any

from appliance.cluster import moving
from appliance.host.host import Host
from appliance.model.vmrecord import VmRecord
from appliance.node import vms
from appliance.node.ha import document


def prepare(host: Host, body: bytes) -> Mapping[str, Any]:
    """A VM is on its way here."""
    return moving.prepare(vms.here(host), moving.Coming.model_validate_json(body).vm).model_dump()


def arrived(host: Host, body: bytes) -> Mapping[str, Any]:
    """It is here."""
    moving.arrived(vms.here(host), moving.Coming.model_validate_json(body).vm)
    return {}


def migrate(host: Host, name: str, to: str, *, say: moving.Say, bandwidth: int = 0) -> VmRecord:
    """Move a VM of this node."""
    return moving.migrate(vms.here(host), document(host), name, to, say=say, bandwidth=bandwidth)


def settle(host: Host, name: str) -> VmRecord:
    """End the move of one."""
    return moving.settle(vms.here(host), document(host), name)
