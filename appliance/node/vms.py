# SPDX-License-Identifier: Apache-2.0
"""This node for VMs, as its spec has it: what front ends hand to services/vm."""

from appliance.errors import Unsatisfiable
from appliance.host.etcd import Etcd, Store
from appliance.host.host import Host
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.node.status import followed
from appliance.services.hypervisor import observe as hypervisor
from appliance.services.network import observe as network
from appliance.services.network.sriov import PREFIX
from appliance.services.vm.place import topology
from appliance.services.vm.records import Here


def here(host: Host, store: Store | None = None) -> Here:
    """Unsatisfiable when the spec lets no VMs run on this node."""
    spec, _ = followed(host)
    if spec.hypervisor is None:
        hint = "write `hypervisor: {}` into it, and `trivet apply` it"
        raise Unsatisfiable([Problem(where="hypervisor", message="this node's spec lets no VMs run here", hint=hint)])
    numa = hypervisor.numa(host)
    reserve = spec.hypervisor.reserve
    cells = topology(numa, reserve.cpus or 0, reserve.memory or _kept(spec, sum(node.memory for node in numa)))
    return Here(
        host=host,
        store=store or Etcd(),
        node=spec.node.name,
        emulation=spec.hypervisor.emulation,
        cells=cells,
        devices=_devices(host) if len(cells) > 1 else {},
    )


def _kept(spec: Spec, memory: int) -> int:
    """Of memory, for the platform, where the spec says nothing: what its engines take at the least, and a share of the rest."""
    least, share = 2**30, 16
    storage = 4 * 2**30 if spec.storage is not None else 0
    return min(memory // 2, least + storage + memory // share)


def _devices(host: Host) -> dict[str, int]:
    """PCI address, and pool of virtual functions -> NUMA node."""
    nics, _, _ = network.observe(host)
    found = {nic.pci: nic.numa_node for nic in nics if nic.pci}
    return found | {f"{PREFIX}{pci}": node for pci, node in found.items()}
