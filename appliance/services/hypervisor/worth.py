# SPDX-License-Identifier: Apache-2.0
"""(processors, IOMMU, what the kernel says) -> what this server is worth as a host of VMs, in plain words. Pure but for `seen`.

No part of the inventory: nothing is planned from it.
"""

from collections.abc import Iterator

from appliance.host.host import Host
from appliance.model.hypervisor import Seen, Worth
from appliance.model.machine import Cpu, Machine
from appliance.model.units import format_size
from appliance.services.hypervisor.observe import KSM, merging, parse_cpuinfo

_MODULES = ("kvm_intel", "kvm_amd")
_PAGE = 4096


def seen(host: Host) -> Seen:
    """Reads only."""
    nested = [text for module in _MODULES if (text := host.files.read(f"/sys/module/{module}/parameters/nested")) is not None]
    processors = parse_cpuinfo(host.files.read("/proc/cpuinfo") or "")
    return Seen(
        nested=nested[0] in ("Y", "1") if nested else None,
        microcodes=tuple(sorted({each["microcode"] for each in processors if each.get("microcode")})),
        merging={"": None, "off": False}.get(merging(host), True),
        merged=int(host.files.read(f"{KSM}/pages_sharing") or 0) * _PAGE,
    )


def worth(machine: Machine, now: Seen) -> tuple[Worth, ...]:
    """All that was looked at, in the order in which it matters."""
    return (
        _virtualisation(machine),
        _iommu(machine),
        _nesting(now),
        _microcode(now),
        *_mitigations(machine.cpu),
        _merging(now),
    )


def _virtualisation(machine: Machine) -> Worth:
    word = machine.cpu.virtualisation
    if word and machine.kvm:
        return Worth(name="VMs", state="ok", message=f"{word}, and the kernel offers KVM: they run at speed")
    if word:
        hint = "see `dmesg | grep -i kvm`; the firmware may have locked it, so switch the server off and on"
        return Worth(name="VMs", state="bad", message=f"{word}, and the kernel offers no KVM", hint=hint)
    message = "neither VT-x nor AMD-V: VMs can only be emulated, many times slower"
    hint = "switch it on in the firmware's setup (Intel Virtualization Technology, SVM)"
    return Worth(name="VMs", state="bad", message=message, hint=hint)


def _iommu(machine: Machine) -> Worth:
    if machine.iommu.available:
        message = f"on, with {machine.iommu.groups} groups: devices and virtual functions can be a VM's own"
        return Worth(name="IOMMU", state="ok", message=message)
    hint = "switch VT-d or AMD-Vi on in the firmware's setup, if VMs shall have devices of this server"
    return Worth(name="IOMMU", state="warn", message="off or absent: no VM can have a device or a virtual function", hint=hint)


def _nesting(now: Seen) -> Worth:
    if now.nested is None:
        return Worth(name="nesting", state="ok", message="the kernel does not say whether VMs may run VMs of their own")
    return Worth(name="nesting", state="ok", message=f"VMs may {'' if now.nested else 'not '}run VMs of their own")


def _microcode(now: Seen) -> Worth:
    if not now.microcodes:
        return Worth(name="microcode", state="ok", message="the processors name no revision, as in a virtual machine")
    if len(now.microcodes) > 1:
        message = f"the processors have {', '.join(now.microcodes)}: they are not alike"
        hint = "bring the firmware up to date; one of the sockets may have missed it"
        return Worth(name="microcode", state="bad", message=message, hint=hint)
    return Worth(name="microcode", state="ok", message=f"revision {now.microcodes[0]} on all processors")


def _mitigations(cpu: Cpu) -> Iterator[Worth]:
    """What the kernel says of each known weakness: only those that it cannot help are named."""
    if not cpu.vulnerabilities:
        yield Worth(name="weaknesses", state="warn", message="the kernel says nothing of the processors' weaknesses")
        return
    open_ = {name: text for name, text in cpu.vulnerabilities.items() if text.startswith("Vulnerable")}
    smt = sorted(name for name, text in cpu.vulnerabilities.items() if "SMT vulnerable" in text and name not in open_)
    for name, text in sorted(open_.items()):
        hint = "a newer microcode helps: bring the firmware up to date" if "microcode" in text.lower() else ""
        rest = text.partition(":")[2].strip()
        message = f"{name.replace('_', ' ')}: a VM may read what is not its own{f' ({rest})' if rest else ''}"
        yield Worth(name="weakness", state="bad", message=message, hint=hint or "run only VMs here that trust each other")
    if smt:
        hint = "give VMs that do not trust each other processors of their own (cpu: {pin: true}), or switch SMT off"
        message = f"{', '.join(smt)}: two threads of one core may see what the other does"
        yield Worth(name="weakness", state="warn", message=message, hint=hint)
    if not open_:
        mitigated = sum(text.startswith("Mitigation") for text in cpu.vulnerabilities.values())
        message = f"{len(cpu.vulnerabilities)} known ones: {mitigated} mitigated by the kernel, the others not this processor's"
        yield Worth(name="weaknesses", state="ok", message=message)


def _merging(now: Seen) -> Worth:
    if now.merging is None:
        return Worth(name="merging", state="ok", message="the kernel does not say whether it merges equal pages (KSM)")
    if now.merging:
        hint = "it tells VMs of each other, and wins little where memory is given once: hypervisor: {merge: off} in the spec"
        message = f"equal pages of VMs are merged, {format_size(now.merged)} of them"
        return Worth(name="merging", state="warn", message=message, hint=hint)
    return Worth(name="merging", state="ok", message="equal pages of VMs are not merged, so none learns of another's by it")
