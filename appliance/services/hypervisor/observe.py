# SPDX-License-Identifier: Apache-2.0
"""What of this machine carries VMs: processors, NUMA, memory, IOMMU, KVM. From /proc and /sys."""

import re
from typing import Literal

from appliance.host.host import Host
from appliance.model.machine import Cpu, Iommu, NumaNode, Virtualisation

_CPU = "/sys/devices/system/cpu"
KSM = "/sys/kernel/mm/ksm"
_NODES = "/sys/devices/system/node"


def cpu(host: Host) -> Cpu:
    """The processors, from /proc/cpuinfo. Cores are counted once for each socket: threads of one core share an id."""
    processors = parse_cpuinfo(host.files.read("/proc/cpuinfo") or "")
    if not processors:
        return Cpu()
    first = processors[0]
    cores = {p.get("physical id", "0"): int(p.get("cpu cores", "1")) for p in processors}
    flags = tuple(sorted(first.get("flags", "").split()))
    return Cpu(
        model=re.sub(r"\s+", " ", first.get("model name", "")),
        vendor=first.get("vendor_id", ""),
        sockets=len(cores),
        cores=sum(cores.values()),
        threads=len(processors),
        flags=flags,
        microcode=first.get("microcode", ""),
        virtualisation="VT-x" if "vmx" in flags else "AMD-V" if "svm" in flags else "",
        vulnerabilities=_vulnerabilities(host),
    )


def parse_cpuinfo(text: str) -> list[dict[str, str]]:
    """One mapping for each block of /proc/cpuinfo that describes a processor."""
    blocks = (block.splitlines() for block in text.split("\n\n"))
    parsed = ({k.strip(): v.strip() for k, _, v in (line.partition(":") for line in lines)} for lines in blocks)
    return [block for block in parsed if "processor" in block]


def _vulnerabilities(host: Host) -> dict[str, str]:
    folder = f"{_CPU}/vulnerabilities"
    return {name: host.files.read(f"{folder}/{name}") or "" for name in host.files.list(folder)}


def memory(host: Host) -> int:
    """Bytes that the kernel has, a little less than what is plugged in."""
    return parse_meminfo(host.files.read("/proc/meminfo") or "").get("MemTotal", 0)


def parse_meminfo(text: str) -> dict[str, int]:
    """Bytes by the kernel's name, of /proc/meminfo or of a NUMA node's ("Node 0 MemTotal: 1024 kB")."""
    found = re.findall(r"^(?:Node \d+ )?(\S+):\s+(\d+) kB$", text, re.MULTILINE)
    return {name: int(number) * 1024 for name, number in found}


def numa(host: Host) -> tuple[NumaNode, ...]:
    """The NUMA nodes by number; one on a machine without NUMA, none where the kernel knows nothing of it."""
    ids = sorted(int(name[4:]) for name in host.files.list(_NODES) if re.fullmatch(r"node\d+", name))
    return tuple(_node(host, number) for number in ids)


def _node(host: Host, number: int) -> NumaNode:
    folder = f"{_NODES}/node{number}"
    memory_ = parse_meminfo(host.files.read(f"{folder}/meminfo") or "")
    distances = (host.files.read(f"{folder}/distance") or "").split()
    return NumaNode(
        id=number,
        cpus=host.files.read(f"{folder}/cpulist") or "",
        memory=memory_.get("MemTotal", 0),
        free=memory_.get("MemFree", 0),
        hugepages=_hugepages(host, f"{folder}/hugepages"),
        distances=tuple(int(d) for d in distances),
    )


def _hugepages(host: Host, folder: str) -> dict[str, int]:
    """Pages by size, in the spec's words ("2MiB", "1GiB")."""
    pages = {}
    for name in host.files.list(folder):
        size = int(name.removeprefix("hugepages-").removesuffix("kB")) // 1024
        word = f"{size // 1024}GiB" if size >= 1024 else f"{size}MiB"  # noqa: PLR2004 - MiB in a GiB
        pages[word] = int(host.files.read(f"{folder}/{name}/nr_hugepages") or 0)
    return pages


def iommu(host: Host) -> Iommu:
    """On when the kernel has made an IOMMU device; groups are what can be passed through as one."""
    return Iommu(
        available=bool(host.files.list("/sys/class/iommu")),
        groups=len(host.files.list("/sys/kernel/iommu_groups")),
    )


def kvm(host: Host) -> bool:
    """Is /dev/kvm there? Whether guests really run under it is found out only by running one."""
    return host.files.read("/sys/class/misc/kvm/dev") is not None


def virtualisation(host: Host) -> Virtualisation:
    """What runs VMs here now, and what the platform keeps for itself."""
    system = "/sys/fs/cgroup/system.slice"
    least = host.files.read(f"{system}/memory.min") or ""
    return Virtualisation(
        libvirt=libvirt(host),
        cpus=host.files.read(f"{system}/cpuset.cpus") or "",
        memory=int(least) if least.isdigit() else 0,
        merge=merging(host),
        container="trivet.container=1" in (host.files.read("/proc/cmdline") or "").split(),
    )


def merging(host: Host) -> Literal["off", "on", "auto", ""]:
    """Does the kernel merge equal pages? Its advisor chooses the pace; kernels without one merge at a fixed pace, or not."""
    run = host.files.read(f"{KSM}/run")
    if run is None:
        return ""
    if run != "1":
        return "off"
    return "auto" if "[scan-time]" in (host.files.read(f"{KSM}/advisor_mode") or "") else "on"


def libvirt(host: Host) -> bool:
    """Does it answer? systemd listens for it, and starts it for who asks."""
    return host.files.real("/run/libvirt/libvirt-sock") is not None


def pages(host: Host, node: int, size: str) -> int:
    """How many huge pages a NUMA node has."""
    return int(host.files.read(pages_file(node, size)) or 0)


def pages_file(node: int, size: str) -> str:
    """Where the kernel has them."""
    kib = {"2MiB": 2048, "1GiB": 1048576}[size]
    return f"{_NODES}/node{node}/hugepages/hugepages-{kib}kB/nr_hugepages"
