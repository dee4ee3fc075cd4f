# SPDX-License-Identifier: Apache-2.0
"""Devices of the server for VMs: by address, by vendor and product, by facts; and which a VM may not have."""

import json
from pathlib import Path

import pytest

from appliance.errors import SpecError, Unsatisfiable
from appliance.host.playback import playback
from appliance.model.device import PciDevice, UsbDevice
from appliance.model.document import load
from appliance.model.vm import Vm
from appliance.services.vm import changes, devices

STICK = Path(__file__).parents[1] / "machines" / "secureboot-stick" / "machine.json"
GPUS = tuple(
    PciDevice(address=f"0000:{bus}:00.0", vendor="10de", device="20b5", model="NVIDIA A100", numa_node=node, iommu=True)
    for bus, node in (("3b", 0), ("af", 1))
)
CARD = PciDevice(address="0000:01:00.0", vendor="8086", device="1572", driver="i40e", iommu=True, group=("0000:01:00.1",))
KEYS = tuple(
    UsbDevice(port=port, bus=1, number=number, vendor="0529", product="0001", model="SafeNet HASP", serial=serial)
    for port, number, serial in (("1-4", 7, "A1"), ("1-5", 8, "B2"))
)


def vm(parts: str) -> Vm:
    return load(f"version: 1\nname: a\nmemory: {{size: 1GiB}}\n{parts}\n", Vm, "")


def chosen(parts: str, given: dict[str, str] | None = None, busy: dict[str, str] | None = None) -> tuple[list[str], list[str]]:
    cards, sticks = devices.choose(vm(parts), (*GPUS, CARD), KEYS, given=given or {}, busy=busy or {})
    return [card.address for card in cards], [stick.port if stick else "" for stick in sticks]


def test_by_place_and_by_facts() -> None:
    assert chosen('pci: ["0000:AF:00.0"]') == (["0000:af:00.0"], [])
    assert chosen('pci: [{model: "*a100*", numa_node: 1}]') == (["0000:af:00.0"], [])
    assert chosen("pci: [{driver: i40e}]\nusb: [{serial: B2}, {port: 1-4}]") == (["0000:01:00.0"], ["1-5", "1-4"])
    assert chosen('usb: ["0bda:8153"]') == ([], [""]), "of USB one may come later"
    # Two that are alike: what another VM has is not meant, nor what stands here already.
    assert chosen('pci: [{vendor: "10de"}]', given={"0000:3b:00.0": "b"}) == (["0000:af:00.0"], [])
    assert chosen('pci: ["0000:3b:00.0", {vendor: "10de"}]') == (["0000:3b:00.0", "0000:af:00.0"], [])


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        (
            'pci: [{vendor: "10de"}]',
            "pci[0]: 2 devices of this server are meant: 0000:3b:00.0 (NVIDIA A100); 0000:af:00.0 (NVIDIA A100); "
            "say more of the one: its place, or its serial number",
        ),
        ("usb: [{model: safenet*}]", "usb[0]: 2 devices of this server are meant: 0529:0001 (SafeNet HASP, serial A1, port 1-4); "
         "0529:0001 (SafeNet HASP, serial B2, port 1-5); say more of the one: its place, or its serial number"),
        (
            'pci: ["0000:02:00.0"]',
            "pci[0]: no device of this server is meant by 0000:02:00.0 (0000:3b:00.0 (NVIDIA A100): address is 0000:3b:00.0; "
            "0000:af:00.0 (NVIDIA A100): address is 0000:af:00.0; 0000:01:00.0 (i40e): address is 0000:01:00.0); "
            "`trivet vm devices` shows those that are here",
        ),
    ],
)  # fmt: skip
def test_what_is_not_clear_is_said(parts: str, sentence: str) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        chosen(parts)
    assert [str(problem) for problem in caught.value.problems] == [sentence]


def test_what_a_vm_may_not_have() -> None:
    cards = (CARD.model_copy(update={"iommu": False, "group": ()}), CARD.model_copy(update={"address": "0000:02:00.0"}))
    for wish, busy, said in (
        ("0000:01:00.0", {}, "0000:01:00.0 (i40e) cannot be a VM's: there is no IOMMU"),
        ("0000:02:00.0", {"0000:02:00.0": "its port aa"}, "0000:02:00.0 (i40e) is the node's own: its port aa"),
        ("0000:02:00.0", {"0000:01:00.1": "its disk x"},
         "the IOMMU cannot tell 0000:02:00.0 (i40e) from 0000:01:00.1, which is the node's own: its disk x"),
    ):  # fmt: skip
        with pytest.raises(Unsatisfiable) as caught:
            devices.choose(vm(f'pci: ["{wish}"]'), cards, (), given={}, busy=busy)
        assert [problem.message for problem in caught.value.problems] == [said]
    with pytest.raises(Unsatisfiable, match=r"0529:0001 .* is the VM b's; stop that one"):
        chosen("usb: [{serial: A1}]", given={"1.7": "b"})


def test_a_document_says_it_as_it_was_typed() -> None:
    text = 'pci: ["0000:3b:00.0", {vendor: "10DE", numa_node: 0}]\nusb: ["0529:0001", {serial: A1}]'
    data = json.loads(vm(text).model_dump_json(exclude_defaults=True))
    assert data["pci"] == ["0000:3b:00.0", {"vendor": "10de", "numa_node": 0}]
    assert data["usb"] == ["0529:0001", {"serial": "A1"}]
    assert Vm.model_validate(data) == vm(text)
    assert changes.pending(vm("usb: [{serial: A1}]"), vm(text)) == (
        "pci: 0000:3b:00.0, vendor 10de numa_node 0, and none until the next start",
        "usb: 0529:0001, serial A1, and serial A1 until the next start",
    )
    with pytest.raises(SpecError) as caught:
        vm('pci: [{}, {vendor: nvidia}, {vendr: "10de"}]')
    assert [str(problem) for problem in caught.value.problems] == [
        "pci[0]: give facts that the device is told by",
        "pci[1].vendor: 'nvidia' is not four hexadecimal digits",
        "pci[2].vendr: unknown key; did you mean 'vendor'?",
    ]


def test_what_a_server_has() -> None:
    (stick,) = devices.usb(playback(json.loads(STICK.read_text())))
    assert (stick.port, stick.bus, stick.number, stick.vendor, stick.product, stick.serial) == (
        "2-1", 2, 2, "46f4", "0001", "STICK1")  # fmt: skip


STATUS = """<domstatus state='running'><domain type='kvm'><name>b</name><devices>
<hostdev mode='subsystem' type='usb'><source startupPolicy='optional'><vendor id='0x0529'/><product id='0x0001'/>
<address bus='1' device='7'/></source></hostdev>
<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/>
<source><address domain='0x0000' bus='0xaf' slot='0x00' function='0x0'/></source></hostdev></devices></domain></domstatus>"""


def test_what_running_vms_have() -> None:
    names = {"b.xml": STATUS, "c.xml": "<domst"}
    files = {f"/run/libvirt/qemu/{name}": text for name, text in names.items()}
    assert devices.given(playback({"files": files, "folders": {"/run/libvirt/qemu": list(names)}})) == {
        "1.7": "b",
        "0000:af:00.0": "b",
    }
