# SPDX-License-Identifier: Apache-2.0
"""VMs from elsewhere and to elsewhere: qcow2, raw and vmdk by qemu-img, an OVA by its description; and the library."""

import uuid
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmRecord
from appliance.services.vm import chains, disks, images, qemuimg
from appliance.services.vm.life import keep_new
from appliance.services.vm.observe import state
from appliance.services.vm.records import VMS, Here, VmError, checked, everything, load, with_macs

_CPUS, _MEMORY = "3", "4"
"""Numbers of CIM for what a line of an OVF's hardware is."""
_STRANGERS = ("vmdk",)
"""Forms of hypervisors that have no virtio: a system that comes from one may have no driver for it."""


@dataclass(frozen=True)
class Ovf:
    """What an OVA says of itself: its disks' files in their order; processors, memory, firmware, 0 or "" for what it does not."""

    files: tuple[str, ...]
    cpus: int = 0
    memory: str = ""
    firmware: Literal["", "uefi"] = ""


def add_image(here: Here, file: str, name: str) -> str:
    """Into the library, under a name that a document can say."""
    if here.host.files.real(file) is None:
        raise ApplianceError(f"there is no file {file}", "name one on this node")
    try:
        Vm.model_validate({"version": 1, "name": "x", "memory": {"size": "16MiB"}, "media": [name]})
    except ValueError:
        raise VmError(f"{name!r} is not a name for the library", "letters, digits and . _ + - alone: say --name") from None
    images.add_image(here.host, file, name)
    return name


def remove_image(here: Here, name: str) -> None:
    """Out of the library, unless a VM starts with it. Disks that were made of it are whole without it."""
    file = images.image(here.host, name)
    documents = [kept.record.vm for kept in everything(here)]
    used = [vm.name for vm in documents if name in vm.media or (vm.kernel and name in (vm.kernel.image, vm.kernel.initrd))]
    if used:
        raise VmError(f"{', '.join(used)} start{'s' * (len(used) == 1)} with {name}", "change their documents first")
    here.host.files.remove(file)


def export(here: Here, name: str, folder: str, form: str) -> list[str]:
    """Each disk whole, and the document. The files."""
    record = load(here, name).record
    if state(here.host, name) != "stopped":
        raise VmError(
            f"{name} runs, and its disks change",
            f"stop it, or export a clone of a snapshot: `trivet vm clone {name} NEW --snapshot S`",
        )
    here.host.run(["mkdir", "-p", folder])
    files = []
    for disk, source in record.files.items():
        file = f"{folder}/{name}-{disk}.{form}"
        disks.export(here.host, source, file, form)
        files.append(file)
    document = f"{folder}/{name}.json"
    here.host.files.write(document, record.vm.model_dump_json(exclude_defaults=True, indent=1) + "\n")
    return [*files, document]


def take_in(
    here: Here, name: str, files: list[str], *, memory: str = "", cpus: int = 0, firmware: str = "", bus: str = ""
) -> VmRecord:
    """A VM of this name from these disks; of an OVA its first disks, and what it says of processors, memory and firmware."""
    if here.store.get(VMS + name):
        raise VmError(f"there is a VM {name} already", "choose another name, or delete it first")
    for file in files:
        if here.host.files.real(file) is None:
            raise ApplianceError(f"there is no file {file}", "name one on this node")
    owner = str(uuid.uuid4())
    unpacked = f"{chains.FOLDER}/{owner}.ova"
    try:
        told = Ovf(tuple(files))
        if len(files) == 1 and files[0].lower().endswith(".ova"):
            told = _unpack(here.host, files[0], unpacked)
        wished = {f"disk{number}": file for number, file in enumerate(told.files)}
        sizes = {disk: qemuimg.size(here.host, file) for disk, file in wished.items()}
        strange = any(qemuimg.form(here.host, file) in _STRANGERS for file in wished.values())
        own = {"bus": bus or ("sata" if strange else "virtio")}
        document = {
            "version": 1,
            "name": name,
            "cpu": {"count": cpus or told.cpus or 1},
            "memory": {"size": memory or told.memory or "1GiB"},
            "firmware": firmware or told.firmware or "bios",
            "disks": [{"name": disk, "size": size, **own} for disk, size in sizes.items()],
        }
        vm = with_macs(checked(document), owner)
        record = VmRecord(vm=vm, uuid=owner, node=here.node)
        return keep_new(here, record, lambda: {d: disks.take_in(here, owner, d, f) for d, f in wished.items()})
    finally:
        here.host.run(["rm", "-rf", "--", unpacked])


def _unpack(host: Host, file: str, folder: str) -> Ovf:
    """An OVA is a tar of an OVF and its disks."""
    host.run(["mkdir", "-p", folder])
    host.run(["tar", "--extract", "--no-same-owner", f"--file={file}", f"--directory={folder}"])
    name = next((each for each in host.files.list(folder) if each.lower().endswith(".ovf")), "")
    if not name:
        raise VmError(f"{file} is no OVA: there is no description (.ovf) in it", "name the disks in it one by one")
    told = parse_ovf(host.files.read(f"{folder}/{name}") or "")
    lacking = [each for each in told.files if each not in host.files.list(folder)]
    if lacking or not told.files:
        raise VmError(f"{file} does not have the disks that it speaks of: {', '.join(lacking) or 'none'}", "fetch it again")
    return Ovf(tuple(f"{folder}/{each}" for each in told.files), told.cpus, told.memory, told.firmware)


def parse_ovf(text: str) -> Ovf:
    """Its description. VmError says what is wrong with it. Pure."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise VmError(f"the description (.ovf) is not XML: {error}", "fetch the OVA again") from None

    def local(element: ElementTree.Element) -> dict[str, str]:
        return {key.rpartition("}")[2]: value for key, value in element.attrib.items()}

    tagged = [(element.tag.rpartition("}")[2], element) for element in root.iter()]
    files = {local(e).get("id", ""): local(e) for tag, e in tagged if tag == "File"}
    chosen = [files.get(local(e).get("fileRef", ""), {}) for tag, e in tagged if tag == "Disk"]
    if packed := [each.get("href", "") for each in chosen if each.get("compression", "identity") != "identity"]:
        raise VmError(f"its disk {packed[0]} is compressed as a whole", "unpack the OVA and the disk, and name the disk")
    cpus, memory = 0, ""
    firmware: Literal["", "uefi"] = ""
    for tag, element in tagged:
        here = local(element)
        if (tag == "Config" and (here.get("key"), here.get("value")) == ("firmware", "efi")) or (
            tag == "Firmware" and here.get("type", "").upper().startswith("EFI")
        ):
            firmware = "uefi"
        if tag != "Item":
            continue
        facts = {child.tag.rpartition("}")[2]: (child.text or "").strip() for child in element}
        quantity = facts.get("VirtualQuantity", "")
        if facts.get("ResourceType") == _CPUS and quantity.isdigit():
            cpus = int(quantity)
        if facts.get("ResourceType") == _MEMORY and quantity.isdigit():
            unit = facts.get("AllocationUnits", "").replace(" ", "").lower()
            factor = "GiB" if "2^30" in unit or unit == "gigabytes" else "MiB"
            memory = f"{quantity}{factor}"
    return Ovf(tuple(each["href"] for each in chosen if each.get("href")), cpus, memory, firmware)
