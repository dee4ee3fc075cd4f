# SPDX-License-Identifier: Apache-2.0
"""(ports, SR-IOV spec) -> the virtual functions that each port shall have. Pure.

The whole state is wished: how many, and for each what the spec gives. What it does not give is the driver's business.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from appliance.model.inventory import Inventory
from appliance.model.network import Nic, Vf, VfPool
from appliance.model.plan import ConfigureVfs, OfferVfs, Step, VfWish
from appliance.model.problem import Problem
from appliance.model.selector import NicSelector
from appliance.model.spec import Spec, SriovSpec
from appliance.services.network.ports import choose, left
from appliance.services.network.topology import Uplink

PLACE = "network.sriov"
PREFIX = "sriov-"
"""Of libvirt's networks that are ours."""
_PROTECTED = ("management", "storage")
_ATTRIBUTES = ("mac", "vlan", "qos", "trust", "spoofchk", "link", "min_rate", "max_rate")


@dataclass(frozen=True)
class Port:
    """A physical function, its entry in the spec, and where that stands."""

    nic: Nic
    spec: SriovSpec
    where: str

    @property
    def present(self) -> tuple[Vf, ...]:
        return self.nic.sriov.vfs if self.nic.sriov else ()

    @property
    def pool(self) -> VfPool:
        """libvirt's network for what is there now for VMs. The port's place is in its name: a port's name changes."""
        return pool_of(self.nic.pci, self.present)


def resolve(
    inventory: Inventory, spec: Spec, uplinks: Sequence[Uplink], *, follow: bool = False
) -> tuple[tuple[Port, ...], list[Problem]]:
    """The ports of all entries, and everything that this machine cannot give. `follow` as in flow.plan."""
    ports: dict[str, Port] = {}
    problems = []
    for number, entry in enumerate(spec.network.sriov):
        where = f"{PLACE}[{number}]"
        selection = (left if follow else choose)(inventory, spec, entry.nic.counted(1))
        if selection.problem:
            problems.append(Problem(where=f"{where}.nic", message=selection.problem, hint="see `trivet inspect`"))
        for nic in selection.chosen:
            if nic.pci in ports:
                message = f"{nic.label} is in {ports[nic.pci].where} already"
                problems.append(Problem(where=f"{where}.nic", message=message, hint="describe each port once"))
            else:
                ports[nic.pci] = Port(nic, entry, where)
    for nic in inventory.nics:  # what an earlier spec had made
        if nic.sriov and nic.sriov.vfs and nic.pci not in ports and inventory.system.installed:
            ports[nic.pci] = Port(nic, SriovSpec(nic=NicSelector(), vfs=0, force=True), PLACE)
    problems += [problem for port in ports.values() for problem in _check(inventory, port, uplinks)]
    problems += _same_addresses(inventory, tuple(ports.values()))
    return tuple(ports.values()), problems


def able(ports: Sequence[Port], problems: Sequence[Problem]) -> tuple[Port, ...]:
    """The ports of which nothing is wrong: the others stay as they are.

    Functions that no entry names are nobody's only when each entry has its port: their place is above that of all entries.
    """
    return tuple(port for port in ports if not any(problem.where.startswith(port.where) for problem in problems))


def _check(inventory: Inventory, port: Port, uplinks: Sequence[Uplink]) -> Iterator[Problem]:
    nic, entry = port.nic, port.spec
    if nic.sriov is None:
        hint = "it may be off in the firmware's setup, or this is another port than was meant"
        yield Problem(where=f"{port.where}.nic", message=f"{nic.label} offers no virtual functions", hint=hint)
        return
    if entry.vfs > nic.sriov.total:
        message = f"{nic.label} offers {nic.sriov.total} virtual functions, and {entry.vfs} are asked for"
        yield Problem(where=f"{port.where}.vfs", message=message, hint=f"ask for {nic.sriov.total} at most")
    carried = [p.name for u in uplinks for p in u.planes if p.name in _PROTECTED and nic.pci in {n.pci for n in u.nics}]
    if carried and not entry.force:
        message = f"{nic.label} carries {' and '.join(carried)}, which a change of its functions interrupts"
        yield Problem(where=f"{port.where}.nic", message=message, hint="take another port, or say force: true")
    wants_vfio = entry.vfs and (entry.driver == "vfio-pci" or any(vf.driver == "vfio-pci" for vf in entry.vf))
    if wants_vfio and not inventory.machine.iommu.available:
        message = "vfio-pci needs the IOMMU, and it is off"
        hint = "switch VT-d or AMD-Vi on in the firmware's setup, or say driver: kernel"
        yield Problem(where=f"{port.where}.driver", message=message, hint=hint)
    yield from _used(port)


