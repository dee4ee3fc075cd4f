# SPDX-License-Identifier: Apache-2.0
"""What a machine lacks to be a node, and what would be better: known before anybody answers a question. Pure."""

from collections.abc import Iterator
from typing import Literal

from appliance.installer import layout
from appliance.installer.plan import candidates
from appliance.model.base import Model
from appliance.model.inventory import Inventory
from appliance.model.units import format_size

MEMORY_LEAST = 1536 * layout.MIB
"""Bytes that Linux must see. The kernel keeps some of what is plugged in: 2 GiB of modules are less."""
MEMORY_GOOD = 15 * 1024 * layout.MIB


class Remark(Model):
    """`weight` "below": nothing can be installed like this; "better": it works, and less well than it could."""

    weight: Literal["below", "better"]
    message: str
    hint: str


def precheck(inventory: Inventory) -> list[Remark]:
    """What is below the minimum first."""
    return sorted(_remarks(inventory), key=lambda remark: remark.weight != "below")


def _remarks(inventory: Inventory) -> Iterator[Remark]:
    machine = inventory.machine
    disks = [disk for disk in candidates(inventory) if not disk.unusable]
    ports = [nic for nic in inventory.nics if not nic.vf_of]
    if not disks:
        least = format_size(layout.MINIMUM * layout.MIB)
        hint = f"put in a disk of at least {least}, or free one: beside each disk is what keeps it from being used"
        yield _below("there is no disk that a node could be installed on", hint)
    elif len(disks) == 1:
        hint = "with two, the system can be mirrored and outlive either of them"
        yield _better("there is one disk that a system fits on", hint)
    if not ports:
        yield _below("there is no network port", "put in a network card that Linux has a driver for")
    elif not any(nic.link for nic in ports):
        yield _better("no port has a live cable", "plug in the cable of the management network")
    elif len(ports) == 1:
        yield _better("there is one network port", "with two, a cable may be pulled and the node stays reachable")
    size = format_size(machine.memory)
    if machine.memory < MEMORY_LEAST:
        yield _below(f"the memory is {size}", f"a node needs at least {format_size(MEMORY_LEAST)}")
    elif machine.memory < MEMORY_GOOD:
        hint = "it is little for virtual machines and storage: 16 GiB or more would be better"
        yield _better(f"the memory is {size}", hint)
    if not machine.kvm:
        hint = "switch on VT-x or AMD-V (SVM) in the firmware's setup"
        yield _better("this processor cannot run virtual machines at speed", hint)
    if not machine.iommu.available:
        hint = "switch on VT-d or AMD-Vi in the firmware's setup"
        yield _better("there is no IOMMU, so no device can be handed to a virtual machine", hint)


def _below(message: str, hint: str) -> Remark:
    return Remark(weight="below", message=message, hint=hint)


def _better(message: str, hint: str) -> Remark:
    return Remark(weight="better", message=message, hint=hint)
