# SPDX-License-Identifier: Apache-2.0
"""This node for VMs, as its spec has it: what front ends hand to services/vm."""

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host.etcd import Store
from appliance.host.host import Host
from appliance.host.lock import in_turn
from appliance.model.central import NORTHBOUND, words
from appliance.model.problem import Problem
from appliance.model.storage import Disk
from appliance.model.vmrecord import VmView
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import RouterView
from appliance.node import storage
from appliance.node.published import uptime
from appliance.node.status import followed
from appliance.services.cluster.observe import cluster, etcd
from appliance.services.cluster.store import store as documents
from appliance.services.hypervisor import observe as hypervisor
from appliance.services.hypervisor.plan import kept
from appliance.services.network import observe as network
from appliance.services.network.sriov import PREFIX
from appliance.services.storage import swap
from appliance.services.storage.pool import made
from appliance.services.vm import life, northbound, records
from appliance.services.vm.observe import marked
from appliance.services.vm.place import topology
from appliance.services.vm.records import Here

_STARTS = Path("/run/trivet/starts")
_EMPTIED, _HOUR = "/run/trivet/recycled", 3600
"""When the recycle bin was looked through last, in seconds since the start."""
_NONE = Problem(
    where="hypervisor",
    message="this node's spec lets no VMs run here",
    hint="write `hypervisor: {}` into it, and `trivet apply` it",
)


def _signal(word: str, at: Here, name: str) -> None:
    life.signal(at, name, word)


ACTS: Mapping[str, tuple[str, Callable[[Here, str], object]]] = {
    "start": ("start a VM", life.start),
    "stop": ("have a VM switch itself off", life.stop),
    "cut": ("take a VM's power", partial(life.stop, force=True)),
    "reset": ("press a VM's reset button", partial(_signal, "reset")),
    "suspend": ("hold a VM", partial(_signal, "suspend")),
    "resume": ("let a held VM go on", partial(_signal, "resume")),
}
"""What any node may have done to a VM, by the words of the API."""


def here(host: Host, store: Store | None = None) -> Here:
    """Unsatisfiable when the spec lets no VMs run on this node."""
    spec, _ = followed(host)
    if spec.hypervisor is None:
        raise Unsatisfiable([_NONE])
    numa = hypervisor.numa(host)
    reserve = spec.hypervisor.reserve
    cells = topology(numa, reserve.cpus or 0, kept(spec, sum(node.memory for node in numa)))
    return Here(
        host=host,
        store=store or documents(host),
        node=spec.node.name,
        emulation=spec.hypervisor.emulation,
        pool=made(host) is not None,
        recycle=spec.hypervisor.recycle,
        cells=cells,
        northbound=words(cluster(host), NORTHBOUND),
        devices=_devices(host) if len(cells) > 1 else {},
        alone=lambda name: in_turn(_STARTS / f"{name}.lock"),
        busy=partial(busy, host),
    )


def views(host: Host, store: Store | None = None) -> tuple[VmView, ...]:
    """Those of this node, for who lists them."""
    name = listing(host, store).node
    return tuple(each for each in everywhere(host, store) if each.node == name)


def everywhere(host: Host, store: Store | None = None) -> tuple[VmView, ...]:
    """Those of the whole cluster. This node's NUMA nodes are not looked at: only a start asks for them."""
    return life.views(listing(host, store))


def networks(host: Host, store: Store | None = None) -> tuple[NetworkRecord, ...]:
    """The networks for VMs."""
    return records.networks(listing(host, store))


def routers(host: Host, store: Store | None = None) -> tuple[RouterView, ...]:
    """The routers between them."""
    at = listing(host, store)
    return tuple(northbound.view(at, each) for each in records.routers(at))


def listing(host: Host, store: Store | None = None) -> Here:
    """This node for who reads documents alone: its NUMA nodes and devices are not looked at."""
    spec, _ = followed(host)
    if spec.hypervisor is None:
        raise Unsatisfiable([_NONE])
    return Here(host=host, store=store or documents(host), node=spec.node.name)


def _devices(host: Host) -> dict[str, int]:
    """A pool of virtual functions -> its NUMA node."""
    nics, _, _ = network.observe(host)
    return {f"{PREFIX}{nic.pci}": nic.numa_node for nic in nics if nic.pci}


def busy(host: Host) -> dict[str, str]:
    """PCI address -> what this node works with on it: a port that has an address or is a plane's, a disk that is not blank."""
    nics, _, _ = network.observe(host)
    found = {nic.pci: f"its port {nic.mac}" for nic in nics if nic.pci and (nic.addresses or nic.master)}
    for each in storage.inventory(host).disks:
        if each.pci and (each.unusable or each.contents or each.labels or each.held):
            found[each.pci] = f"its disk {each.id}"
    return found


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
    if _runs(host):
        words = ["--quiet", "--collect", "--unit=trivet-vms", "--setenv=PYTHONUNBUFFERED=1"]
        host.run(["systemd-run", *words, "trivet", "vm", "autostart"], check=False)


def notice(host: Host) -> None:
    """Remember which VMs have switched themselves off; each hour, purge what has been deleted for long enough.

    Never raises: the service that holds the node goes on.
    """
    try:
        if marked(host):
            for name in life.notice(here(host)):
                print(f"{name} has switched itself off", file=sys.stderr)
        if _runs(host) and uptime(host) - float(host.files.read(_EMPTIED) or 0) > _HOUR:
            host.files.write(_EMPTIED, str(uptime(host)))
            life.empty_bin(here(host), partial(print, file=sys.stderr))
    except Exception as error:  # whatever it is, as in watch.py
        print(f"VMs could not be looked at: {error}", file=sys.stderr)


def _runs(host: Host) -> bool:
    """Are libvirt and etcd there, which VMs need?"""
    return hypervisor.libvirt(host) and (etcd(host) or cluster(host) is not None)
