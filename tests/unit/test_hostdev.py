# SPDX-License-Identifier: Apache-2.0
"""Which virtual functions a VM has and which are offered, in libvirt's own documents under /run; what libvirt is told.

The documents are shortened, and in libvirt's form: status of a VM and of a network as it writes them (version 11), where a
source's PCI address says its type within <interface> and does not within <hostdev> and <disk>.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import pytest

from appliance.host.host import Host, Result
from appliance.host.playback import playback
from appliance.model.network import Vf, VfPool
from appliance.model.plan import OfferVfs
from appliance.services.network import hostdev, observe
from appliance.services.network.apply import HANDLERS

PORT = "0000:02:00.0"
POOL = f"sriov-{PORT}"
STATUS = """\
<!--
WARNING: THIS IS AN AUTO-GENERATED FILE. CHANGES TO IT ARE LIKELY TO BE
OVERWRITTEN AND LOST.
-->

<domstatus state='paused' reason='starting up' pid='1893'>
  <taint flag='high-privileges'/>
  <monitor path='/var/lib/libvirt/qemu/domain-1-web1/monitor.sock' type='unix'/>
  <vcpus>
    <vcpu id='0' pid='1899'/>
  </vcpus>
  <qemuCaps>
    <flag name='hda-duplex'/>
  </qemuCaps>
  <devices>
    <device alias='net0'/>
  </devices>
  <libDir path='/var/lib/libvirt/qemu/domain-1-web1'/>
  <domain type='qemu' id='1'>
    <name>web1</name>
    <uuid>2f2d4f0c-6a4e-4a55-9f5e-0d1a2b3c4d5e</uuid>
    <devices>
      <emulator>/usr/bin/qemu-system-x86_64</emulator>
      <controller type='pci' index='1' model='pcie-root-port'>
        <address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0' multifunction='on'/>
      </controller>
{device}
    </devices>
  </domain>
</domstatus>
"""
GUEST_SIDE = "<address type='pci' domain='0x0000' bus='0x01' slot='0x00' function='0x0'/>"
FROM_POOL = f"""\
      <interface type='network'>
        <mac address='52:54:00:6b:3c:58'/>
        <source network='{POOL}' portid='5ea1c6ed-3bd0-4b4e-9b6e-2a0f8f1f2f0a'/>
        <actual type='hostdev' managed='no'>
          <source>
            <address type='pci' domain='0x0000' bus='0x02' slot='0x10' function='0x2'/>
          </source>
        </actual>
        <alias name='hostdev0'/>
        {GUEST_SIDE}
      </interface>"""
INTERFACE = f"""\
      <interface type='hostdev' managed='yes'>
        <mac address='52:54:00:6b:3c:58'/>
        <source>
          <address type='pci' domain='0x0000' bus='0x02' slot='0x10' function='0x2'/>
        </source>
        {GUEST_SIDE}
      </interface>"""
HOSTDEV = f"""\
      <hostdev mode='subsystem' type='pci' managed='no'>
        <driver name='vfio'/>
        <source>
          <address domain='0x0000' bus='0x02' slot='0x10' function='0x2'/>
        </source>
        {GUEST_SIDE}
      </hostdev>"""
OTHERS = f"""\
      <hostdev mode='subsystem' type='usb' managed='yes'>
        <source>
          <vendor id='0x1234'/>
          <product id='0xbeef'/>
          <address bus='2' device='16'/>
        </source>
      </hostdev>
      <hostdev mode='subsystem' type='scsi' managed='no'>
        <source>
          <adapter name='scsi_host0'/>
          <address bus='0' target='0' unit='0'/>
        </source>
      </hostdev>
      <interface type='bridge'>
        <source bridge='br-int'/>
        {GUEST_SIDE}
      </interface>"""
NETWORK = f"""\
<networkstatus>
  <class_id bitmap='0-2'/>
  <floor sum='0'/>
  <network>
    <name>{POOL}</name>
    <uuid>81ff0d90-c91e-6742-64da-4a736edb9a9b</uuid>
    <forward mode='hostdev' managed='no'>
      <address type='pci' domain='0x0000' bus='0x02' slot='0x10' function='0x0'/>
      <address type='pci' domain='0x0000' bus='0x02' slot='0x10' function='0x2'/>
    </forward>
  </network>
