# SPDX-License-Identifier: Apache-2.0
"""Devices of this server for VMs: what there is, who has it, and which are meant by a document's facts.

`choose` is pure. A card that the node itself works with is never taken from it, by whatever facts it is asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar
from xml.etree import ElementTree

from appliance.errors import Unsatisfiable
from appliance.host.host import Host
from appliance.model.device import PciDevice, PciWish, UsbDevice, UsbWish
from appliance.model.problem import Problem
from appliance.model.vm import Vm

_PCI, _VMS = "/sys/bus/pci/devices", "/run/libvirt/qemu"
_BRIDGE = "0x06"
"""The class of what leads to other devices: the IOMMU has them in a group with these, and they are nobody's."""
_HUB = "9"
_SHOWN = 8
D = TypeVar("D", PciDevice, UsbDevice)


def pci(host: Host) -> tuple[PciDevice, ...]:
    """All that is no bridge, by address."""
    groups: dict[str, list[str]] = {}
    own: dict[str, str] = {}
    for address in host.files.list(_PCI):
        group = (host.files.link(f"{_PCI}/{address}/iommu_group") or "").rpartition("/")[2]
        if not (host.files.read(f"{_PCI}/{address}/class") or "").startswith(_BRIDGE):
            own[address] = group
            groups.setdefault(group, []).append(address)
    names = {device.properties.get("PCI_SLOT_NAME", ""): device.properties for device in host.udev.devices("pci")}
    return tuple(_pci(host, address, group, groups[group], names.get(address, {})) for address, group in own.items())


def _pci(host: Host, address: str, group: str, together: Sequence[str], facts: Mapping[str, str]) -> PciDevice:
    folder = f"{_PCI}/{address}"
    words = (facts.get("ID_VENDOR_FROM_DATABASE", ""), facts.get("ID_MODEL_FROM_DATABASE", ""))
    return PciDevice(
        address=address,
        vendor=(host.files.read(f"{folder}/vendor") or "").removeprefix("0x"),
        device=(host.files.read(f"{folder}/device") or "").removeprefix("0x"),
        model=" ".join(word for word in words if word),
        driver=(host.files.link(f"{folder}/driver") or "").rpartition("/")[2],
        numa_node=int(host.files.read(f"{folder}/numa_node") or -1),
        iommu=bool(group),
        group=tuple(each for each in together if group and each != address),
    )


def usb(host: Host) -> tuple[UsbDevice, ...]:
    """All that is no hub, by the port that it is in."""
    found = []
    for device in host.udev.devices("usb"):
        facts = device.properties
        if device.type != "usb_device" or facts.get("TYPE", "").split("/")[0] == _HUB:
            continue
        maker = facts.get("ID_VENDOR_FROM_DATABASE") or facts.get("ID_VENDOR", "").replace("_", " ")
        name = facts.get("ID_MODEL_FROM_DATABASE") or facts.get("ID_MODEL", "").replace("_", " ")
        found.append(
            UsbDevice(
                port=device.path.rpartition("/")[2],
                bus=int(facts.get("BUSNUM", "0"), 10),
                number=int(facts.get("DEVNUM", "0"), 10),
                vendor=facts.get("ID_VENDOR_ID", ""),
                product=facts.get("ID_MODEL_ID", ""),
                model=" ".join(word for word in (maker, name) if word),
                serial=facts.get("ID_SERIAL_SHORT", ""),
            )
        )
    return tuple(found)


def given(host: Host) -> dict[str, str]:
    """PCI address, or "bus.number" of USB -> the running VM that has it, from the documents that libvirt keeps."""
    found = {}
    for file in host.files.list(_VMS):
        text = host.files.read(f"{_VMS}/{file}") if file.endswith(".xml") else None
        try:
            document = ElementTree.fromstring(text or "<nothing/>")
        except ElementTree.ParseError:
            continue  # being written
        name = document.findtext(".//domain/name") or ""
        for each in document.iterfind(".//devices//source/address"):
            found[_place(each)] = name
    return found


