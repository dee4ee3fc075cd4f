# SPDX-License-Identifier: Apache-2.0
"""Record the lab's machines anew: `python -m tests.machines.make NAME...` (none: all). Needs the ISO, and minutes each.

What a machine holds is put there by itself, in its live system (`prepare`), and the machine is restarted before it is
recorded: so the record shows what our live system makes of disks that somebody else has filled.
"""

from __future__ import annotations

import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.vm import answers
from tests.vm.lab import BUILD, Lab
from tests.vm.machines import Disk, Machine, Nic, Numa, Stick
from tests.vm.moments import BOOT, STANDARD, bare, installed, live
from tests.vm.vm import VM

HERE = Path(__file__).parent
ID = "/dev/disk/by-id"
PATIENT = "no_timer_check systemd.default_device_timeout_sec=900 systemd.default_timeout_start_sec=900"
"""A busy host starves an emulated timer, and a hundred disks take udev their time."""


@dataclass(frozen=True)
class Recipe:
    """A machine, how it is filled (before a restart) and what is done in the boot that is recorded."""

    machine: Machine
    origin: str
    prepare: str = ""
    before: str = ""
    medium: str = "cd"
    arguments: str = ""
    plugged: bool = False
    """The disks are put in while the live system runs: that is started once for all such machines."""


def nics(*models: str) -> tuple[Nic, ...]:
    return tuple(Nic(model, f"52:54:00:00:00:{index:02x}") for index, model in enumerate(models, 1))  # type: ignore[arg-type]


def vfs(count: int, driver: bool = True) -> str:
    """Make so many functions of each igb port. Without a driver they come up at once, and are no ports of the host."""
    return f"""
echo {int(driver)} | tee /sys/class/net/*/device/sriov_drivers_autoprobe
for port in /sys/class/net/*/device/sriov_numvfs; do
    name=$(basename $(dirname $(dirname $port)))
    ip link set $name up
    echo {count} > $port
    ip link set $name vf 0 mac 02:00:00:00:00:10 vlan 100
    ip link set $name vf 1 trust on spoofchk off max_tx_rate 500
done
udevadm settle
"""


FULL = f"""
sata={ID}/ata-QEMU_HARDDISK_WD-HDD1 nvme={ID}/nvme-QEMU_NVMe_Ctrl_NVME4K0001 virtio={ID}/virtio-VIRT0001
scsi={ID}/scsi-0QEMU_QEMU_HARDDISK
mkfs.ext4 -q -L backup $sata
sgdisk -n1:0:+100M -t1:ef00 -c1:esp -n2:0:+1G -t2:8200 -c2:swap -n3:0:+2G -c3:root -n4:0:0 -c4:'my data' $nvme
udevadm settle
mkfs.vfat -F 32 -n EFI $nvme-part1; mkswap -L swap $nvme-part2; mkfs.ext4 -q -L root $nvme-part3
pvcreate -y $virtio; vgcreate vg0 $virtio; lvcreate -y -L 1G -n lv0 vg0; mkfs.xfs /dev/vg0/lv0
mdadm --create /dev/md/old --run --level=1 --raid-devices=2 --homehost=gone "$scsi"_MD0 "$scsi"_MD1
mkfs.ext4 -q -L mirror /dev/md/old
mkfs.ext4 -q -L both "$scsi"_BOTH
head -c 65536 /dev/sr0 | dd of="$scsi"_BOTH bs=512 skip=64 seek=64 count=8 conv=notrunc iflag=fullblock
printf 'label: dos\n,1G,83\n,,5\n,500M,7\n,,83\n' | sfdisk {ID}/wwn-0x5000c500a1b2c3d4
echo secret > /tmp/key; cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 "$scsi"_LUKS /tmp/key
sync
"""

