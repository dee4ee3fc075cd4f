# SPDX-License-Identifier: Apache-2.0
"""This node for VMs, as its spec has it: what front ends hand to services/vm."""

import sys

from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host.etcd import Store
from appliance.host.host import Host
from appliance.model.central import NORTHBOUND, words
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.model.storage import Disk
from appliance.model.vmrecord import VmView
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import RouterView
from appliance.node import storage
from appliance.node.status import followed
from appliance.services.cluster.observe import cluster, etcd
from appliance.services.cluster.store import store as documents
from appliance.services.hypervisor import observe as hypervisor
from appliance.services.network import observe as network
from appliance.services.network.sriov import PREFIX
from appliance.services.storage import swap
from appliance.services.storage.pool import made
from appliance.services.vm import life, northbound, records
from appliance.services.vm.observe import marked
from appliance.services.vm.place import topology
from appliance.services.vm.records import Here

_NONE = Problem(
    where="hypervisor",
    message="this node's spec lets no VMs run here",
    hint="write `hypervisor: {}` into it, and `trivet apply` it",
)


def here(host: Host, store: Store | None = None) -> Here:
    """Unsatisfiable when the spec lets no VMs run on this node."""
    spec, _ = followed(host)
    if spec.hypervisor is None:
        raise Unsatisfiable([_NONE])
    numa = hypervisor.numa(host)
    reserve = spec.hypervisor.reserve
    cells = topology(numa, reserve.cpus or 0, reserve.memory or _kept(spec, sum(node.memory for node in numa)))
    return Here(
        host=host,
        store=store or documents(host),
        node=spec.node.name,
        emulation=spec.hypervisor.emulation,
        pool=made(host) is not None,
        cells=cells,
        northbound=words(cluster(host), NORTHBOUND),
        devices=_devices(host) if len(cells) > 1 else {},
    )


def views(host: Host, store: Store | None = None) -> tuple[VmView, ...]:
    """Those of this node, for who lists them. Its NUMA nodes are not looked at: only a start asks for them."""
    at = _listing(host, store)
    return tuple(each for each in life.views(at) if each.node == at.node)


def networks(host: Host, store: Store | None = None) -> tuple[NetworkRecord, ...]:
    """The networks for VMs."""
    return records.networks(_listing(host, store))


def routers(host: Host, store: Store | None = None) -> tuple[RouterView, ...]:
    """The routers between them."""
    at = _listing(host, store)
    return tuple(northbound.view(at, each) for each in records.routers(at))


def _listing(host: Host, store: Store | None) -> Here:
    spec, _ = followed(host)
    if spec.hypervisor is None:
        raise Unsatisfiable([_NONE])
    return Here(host=host, store=store or documents(host), node=spec.node.name)


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


def disk(host: Host, name: str) -> Disk:
    """A disk of this server, as a person names it."""
    found = swap.find(storage.inventory(host), name)
    if found.disk is None:
        raise ApplianceError(f"the disk of {name} is not there", "`trivet disk` shows those that are")
    return found.disk


def ports(host: Host) -> tuple[str, ...]:
    """The addresses of this server's own ports."""
    nics, _, _ = network.observe(host)
    return tuple(nic.label for nic in nics if not nic.vf_of)


def run_again(host: Host) -> None:
    """Have what ran before the node was started run again, where VMs run: in a unit of its own, since it takes its time.

    Said again it starts what could not be started then, and nothing twice.
    """
    if hypervisor.libvirt(host) and (etcd(host) or cluster(host)):
        words = ["--quiet", "--collect", "--unit=trivet-vms", "--setenv=PYTHONUNBUFFERED=1"]
        host.run(["systemd-run", *words, "trivet", "vm", "autostart"], check=False)


def notice(host: Host) -> None:
    """Remember which VMs have switched themselves off. Never raises: the service that holds the node goes on."""
    try:
        if marked(host):
            for name in life.notice(here(host)):
                print(f"{name} has switched itself off", file=sys.stderr)
    except Exception as error:  # whatever it is, as in watch.py
        print(f"VMs could not be looked at: {error}", file=sys.stderr)
