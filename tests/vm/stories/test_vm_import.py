# SPDX-License-Identifier: Apache-2.0
"""Disks of other hypervisors become images of the pool, and start."""

from __future__ import annotations

import json

from tests.vm import bootable
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.guest import Guest
from tests.vm.stories.test_vms import images, node_with_vms, shown, written
from tests.vm.story import story

OVF = """<?xml version="1.0"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:vmw="http://www.vmware.com/schema/ovf"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:id="one" ovf:href="system.vmdk"/><File ovf:id="two" ovf:href="data.vmdk"/></References>
  <DiskSection><Disk ovf:diskId="d1" ovf:fileRef="one"/><Disk ovf:diskId="d2" ovf:fileRef="two"/></DiskSection>
  <VirtualSystem ovf:id="shop"><VirtualHardwareSection>
    <Item><rasd:ResourceType>3</rasd:ResourceType><rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
    <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ResourceType>4</rasd:ResourceType>
      <rasd:VirtualQuantity>256</rasd:VirtualQuantity></Item>
    <vmw:Config ovf:required="false" vmw:key="firmware" vmw:value="efi"/>
  </VirtualHardwareSection></VirtualSystem>
</Envelope>
"""
STREAM = "qemu-img convert -O vmdk -o subformat=streamOptimized"


@story("import-into-the-pool")
def test_import_into_the_pool(containers: ContainerLab) -> None:
    """Raw, qcow2, vmdk and an OVA: each an image of the pool with the bytes that were in the file; a system starts from it."""
    node = node_with_vms(containers)
    make_files(node)
    for form in ("raw", "qcow2", "vmdk"):
        node.run(f"trivet vm import {form} /tmp/in/data.{form} --memory 64MiB")
        where = shown(node, form)["disks"]["disk0"]
        assert where in images(node)
        assert written(node, form, "disk0") == "brought along"
        assert json.loads(node.run(f"rbd info {where.removeprefix('rbd:')} --format json"))["size"] == 2**25
    assert shown(node, "vmdk")["vm"]["disks"][0]["bus"] == "sata", "what never had virtio needs a driver for it"
    assert shown(node, "qcow2")["vm"]["disks"][0]["bus"] == "virtio"

    before = images(node)
    for wrong, sentence in (
        ("/tmp/in/none.ova", "there is no file"),
        ("/tmp/in/empty.ova", "no description (.ovf)"),
        ("/tmp/in/half.ova", "does not have the disks that it speaks of: data.vmdk"),
    ):
        refused = node.output(f"trivet vm import wrong {wrong}")
        assert not refused.ok
        assert sentence in refused.text, refused.text
    assert images(node) == before, "nothing is left of what was refused"
    assert node.run("ls /var/lib/libvirt/images | grep ova || true") == ""

    node.run("trivet vm import shop /tmp/in/shop.ova", timeout=240)
    said = shown(node, "shop")["vm"]
    assert (said["firmware"], said["memory"]["size"], [disk["bus"] for disk in said["disks"]]) == ("uefi", 2**28, ["sata"] * 2)
    assert set(shown(node, "shop")["disks"].values()) <= images(node)
    assert written(node, "shop", "disk1") == "brought along"
    node.run("trivet vm start shop", timeout=120)
    shop = Guest(node, "shop").wait(600)
    assert "vmlinuz" in shop.run("cat /proc/cmdline"), "its own GRUB has started it"
    node.run("trivet vm stop shop")


def make_files(node: ContainerNode) -> None:
    """As another hypervisor exports them."""
    bootable.make(node.state / "system.img")
    (node.state / "shop.ovf").write_text(OVF)
    node.run(
        f"""set -e; mkdir /tmp/in; cd /tmp/in; mv /var/lib/trivet/system.img /var/lib/trivet/shop.ovf .
        echo 'brought along' > data.raw; truncate -s 32M data.raw
        qemu-img convert -f raw -O qcow2 data.raw data.qcow2; qemu-img convert -f raw -O vmdk data.raw data.vmdk.own
        {STREAM} -f raw data.raw data.vmdk.stream; {STREAM} -f raw system.img system.vmdk; rm system.img
        mv data.vmdk.stream data.vmdk; tar -cf shop.ova shop.ovf system.vmdk data.vmdk
        tar -cf half.ova shop.ovf system.vmdk; tar -cf empty.ova data.vmdk; mv data.vmdk.own data.vmdk""",
        timeout=240,
    )