def _place(address: ElementTree.Element) -> str:
    if address.get("slot") is None:
        return f"{address.get('bus', '0')}.{address.get('device', '0')}"
    domain, bus, slot, function = (int(address.get(part, "0"), 16) for part in ("domain", "bus", "slot", "function"))
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"


def place(device: PciDevice | UsbDevice) -> str:
    """As `given` has it."""
    return device.address if isinstance(device, PciDevice) else f"{device.bus}.{device.number}"


def choose(
    vm: Vm, cards: Sequence[PciDevice], sticks: Sequence[UsbDevice], *, given: Mapping[str, str], busy: Mapping[str, str]
) -> tuple[tuple[PciDevice, ...], tuple[UsbDevice | None, ...]]:
    """The devices that a document means, each once; None for one of USB that is not there. Unsatisfiable with all that is wrong.

    `given` is what other VMs have, `busy` what the node itself does with a PCI device.
    """
    problems: list[Problem] = []
    chosen, plugged = list[PciDevice](), list[UsbDevice | None]()
    for number, card in enumerate(vm.pci):
        where = f"pci[{number}]"
        found, problem = _one(where, card, [each for each in cards if each not in chosen], given)
        if found is None and not problem:
            problem = _absent(where, card, cards)
        problem = problem or (_unfit(where, found, busy) if found else None)
        problems += [problem] if problem else []
        chosen += [found] if found else []
    for number, stick in enumerate(vm.usb):
        one, problem = _one(f"usb[{number}]", stick, [each for each in sticks if each not in plugged], given)
        problems += [problem] if problem else []
        plugged.append(one)
    if problems:
        raise Unsatisfiable(problems)
    return tuple(chosen), tuple(plugged)


def _one(where: str, wish: PciWish | UsbWish, every: Sequence[D], given: Mapping[str, str]) -> tuple[D | None, Problem | None]:
    meant = [each for each in every if not wish.mismatches(each)]
    free = [each for each in meant if place(each) not in given]
    if meant and not free:
        message = f"{meant[0].label} is the VM {given[place(meant[0])]}'s"
        return None, Problem(where=where, message=message, hint="stop that one, or take the device out of its document")
    if len(free) > 1:
        names = "; ".join(each.label for each in free[:_SHOWN])
        message = f"{len(free)} devices of this server are meant: {names}"
        return None, Problem(where=where, message=message, hint="say more of the one: its place, or its serial number")
    return (free[0] if free else None), None


def _absent(where: str, wish: PciWish, every: Sequence[PciDevice]) -> Problem:
    near = sorted(every, key=lambda each: len(wish.mismatches(each)))[:3]
    names = "; ".join(f"{each.label}: {', '.join(wish.mismatches(each))}" for each in near) or "it has none"
    message = f"no device of this server is meant by {wish} ({names})"
    return Problem(where=where, message=message, hint="`trivet vm devices` shows those that are here")


def _unfit(where: str, device: PciDevice, busy: Mapping[str, str]) -> Problem | None:
    """Why a device cannot be a VM's."""
    if device.address in busy:
        message = f"{device.label} is the node's own: {busy[device.address]}"
        return Problem(where=where, message=message, hint="choose another one, or have the node let go of it first")
    if not device.iommu:
        hint = "switch VT-d or AMD-Vi on in the firmware's setup"
        return Problem(where=where, message=f"{device.label} cannot be a VM's: there is no IOMMU", hint=hint)
    if others := [each for each in device.group if each in busy]:
        message = f"the IOMMU cannot tell {device.label} from {others[0]}, which is the node's own: {busy[others[0]]}"
        return Problem(where=where, message=message, hint="put the card into another slot")
    return None


def words(host: Host, busy: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each device of the server for a list: how a document says it, what it is, and who has it ("" for nobody)."""
    had = given(host)
    for stick in usb(host):
        owner = had.get(place(stick), "")
        yield f"usb {stick.vendor}:{stick.product}", stick.label, f"the VM {owner}" if owner else ""
    for card in pci(host):
        owner = had.get(card.address, "")
        said = busy.get(card.address, "" if card.iommu else "nobody: there is no IOMMU")
        yield f"pci {card.address}", card.label, f"the VM {owner}" if owner else said
