# SPDX-License-Identifier: Apache-2.0
"""The life of VMs on a node, in the words of QEMU, OVN and etcd, and by the bytes on their disks. Guests are emulated."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.vm import answers, bootable, guest
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.guest import Guest
from tests.vm.nspawn import Node
from tests.vm.stories.test_switch import document, ready
from tests.vm.story import story

KERNEL = {"image": guest.KERNEL, "initrd": guest.INITRD, "arguments": "console=ttyS0 quiet no_timer_check"}
"""Without its check of the timer: emulated on a busy machine it may fail, and the kernel gives up."""


POOL_DISKS = 2


def node_with_vms(
    containers: ContainerLab, *, disks: tuple[str, ...] = ("6G", "6G"), system: Callable[[Path], None] = bootable.make
) -> ContainerNode:
    """Its own disks make a pool, and VMs' disks are there; without any they are files of the node. On a third is a system."""
    node = containers.node(Node("n1", networks=("mgmt", "edge"), disks=disks))
    if len(disks) > POOL_DISKS:
        system(node.folder / f"disk{POOL_DISKS}.img")
    wish = document(node.node, 1, {"vlan": "trunk"}) | {"hypervisor": {"emulation": True}}
    wish |= {"storage": {}} if disks else {}
    (node.state / "spec.yaml").write_text(answers.text(wish))
    node.start()
    told = ready(node, 180)
    assert [each["where"] for each in told["pending"]] == [], "the hypervisor is carried out"
    guest.library(node)
    return node


def make(node: ContainerNode, what: str, **wish: Any) -> None:
    """`what` is vm or network; the document as a person would type it."""
    text = json.dumps({"version": 1, **wish})
    node.run(f"trivet {what} create - <<'EOF'\n{text}\nEOF")


def vm(node: ContainerNode, name: str, *, run: bool = True, **wish: Any) -> Guest:
    make(node, "vm", **{"name": name, "memory": {"size": "192MiB"}, "kernel": KERNEL, **wish})
    if run:
        node.run(f"trivet vm start {name}", timeout=180)
    return Guest(node, name)