</networkstatus>
"""
OFFERED = VfPool(name=POOL, functions=("0000:02:10.0", "0000:02:10.2"))
SYS = f"/sys/bus/pci/devices/{PORT}"


def node(vm: str = "", networks: str = NETWORK, driver: str = "vfio-pci", **more: Any) -> Host:
    """A port with two functions, and what libvirt has written."""
    functions = {f"{SYS}/virtfn{n}": f"../0000:02:10.{2 * n}" for n in range(2)}
    drivers = {f"/sys/bus/pci/devices/0000:02:10.{2 * n}/driver": f"../../bus/pci/drivers/{driver}" for n in range(2)}
    return playback(
        {
            "origin": "a test",
            "folders": {
                "/run/libvirt/qemu": ["autostarted", "web1.pid", "web1.xml"],
                "/run/libvirt/network": ["default.xml", "autostarted", f"{POOL}.xml"],
                f"{SYS}/net": ["enp2s0"],
            },
            "files": {
                "/run/libvirt/qemu/web1.xml": STATUS.format(device=vm),
                "/run/libvirt/qemu/web1.pid": "1893",
                "/run/libvirt/network/default.xml": NETWORK.replace(POOL, "default").replace("hostdev", "nat"),
                f"/run/libvirt/network/{POOL}.xml": networks,
                f"{SYS}/sriov_totalvfs": "7",
                f"{SYS}/sriov_numvfs": "2",
            },
            "links": functions | drivers,
            "netlink": {"links": [{"name": "enp2s0", "vfs": [{"index": 0}, {"index": 1}]}]},
            **more,
        }
    )


@pytest.mark.parametrize("device", [FROM_POOL, INTERFACE, HOSTDEV], ids=["pool", "interface", "hostdev"])
def test_a_vm_has_a_function_whichever_way_it_came_to_it(device: str) -> None:
    assert hostdev.users(node(device)) == {"0000:02:10.2": "web1"}
    assert [vf.used_by for vf in observe.functions(node(device), PORT)] == ["", "web1"]


def test_what_a_vm_has_besides_is_no_function() -> None:
    assert hostdev.users(node(OTHERS)) == {}


def test_a_document_that_is_being_written_hides_no_other() -> None:
    host = node(HOSTDEV, networks=NETWORK[:200])
    assert hostdev.pools(host) == ()
    assert hostdev.users(host) == {"0000:02:10.2": "web1"}


def test_libvirts_other_networks_are_not_ours() -> None:
    assert hostdev.pools(node()) == (OFFERED,)
    assert hostdev.pools(playback({"origin": "a machine without libvirt"})) == ()


def test_a_network_is_told_as_libvirt_tells_it() -> None:
    """What it wrote of a network that it was given is the same network."""
    told = ElementTree.fromstring(hostdev.document(OFFERED))
    written = ElementTree.fromstring(NETWORK).find("network")
    assert written is not None
    assert (told.tag, told.findtext("name")) == ("network", written.findtext("name"))
    forwards = [document.find("forward") for document in (told, written)]
    one, other = (forward for forward in forwards if forward is not None)
    assert one.attrib == other.attrib
    assert [each.attrib for each in one] == [each.attrib for each in other]


class Asked:
    """A node that is told something, with what its commands were told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, argv: Sequence[str], *, stdin: str | None = None, check: bool = True, on_line: object = None) -> Result:
        self.lines.append((" ".join(argv), stdin or ""))
        return Result(0, "", "")


def offered(host: Host) -> list[tuple[str, str]]:
    asked = Asked()
    changing = Host(files=host.files, run=asked, udev=host.udev, netlink=host.netlink)
    step = OfferVfs(pci=PORT, pool=POOL, functions=2, why="")
    HANDLERS[OfferVfs].do(step, changing, lambda *_: None)
    return asked.lines


def test_what_is_offered_is_what_vfio_has() -> None:
    step = OfferVfs(pci=PORT, pool=POOL, functions=2, why="")
    assert HANDLERS[OfferVfs].done(step, node())
    assert not HANDLERS[OfferVfs].done(step, node(driver="igbvf")), "the kernel's are no VM's"
    assert not HANDLERS[OfferVfs].done(step, node(networks="<networkstatus/>"))
    lines = offered(node(networks="<networkstatus/>"))
    assert [line for line, _ in lines] == ["systemctl start libvirtd.socket", "virsh --quiet net-create /dev/stdin"]
    assert lines[-1][1] == hostdev.document(OFFERED)
    assert [line for line, _ in offered(node(driver="igbvf"))] == [f"virsh --quiet net-destroy {POOL}"]


def test_a_function_that_a_vm_has_stays_in_its_network() -> None:
    """libvirt counts what it has given away in the network's own document; the network is not made anew for it."""
    vf = Vf(index=1, pci="0000:02:10.2", driver="vfio-pci", used_by="web1")
    assert observe.functions(node(FROM_POOL), PORT)[1] == vf
    assert HANDLERS[OfferVfs].done(OfferVfs(pci=PORT, pool=POOL, functions=2, why=""), node(FROM_POOL))
