# SPDX-License-Identifier: Apache-2.0
"""The small pure readers below observation: texts of the kernel and names of udev. Whole machines are in test_machines.py."""

import pytest

from appliance.host.host import Host, UdevDevice
from appliance.host.playback import playback
from appliance.model.storage import InstalledNode
from appliance.services.hypervisor import observe as hypervisor
from appliance.services.network import observe as network
from appliance.services.storage import contents, naming, usage
from appliance.services.storage import observe as storage
from appliance.services.system import hardware
from appliance.services.system import observe as system


def machine(**sections: object) -> Host:
    return playback({"origin": "a test", **sections})


def files(**texts: str) -> Host:
    return machine(files={"/" + path.replace("__", "/"): text for path, text in texts.items()})


def disk(links: str, **properties: str) -> UdevDevice:
    names = " ".join(f"/dev/disk/{link}" for link in links.split())
    return UdevDevice.of({"DEVPATH": "/devices/x/block/sdx", "DEVTYPE": "disk", "DEVLINKS": names, **properties})


CPUINFO = """processor\t: 0
model name\t: Intel(R)  Xeon(R)   Gold
vendor_id\t: GenuineIntel
physical id\t: 0
cpu cores\t: 1
flags\t\t: vmx fpu

processor\t: 1
physical id\t: 0
cpu cores\t: 1

processor\t: 2
physical id\t: 1
cpu cores\t: 1

processor\t: 3
physical id\t: 1
cpu cores\t: 1
"""


def test_threads_cores_and_sockets_are_told_apart() -> None:
    cpu = hypervisor.cpu(machine(files={"/proc/cpuinfo": CPUINFO}))
    assert (cpu.sockets, cpu.cores, cpu.threads) == (2, 2, 4)
    assert (cpu.model, cpu.virtualisation, cpu.flags) == ("Intel(R) Xeon(R) Gold", "VT-x", ("fpu", "vmx"))


def test_a_machine_without_proc_is_still_described() -> None:
    assert hypervisor.cpu(machine()).model == ""
    assert hypervisor.memory(machine()) == 0
    assert hypervisor.numa(machine()) == ()


def test_memory_of_the_machine_and_of_a_node() -> None:
    assert hypervisor.parse_meminfo("MemTotal:  2048 kB\nHugePages_Total:   0") == {"MemTotal": 2 << 20}
    assert hypervisor.parse_meminfo("Node 1 MemFree:  3 kB") == {"MemFree": 3072}


def test_mountinfo_with_optional_fields_and_spaces() -> None:
    text = (
        "36 35 98:0 /a /mnt/a\\040b rw shared:1 master:2 - ext4 /dev/sda1 rw\n"
        "22 1 0:21 / /proc rw - proc proc rw\n"
        "23 1 0:22 / /odd rw -  rw\n"
    )
    assert [(m.number, m.point, m.source) for m in usage.parse_mounts(text)] == [
        ("98:0", "/mnt/a b", "/dev/sda1"),
        ("0:21", "/proc", "proc"),
        ("0:22", "/odd", ""),
    ]


NVME = "by-id/nvme-ACME_1TB_S1 by-id/nvme-ACME_1TB_S1_1 by-id/nvme-eui.0025385b71b0d2a4 by-path/pci-0000:01:00.0-nvme-1"


