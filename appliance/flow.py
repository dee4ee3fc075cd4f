# SPDX-License-Identifier: Apache-2.0
"""The whole program: inspect, check, plan, apply. Every front end calls these four and nothing else below them.

A machine that runs the live system is planned by the installer; an installed node is planned by its services.
"""

from appliance.engine.apply import Emit, Handlers
from appliance.engine.apply import apply as _apply
from appliance.errors import Unsatisfiable
from appliance.host.host import Host
from appliance.installer import apply as installer_apply
from appliance.installer import plan as installer_plan
from appliance.installer import precheck as installer_precheck
from appliance.model.inventory import Inventory
from appliance.model.machine import Machine, Virtualisation
from appliance.model.network import Nic
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.model.selector import Chosen
from appliance.model.spec import Spec
from appliance.model.storage import Disk
from appliance.services.cluster import apply as cluster_apply
from appliance.services.cluster import observe as cluster
from appliance.services.cluster import plan as cluster_plan
from appliance.services.hypervisor import apply as hypervisor_apply
from appliance.services.hypervisor import observe as hypervisor
from appliance.services.hypervisor import plan as hypervisor_plan
from appliance.services.network import addresses, hostdev
from appliance.services.network import apply as network_apply
from appliance.services.network import observe as network
from appliance.services.network import plan as network_plan
from appliance.services.storage import apply as storage_apply
from appliance.services.storage import check as storage_check
from appliance.services.storage import mirror, pool
from appliance.services.storage import observe as storage
from appliance.services.storage import plan as storage_plan
from appliance.services.storage import roles as storage_roles
from appliance.services.system import apply as system_apply
from appliance.services.system import hardware
from appliance.services.system import observe as system
from appliance.services.system import plan as system_plan

HANDLERS: Handlers = (
    installer_apply.HANDLERS
    | system_apply.HANDLERS
    | network_apply.HANDLERS
    | storage_apply.HANDLERS
    | cluster_apply.HANDLERS
    | hypervisor_apply.HANDLERS
)


def inspect(host: Host) -> Inventory:
    """What this machine has and is now. Reads only."""
    disks = storage.observe(host)
    switch = network.tables(host)
    nics, devices, addresses = network.observe(host, switch)
    now = system.observe(host)
    return Inventory(
        machine=_machine(host, disks),
        disks=disks,
        nics=nics,
        chosen=network.chosen(host) if now.installed else Chosen(),
        devices=devices,
        addresses=addresses,
        firewall=network.firewall(host) if now.installed else "",
        chassis=network.chassis(host, switch) if now.installed else None,
        pools=hostdev.pools(host) if now.installed else (),
        pool=pool.observe(host, disks) if now.installed else None,
        mirror=mirror.observe(host, disks) if now.installed else (),
        virtualisation=hypervisor.virtualisation(host) if now.installed else Virtualisation(),
        etcd=cluster.etcd(host) if now.installed else False,
        cluster=cluster.cluster(host) if now.installed else None,
        system=now,
    )


def ports(host: Host) -> tuple[Nic, ...]:
    """The network ports alone, as they are now: who waits for a cable need not look at a hundred disks. Reads only."""
    return network.observe(host)[0]


def _machine(host: Host, disks: tuple[Disk, ...]) -> Machine:
    return Machine(
        dmi=hardware.dmi(host),
        firmware=hardware.firmware(host),
        cpu=hypervisor.cpu(host),
        memory=hypervisor.memory(host),
        numa=hypervisor.numa(host),
        iommu=hypervisor.iommu(host),
        tpm=hardware.tpm(host),
        bmc=hardware.bmc(host),
        usb=hardware.usb(host),
        boot=hardware.boot(host, disks),
        kernel=hardware.kernel(host),
        kvm=hypervisor.kvm(host),
    )


def check(inventory: Inventory, spec: Spec) -> list[Problem]:
    """Everything that is wrong with the wish on this machine; empty when it can be planned. Pure."""
    problems = [*network_plan.check(inventory, spec), *hypervisor_plan.check(inventory, spec)]
    if not inventory.system.installed:
        problems += installer_plan.check(inventory, spec)
    return [*problems, *storage_check.check(installer_plan.chosen(inventory, spec), spec)]


def roles(inventory: Inventory, spec: Spec) -> storage_roles.Roles:
    """What each disk is for, or would be once the node is installed, and why. Pure."""
    return storage_roles.assign(installer_plan.chosen(inventory, spec), spec)


def system_disks(inventory: Inventory) -> tuple[Disk, ...]:
    """The disks as somebody who chooses a system disk has to see them: `unusable` has every reason against each. Pure.

    The disks that are behind a BIOS RAID volume are not among them: the volume is.
    """
    members = {id_ for disk in inventory.disks if disk.raid for id_ in disk.raid.members}
    return tuple(disk for disk in installer_plan.candidates(inventory) if disk.id not in members)


def precheck(inventory: Inventory) -> list[installer_precheck.Remark]:
    """What this machine lacks to be a node, and what would be better, whatever anybody wishes. Pure."""
    return installer_precheck.precheck(inventory)


def plan(inventory: Inventory, spec: Spec, *, follow: bool = False) -> Plan:
    """The steps from what is to what is wished; no steps when it is so. Unsatisfiable holds all problems. Pure.

    With `follow` the node follows this spec already: what its hardware has lost since is pending, and keeps nothing else from
    being what the spec says. For the network, whose change may lock somebody out, that is the saved spec and no other.
    """
    saved = follow and inventory.system.installed and spec.digest == inventory.system.spec
    if problems := list(network_plan.check(inventory, spec, follow=True)) if saved else check(inventory, spec):
        raise Unsatisfiable(problems)
    if not inventory.system.installed:
        return Plan(steps=tuple(installer_plan.plan(inventory, spec)))
    return Plan(
        # Saved when all of it is proven: what could not be carried out is not what the next boot shall follow.
        steps=(
            *installer_plan.finish(inventory),
            *system_plan.plan(inventory, spec),
            *network_plan.plan(inventory, spec, follow=saved),
            *storage_plan.plan(inventory, spec, pool_address(inventory, spec)),
            *cluster_plan.plan(inventory, spec),
            *hypervisor_plan.plan(inventory, spec),
            *system_plan.save(inventory, spec),
        ),
        pending=(
            *system_plan.pending(spec),
            *network_plan.pending(inventory, spec, follow=saved),
            *storage_plan.pending(inventory, spec, pool_address(inventory, spec), storage_plan.plane(spec)),
            *(hypervisor_plan.pending(inventory, spec) if saved else ()),
        ),
    )


def pool_address(inventory: Inventory, spec: Spec) -> str:
    """The address of this node for the pool."""
    return addresses.standing(inventory, spec, storage_plan.plane(spec))


def apply(plan: Plan, host: Host, emit: Emit) -> None:
    """Carry the plan out and prove each step. The only one of the four that changes anything."""
    _apply(plan, host, HANDLERS, emit)