IMSM = f"""
export IMSM_NO_PLATFORM=1  # QEMU has no option ROM of Intel's to ask
one={ID}/ata-QEMU_HARDDISK_IMSM-ONE two={ID}/ata-QEMU_HARDDISK_IMSM-TWO dirty={ID}/ata-QEMU_HARDDISK_DIRTY
mdadm --create /dev/md/imsm0 --run --metadata=imsm --raid-devices=2 $one $two
mdadm --create /dev/md/volume0 --run --level=1 --assume-clean --raid-devices=2 /dev/md/imsm0
udevadm settle
sgdisk -n1:0:+512M -t1:ef00 -c1:esp -n2:0:0 -c2:root /dev/md/volume0
udevadm settle
mkfs.vfat -F 32 -n EFI /dev/md/volume0p1 || mkfs.vfat -F 32 -n EFI /dev/md/volume0-part1
sgdisk -n1:0:+2G -c1:old $dirty; udevadm settle; mkfs.ext4 -q -L old $dirty-part1
mdadm --wait-clean --scan; mdadm --stop /dev/md/volume0; mdadm --stop /dev/md/imsm0
blkid $one $two
sync
"""

IMSM_PAIR = f"""
export IMSM_NO_PLATFORM=1
mdadm --create /dev/md/imsm0 --run --metadata=imsm --raid-devices=2 {ID}/scsi-0QEMU_QEMU_HARDDISK_IMSM-*
mdadm --create /dev/md/volume0 --run --level=1 --assume-clean --raid-devices=2 /dev/md/imsm0
udevadm settle; mdadm --wait-clean --scan; mdadm --stop /dev/md/volume0; mdadm --stop /dev/md/imsm0
sync
"""

DDF = f"""
one={ID}/scsi-0QEMU_QEMU_HARDDISK_DDF-ONE two={ID}/scsi-0QEMU_QEMU_HARDDISK_DDF-TWO
mdadm --create /dev/md/ddf0 --run --metadata=ddf --raid-devices=2 $one $two
mdadm --create /dev/md/mirror --run --level=1 --assume-clean --raid-devices=2 --size=8G /dev/md/ddf0
udevadm settle
mdadm --wait-clean --scan; mdadm --stop /dev/md/mirror; mdadm --stop /dev/md/ddf0
sync
"""

CEPH = f"""
scsi={ID}/scsi-0QEMU_QEMU_HARDDISK
fsid=5f0c2c66-1f3c-4a2e-9d57-2f3d5a9a7c01
mkdir -p /etc/ceph; printf '[global]\nfsid = %s\n' $fsid > /etc/ceph/ceph.conf
osd() {{ # number, device: an OSD of a cluster whose monitors are elsewhere
    mkdir -p /tmp/osd$1; ln -sf $2 /tmp/osd$1/block
    ceph-osd --no-mon-config --mkfs -i $1 --osd-data /tmp/osd$1 --osd-uuid 0000000$1-1111-4222-8333-444444444444 \\
        --setuser root --setgroup root
}}
osd 3 "$scsi"_RAW
sgdisk -n1:0:+6G -c1:'ceph data' "$scsi"_PART; udevadm settle; osd 4 "$scsi"_PART-part1
pvcreate -y "$scsi"_LVM; vgcreate ceph-foreign "$scsi"_LVM; lvcreate -y -l 100%FREE -n osd-block ceph-foreign
osd 5 /dev/ceph-foreign/osd-block
lvchange --addtag ceph.cluster_fsid=$fsid --addtag ceph.osd_fsid=00000005-1111-4222-8333-444444444444 \\
    --addtag ceph.osd_id=5 --addtag ceph.type=block ceph-foreign/osd-block
ceph-bluestore-tool bluefs-bdev-new-db --path /tmp/osd3 --dev-target "$scsi"_DB
vgchange -an ceph-foreign
sync
"""

MIXED = f"""
scsi={ID}/scsi-0QEMU_QEMU_HARDDISK
for label in 0 1; do for n in 0 1 2 3 4 5 6 7; do # what blkid knows ZFS by: its uberblocks, in two of its four labels
    printf '\\014\\261\\272\\0\\0\\0\\0\\0' | dd of="$scsi"_ZFS bs=1 conv=notrunc seek=$((label * 262144 + 131072 + n * 1024))
done; done
pvcreate -y "$scsi"_LVM; vgcreate data "$scsi"_LVM; lvcreate -y -L 1G -n home data; mkfs.ext4 -q /dev/data/home
mdadm --create /dev/md/raid5 --run --level=5 --raid-devices=3 --homehost=nas "$scsi"_MD0 "$scsi"_MD1 "$scsi"_MD2
udevadm settle; mkfs.xfs /dev/md/raid5
sync
"""


