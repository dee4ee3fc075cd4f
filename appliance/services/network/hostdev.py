# SPDX-License-Identifier: Apache-2.0
"""What libvirt has to do with virtual functions, from the documents that it keeps under /run: VMs that have some, pools of them.

The files are read and not libvirt asked: it is started by whoever asks it, and a node without VMs need not run it.
"""

from collections.abc import Iterator
from xml.etree import ElementTree

from appliance.host.host import Host
from appliance.model.network import VfPool
from appliance.services.network.sriov import PREFIX

_VMS, _NETWORKS = "/run/libvirt/qemu", "/run/libvirt/network"


def users(host: Host) -> dict[str, str]:
    """PCI address -> the running VM that has the device, as an interface, a host device or a disk.

    Only an interface's source says that its address is one of PCI; what has a slot is one in any case.
    """
    documents = ((document.findtext(".//domain/name") or "", document) for document in _documents(host, _VMS))
    return {pci: name for name, document in documents for pci in _addresses(document, ".//source/address[@slot]")}


def pools(host: Host) -> tuple[VfPool, ...]:
    """Our networks of virtual functions that are active."""
    found = ((document.findtext(".//name") or "", document) for document in _documents(host, _NETWORKS))
    functions = ".//forward/address[@type='pci']"
    return tuple(VfPool(name=name, functions=tuple(_addresses(d, functions))) for name, d in found if name.startswith(PREFIX))


def document(pool: VfPool) -> str:
    """What `virsh net-create` takes."""
    network = ElementTree.Element("network")
    ElementTree.SubElement(network, "name").text = pool.name
    forward = ElementTree.SubElement(network, "forward", mode="hostdev", managed="no")  # trivetd has given them their driver
    for pci in pool.functions:
        domain, bus, rest = pci.split(":")
        slot, function = rest.split(".")
        places = {"domain": f"0x{domain}", "bus": f"0x{bus}", "slot": f"0x{slot}", "function": f"0x{function}"}
        ElementTree.SubElement(forward, "address", {"type": "pci", **places})
    return ElementTree.tostring(network, encoding="unicode")


def _documents(host: Host, folder: str) -> Iterator[ElementTree.Element]:
    for name in host.files.list(folder):
        text = host.files.read(f"{folder}/{name}") if name.endswith(".xml") else None
        try:
            yield ElementTree.fromstring(text or "<nothing/>")
        except ElementTree.ParseError:
            continue  # being written


def _addresses(document_: ElementTree.Element, path: str) -> Iterator[str]:
    for each in document_.iterfind(path):
        domain, bus, slot, function = (int(each.get(name, "0"), 16) for name in ("domain", "bus", "slot", "function"))
        yield f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
