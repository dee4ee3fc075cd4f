# SPDX-License-Identifier: Apache-2.0
"""(VM document, what was found for it on this node) -> libvirt's domain document. Pure; a golden file for each case.

It is rendered anew at each start and edited by nobody. Guests see a q35 machine whose devices keep their places: disks by their
serial, which is their name, ports by their MAC.
"""

from typing import Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from appliance.model.base import Model
from appliance.model.placement import Placement
from appliance.model.vm import DiskWish, NicWish, Vm
from appliance.services.vm.place import listed

AGENT = "org.qemu.guest_agent.0"
NVRAM = "/var/lib/libvirt/images"
"""In the VM's own folder of the pool: it goes with its disks."""
_FIRMWARE = "/usr/share/OVMF"
_KIB = 1024
_PAGE_KIB = {"2MiB": "2048", "1GiB": "1048576"}
_SLOTS = 16
"""Of memory that may be added, as few as others offer: each is an address range from the start."""
_PORTS = 8
"""PCIe ports that are free for what is attached while it runs."""
_SATA = 6
"""Ports of a SATA controller."""
_TPM = {"type": "emulator", "version": "2.0", "persistent_state": "yes"}
"""What it keeps would go with the domain, which is gone when the VM stops."""
_OWN = 7
"""PCIe ports of what each VM has: SCSI, the agent's channel, USB, balloon, random numbers, a seed."""
_TYPES = {"file": "file", "block": "block", "rbd": "network"}
_LEAST_BURST = 64
"""KiB: a few of the large packets that a guest hands over at once."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Source(Model):
    """Where a disk is: a file with its format, a device, or an image of the pool ("pool/image"), read as `user` by `secret`."""

    file: str
    format: str = "qcow2"
    kind: Literal["file", "block", "rbd"] = "file"
    user: str = ""
    secret: str = ""


class Wire(Model):
    """What a port is plugged into: Open vSwitch's `bridge`, with OVN's port or a VLAN, or libvirt's `pool`.

    VLAN 0 is what has no tag; a port without any VLAN would be a trunk, and its guest in every VLAN.

    `whole`: the switch is in user space, and takes packets whose checksums the guest has left out for broken ones.
    """

    bridge: str = ""
    port: str = ""
    vlan: int = 0
    whole: bool = False
    pool: str = ""


class Plugged(Model):
    """A USB device: what it is and, where it is there already, its number on which bus. libvirt waits for one that is not."""

    vendor: str
    product: str
    bus: int = 0
    number: int = 0


class Found(Model):
    """What the document does not say and a node does. Disks, media and kernels by name, wires by MAC."""

    uuid: str
    kvm: bool
    disks: dict[str, Source] = {}
    images: dict[str, str] = {}
    wires: dict[str, Wire] = {}
    seed: str = ""
    placement: Placement | None = None
    pci: tuple[str, ...] = ()
    usb: tuple[Plugged, ...] = ()


def render(vm: Vm, found: Found) -> str:
    """The domain, as `virsh define` takes it."""
    domain = Element("domain", type="kvm" if found.kvm else "qemu")
    _text(domain, "name", vm.name)
    _text(domain, "uuid", found.uuid)
    if vm.description:
        _text(domain, "description", vm.description)
    _memory(domain, vm)
    cpus = _text(domain, "vcpu", str(vm.cpu.max or vm.cpu.count), placement="static")
    if vm.cpu.max:
        cpus.set("current", str(vm.cpu.count))
    _placement(domain, cpus, vm, found.placement)
    _firmware(domain, vm, found)
    _features(domain, vm)
    _cpu(domain, vm, found)
    clock = SubElement(domain, "clock", offset="utc")
    SubElement(clock, "timer", name="rtc", tickpolicy="catchup")
    SubElement(clock, "timer", name="pit", tickpolicy="delay")
    SubElement(clock, "timer", name="hpet", present="no")
    _text(domain, "on_poweroff", "destroy")
    _text(domain, "on_reboot", "restart")
    _text(domain, "on_crash", "destroy")
    _devices(domain, vm, found)
    ElementTree.indent(domain)
    return ElementTree.tostring(domain, encoding="unicode") + "\n"


def screen(name: str) -> str:
    """The socket of a VM's screen. QEMU asks nobody for a password there, so it is for root alone (rfb.py)."""
    return f"/run/libvirt/qemu/{name}.vnc"


