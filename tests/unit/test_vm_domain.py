# SPDX-License-Identifier: Apache-2.0
"""Golden cases of VMs: a document in tests/vms gives this very domain. `make golden` writes them anew."""

from pathlib import Path

import pytest

from appliance.errors import SpecError
from appliance.model.document import load
from appliance.model.placement import Cell, Request
from appliance.model.vm import Vm, named
from appliance.services.vm.disks import source
from appliance.services.vm.domain import Found, Plugged, Wire, render
from appliance.services.vm.place import place
from tests.unit.test_golden import agree

CASES = sorted(path.parent for path in (Path(__file__).parents[1] / "vms").glob("*/vm.yaml"))
UUID = "7e2b6c1e-3f0a-4d55-9c0e-0123456789ab"
GIB = 2**30
TWO = tuple(
    Cell(
        id=i,
        cpus=tuple(range(16 * i, 16 * i + 16)),
        memory=60 * GIB,
        pages={"2MiB": 4096, "1GiB": 64},
        distances=(10, 20) if i == 0 else (20, 10),
    )
    for i in (0, 1)
)
WIRES = {
    "02:00:00:00:00:01": Wire(bridge="br-business", vlan=30),
    "02:00:00:00:00:02": Wire(bridge="br-business", whole=True),
    "02:00:00:00:00:03": Wire(bridge="br-int", port="0e0c8b1c-90c5-5b7e-8d43-7c6f1a6f3a11", whole=True),
    "02:00:00:00:00:04": Wire(pool="sriov-0000:3b:00.0"),
    "02:00:00:00:00:05": Wire(pool="sriov-0000:3b:00.0", bridge="br-business", vlan=30),
}


PLACES = {
    "pooled": f"rbd:vms/{UUID}.{{}}.a1b2c3",
    "adopted": "/dev/disk/by-id/ata-ST4000NM0035_ZC10ABCD",
}
"""Where the disks of a VM of this name are; of others they are files."""


def found_for(vm: Vm) -> Found:
    place_of = PLACES.get(vm.name, f"/var/lib/libvirt/images/{vm.name}/{{}}.qcow2")
    disks = {d.name: source(place_of.format(d.name)) for d in vm.disks}
    names = [*vm.media, *([vm.kernel.image, vm.kernel.initrd or ""] if vm.kernel else [])]
    want = Request(
        cpus=vm.cpu.max or vm.cpu.count,
        memory=vm.memory.size,
        pages=vm.memory.pages or "",
        pin=vm.cpu.pin,
        near=(1,) * bool(vm.pci),
    )
    return Found(
        uuid=UUID,
        kvm=vm.name != "small",
        disks=disks,
        images={name: f"/var/lib/libvirt/library/{name}" for name in names},
        wires={nic.mac or "": WIRES[nic.mac or ""] for nic in vm.nics},
        seed=f"/var/lib/libvirt/images/{vm.name}/seed.img" if vm.cloud_init else "",
        placement=place(TWO, {}, want),
        pci=tuple(wish.address or "" for wish in vm.pci),
        usb=tuple(Plugged(vendor=w.vendor or "", product=w.product or "", bus=1, number=7 if w.serial else 0) for w in vm.usb),
    )


def test_there_are_cases() -> None:
    assert len(CASES) >= 10


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_domains(case: Path) -> None:
    vm = named(load((case / "vm.yaml").read_text(), Vm, ""))
    agree(case / "domain.xml", render(vm, found_for(vm)).rstrip())
    assert load(vm.model_dump_json(), Vm, "") == vm, "a document is its own saved form"


def test_everything_wrong_with_a_document_is_said_at_once() -> None:
    text = """
version: 1
name: Web
memory: {size: 100MB, pags: 2MiB}
cpu: {count: 4, max: 2}
disks: [{name: a}, {size: 1GiB, cach: none}]
nics: [{network: a, pool: b}]
pci: ["3b:00.0"]
"""
    with pytest.raises(SpecError) as caught:
        load(text, Vm, "begin with `version: 1`, `name:` and `memory:`")
    assert [str(problem) for problem in caught.value.problems] == [
        "name: 'Web' is not a host name: lower-case letters, digits and inner hyphens, at most 63",
        "cpu: max 2 is under count 4",
        "memory.pags: unknown key; did you mean 'pages'?",
        "disks[0]: give size, or an image of the library that has one",
        "disks[1].cach: unknown key; did you mean 'cache'?",
        "nics[0]: give either network or pool",
        "pci[0]: '3b:00.0' is not a PCI address such as 0000:3b:00.0",
    ]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("memory: {size: 8MiB}", "size must be whole MiB, and at least 16 of them"),
        ("memory: {size: 1GiB, max: 512MiB}", "max is under size"),
        ("memory: {size: 1536MiB, pages: 1GiB}", "with pages of 1GiB, size must be whole GiB"),
        ("memory: {size: 1GiB}\ndisks: [{size: 1000}]", "size must be at least 1MiB"),
        ("memory: {size: 1GiB}\ndisks: [{image: ../x}]", "is not the name of an image"),
        ("memory: {size: 1GiB}\ndisks: [{name: a, size: 1GiB}, {name: a, size: 1GiB}]", "the disk a stands here twice"),
        ("memory: {size: 1GiB}\nnics: [{pool: p, groups: [a]}]", "it has neither groups nor an address"),
        ("memory: {size: 1GiB}\nfirmware: secure-boot\nkernel: {image: k}", "leave out kernel"),
        ("memory: {size: 1GiB}\nusb: [mouse]", "is not a USB device's vendor and product"),
    ],
)
def test_what_cannot_be_is_refused(part: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        load(f"version: 1\nname: a\n{part}\n", Vm, "")


def test_disks_without_names_get_some() -> None:
    vm = load("version: 1\nname: a\nmemory: {size: 1GiB}\ndisks: [{size: 1GiB}, {name: disk0, size: 1GiB}, {size: 1GiB}]", Vm, "")
    assert [disk.name for disk in named(vm).disks] == ["disk1", "disk0", "disk2"]


@pytest.mark.parametrize(
    ("nic", "sentence"),
    [
        ("{network: a, standby: b}", "standby is for a virtual function"),
        ("{pool: p, rate_in: 5}", "a virtual function's rate is in the node's spec"),
        ("{network: a, rate_out: -1}", "rate_out"),
    ],
)
def test_ports_that_cannot_be(nic: str, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence):
        load(f"version: 1\nname: n\nmemory: {{size: 1GiB}}\nnics: [{nic}]\n", Vm, "")