@pytest.mark.parametrize(
    ("links", "properties", "expected"),
    [
        (NVME, {"ID_SERIAL_SHORT": "S1"}, "nvme-ACME_1TB_S1"),
        ("by-id/wwn-0x5000 by-id/ata-ACME_S1 by-path/p", {"ID_SERIAL_SHORT": "S1", "ID_BUS": "ata"}, "ata-ACME_S1"),
        ("by-id/scsi-35000 by-id/wwn-0x5000 by-path/p", {"ID_SCSI_SERIAL": "S1"}, "wwn-0x5000"),
        ("by-id/usb-Flash_Disk-0:0 by-path/p", {"ID_BUS": "usb", "ID_SERIAL": "Flash_Disk-0:0"}, "p"),
        ("by-id/lvm-pv-uuid-abc by-id/virtio-V1 by-path/p", {"ID_SERIAL": "V1"}, "virtio-V1"),
        ("by-id/lvm-pv-uuid-abc by-path/virtio-p by-path/p", {"ID_PATH": "p"}, "p"),
        ("by-id/ata-Odd_S_1_x by-path/p", {"ID_SERIAL_SHORT": "S 1/x", "ID_BUS": "ata"}, "ata-Odd_S_1_x"),
        ("by-id/md-uuid-a:b by-id/md-name-Volume0", {"MD_LEVEL": "raid1"}, "md-uuid-a:b"),
        ("by-uuid/1234", {}, ""),
    ],
    ids=["nvme", "ata", "wwn", "stick without serial", "virtio", "by path", "encoded", "fake raid", "none"],
)
def test_the_name_of_a_disk(links: str, properties: dict[str, str], expected: str) -> None:
    [(name, link)] = naming.names([disk(links, **properties)])
    assert name == expected
    assert link.endswith(name)


def test_twins_are_told_apart_by_their_place() -> None:
    same = "by-id/ata-ACME_S1 by-id/wwn-0x5000"
    first = disk(f"{same} by-path/pci-1", ID_SERIAL_SHORT="S1", ID_PATH="pci-1")
    second = disk(f"{same} by-path/pci-2", ID_SERIAL_SHORT="S1", ID_PATH="pci-2")
    assert naming.names([first, second]) == [("pci-1", "/dev/disk/by-path/pci-1"), ("pci-2", "/dev/disk/by-path/pci-2")]


def test_twins_of_one_serial_with_wwns_of_their_own_keep_those() -> None:
    first = disk("by-id/ata-ACME_S1 by-id/wwn-0x1 by-path/pci-1", ID_SERIAL_SHORT="S1")
    second = disk("by-id/ata-ACME_S1 by-id/wwn-0x2 by-path/pci-2", ID_SERIAL_SHORT="S1")
    assert [name for name, _ in naming.names([first, second])] == ["wwn-0x1", "wwn-0x2"]


def test_everything_on_a_disk_is_content() -> None:
    whole = disk("", ID_FS_TYPE="iso9660", ID_FS_LABEL="TRIVET", ID_PART_TABLE_TYPE="dos")
    first = disk("", PARTN="1", ID_FS_TYPE="ntfs", ID_FS_LABEL_ENC="my\\x20data", ID_PART_ENTRY_SIZE="2048")
    second = disk("", PARTN="2", ID_PART_ENTRY_TYPE="0x5")
    third = disk("", PARTN="5")
    assert [str(c) for c in contents.contents(whole, [first, second, third])] == [
        "dos",
        "iso9660 TRIVET",
        "partition 1 ntfs my data",
        "partition 2 extended",
        "partition 5 no file system",
    ]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"DM_UUID": "mpath-3600"}, "one of several paths to a multipath disk"),
        ({"DM_UUID": "CRYPT-LUKS2-1", "DM_NAME": "safe"}, "held by the encrypted volume safe"),
        ({}, "held by bcache"),
    ],
)
def test_who_holds_a_disk(facts: dict[str, str], reason: str) -> None:
    part = UdevDevice.of({"DEVPATH": "/devices/x/block/sdx", "DEVNAME": "/dev/sdx", "MAJOR": "8", "MINOR": "0"})
    holder = UdevDevice.of({"DEVPATH": "/devices/virtual/block/bcache0", **facts})
    host = machine(folders={"/sys/devices/x/block/sdx/holders": ["bcache0"]})
    assert usage.reasons(host, usage.read(host, [part, holder]), [part]) == ([reason], [])


