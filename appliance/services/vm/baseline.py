# SPDX-License-Identifier: Apache-2.0
"""The processor that a node can give a VM that shall migrate: as libvirt says it, kept in etcd, one document for each node.

A VM of `model: portable` has the model of the node that it was started on. Whether another can take it is asked of what both have
written here; a processor, a kernel or a microcode that changes is written anew when the node starts.
"""

from xml.etree import ElementTree

from appliance.model.hypervisor import CpuBaseline
from appliance.services.vm.records import Here

PREFIX = "/trivet/v1/processors/"


def parse(capabilities: str, node: str, *, emulated: bool) -> CpuBaseline | None:
    """Of `virsh domcapabilities`: what is rendered for host-model; None when libvirt offers none. Pure."""
    mode = ElementTree.fromstring(capabilities).find("cpu/mode[@name='host-model']")
    if mode is None or mode.get("supported") != "yes":
        return None
    features = {each.get("name", ""): each.get("policy", "") for each in mode.iterfind("feature")}
    return CpuBaseline(
        node=node,
        model=mode.findtext("model", ""),
        vendor=mode.findtext("vendor", ""),
        features=dict(sorted(features.items())),
        emulated=emulated,
    )


def lacks(node: CpuBaseline, other: CpuBaseline) -> tuple[str, ...]:
    """What a VM of `node` may count on and `other` has not: it cannot move there while this is not empty. Pure.

    Features that a model brings along are libvirt's to know; it compares them once more when a VM moves.
    """
    if node.model != other.model:
        return (f"model {node.model}, and {other.model} there",)
    needed = {name for name, policy in node.features.items() if policy == "require"}
    return tuple(sorted(needed - {name for name, policy in other.features.items() if policy == "require"}))


def record(here: Here) -> CpuBaseline | None:
    """Ask libvirt, and keep the answer."""
    emulated = here.host.files.real("/dev/kvm") is None
    words = ["virsh", "--quiet", "domcapabilities", "--virttype", "qemu" if emulated else "kvm", "--machine", "q35"]
    found = parse(here.host.run(words).stdout, here.node, emulated=emulated)
    if found is None:
        return None
    had = here.store.get(PREFIX + here.node)
    if had is None or had.text != found.model_dump_json():
        here.store.put(PREFIX + here.node, found.model_dump_json(), had.revision if had else 0)
    return found
