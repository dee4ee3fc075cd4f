# SPDX-License-Identifier: Apache-2.0
"""What keeps this node from being a good host of VMs, where its spec has it run some: for who asks how it is."""

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.hypervisor import Worth
from appliance.model.machine import Machine
from appliance.node.status import followed
from appliance.services.hypervisor import observe
from appliance.services.hypervisor.worth import seen, worth


def lacks(host: Host) -> tuple[Worth, ...]:
    """All that was looked at and is not as it should be. Never raises for a spec that cannot be read: others say that."""
    try:
        if followed(host)[0].hypervisor is None:
            return ()
    except ApplianceError:
        return ()
    machine = Machine(cpu=observe.cpu(host), iommu=observe.iommu(host), kvm=observe.kvm(host))
    return tuple(each for each in worth(machine, seen(host)) if each.state != "ok")
