# SPDX-License-Identifier: Apache-2.0
"""The pool of one machine with rotating disks and an SSD, and what disks do to it. Ceph's own commands, and the bytes, decide.

One HDD after the other is asked for by its serial; the node's own system disk is none of them.
"""

from __future__ import annotations

import json
from dataclasses import replace

from tests.vm import images
from tests.vm.lab import Lab
from tests.vm.moments import BOOT, reached
from tests.vm.pool import ceph, goes_on, healthy, librbd, nothing_lost, osds, plan, up, wait_up, whole, write_on
from tests.vm.pooled import FRESH, FRESH_SSD, HYBRID, ON_SYSTEM, PLAIN, POOL, SYSTEM, pooled, started, throttle
from tests.vm.process import wait_for
from tests.vm.story import story
from tests.vm.vm import VM


def osd_on(vm: VM, serial: str) -> int:
    """The OSD of a disk that it is on without a volume between, in the words of its own label."""
    found = f"lsblk -no PATH,FSTYPE $(lsblk -dpno NAME,SERIAL | awk '$2 == \"{serial}\" {{print $1}}')"
    device = vm.run(f"{found} | awk '$2 == \"ceph_bluestore\" {{print $1}}'")
    return int(json.loads(vm.run(f"ceph-bluestore-tool show-label --dev {device}", timeout=120))[device]["whoami"])


def cached(vm: VM) -> int:
    """Volumes with a cache that works, in device-mapper's words."""
    return vm.run("dmsetup status --target cache").count(" writethrough ")


def missing(vm: VM) -> set[str]:
    """How many devices each volume group lacks."""
    return set(vm.run("vgs --noheadings -o vg_missing_pv_count 2>/dev/null", timeout=120).split())


@story("pool-survives-reboots")
def test_pool_survives_reboots(lab: Lab) -> None:
    """A hybrid node makes its pool, each HDD with its cache; three restarts and a power cut later every byte is there."""
    vm = pooled(lab, "hybrid", HYBRID)
    assert sorted(up(vm)) == [0, 1, 2]
    assert cached(vm) == 3
    (pool,) = [each for each in ceph(vm, "osd dump")["pools"] if each["pool_name"] == "vms"]
    assert (pool["size"], pool["min_size"]) == (3, 2)
    classes = {osd["device_class"] for osd in ceph(vm, "osd tree")["nodes"] if osd["type"] == "osd"}
    assert classes == {"hdd"}
    assert plan(vm) == []
    assert set(json.loads(vm.run("ceph-volume lvm list --format json", timeout=120))) == {"0", "1", "2"}
    for _ in range(3):
        vm.run("systemctl reboot", check=False)
        vm.wait_reboot(BOOT)
        reached(vm)
        wait_up(vm, {0, 1, 2}, POOL)
        librbd(vm, "read", timeout=300)
        assert cached(vm) == 3
    vm.kill()
    started(vm)
    librbd(vm, "read", timeout=300)
    assert plan(vm) == []


@story("disk-pulled-under-load")
def test_disk_pulled_under_load(lab: Lab) -> None:
    """A data disk is pulled while somebody writes: nothing stops, nothing is lost; another one is taken in, and all is whole."""
    vm = pooled(lab, "plain", PLAIN)
    write_on(vm)
    gone = osd_on(vm, "HDD1")
    vm.unplug("hdd1")
    wait_for("it to be down", lambda: gone not in up(vm), 180, 1)
    goes_on(vm, 120)
    librbd(vm, "read", timeout=300)
    told = vm.run("trivet storage", timeout=240)
    assert "healthy" not in told.splitlines()[0], told
    vm.plug(FRESH)
    vm.sees(FRESH)
    vm.run(f"trivet disk replace osd.{gone} --with HDD9 --yes", timeout=900)
    assert len(osds(vm)) == len(up(vm)) == 3
    goes_on(vm, 120)
    nothing_lost(vm, 600)
    whole(vm, 900)
    healthy(vm, 300)
    librbd(vm, "read", timeout=300)
    assert plan(vm) == []


@story("cache-ssd-pulled-under-load")
def test_cache_ssd_pulled_under_load(lab: Lab) -> None:
    """The SSD that caches for all of them is pulled while somebody writes: they go on without it, and get another one's."""
    vm = pooled(lab, "hybrid", HYBRID)
    write_on(vm)
    goes_on(vm, 120)
    vm.unplug("ssd")
    # A cache that has failed is still one to device-mapper; LVM says when a group has let go of its SSD.
    wait_for("all groups to go on without the SSD", lambda: missing(vm) == {"0"} and cached(vm) == 0, 900, 5)
    wait_up(vm, {0, 1, 2}, 300)
    vm.run("timeout 300 sh -c 'until systemctl is-active ceph-osd@0 ceph-osd@1 ceph-osd@2; do sleep 2; done'", timeout=330)
    nothing_lost(vm, 600)
    librbd(vm, "read", timeout=300)
    # It starts again without one, and takes what is put in its place.
    vm.run("systemctl reboot", check=False)
    vm.wait_reboot(BOOT)
    reached(vm)
    wait_up(vm, {0, 1, 2}, POOL)
    librbd(vm, "read", timeout=300)
    vm.plug(FRESH_SSD)
    vm.sees(FRESH_SSD)
    vm.run("trivet apply", timeout=600)
    assert cached(vm) == 3
    librbd(vm, "read", timeout=300)
    healthy(vm, 300)
    assert plan(vm) == []