def _same_addresses(inventory: Inventory, ports: Sequence[Port]) -> Iterator[Problem]:
    """Two with one address answer for each other, and which of them a switch sends to changes with every frame."""
    taken = {nic.mac: nic.label for nic in inventory.nics if not nic.vf_of}
    for port in ports:
        for number, vf in enumerate(port.spec.vf):
            where = f"{port.where}.vf[{number}]"
            if vf.mac and vf.mac in taken:
                message = f"{vf.mac} is the address of {taken[vf.mac]} already"
                yield Problem(where=f"{where}.mac", message=message, hint="give each function an address of its own")
            elif vf.mac:
                taken[vf.mac] = where


def _used(port: Port) -> Iterator[Problem]:
    """What a running VM has is not changed under it. It is the VM's to say which address and VLAN its function has meanwhile."""
    present, wished = port.present, wishes(port.spec)
    for vf in (vf for vf in present if vf.used_by):
        hint = f"stop {vf.used_by} first, or move it to another node"
        if len(wished) != len(present):
            message = f"the VM {vf.used_by} runs on function {vf.index} of {port.nic.label}: their number cannot change"
            yield Problem(where=f"{port.where}.vfs", message=message, hint=hint)
        elif wrong := differences(wished[vf.index], vf):
            message = f"the VM {vf.used_by} runs on function {vf.index} of {port.nic.label}, whose {' and '.join(wrong)}"
            yield Problem(where=f"{port.where}.vf", message=message, hint=hint)


def wishes(entry: SriovSpec) -> tuple[VfWish, ...]:
    """Each virtual function as the entry wants it, in order."""
    described = {vf.index: vf for vf in entry.vf}
    found = []
    for index in range(entry.vfs):
        vf = described.get(index)
        given = {name: value for name in _ATTRIBUTES if vf and (value := getattr(vf, name)) is not None}
        found.append(VfWish(index=index, driver=(vf and vf.driver) or entry.driver, attributes=given))
    return tuple(found)


def agree(wished: Sequence[VfWish], present: Sequence[Vf]) -> bool:
    """Are the virtual functions that are there the wished ones?"""
    return len(wished) == len(present) and all(not differences(w, p) for w, p in zip(wished, present, strict=True))


def differences(wished: VfWish, present: Vf) -> list[str]:
    """A phrase for each thing that is not as wished. libvirt sets address and VLAN while a VM has the function."""
    kernel = present.driver not in ("", "vfio-pci")
    driver = kernel if wished.driver == "kernel" else present.driver == "vfio-pci"
    given = {k: v for k, v in wished.attributes.items() if not (present.used_by and k in ("mac", "vlan"))}
    found = [f"{name} is {getattr(present, name)}" for name, value in given.items() if getattr(present, name) != value]
    return found if driver else [*found, f"driver is {present.driver or 'none'}"]


def pool_of(pci: str, vfs: Sequence[Vf]) -> VfPool:
    """The network of libvirt for those virtual functions of the port at `pci` that VMs can have."""
    return VfPool(name=f"{PREFIX}{pci}", functions=tuple(vf.pci for vf in vfs if vf.driver == "vfio-pci"))


def plan(ports: Sequence[Port], pools: Sequence[VfPool]) -> Iterator[Step]:
    """Steps for each port whose virtual functions are not as wished, or not offered as they are. `pools`: what libvirt has."""
    for port in ports:
        wished = wishes(port.spec)
        changed = not agree(wished, port.present)
        if changed:
            yield ConfigureVfs(pci=port.nic.pci, port=port.nic.label, vfs=wished, why=_why(wished, port.present, port.where))
        offered = next((pool for pool in pools if pool.name == port.pool.name), VfPool(name=port.pool.name, functions=()))
        for_vms = sum(wish.driver == "vfio-pci" for wish in wished)
        if len(offered.functions) != for_vms or (not changed and offered != port.pool):
            why = f"{port.where}; vfio-pci has {for_vms} of them"
            yield OfferVfs(pci=port.nic.pci, pool=port.pool.name, functions=for_vms, why=why)


def _why(wished: Sequence[VfWish], present: Sequence[Vf], where: str) -> str:
    if len(wished) != len(present):
        return f"{where}; there are {len(present)} now"
    drift = [f"{w.index}: {', '.join(d)}" for w, p in zip(wished, present, strict=True) if (d := differences(w, p))]
    return f"{where}; {'; '.join(drift[:4])}"