@pytest.mark.parametrize(
    ("facts", "held"),
    [
        ({"MD_LEVEL": "raid1", "MD_NAME": "gone:old"}, "md old"),
        ({"MD_LEVEL": "raid1", "MD_UUID": "a:b"}, "md a:b"),
        ({"DM_UUID": "LVM-xyz", "DM_VG_NAME": "vg0"}, "LVM vg0"),
    ],
)
def test_what_runs_and_nobody_uses_is_held_and_what_is_used_is_in_use(facts: dict[str, str], held: str) -> None:
    part = UdevDevice.of({"DEVPATH": "/devices/x/block/sdx", "DEVNAME": "/dev/sdx", "MAJOR": "8", "MINOR": "0"})
    on = UdevDevice.of({"DEVPATH": "/devices/virtual/block/h", "DEVNAME": "/dev/h", "MAJOR": "9", "MINOR": "0", **facts})
    top = UdevDevice.of(
        {"DEVPATH": "/devices/virtual/block/t", "DEVNAME": "/dev/t", "MAJOR": "253", "MINOR": "1", "DM_UUID": "LVM-u"}
    )
    inner = UdevDevice.of({"DEVPATH": "/devices/virtual/block/h/hp1", "DEVNAME": "/dev/hp1", "DEVTYPE": "partition",
                           "MAJOR": "9", "MINOR": "1"})  # fmt: skip
    folders = {"/sys/devices/x/block/sdx/holders": ["h"], "/sys/devices/virtual/block/h/hp1/holders": ["t"]}
    devices = [part, on, inner, top]

    def reasons(**texts: str) -> tuple[list[str], list[str]]:
        host = machine(files={f"/{name.replace('__', '/')}": text for name, text in texts.items()}, folders=folders)
        return usage.reasons(host, usage.read(host, devices), [part])

    assert reasons() == ([], [held])
    for number in ("9:0", "9:1", "253:1"):
        assert reasons(proc__self__mountinfo=f"36 35 {number} / /srv rw - ext4 /dev/x rw") == (["mounted at /srv"], [])
    assert reasons(proc__swaps="Filename Type Size Used Priority\n/dev/t partition 1 0 -2") == (["in use as swap"], [])


def test_the_live_medium_is_nothing_else_than_that() -> None:
    part = UdevDevice.of({"DEVPATH": "/devices/x/block/sdx", "DEVNAME": "/dev/sdx", "MAJOR": "8", "MINOR": "0"})
    host = files(
        proc__self__mountinfo="36 35 8:0 / /run/initramfs/live ro - iso9660 /dev/sdx ro\n3 3 8:0 / /mnt ro - iso9660 /dev/sdx ro"
    )
    assert usage.reasons(host, usage.read(host, [part]), [part]) == (["boot medium"], [])


def test_swap_is_a_use() -> None:
    part = UdevDevice.of({"DEVPATH": "/devices/x/block/sdx", "DEVNAME": "/dev/sdx", "MAJOR": "8", "MINOR": "0"})
    host = files(proc__swaps="Filename Type Size Used Priority\n/dev/sdx partition 1 0 -2")
    assert usage.reasons(host, usage.read(host, [part]), [part]) == (["in use as swap"], [])


@pytest.mark.parametrize(
    ("line", "open_"), [("root:*:1:", False), ("root:!$y$x:1:", False), ("root::1:", False), ("root:$y$j9T$x:1:", True)]
)
def test_the_password_is_a_fingerprint_or_nothing(line: str, open_: bool) -> None:
    fingerprint = system.password(files(etc__shadow=f"daemon:*:1:\n{line}"))
    assert bool(fingerprint) == open_
    assert "$" not in fingerprint


def test_the_time_zone_is_where_the_link_points() -> None:
    assert system.timezone(machine(links={"/etc/localtime": "../usr/share/zoneinfo/Asia/Shanghai"})) == "Asia/Shanghai"
    assert system.timezone(machine()) == "Etc/UTC"


SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
SETUP_MODE = "/sys/firmware/efi/efivars/SetupMode-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@pytest.mark.parametrize(
    ("variables", "enforced"),
    [
        ({SECURE_BOOT: "0600000001", SETUP_MODE: "0600000000"}, True),
        ({SECURE_BOOT: "0600000000"}, False),
        ({SECURE_BOOT: "0600000001", SETUP_MODE: "0600000001"}, False),
        ({}, False),
    ],
)
def test_secure_boot(variables: dict[str, str], enforced: bool) -> None:
    assert hardware.firmware(machine(hex=variables)).secure_boot == enforced


def test_a_bmc_that_only_the_firmware_speaks_of() -> None:
    assert hardware.bmc(machine()) is None
    found = hardware.bmc(machine(hex={"/sys/firmware/dmi/entries/38-0/raw": "2612002601200000"}))
    assert found is not None
    assert found.interface == "KCS"


def test_a_maker_who_wrote_nothing() -> None:
    assert hardware.dmi(machine(files={"/sys/class/dmi/id/product_serial": "To Be Filled By O.E.M."})).serial == ""


@pytest.mark.parametrize(
    ("line", "kind", "slot"),
    [
        ("root=live:CDLABEL=TRIVET", "live", ""),
        ("root=live:http://10.0.0.1/trivet.squashfs", "network", ""),
        ("root=PARTUUID=1 trivet.slot=b", "slot", "b"),
        ("root=/dev/sda1", "other", ""),
    ],
)
def test_what_the_system_was_started_from(line: str, kind: str, slot: str) -> None:
    boot = hardware.boot(files(proc__cmdline=line), [])
    assert (boot.kind, boot.slot) == (kind, slot)


ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
NODE = '{"name": "n1", "version": "0.1.0", "sha256": "ab", "spec": "cd", "disks": ["virtio-S1"]}'


@pytest.mark.parametrize(
    ("code", "stdout", "name", "found"),
    [
        (0, NODE, "trivet-state", True),
        (0, NODE, "trivet-unfinished", True),
        (1, "", "trivet-state", False),
        (0, "not what we wrote", "trivet-state", False),
    ],
)
def test_whose_node_a_disk_holds_is_read_without_mounting(code: int, stdout: str, name: str, found: bool) -> None:
    path = "/devices/pci0000:00/0000:00:04.0/virtio1/block/vda"
    common = {"SUBSYSTEM": "block", "DEVTYPE": "partition"}
    link = "/dev/disk/by-id/virtio-S1"
    block = [
        {"DEVPATH": path, "SUBSYSTEM": "block", "DEVTYPE": "disk", "ID_SERIAL": "S1", "DEVLINKS": link},
        common | {"DEVPATH": f"{path}/vda2", "PARTN": "2", "ID_PART_ENTRY_TYPE": ESP_TYPE, "DEVLINKS": f"{link}-part2"},
        common | {"DEVPATH": f"{path}/vda5", "PARTN": "5", "ID_PART_ENTRY_NAME": name},
    ]
    answer = {"code": code, "stdout": stdout, "stderr": ""}
    host = machine(udev={"block": block}, commands={f"mtype -i {link}-part2 ::/trivet/node.json": answer})
    [observed] = storage.observe(host)
    assert observed.node == (InstalledNode.model_validate_json(NODE) if found else None)
    assert storage.observe_disk(host, "virtio-S1") == observed
    assert storage.observe_disk(host, "virtio-S2") is None


BLANK = ["/dev/disk/by-id/a", "/dev/disk/by-id/b"]
WIPEFS = "wipefs --no-act --json --output DEVICE,TYPE,LABEL,UUID"
BOTH = """{"signatures": [{"device": "b", "type": "ext4", "label": "old", "uuid": "1"},
                          {"device": "b", "type": "iso9660", "label": null, "uuid": null}]}"""


def answer(stdout: str = "", code: int = 0, stderr: str = "") -> dict[str, object]:
    return {"code": code, "stdout": stdout, "stderr": stderr}