PATHS = """
printf 'defaults {\\n find_multipaths yes\\n}\\nblacklist {\\n wwid 35000c50000000bad\\n}\\n' > /etc/multipath.conf
modprobe dm_multipath; systemctl start multipathd; sleep 5; multipath -ll
mkfs.ext4 -q -L paths /dev/mapper/mpatha; udevadm settle
"""


def _scsi(*serials: str) -> tuple[Disk, ...]:
    return tuple(Disk(f"scsi{n}", "scsi", "10G", serial=serial, rotational=True) for n, serial in enumerate(serials))


BENCH = Machine("bench", memory="3G", nics=nics("e1000e"), spare_ports=12)


PLUGGED = "QEMU 10 by tests/machines/make.py: BIOS, disks put in while it ran: "


def spinning(number: int) -> Disk:
    return Disk(f"hdd{number}", "scsi", "40G", serial=f"HDD{number:04}", wwn=f"0x5000c5000000{number:04x}", rotational=True)


RECIPES = {
    "small-bios": Recipe(
        Machine("small", memory="2G", cpus=1, disks=(Disk(),), nics=nics("virtio")),
        "QEMU 10 by tests/machines/make.py: BIOS, one virtio disk without a serial, one virtio port, the ISO as CD.",
    ),
    "secureboot-stick": Recipe(
        Machine("stick", "secureboot", tpm=True, disks=(Disk(serial="SYS0"),), nics=nics("virtio", "e1000e")),
        "QEMU 10 by tests/machines/make.py: UEFI with Secure Boot and TPM, started from the ISO on a USB stick.",
        medium="stick",
    ),
    "full-disks": Recipe(
        Machine(
            "full",
            disks=(
                Disk("nvme0", "nvme", "8G", serial="NVME4K0001", sector=4096),
                Disk("sata0", "sata", "16G", serial="WD-HDD1", rotational=True),
                Disk("wwn0", "scsi", "12G", serial="SSD1", wwn="0x5000c500a1b2c3d4"),
                Disk("virtio0", serial="VIRT0001"),
                Disk("virtio1"),
                *_scsi("MD0", "MD1", "BOTH", "LUKS", "TWIN", "TWIN"),
            ),
            nics=nics("e1000e"),
        ),
        "QEMU 10 by tests/machines/make.py: disks of every kind, filled by other systems, two of them twins.",
        prepare=FULL,
        before=f"""
mkdir -p /mnt/backup; mount {ID}/ata-QEMU_HARDDISK_WD-HDD1 /mnt/backup
swapon {ID}/nvme-QEMU_NVMe_Ctrl_NVME4K0001-part2
""",
    ),
    "two-sockets": Recipe(
        Machine(
            "two",
            "uefi",
            cpus=4,
            memory="3G",
            disks=(
                Disk("nvme0", "nvme", "20G", serial="NV0"),
                Disk("nvme1", "nvme", "20G", serial="NV1"),
                *(
                    Disk(f"hdd{n}", "scsi", "40G", serial=f"HDD{n}", wwn=f"0x5000c50000000a0{n}", rotational=True)
                    for n in range(4)
                ),
            ),
            nics=nics("e1000e", "igb", "igb"),
            numa=(Numa("0-1", "1536M"), Numa("2-3", "1536M")),
            iommu=True,
            tpm=True,
            ipmi=True,
            watchdog=True,
        ),
        "QEMU 10 by tests/machines/make.py: UEFI, two NUMA nodes, IOMMU, TPM, BMC, two igb ports with 3 and 3 virtual functions.",
        before=vfs(3),
    ),
    "imsm-pair": Recipe(
        Machine(
            "imsm",
            disks=(
                *(Disk(f"sata{n}", "sata", "16G", serial=f"IMSM-{word}") for n, word in enumerate(("ONE", "TWO"))),
                Disk("sata2", "sata", "12G", serial="DIRTY", rotational=True),
            ),
            nics=nics("e1000e"),
        ),
        "QEMU 10 by tests/machines/make.py: BIOS, two SATA disks that are an Intel IMSM RAID1, a third one that holds data.",
        prepare=IMSM,
    ),
    "imsm-volume": Recipe(
        Machine("imsm", disks=tuple(Disk(f"sata{n}", "scsi", "16G", serial=f"IMSM-{w}") for n, w in enumerate(("ONE", "TWO"))),
                nics=nics("e1000e")),
        PLUGGED + "an Intel IMSM RAID1, which IMSM_NO_PLATFORM=1 starts.",
        prepare=IMSM_PAIR,
        arguments="IMSM_NO_PLATFORM=1",
        plugged=True,
    ),
    "ddf-volume": Recipe(
        Machine("ddf", disks=(*(Disk(f"sata{n}", "scsi", "16G", serial=f"DDF-{w}") for n, w in enumerate(("ONE", "TWO"))),
                              *_scsi("HDD0", "HDD1", "HDD2")), nics=nics("e1000e")),
        PLUGGED + "two disks that are a DDF RAID1, three blank HDDs.",
        prepare=DDF,
        plugged=True,
    ),
    "one-ssd-four-hdds": Recipe(
        Machine("hybrid", disks=(Disk(serial="SYS0"), Disk("nvme0", "nvme", "20G", serial="NV0"), *map(spinning, range(4))),
                nics=nics("e1000e")),
        "QEMU 10 by tests/machines/make.py: BIOS, a virtio disk for the system, one NVMe SSD and four SCSI HDDs, all blank.",
    ),
    "two-ssds-twelve-hdds": Recipe(
        Machine("shelf", disks=(Disk("nvme0", "nvme", "24G", serial="NV0"), Disk("nvme1", "nvme", "24G", serial="NV1"),
                                Disk("sata0", "scsi", "16G", serial="SYS0"), *map(spinning, range(12))), nics=nics("e1000e")),
        PLUGGED + "a SCSI SSD for the system, two NVMe SSDs and twelve SCSI HDDs, all blank.",
        plugged=True,
    ),
    "all-flash": Recipe(
        Machine("flash", disks=(Disk("sata0", "scsi", "16G", serial="SYS0"),
                                *(Disk(f"nvme{n}", "nvme", "40G", serial=f"NV{n}", sector=4096) for n in range(6))),
                nics=nics("e1000e")),
        PLUGGED + "a SCSI SSD for the system, six NVMe SSDs of 4096-byte sectors, all blank.",
        plugged=True,
    ),
    "twins-and-paths": Recipe(
        Machine("twins", disks=(
            Disk("sys0", serial="SYS0"), spinning(0), spinning(1),
            Disk("twin0", "scsi", "40G", serial="A1", wwn="0x5000c50000000bad", rotational=True),
            Disk("twin1", "scsi", "40G", serial="B2", wwn="0x5000c50000000bad", rotational=True),
            Disk("shelf0", "scsi", "40G", serial="DUAL", wwn="0x5000c500000d0a10", rotational=True, paths=2),
            Disk("plain0", "scsi", "40G", rotational=True), Disk("plain1", "scsi", "40G", rotational=True),
        ), nics=nics("e1000e")),
        PLUGGED + "two HDDs of one WWN, one HDD by two paths (multipathd started by hand), two with neither serial nor WWN.",
        before=PATHS,
        plugged=True,
    ),
    "foreign-ceph": Recipe(
        Machine("ceph", memory="3G", disks=(Disk("sys0", serial="SYS0"), *_scsi("RAW", "PART", "LVM", "DB", "BLANK")),
                nics=nics("e1000e")),
        PLUGGED + "another cluster's OSDs on a disk, a partition and LVM, a database of one.",
        prepare=CEPH,
        plugged=True,
    ),
    "zfs-lvm-md": Recipe(
        Machine("mixed", disks=(Disk("sys0", serial="SYS0"), *_scsi("ZFS", "LVM", "MD0", "MD1", "MD2", "BLANK")),
                nics=nics("e1000e")),
        PLUGGED + "disks with the signature of ZFS, a volume group, a RAID5 of md, a blank one.",
        prepare=MIXED,
        plugged=True,
    ),
    "virtual-functions": Recipe(
        Machine("functions", "uefi", disks=(Disk(serial="SYS0"),), nics=nics("igb", "igb"), iommu=True),
        "QEMU 10 by tests/machines/make.py: UEFI, IOMMU, one disk, two igb ports with all their 7 virtual functions each.",
        before=vfs(7),
    ),
    **{
        name: Recipe(
            Machine("ports", "uefi", disks=(Disk(serial="SYS0"),), nics=nics(*models)),
            f"QEMU 10 by tests/machines/make.py: UEFI, one disk, {len(models)} ports: {', '.join(models)}.",
        )
        for name, models in {
            "two-ports": ("virtio", "e1000e"),
            "four-ports": ("e1000e", "e1000e", "igb", "igb"),
            "six-ports": ("e1000e", "e1000e", "igb", "igb", "virtio", "virtio"),
            "eight-ports": ("igb",) * 8,
        }.items()
    },
    "hundred-disks": Recipe(
        Machine(
            "hundred",
            "uefi",  # SeaBIOS stops where 17 cards ask for more I/O ports than there are
            memory="4G",
            disks=tuple(spinning(n) for n in range(100)),
            nics=nics("e1000e", *["igb"] * 16),
        ),
        "QEMU 10 by tests/machines/make.py: UEFI, 100 SCSI disks, 16 igb ports with all their 7 virtual functions each.",
        before=vfs(7, driver=False),
    ),
}