def shown(node: ContainerNode, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(node.run(f"trivet vm show {name} --json"))
    return told


def written(node: ContainerNode, name: str, disk: str) -> str:
    """What a disk begins with, as QEMU's own tool reads it: the VM is stopped."""
    file = shown(node, name)["disks"][disk]
    return node.run(f"qemu-img dd -O raw bs=512 count=1 if={file} of=/tmp/first && tr -d '\\0' < /tmp/first; rm -f /tmp/first")


def images(node: ContainerNode) -> set[str]:
    """What the pool has, in the words of documents."""
    return {f"rbd:vms/{name}" for name in node.run("rbd ls vms").split()}


def in_the_pool(node: ContainerNode) -> None:
    """The disk is an image that libvirt's user may use, whose key is nowhere to be read."""
    assert images(node) == set(shown(node, "one")["disks"].values()), "its disk is an image of the pool"
    assert "5000" in node.run("virsh blkdeviotune one vda | grep 'total_iops_sec  *:'")
    keyring = node.run("ceph auth get client.libvirt")
    key = keyring.partition("key = ")[2].split()[0]
    assert "profile rbd pool=vms" in keyring
    assert not node.output(f"grep -rqF {key} /etc /run /proc/[0-9]*/cmdline /var/lib/libvirt /var/log 2>/dev/null").ok, "a key"
    assert key not in node.run("virsh dumpxml one --security-info; etcdctl get --prefix /")


def copies(node: ContainerNode) -> None:
    """A whole copy, a template, linked copies of it that differ; the bin; out and in again."""
    node.run("trivet vm clone one two")
    node.run("trivet vm template one")
    assert not node.output("trivet vm start one").ok
    node.run("trivet vm clone one linked --linked")
    image = shown(node, "linked")["disks"]["data"].removeprefix("rbd:")
    told = json.loads(node.run(f"rbd info {image} --format json"))
    assert f"rbd:vms/{told['parent']['image']}" == shown(node, "one")["disks"]["data"]
    assert json.loads(node.run(f"rbd du --exact {image} --format json"))["images"][0]["used_size"] == 0
    assert [written(node, name, "data") for name in ("two", "linked")] == ["kept", "kept"]
    node.run("trivet vm delete one")
    refused = node.output("trivet vm purge one --yes")
    assert not refused.ok
    assert "linked" in refused.text, refused.text
    node.run("trivet vm restore one && trivet vm delete two && trivet vm purge two --yes")
    assert {each["name"] for each in json.loads(node.run("trivet vm list --json"))["vms"]} == {"one", "linked"}
    assert "two" not in node.run("etcdctl get --prefix --keys-only /trivet")
    assert images(node) == {where for name in ("one", "linked") for where in shown(node, name)["disks"].values()}
    node.run("trivet vm flatten linked && trivet vm delete one && trivet vm purge one --yes")
    assert images(node) == set(shown(node, "linked")["disks"].values()), "it holds all itself, and the other could go"
    assert written(node, "linked", "data") == "kept"

    # Out and in again, in another hypervisor's form.
    node.run("trivet vm export linked /tmp/out --format vmdk")
    node.run("trivet vm import back /tmp/out/linked-data.vmdk --memory 128MiB")
    assert written(node, "back", "disk0") == "kept"


@story("vm-life", quick=True)
def test_vm_life(containers: ContainerLab) -> None:
    """Made, run, changed under way, suspended, stopped from outside and from within, copied, deleted, restored."""
    node = node_with_vms(containers)
    one = vm(node, "one", disks=[{"name": "data", "size": "64MiB", "iops": 5000}], cpu={"count": 1}).wait()
    in_the_pool(node)
    assert node.run("virsh --quiet list --name").split() == ["one"]
    assert "guest: is at its shell" in node.run("trivet vm console one --log")
    assert one.run("cat /sys/block/vda/size /sys/block/vda/serial").split() == [str(64 * 2048), "data"]
    assert not node.output("trivet vm create - <<'EOF'\nversion: 1\nname: one\nmemory: {size: 1GiB}\nEOF").ok

    # A disk and its growth while it runs; memory with the next start, and it is said so.
    node.run("trivet vm attach one --disk more --size 32MiB")
    one.run("until grep -q more /sys/block/vd*/serial; do sleep 0.2; done; echo hello > /dev/vdb; sync")
    node.run("trivet vm resize one data 96MiB")
    one.run(f"until [ $(cat /sys/block/vda/size) = {96 * 2048} ]; do sleep 0.2; done")
    text = node.run("trivet vm show one --document").replace("192MiB", "224MiB")
    assert "memory.size" in node.run(f"trivet vm edit - <<'EOF'\n{text}\nEOF")
    assert [line.partition(":")[0] for line in shown(node, "one")["pending"]] == ["memory.size"]

    node.run("trivet vm suspend one")
    assert node.run("virsh domstate one") == "paused"
    node.run("trivet vm resume one")
    node.run("trivet vm reset one")
    one.wait()
    node.run("trivet vm stop one")
    assert node.run("virsh --quiet list --all --name") == "", "nothing is left of it but its document"
    assert written(node, "one", "more") == "hello"
    node.run("trivet vm start one")
    one.wait()
    assert int(one.run("awk '/MemTotal/ {print $2}' /proc/meminfo")) > 160 * 1024, "what was pending has come"
    node.run("trivet vm detach one --disk more --yes")
    assert one.run("ls /sys/block | grep vd") == "vda"
    one.run("echo kept > /dev/vda; sync")
    node.run('virsh --quiet qemu-agent-command one \'{"execute":"guest-shutdown"}\' --timeout 1 || true')
    node.run('until [ -z "$(virsh --quiet list --name)" ]; do sleep 0.2; done')
    copies(node)


@story("snapshot-revert")
def test_snapshot_revert(containers: ContainerLab) -> None:
    """Two disks, written, held while the VM runs, written again, gone back: the old content, on both; and forward again."""
    node = node_with_vms(containers)
    snapshot_revert(node)
    assert images(node) == set(shown(node, "one")["disks"].values())
    assert all(node.run(f"rbd snap ls {image.removeprefix('rbd:')}") == "" for image in images(node)), "none is left"


@story("snapshot-revert-without-a-pool")
def test_snapshot_revert_without_a_pool(containers: ContainerLab) -> None:
    """The same on a node that has no disks for a pool."""
    node = node_with_vms(containers, disks=())
    snapshot_revert(node)
    kept = node.run("ls /var/lib/libvirt/images/*/*.qcow2").split()
    assert sorted(kept) == sorted(shown(node, "one")["disks"].values()), "no file of a snapshot is left"


def snapshot_revert(node: ContainerNode) -> None:
    disks = [{"name": "first", "size": "32MiB"}, {"name": "second", "size": "32MiB"}]
    one = vm(node, "one", disks=disks).wait()
    one.run("echo old > /dev/vda; echo old > /dev/vdb; sync")
    assert json.loads(node.run("trivet vm snapshot one before --json"))["consistent"], "the agent held the guest still"
    one.run("echo new > /dev/vda; echo new > /dev/vdb; sync")
    node.run("trivet vm snapshot one after")
    one.run("echo newest > /dev/vda; sync")
    refused = node.output("trivet vm revert one before --yes")
    assert "stop it first" in refused.text
    node.run("trivet vm stop one")
    assert [written(node, "one", disk) for disk in ("first", "second")] == ["newest", "new"]
    assert not node.output("trivet vm revert one before").ok, "what is lost is consented to"
    node.run("trivet vm revert one before --yes")
    assert [written(node, "one", disk) for disk in ("first", "second")] == ["old", "old"]
    node.run("trivet vm start one")
    assert one.wait().run("head -c 3 /dev/vda") == "old"
    one.run("echo other > /dev/vda; sync")
    node.run("trivet vm stop one")
    node.run("trivet vm revert one after --yes")
    assert [written(node, "one", disk) for disk in ("first", "second")] == ["new", "new"]
    node.run("trivet vm snapshot one before --delete && trivet vm snapshot one after --delete")
    assert [written(node, "one", disk) for disk in ("first", "second")] == ["new", "new"]


@story("overlay-rule-stops")
def test_overlay_rule_stops(containers: ContainerLab) -> None:
    """Two guests get addresses, know each other by name and reach one another; a rule stops one, and not its replies."""
    node = node_with_vms(containers, disks=())
    make(node, "network", name="inside", subnet="10.1.0.0/24")
    a, b = (vm(node, name, nics=[{"network": "inside", "groups": [group]}]) for name, group in (("a", "clients"), ("b", "web")))
    for each in (a, b):
        each.wait()
        each.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done", timeout=60)
    address = shown(node, "b")["addresses"][0]
    assert f"{address}/24" in b.run("ip address show eth0")
    assert address in a.run("nslookup b.inside || true"), "OVN knows the guests' names"
    a.run("ping -c 2 -W 2 b.inside")
    b.run("mkdir -p /www && echo web > /www/index.html && httpd -h /www")
    a.run("until wget -T 5 -q -O - http://b.inside; do sleep 0.5; done", timeout=60)

    rules = [{"group": "web", "peer_group": "clients", "protocol": "tcp", "ports": [80], "action": "allow"}]
    text = json.dumps({"version": 1, "name": "inside", "subnet": "10.1.0.0/24", "default": "drop", "rules": rules})
    node.run(f"trivet network edit - <<'EOF'\n{text}\nEOF")
    time.sleep(2)
    assert "drop" in node.run("ovn-nbctl acl-list trivet.inside")
    assert a.run("ping -c 1 -W 1 b.inside > /dev/null || echo stopped") == "stopped", "no rule lets it in"
    assert a.run("wget -T 20 -q -O - http://b.inside") == "web", (
        "and one lets this in; the replies to a, whom nothing is let in to"
    )
    assert b.run("wget -T 2 -q -O - http://a.inside 2>&1 || echo stopped").endswith("stopped")
    assert not node.output("trivet network delete inside").ok, "VMs are on it"
    node.run("trivet vm stop a --force && trivet vm delete a && trivet vm purge a --yes")
    assert shown(node, "b")["addresses"] == [address]
    assert node.run("ovn-nbctl lsp-list trivet-inside | wc -l") == "2", "b's port and the gateway's"


@story("vms-return-after-power-cut")
def test_vms_return_after_power_cut(containers: ContainerLab) -> None:
    """Three VMs run, one was stopped, one had switched itself off; the power goes: the three come back, by their order."""
    node = node_with_vms(containers)
    make(node, "network", name="inside", subnet="10.1.0.0/24")
    for name, order in (("third", 30), ("first", 10), ("second", 20)):
        disks = [{"name": "data", "size": "16MiB"}]
        vm(node, name, disks=disks, nics=[{"network": "inside"}], start={"order": order, "delay": "1s"})
    vm(node, "stopped", run=False)
    off = vm(node, "off").wait()
    Guest(node, "first").wait()
    before = shown(node, "first")["addresses"]
    Guest(node, "first").run("echo kept > /dev/vda; sync")
    off.run("(sleep 1; poweroff -f) > /dev/null 2>&1 &")
    node.run("until ! virsh --quiet list --name | grep -q off; do sleep 0.5; done", timeout=60)
    node.run(
        'until [ "$(etcdctl get --print-value-only /trivet/v1/vms/off | grep -c \'"wanted":"running"\')" = 0 ]; do sleep 1; done',
        timeout=60,
    )
    node.kill()
    node.start()
    ready(node)
    node.run("until [ $(virsh --quiet list --name | grep -c .) = 3 ]; do sleep 0.5; done", timeout=120)
    for name in ("first", "second", "third"):
        Guest(node, name).wait()
    said = node.run("journalctl -b -u trivet-vms -o cat | grep 'runs again'")
    assert [line.split()[0] for line in said.splitlines()] == ["first", "second", "third"]
    assert shown(node, "first")["addresses"] == before
    first = Guest(node, "first")
    assert first.run("head -c 4 /dev/vda") == "kept"
    first.run("until ip -4 address show eth0 | grep -q 10.1.0.; do sleep 0.5; done", timeout=60)
    first.run("until ping -c 1 -W 1 third.inside; do sleep 1; done", timeout=90)
    assert {shown(node, name)["state"] for name in ("stopped", "off")} == {"stopped"}


@story("adopt-disk")
def test_adopt_disk(containers: ContainerLab) -> None:
    """A server's old system runs as a VM from its own untouched disk, and moves into the pool while it writes."""
    node = node_with_vms(containers, disks=("6G", "6G", f"{bootable.SIZE}M"))
    disk = node.loops[POOL_DISKS]
    make(node, "network", name="edge", vlan=30)
    before = hashlib.sha256(disk.file.read_bytes()).hexdigest()
    refused = node.output("trivet vm adopt n1-disk0 --name taken")
    assert "OSD" in refused.text, refused.text
    refused = node.output("trivet vm adopt n1-disk2 --name old --network edge")
    assert node.node.mac(1) in refused.text, "the addresses that it may have had"
    mac = "02:00:00:00:00:77"
    said = node.run(f"trivet vm adopt n1-disk2 --name old --memory 256MiB --bus virtio --network edge --mac {mac}")
    assert "uefi" in said
    assert hashlib.sha256(disk.file.read_bytes()).hexdigest() == before
    assert not node.output("trivet vm adopt n1-disk2 --name twice").ok
    assert "it is a VM's" in node.run("trivet disk")
    (node.state / "spec-wipe.yaml").write_text(
        (node.state / "spec.yaml").read_text().replace("storage: {}", "storage: {wipe: true}")
    )
    assert "n1-disk2" not in node.run("trivet plan --json /var/lib/trivet/spec-wipe.yaml"), "nobody takes it for the pool"

    node.run("trivet vm start old")
    old = Guest(node, "old").wait(600)
    assert mac in node.run("virsh domiflist old")
    old.run("echo before > /dev/vda2; sync")
    assert bytes_of(disk.file) == b"before"
    assert not node.output("trivet vm snapshot old s").ok
    assert not node.output("trivet vm resize old disk0 1GiB").ok

    old.run("(n=0; until [ -e /run/stop ]; do n=$((n+1)); echo $n > /dev/vda2; sync; sleep 0.1; done) > /dev/null 2>&1 &")
    node.run("trivet vm move-disk old disk0", timeout=240)
    (image,) = images(node)
    assert image.removeprefix("rbd:") in node.run("virsh domblklist old")
    left = bytes_of(disk.file)
    old.run("touch /run/stop; sleep 3; echo after > /dev/vda2; sync")
    assert bytes_of(disk.file) == left, "the disk is not touched any more"
    assert int(left) > 1
    node.run("trivet vm stop old --force")
    node.run(f"rbd export {image.removeprefix('rbd:')} /tmp/moved 2>/dev/null")
    assert node.run(f"dd if=/tmp/moved bs=1M skip={bootable.DATA // 2**20} count=1 2>/dev/null | head -n 1") == "after"
    assert "it is a VM's" not in node.run("trivet disk")
    node.run("trivet vm start old")
    Guest(node, "old").wait(600)
    node.run("trivet vm snapshot old now && trivet vm resize old disk0 256MiB")


@story("adopt-bios-disk")
def test_adopt_bios_disk(containers: ContainerLab) -> None:
    """The same of a system that starts by a BIOS from a DOS table, with the drivers that it has: SATA, and no virtio."""
    node = node_with_vms(containers, disks=("6G", "6G", f"{bootable.SIZE}M"), system=bootable.make_bios)
    disk = node.loops[POOL_DISKS]
    before = hashlib.sha256(disk.file.read_bytes()).hexdigest()
    assert "bios" in node.run("trivet vm adopt n1-disk2 --name old --memory 256MiB")
    assert hashlib.sha256(disk.file.read_bytes()).hexdigest() == before
    node.run("trivet vm start old")
    assert "OVMF" not in node.run("virsh dumpxml old")
    node.run("until trivet vm console old --log | grep -q 'is at its shell'; do sleep 1; done", timeout=300)
    node.run("trivet vm stop old --force")
    node.run("trivet vm move-disk old disk0", timeout=240)
    (image,) = images(node)
    node.run(f"rbd export {image.removeprefix('rbd:')} /tmp/moved 2>/dev/null")
    assert node.run("sha256sum < /tmp/moved").split()[0] == hashlib.sha256(disk.file.read_bytes()).hexdigest()
    node.run("trivet vm start old")
    Guest(node, "old").wait(300)


def bytes_of(file: Path) -> bytes:
    """The first line of the second partition, on the disk itself."""
    with file.open("rb") as disk:
        disk.seek(bootable.DATA)
        return disk.readline(512).strip()