def _memory(domain: Element, vm: Vm) -> None:
    wish = vm.memory
    if wish.max:
        _text(domain, "maxMemory", str(wish.max // _KIB), slots=str(_SLOTS), unit="KiB")
    _text(domain, "memory", str(wish.size // _KIB), unit="KiB")
    backing = Element("memoryBacking")
    if wish.pages:
        pages = SubElement(backing, "hugepages")
        SubElement(pages, "page", size=_PAGE_KIB[wish.pages], unit="KiB")
    if len(backing):
        domain.append(backing)


def _placement(domain: Element, cpus: Element, vm: Vm, placement: Placement | None) -> None:
    if placement is None or not placement.shares:
        return
    cpus.set("cpuset", listed(placement.cpuset))
    pins: list[tuple[int, ...]] = [(pin,) for pin in placement.pins]
    if not pins and len(placement.shares) > 1:
        pins = [share.cpuset for share in placement.shares for _ in range(share.cpus)]
    if pins:
        tune = SubElement(domain, "cputune")
        for vcpu, own in enumerate(pins):
            SubElement(tune, "vcpupin", vcpu=str(vcpu), cpuset=listed(own))
        SubElement(tune, "emulatorpin", cpuset=listed(placement.cpuset))
    numa = SubElement(domain, "numatune")
    SubElement(numa, "memory", mode="strict", nodeset=listed(placement.cells))
    if len(placement.shares) > 1:
        for guest, share in enumerate(placement.shares):
            SubElement(numa, "memnode", cellid=str(guest), mode="strict", nodeset=str(share.cell))


def _firmware(domain: Element, vm: Vm, found: Found) -> None:
    os = SubElement(domain, "os")
    _text(os, "type", "hvm", arch="x86_64", machine="q35")
    if vm.firmware != "bios":
        secure = vm.firmware == "secure-boot"
        code = "OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd"
        store = "OVMF_VARS_4M.ms.fd" if secure else "OVMF_VARS_4M.fd"
        flags = {"readonly": "yes", "type": "pflash", **({"secure": "yes"} if secure else {})}
        _text(os, "loader", f"{_FIRMWARE}/{code}", **flags)
        _text(os, "nvram", f"{NVRAM}/{found.uuid}/firmware.fd", template=f"{_FIRMWARE}/{store}")
    if vm.kernel:
        _text(os, "kernel", found.images[vm.kernel.image])
        if vm.kernel.initrd:
            _text(os, "initrd", found.images[vm.kernel.initrd])
        _text(os, "cmdline", vm.kernel.arguments)
    if vm.firmware == "bios":
        SubElement(os, "bios", useserial="yes")


def _features(domain: Element, vm: Vm) -> None:
    features = SubElement(domain, "features")
    SubElement(features, "acpi")
    SubElement(features, "apic")
    if vm.firmware == "secure-boot":
        SubElement(features, "smm", state="on")


def _cpu(domain: Element, vm: Vm, found: Found) -> None:
    if not found.kvm:
        cpu = SubElement(domain, "cpu", mode="maximum")
    elif vm.cpu.model == "host":
        cpu = SubElement(domain, "cpu", mode="host-passthrough", check="none", migratable="on")
    else:
        cpu = SubElement(domain, "cpu", mode="host-model", check="partial")
    placement = found.placement
    spread = placement.shares if placement and len(placement.shares) > 1 else ()
    top = vm.cpu.max or vm.cpu.count
    # Memory that is added while it runs goes to a guest's node, so there has to be one.
    if spread or vm.memory.max:
        numa, at = SubElement(cpu, "numa"), 0
        cells = [(share.cpus, share.memory) for share in spread] or [(vm.cpu.count, vm.memory.size)]
        for guest, (count, memory) in enumerate(cells):
            last = top if guest == len(cells) - 1 else at + count
            SubElement(numa, "cell", id=str(guest), cpus=listed(range(at, last)), memory=str(memory // _KIB), unit="KiB")
            at = last


def _devices(domain: Element, vm: Vm, found: Found) -> None:
    devices = SubElement(domain, "devices")
    _text(devices, "emulator", "/usr/bin/qemu-system-x86_64")
    SubElement(devices, "controller", type="pci", index="0", model="pcie-root")
    for number in range(1, _PORTS + len(vm.disks) + len(vm.nics) + len(vm.pci) + _OWN):
        SubElement(devices, "controller", type="pci", index=str(number), model="pcie-root-port")
    SubElement(devices, "controller", type="scsi", index="0", model="virtio-scsi")
    for number, wish in enumerate(vm.disks):
        devices.append(disk_element(wish, found.disks[wish.name], number, _turn(vm, "disk", number)))
    for number, name in enumerate(vm.media):
        devices.append(_medium(found.images[name], len(vm.disks) + number, _turn(vm, "media", number)))
    if found.seed:
        devices.append(_seed(found.seed, len(vm.disks) + len(vm.media)))
    for number, nic in enumerate(vm.nics):
        devices.extend(port_elements(nic, found.wires[nic.mac or ""], _turn(vm, "network", number)))
    devices.extend(_pci(address) for address in found.pci)
    devices.extend(_usb(usb) for usb in found.usb)
    serial = SubElement(devices, "serial", type="pty")
    SubElement(serial, "log", file=f"/var/log/libvirt/qemu/{vm.name}-serial.log", append="on")
    SubElement(serial, "target", port="0")
    channel = SubElement(devices, "channel", type="unix")
    SubElement(channel, "target", type="virtio", name=AGENT)
    SubElement(devices, "input", type="tablet", bus="usb")
    SubElement(devices, "graphics", type="vnc", socket=screen(vm.name))
    SubElement(SubElement(devices, "video"), "model", type="vga")
    if vm.tpm:
        SubElement(SubElement(devices, "tpm", model="tpm-crb"), "backend", _TPM)
    SubElement(devices, "watchdog", model="itco", action="reset")
    SubElement(SubElement(devices, "rng", model="virtio"), "backend", model="random").text = "/dev/urandom"
    SubElement(devices, "memballoon", model="virtio", autodeflate="on", freePageReporting="on")


def disk_element(wish: DiskWish, source: Source, number: int, turn: int = 0) -> Element:
    """A disk of a domain; its number gives it the name that libvirt insists on."""
    element = Element("disk", type=_TYPES[source.kind], device="disk")
    trim = "unmap" if wish.discard else "ignore"
    SubElement(element, "driver", name="qemu", type=source.format, cache=wish.cache, discard=trim)
    element.append(source_element(source))
    prefix = "vd" if wish.bus == "virtio" else "sd"
    SubElement(element, "target", dev=_target(prefix, number), bus=wish.bus)
    _address(element, wish.bus, number)
    _text(element, "serial", wish.name)
    if turn:
        SubElement(element, "boot", order=str(turn))
    if wish.iops or wish.bandwidth:
        tune = SubElement(element, "iotune")
        if wish.bandwidth:
            _text(tune, "total_bytes_sec", str(wish.bandwidth))
        if wish.iops:
            _text(tune, "total_iops_sec", str(wish.iops))
    return element


def source_element(source: Source) -> Element:
    """Where a disk is, for libvirt. The pool's monitors are not said: each node's own ceph.conf has them."""
    match source.kind:
        case "rbd":
            element = Element("source", protocol="rbd", name=source.file)
            SubElement(SubElement(element, "auth", username=source.user), "secret", type="ceph", uuid=source.secret)
            return element
        case "block":
            return Element("source", dev=source.file)
        case "file":
            return Element("source", file=source.file)


def _address(element: Element, bus: str, number: int) -> None:
    """Said, since libvirt would make as many controllers as the name of the disk is far in the alphabet."""
    if bus != "virtio":
        controller, unit = divmod(number, _SATA) if bus == "sata" else (0, number)
        SubElement(element, "address", type="drive", controller=str(controller), bus="0", target="0", unit=str(unit))


def _medium(file: str, number: int, turn: int) -> Element:
    element = Element("disk", type="file", device="cdrom")
    SubElement(element, "driver", name="qemu", type="raw")
    SubElement(element, "source", file=file)
    SubElement(element, "target", dev=_target("sd", number), bus="sata")
    _address(element, "sata", number)
    SubElement(element, "readonly")
    if turn:
        SubElement(element, "boot", order=str(turn))
    return element


def _seed(file: str, number: int) -> Element:
    """No medium: its sectors have 512 bytes."""
    element = Element("disk", type="file", device="disk")
    SubElement(element, "driver", name="qemu", type="raw")
    SubElement(element, "source", file=file)
    SubElement(element, "target", dev=_target("vd", number), bus="virtio")
    SubElement(element, "readonly")
    _text(element, "serial", "cidata")
    return element


def port_elements(nic: NicWish, wire: Wire, turn: int = 0) -> list[Element]:
    """A port of a domain: one device, or a virtual function behind the virtio port that stands in for it."""
    if not wire.pool:
        return [_bridged(nic, wire, turn)]
    function = Element("interface", type="network")
    SubElement(function, "mac", address=nic.mac or "")
    SubElement(function, "source", network=wire.pool)
    if not wire.bridge:
        return [function]
    if wire.vlan:  # the function's own: on the wire both are in the same
        SubElement(SubElement(function, "vlan"), "tag", id=str(wire.vlan))
    persistent = _bridged(nic, wire, turn)
    name = f"ua-standby-{(nic.mac or '').replace(':', '')}"
    SubElement(persistent, "teaming", type="persistent")
    SubElement(persistent, "alias", name=name)
    SubElement(function, "teaming", type="transient", persistent=name)
    return [persistent, function]


def _bridged(nic: NicWish, wire: Wire, turn: int) -> Element:
    element = Element("interface", type="bridge")
    SubElement(element, "mac", address=nic.mac or "")
    SubElement(element, "source", bridge=wire.bridge)
    virtual = SubElement(element, "virtualport", type="openvswitch")
    if wire.port:
        SubElement(virtual, "parameters", interfaceid=wire.port)
    if not wire.port:
        SubElement(SubElement(element, "vlan"), "tag", id=str(wire.vlan))
        if bandwidth := bandwidth_words(nic):
            limits = SubElement(element, "bandwidth")
            for end, kib in bandwidth.items():
                SubElement(limits, end, average=str(kib), burst=str(max(_LEAST_BURST, kib // 5)))
    SubElement(element, "model", type=nic.model)
    if wire.whole and nic.model == "virtio":
        off = {"csum": "off", "gso": "off", "tso4": "off", "tso6": "off", "ecn": "off", "ufo": "off"}
        SubElement(SubElement(element, "driver", name="qemu"), "host", off)
    if turn:
        SubElement(element, "boot", order=str(turn))
    return element


def bandwidth_words(nic: NicWish) -> dict[str, int]:
    """libvirt's `inbound` and `outbound`, in its KiB a second. On an overlay network OVN limits the port (ovn.py)."""
    rates = {"inbound": nic.rate_in, "outbound": nic.rate_out}
    return {end: rate * 1_000_000 // 8 // 1024 for end, rate in rates.items() if rate}


def memory_element(size: int) -> Element:
    """Memory to be added to a domain that runs, on its first node."""
    element = Element("memory", model="dimm")
    target = SubElement(element, "target")
    _text(target, "size", str(size // _KIB), unit="KiB")
    _text(target, "node", "0")
    return element


def free_number(domain: Element, bus: str) -> int:
    """The first number whose name no disk of a running domain has."""
    taken = {target.get("dev") for target in domain.iterfind("devices/disk/target")}
    prefix = "vd" if bus == "virtio" else "sd"
    return next(number for number in range(len(taken) + 1) if _target(prefix, number) not in taken)


def _pci(address: str) -> Element:
    domain, bus, rest = address.split(":")
    slot, function = rest.split(".")
    element = Element("hostdev", mode="subsystem", type="pci", managed="yes")
    place = {"domain": f"0x{domain}", "bus": f"0x{bus}", "slot": f"0x{slot}", "function": f"0x{function}"}
    SubElement(SubElement(element, "source"), "address", place)
    return element


def _usb(usb: Plugged) -> Element:
    """By its number as well, where two are alike."""
    element = Element("hostdev", mode="subsystem", type="usb")
    source = SubElement(element, "source", startupPolicy="optional")
    SubElement(source, "vendor", id=f"0x{usb.vendor}")
    SubElement(source, "product", id=f"0x{usb.product}")
    if usb.number:
        SubElement(source, "address", bus=str(usb.bus), device=str(usb.number))
    return element


def _turn(vm: Vm, kind: str, number: int) -> int:
    """The place in the order of what the firmware tries, from 1; 0 for what it does not try."""
    counts = {"disk": len(vm.disks), "media": len(vm.media), "network": len(vm.nics)}
    if kind not in vm.boot or vm.kernel:
        return 0
    before = sum(counts[each] for each in vm.boot[: vm.boot.index(kind)])
    return before + number + 1


def _target(prefix: str, number: int) -> str:
    letters = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, len(_LETTERS))
        letters = _LETTERS[rest] + letters
    return prefix + letters


def _text(parent: Element, name: str, text: str, **attributes: str) -> Element:
    element = SubElement(parent, name, attributes)
    element.text = text
    return element