@contextmanager
def receiver() -> Iterator[tuple[str, dict[str, bytes]]]:
    """A place to which guests PUT files: its URL, and what came."""
    came: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            came[self.path.lstrip("/")] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: standard error is for errors."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{answers.HOST}:{server.server_port}", came
    server.shutdown()


def shell(vm: VM) -> None:
    """The live system's root shell, with this checkout's code and a way to this host."""
    vm.console.expect(r"root@\S*# ", timeout=BOOT * 3)
    vm.console.login()
    vm.run("for i in $(seq 60); do ip route | grep -q default && break; sleep 1; done; ip route", timeout=180)
    vm.push_code()


def start(lab: Lab, vm: VM, recipe: Recipe) -> None:
    if recipe.medium == "stick":
        medium = lab.folder / "stick.img"
        medium.write_bytes(lab.iso.read_bytes())
        vm.become(replace(recipe.machine, sticks=(Stick(str(medium), "medium", "STICK1", writable=True),)))
        vm.start()
        vm.console.expect("Rescue shell", timeout=BOOT)
        vm.console.send("\x1b[B\x1b[B\x1b[B\r")
    else:
        vm.become(live(lab, recipe.machine, "rescue", f"{PATIENT} {recipe.arguments}".strip()))
        vm.start()
    shell(vm)


