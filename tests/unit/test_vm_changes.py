# SPDX-License-Identifier: Apache-2.0
"""What a running VM is given at once, and what waits; an OVA's description."""

import pytest

from appliance.cli.vmtext import document_text
from appliance.errors import Unsatisfiable
from appliance.model.document import load
from appliance.model.vm import Vm
from appliance.services.vm import changes
from appliance.services.vm.exchange import Ovf, parse_ovf
from appliance.services.vm.records import VmError

GIB = 2**30
BASE: dict[str, object] = {
    "version": 1,
    "name": "web",
    "cpu": {"count": 2, "max": 4},
    "memory": {"size": "1GiB", "max": "4GiB"},
    "disks": [{"name": "a", "size": "1GiB"}],
    "nics": [{"network": "n", "mac": "02:00:00:00:00:01"}],
}


def vm(**parts: object) -> Vm:
    return Vm.model_validate(BASE | parts)


def test_what_can_be_changed_at_once() -> None:
    wished = vm(
        cpu={"count": 3, "max": 4},
        memory={"size": "2GiB", "max": "4GiB"},
        disks=[{"name": "a", "size": "2GiB"}, {"name": "b", "size": "1GiB"}],
        nics=[{"network": "n", "mac": "02:00:00:00:00:02"}],
    )
    found = changes.at_once(vm(), wished, kvm=True)
    assert [each.kind for each in found] == ["grow-disk", "attach-disk", "attach-nic", "detach-nic", "cpus", "memory"]
    now = vm()
    for each in found:
        now = changes.after(now, each)
    assert changes.pending(now, wished) == ()
    assert changes.at_once(now, wished, kvm=True) == ()


def test_an_emulated_vm_takes_no_processors() -> None:
    wished = vm(cpu={"count": 3, "max": 4})
    assert changes.at_once(vm(), wished, kvm=False) == ()
    assert changes.pending(vm(), wished) == ("cpu.count: 3, and 2 until the next start",)


def test_what_waits_is_said_by_its_place() -> None:
    wished = vm(firmware="uefi", tpm=True, disks=[{"name": "a", "size": "1GiB", "cache": "writeback"}], media=["x.iso"])
    assert changes.at_once(vm(), wished, kvm=True) == ()
    assert changes.pending(vm(), wished) == (
        "firmware: uefi, and bios until the next start",
        "tpm: yes, and no until the next start",
        "disks.a.cache: writeback, and none until the next start",
        "media: x.iso, and none until the next start",
    )
    assert changes.pending(vm(), vm(start={"order": 1}, description="x")) == (), "the running VM has nothing to do with it"
    assert changes.pending(None, wished) == (), "it does not run"


def test_a_disk_taken_away_is_detached() -> None:
    (change,) = changes.at_once(vm(), vm(disks=[]), kvm=True)
    assert (change.kind, changes.after(vm(), change).disks) == ("detach-disk", ())


def test_what_no_vm_can_do() -> None:
    with pytest.raises(Unsatisfiable) as caught:
        changes.check(vm(), vm(name="other", disks=[{"name": "a", "size": "512MiB"}]))
    assert [str(problem) for problem in caught.value.problems] == [
        "name: web cannot become other; clone it, and delete this one",
        "disks: a has 1 GiB, and would lose what is over 512 MiB; disks grow and never shrink",
    ]


OVF = """<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:id="file1" ovf:href="disk.vmdk"/><File ovf:id="file2" ovf:href="manual.pdf"/></References>
  <DiskSection><Disk ovf:diskId="d1" ovf:fileRef="file1" ovf:capacity="1"/></DiskSection>
  <VirtualSystem ovf:id="x"><VirtualHardwareSection>
    <Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>2</rasd:VirtualQuantity></Item>
    <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType>
      <rasd:VirtualQuantity>2048</rasd:VirtualQuantity></Item>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>
"""


def test_what_an_ova_says() -> None:
    assert parse_ovf(OVF) == Ovf(("disk.vmdk",), 2, "2048MiB")
    assert parse_ovf("<Envelope/>") == Ovf(())
    vmware = OVF.replace("</VirtualHardwareSection>", '<Config ovf:key="firmware" ovf:value="efi"/></VirtualHardwareSection>')
    virtualbox = OVF.replace("</VirtualSystem>", '<Machine><Firmware type="EFI64"/></Machine></VirtualSystem>')
    assert [parse_ovf(text).firmware for text in (vmware, virtualbox)] == ["uefi", "uefi"]
    with pytest.raises(VmError, match=r"its disk disk\.vmdk is compressed"):
        parse_ovf(OVF.replace('ovf:href="disk.vmdk"', 'ovf:href="disk.vmdk" ovf:compression="gzip"'))
    with pytest.raises(VmError, match="is not XML"):
        parse_ovf("no")


def test_a_document_is_shown_as_it_may_be_typed() -> None:
    had = vm(cpu={"max": 4}, disks=[{"name": "a", "size": 1049600}])
    text = document_text(had)
    assert load(text, Vm, "") == had
    assert "size: 1GiB" in text
    assert "size: 1025KiB" in text
    assert "max: 4\n" in text


def test_what_the_switch_does_for_a_port_is_no_reason_to_start_anew() -> None:
    had = vm(nics=[{"network": "inside", "mac": "02:00:00:00:00:01"}])
    wished = vm(nics=[{"network": "inside", "mac": "02:00:00:00:00:01", "rate_in": 10, "groups": ["web"]}])
    (change,) = changes.at_once(had, wished, kvm=True)
    assert change.kind == "tune-nic"
    assert changes.pending(changes.after(had, change), wished) == ()
    other = vm(nics=[{"network": "inside", "mac": "02:00:00:00:00:01", "rate_in": 10, "model": "e1000e"}])
    assert changes.at_once(had, other, kvm=True) == ()
    assert changes.pending(had, other) == (
        "nics.02:00:00:00:00:01.model: e1000e, and virtio until the next start",
        "nics.02:00:00:00:00:01.rate_in: 10, and 0 until the next start",
    )
