# SPDX-License-Identifier: Apache-2.0
"""(what the machine can run, spec.hypervisor) -> problems and steps: libvirt, huge pages, what is kept for the platform. Pure."""

from collections.abc import Iterator

from appliance.model.inventory import Inventory
from appliance.model.machine import NumaNode
from appliance.model.plan import MergePages, Pending, ReserveForPlatform, RunLibvirt, SetHugePages, Step
from appliance.model.problem import Problem
from appliance.model.rendered import HEADER, QEMU_CONF, digest, render
from appliance.model.spec import HypervisorSpec, Spec
from appliance.model.units import format_size

_BYTES = {"2MiB": 2**21, "1GiB": 2**30}
_PLATFORM = 2**30
"""Of memory, the least that is left beside huge pages."""
_MIB = 2**20
_ENGINES, _STORAGE, _SHARE = 2**30, 4 * 2**30, 16
"""Of memory, what engines take without and for a pool; of the rest the sixteenth part."""


def check(inventory: Inventory, spec: Spec) -> Iterator[Problem]:
    """What this machine cannot give to VMs, in plain words."""
    if spec.hypervisor is None:
        return
    yield from _processor(inventory, spec.hypervisor)
    yield from _room(inventory, spec.hypervisor)


def _processor(inventory: Inventory, wish: HypervisorSpec) -> Iterator[Problem]:
    cpu = inventory.machine.cpu
    lab = "or, in a lab, write emulation: true, and VMs run many times slower"
    if wish.emulation or inventory.machine.kvm:
        pass
    elif not cpu.virtualisation:
        message = "the processors offer neither VT-x nor AMD-V, without which VMs cannot run at speed"
        hint = f"switch it on in the firmware's setup (Intel Virtualization Technology, SVM), {lab}"
        yield Problem(where="hypervisor", message=message, hint=hint)
    else:
        message = f"the processors have {cpu.virtualisation}, and the kernel cannot use it: it offers no KVM"
        hint = f"see `dmesg | grep -i kvm`; the firmware may have locked it, so switch the server off and on, {lab}"
        yield Problem(where="hypervisor", message=message, hint=hint)
    if wish.hugepages.get("1GiB") and "pdpe1gb" not in cpu.flags:
        message = "the processors have no pages of 1 GiB"
        yield Problem(where="hypervisor.hugepages.1GiB", message=message, hint="ask for pages of 2MiB")


def _room(inventory: Inventory, wish: HypervisorSpec) -> Iterator[Problem]:
    machine = inventory.machine
    huge = sum(_BYTES[size] * pages for size, pages in wish.hugepages.items())
    kept = (wish.reserve.memory or 0) + huge
    if machine.memory and kept > machine.memory - _PLATFORM:
        message = f"huge pages and reserve take {format_size(kept)} of {format_size(machine.memory)}"
        hint = f"leave {format_size(_PLATFORM)} at least to what is neither"
        yield Problem(where="hypervisor", message=message, hint=hint)
    if (wish.reserve.cpus or 0) >= machine.cpu.threads:
        message = f"of {machine.cpu.threads} processors none would be left for VMs"
        yield Problem(where="hypervisor.reserve.cpus", message=message, hint="reserve fewer")


def plan(inventory: Inventory, spec: Spec) -> Iterator[Step]:
    """Pages last: what is not found of them must keep nothing else from being as the spec says."""
    wish, now = spec.hypervisor, inventory.virtualisation
    if wish is None:
        # Where our file is not, it runs to offer virtual functions.
        ours = inventory.system.files.get(QEMU_CONF) == digest(_qemu(container=now.container))
        if now.libvirt and ours and not inventory.pools:
            yield RunLibvirt(running=False, why="no hypervisor in the spec")
        return
    yield from render(
        inventory, QEMU_CONF, _qemu(container=now.container), why="how libvirt runs QEMU", reload="libvirtd.service"
    )
    if not now.libvirt:
        yield RunLibvirt(running=True, why="hypervisor")
    cpus, memory = _first(inventory.machine.numa, wish.reserve.cpus or 0), kept(spec, inventory.machine.memory)
    if not now.container and (now.cpus, now.memory) != (cpus, memory):
        said = wish.reserve.cpus is not None or wish.reserve.memory is not None
        yield ReserveForPlatform(cpus=cpus, memory=memory, why="hypervisor.reserve" if said else "what the engines need")
    if not now.container and now.merge not in ("", wish.merge):
        yield MergePages(merge=wish.merge, why="hypervisor")
    for size, total in wish.hugepages.items():
        nodes = [node for node in inventory.machine.numa if node.memory]
        for position, node in enumerate(nodes):
            pages = total // len(nodes) + (position < total % len(nodes))
            if node.hugepages.get(size, 0) != pages:
                yield SetHugePages(node=node.id, size=size, pages=pages, why=f"hypervisor.hugepages.{size}, {total} in all")


def kept(spec: Spec, memory: int) -> int:
    """Of so many bytes those for the platform. Where the spec says nothing: what engines take, and a share, in whole MiB."""
    if spec.hypervisor is not None and spec.hypervisor.reserve.memory is not None:
        return spec.hypervisor.reserve.memory
    storage = _STORAGE if spec.storage is not None else 0
    return min(memory // 2, _ENGINES + storage + memory // _SHARE) // _MIB * _MIB if memory else 0


def pending(inventory: Inventory, spec: Spec) -> Iterator[Pending]:
    """What this machine had when the spec was saved, and has no more."""
    for problem in check(inventory, spec):
        yield Pending(where=problem.where, why=problem.message, hint=problem.hint, lost=True)


def _qemu(*, container: bool) -> str:
    """Where control groups are another machine's, libvirt finds those that it counts on incomplete, and may raise no limits."""
    own = "cgroup_controllers = []\n" if container else "max_files = 32768\n"
    return f'{HEADER}stdio_handler = "logd"\n{own}'


def _first(nodes: tuple[NumaNode, ...], count: int) -> str:
    """The first processors of the machine, in the kernel's list form."""
    if not count:
        return ""
    found: list[int] = []
    for part in ",".join(node.cpus for node in nodes if node.cpus).split(","):
        first, _, last = part.partition("-")
        found += range(int(first or 0), int(last or first or 0) + 1)
    chosen = sorted(found)[:count] or list(range(count))
    if chosen == list(range(chosen[0], chosen[0] + len(chosen))):
        return f"{chosen[0]}-{chosen[-1]}" if len(chosen) > 1 else str(chosen[0])
    return ",".join(str(number) for number in chosen)