def off(vm: VM) -> None:
    """Shut down: what went past every cache, as the words of a BIOS RAID do, is on the disks only then."""
    vm.console.send("systemctl poweroff\r")
    vm.wait_exit(300)


def save(vm: VM, name: str, origin: str) -> None:
    with receiver() as (url, came):
        vm.run(f"trivet record /tmp/record --origin {shlex.quote(origin)}", timeout=600)
        vm.run("cd /tmp; trivet inspect > text; udevadm info -e > db; lsblk -OJ > lsblk; ip -d link > ip", timeout=600)
        vm.run(f"for f in record/machine.json text db lsblk ip; do curl -sS --fail -T /tmp/$f {url}/; done", timeout=600)
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    (folder / "machine.json").write_bytes(came.pop("machine.json"))
    for file, data in came.items():
        (vm.folder / file).write_bytes(data)
    print(f"{folder / 'machine.json'}, and what the machine's own tools say in {vm.folder}")


def bench(lab: Lab, recipe: Recipe) -> VM:
    """The live system on a machine without disks, as it was when it had started; then with those of the recipe."""
    machine = live(lab, BENCH, "rescue", f"{PATIENT} {recipe.arguments}".strip())
    moment = f"bench{recipe.arguments}-{lab.iso.stat().st_mtime_ns}"
    vm = next(iter(lab.machines.values()), None) or lab.machine(machine)
    if vm.running:
        vm.kill()
    if lab.has_snapshot(moment):
        vm.become(machine).restore(moment)
        vm.push_code()
    else:
        vm.become(machine).start()
        shell(vm)
        vm.snapshot(moment)
    for index, disk in enumerate(recipe.machine.disks):
        vm.plug(disk, "port-spare0" if disk.bus == "scsi" else f"port-spare{index + 1}")
    number = sum(disk.paths for disk in recipe.machine.disks)
    vm.run(f"until [ $(lsblk -dno NAME | grep -cE '^(sd|vd|nvme)') -ge {number} ]; do sleep 0.5; done", timeout=300)
    vm.run("udevadm settle; sleep 3; udevadm settle", timeout=120)
    return vm