def test_a_disk_that_looks_blank_is_looked_at_again() -> None:
    host = machine(commands={f"{WIPEFS} {' '.join(BLANK)}": answer(BOTH)})
    found = contents.second_look(host, BLANK)
    assert list(found) == [BLANK[1]]
    assert [str(c) for c in found[BLANK[1]]["contents"]] == ["ext4 old", "iso9660"]


def test_one_disk_that_cannot_be_read_hides_no_other() -> None:
    broken = answer(code=1, stderr="wipefs: error: /dev/disk/by-id/a: probing initialization failed: Input/output error\n")
    commands = {f"{WIPEFS} {' '.join(BLANK)}": broken, f"{WIPEFS} {BLANK[0]}": broken, f"{WIPEFS} {BLANK[1]}": answer(BOTH)}
    found = contents.second_look(machine(commands=commands), BLANK)
    assert found[BLANK[0]] == {"unusable": ("it cannot be read: Input/output error",)}
    assert len(found[BLANK[1]]["contents"]) == 2


def test_nothing_is_asked_about_no_disk() -> None:
    assert contents.second_look(machine(), []) == {}


HEARD = (
    '{"Neighbors":[{"InterfaceIndex":2,"InterfaceName":"eth0","Neighbors":[{"ChassisID":"728490173ca645a4","PortID":"eth0",'
    '"SystemName":"n2","EnabledCapabilities":128},{"ChassisID":"02:00:00:00:00:07","PortID":"7"}]}]}'
)
NETIF = {"/run/systemd/netif": ["io.systemd.Network", "links"]}


def lldp(stdout: str, **sections: object) -> Host:
    commands = {"networkctl --json=short lldp": {"code": 0, "stdout": stdout, "stderr": ""}}
    return machine(commands=commands, folders=NETIF, **sections)


def test_the_other_end_of_a_cable_says_who_it_is() -> None:
    found = network.neighbours(lldp(HEARD))
    assert [n.label for n in found["eth0"]] == ["n2/eth0", "02:00:00:00:00:07/7"]
    assert network.neighbours(machine()) == {}, "nobody is asked where nobody listens"
    assert network.neighbours(lldp("Failed to connect")) == {}


def test_the_table_that_is_loaded_says_which_it_is() -> None:
    def loaded(stdout: str) -> str:
        return network.firewall(
            machine(commands={"nft list table inet trivet": {"code": 0, "stdout": stdout, "stderr": ""}}),
        )

    assert loaded('table inet trivet {\n\tcomment "8b4a020645e1"\n\n\tchain input {\n') == "8b4a020645e1"
    assert loaded("table inet trivet {\n\tchain input {\n") == ""


def test_bonds_and_vlans_among_the_links() -> None:
    base = {"mac": "", "permanent_mac": "", "kind": "", "mode": "", "vlan": 0, "master": "", "parent": "", "mtu": 9000}
    links = [
        base | {"name": "eth0", "mac": "02:00:00:00:00:01", "permanent_mac": "02:00:00:00:00:02", "master": "bond-storage"},
        base | {"name": "eth1", "mac": "02:00:00:00:00:01", "permanent_mac": "02:00:00:00:00:01", "master": "bond-storage"},
        base | {"name": "bond-storage", "kind": "bond", "mode": "802.3ad"},
        base | {"name": "storage", "kind": "vlan", "vlan": 20, "parent": "bond-storage"},
        base | {"name": "overlay", "kind": "vlan", "vlan": 30, "parent": "eth0", "mtu": 1600},
    ]
    bond, storage_vlan, overlay = network.devices(None, links)
    assert (bond.mode, bond.members) == ("802.3ad", ("02:00:00:00:00:01", "02:00:00:00:00:02"))
    assert (storage_vlan.parent, storage_vlan.vlan, storage_vlan.mtu) == ("bond-storage", 20, 9000)
    assert overlay.parent == "02:00:00:00:00:02"