@story("corruption-repaired")
def test_corruption_repaired(lab: Lab) -> None:
    """Bytes of one copy rot on the disk: a scrub finds them, and they are made right again from the copies that agree."""
    vm = pooled(lab, "plain", PLAIN)
    vm.run("head -c 1048576 /dev/urandom > /tmp/object && timeout 60 rados -p vms put rotten /tmp/object", timeout=120)
    whole(vm, 300)
    placed = ceph(vm, "osd map vms rotten")
    group, victim = placed["pgid"], placed["acting"][1]
    device = vm.run(f"readlink -f /var/lib/ceph/osd/ceph-{victim}/block")
    vm.run(f"systemctl stop ceph-osd@{victim}", timeout=120)
    # Where its bytes are is found by the bytes themselves: their first sector is like no other.
    find = (
        "import sys; want = open('/tmp/object','rb').read(4096); disk = open(sys.argv[1],'rb'); at = 0\n"
        "while block := disk.read(1 << 22):\n"
        "    for i in range(0, len(block), 4096):\n"
        "        if block[i:i + 4096] == want: print(at + i); sys.exit()\n"
        "    at += len(block)\n"
    )
    place = int(vm.run(f"cat > /tmp/find.py <<'END'\n{find}END\npython3 /tmp/find.py {device}", timeout=900))
    vm.run(f"dd if=/dev/zero of={device} bs=4096 seek={place // 4096} count=4 conv=notrunc,fsync")
    vm.run(f"systemctl start ceph-osd@{victim}", timeout=120)
    wait_up(vm, {0, 1, 2}, 300)
    whole(vm, 300)
    vm.run(f"ceph pg deep-scrub {group}", timeout=120)

    def scrubbed() -> bool:
        return bool(json.loads(vm.run("rados list-inconsistent-pg vms", timeout=120)))

    wait_for("the scrub to find it", scrubbed, 300, 2)
    wait_for("it to be repaired", lambda: not scrubbed(), 900, 5)
    vm.run("timeout 60 rados -p vms get rotten /tmp/back && cmp /tmp/object /tmp/back", timeout=120)
    healthy(vm, 600)
    vm.run(f"systemctl stop ceph-osd@{victim}; python3 /tmp/find.py {device} | grep .", timeout=900)
    vm.run(f"systemctl start ceph-osd@{victim}", timeout=120)


@story("dirty-disk-reused")
def test_dirty_disk_reused(lab: Lab) -> None:
    """A disk with somebody's files is refused by name; with consent that names them it is used, in one step."""
    vm = pooled(lab, "plain", PLAIN)
    dirty = replace(FRESH, name="dirty", serial="DIRTY0", wwn="0x5000c500c00000aa")
    images.ext4_disk(vm.disk_file("dirty"), dirty.size, {"letter.txt": "do not lose me"}, "letters")
    vm.plug(dirty)
    vm.sees(dirty)
    refused = vm.output("trivet disk add DIRTY0 --yes", 240)
    assert not refused.ok
    assert "letters" in refused.text, refused.text
    vm.run(f"mkdir -p /tmp/m && mount -o ro /dev/disk/by-id/wwn-{dirty.wwn} /tmp/m && cat /tmp/m/letter.txt && umount /tmp/m")
    told = vm.run("trivet disk add DIRTY0 --wipe --yes", timeout=600)
    assert "letters" in told, told
    assert len(up(vm)) == len(osds(vm)) == 4
    vm.run(f"blkid -p /dev/disk/by-id/wwn-{dirty.wwn} | grep ceph_bluestore")
    healthy(vm, 600)
    assert plan(vm) == []


@story("slow-disk-isolated")
def test_slow_disk_isolated(lab: Lab) -> None:
    """A disk answers far too late: it is stopped, while somebody writes, and the others make its copies again."""
    vm = pooled(lab, "plain", PLAIN)
    write_on(vm)
    slow = osd_on(vm, "HDD2")
    throttle(vm, "hdd2", 4)
    wait_for("the slow one to be stopped", lambda: slow not in up(vm), 900, 5)
    goes_on(vm, 180)
    told = vm.run("trivet storage", timeout=240)
    assert "HDD2" in told, told
    throttle(vm, "hdd2", 0)
    nothing_lost(vm, 600)
    librbd(vm, "read", timeout=300)


@story("lab-of-one-disk")
def test_lab_of_one_disk(lab: Lab) -> None:
    """A machine with one disk: the part that its spec has left to the pool is an OSD, over a restart too."""
    size = 16 * 2**30
    vm = pooled(lab, "lab", replace(PLAIN, disks=(replace(SYSTEM, size="32G"),)), install={**ON_SYSTEM, "pool": size})
    (block,) = vm.run("lsblk -lnbo NAME,PARTLABEL,SIZE | grep trivet-pool").splitlines()
    assert int(block.split()[-1]) == size
    assert up(vm) == [0]
    assert "trivet-pool" in vm.run("lsblk -no PARTLABEL $(readlink -f /var/lib/ceph/osd/ceph-0/block)")
    assert vm.run("findmnt -no SOURCE /var/lib/trivet | xargs lsblk -no PARTLABEL").strip() == "trivet-state"
    vm.run("systemctl reboot", check=False)
    vm.wait_reboot(BOOT)
    reached(vm)
    wait_up(vm, {0}, POOL)
    librbd(vm, "read", timeout=300)
    assert plan(vm) == []