def make_plugged(name: str, recipe: Recipe) -> None:
    with Lab(BUILD / "machines" / name, BUILD / "machines" / "shared") as lab:
        vm = bench(lab, recipe)
        if recipe.prepare:
            print(vm.run(recipe.prepare, timeout=600))
            for disk in recipe.machine.disks:
                vm.unplug(disk.name)  # what went past every cache, as the words of a BIOS RAID do, is on the disks only then
            vm = bench(lab, recipe)
        if recipe.before:
            print(vm.run(recipe.before, timeout=600))
        save(vm, name, recipe.origin)


def make(name: str) -> None:
    recipe = RECIPES[name]
    if recipe.plugged:
        make_plugged(name, recipe)
        return
    with Lab(BUILD / "machines" / name, BUILD / "machines" / "shared") as lab:
        vm = lab.machine(recipe.machine)
        start(lab, vm, recipe)
        if recipe.prepare:
            print(vm.run(recipe.prepare, timeout=600))
            off(vm)
            start(lab, vm, recipe)
        if recipe.before:
            print(vm.run(recipe.before, timeout=1800))
        save(vm, name, recipe.origin)


def make_node() -> None:
    """A node: its disk as the live system sees it, then itself."""
    with Lab(BUILD / "machines" / "node", BUILD / "machines" / "shared") as lab:
        vm = installed(lab)
        vm.become(live(lab, STANDARD, "rescue", PATIENT)).start()
        shell(vm)
        save(vm, "node-on-disk", "QEMU 10 by tests/machines/make.py: BIOS, the ISO as CD, and a node installed on the SATA disk.")
        vm.kill()
        vm.become(bare(STANDARD)).start()
        vm.wait_ssh(BOOT * 3)
        vm.push_code()
        save(vm, "installed-node", "QEMU 10 by tests/machines/make.py: BIOS, a node that runs from its SATA disk.")


FUNCTIONS = [
    {"nic": {"mac": "52:54:00:00:00:02"}, "vfs": 3, "vf": [{"index": 2, "mac": "02:00:00:00:00:02", "vlan": 100, "trust": True}]},
    {"nic": {"mac": "52:54:00:00:00:03"}, "vfs": 2, "driver": "vfio-pci", "force": True},
]
PLANES = {
    "management": {"nics": [{"driver": "e1000e"}], "address": "dhcp"},
    "business": {"nics": [{"mac": "52:54:00:00:00:02"}], "vlan": "trunk"},
    "storage": {"nics": [{"mac": "52:54:00:00:00:03"}], "mtu": 9000, "address": "10.0.1.11/24"},
}
SETTLED = 'until trivet status --json | grep -q \'"state": "ready"\'; do sleep 2; done'


def make_node_with_functions() -> None:
    """A node with virtual functions, some for VMs, and a virtual switch: what plans of its changes are made from."""
    machine = Machine("functions", disks=(Disk(serial="SYS0"),), nics=nics("e1000e", "igb", "igb"), iommu=True)
    with Lab(BUILD / "machines" / "functions", BUILD / "machines" / "shared") as lab:
        vm = installed(lab, "functions", machine, network={"planes": PLANES, "sriov": FUNCTIONS})
        vm.start()
        vm.wait_ssh(BOOT * 3)
        vm.push_code()
        vm.run(f"systemctl restart trivetd; {SETTLED}", timeout=600)  # as this checkout's code has a node, and not the ISO's
        origin = "a node that runs with 3 and 2 virtual functions and a virtual switch."
        save(vm, "node-with-functions", f"QEMU 10 by tests/machines/make.py: BIOS, IOMMU, {origin}")


NODES = {"node": make_node, "node-with-functions": make_node_with_functions}

if __name__ == "__main__":
    for each in sys.argv[1:] or [*RECIPES, *NODES]:
        NODES[each]() if each in NODES else make(each)
