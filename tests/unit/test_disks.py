# SPDX-License-Identifier: Apache-2.0
"""What stands on disks or is made of them: Ceph's labels and tags, volumes of a BIOS RAID, several paths to one disk."""

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.host.host import Host
from appliance.host.playback import playback
from appliance.host.record import RecordingHost
from appliance.model.storage import Disk, OsdLabel
from appliance.services.storage import labels, observe

LABELS = Path(__file__).parents[1] / "labels"
FSID, UUID = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"
BLOCK = OsdLabel(fsid=FSID, uuid=UUID, id=7)
KEY = b"AQDfakedfaked"


def hexed(name: str) -> str:
    return (LABELS / f"{name}.hex").read_text().strip()


def device(name: str, at: str = "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block", **facts: str) -> dict[str, str]:
    links = facts.pop("links", f"/dev/disk/by-id/ata-ACME_{name}")
    serial = {} if "virtual" in at or facts.get("DEVTYPE") == "partition" else {"ID_SERIAL_SHORT": name, "ID_BUS": "ata"}
    return {
        "DEVPATH": f"/devices/{at}/{name}", "DEVNAME": f"/dev/{name}", "DEVTYPE": "disk", "DEVLINKS": links, **serial, **facts,
    }  # fmt: skip


def machine(devices: list[dict[str, str]], **sections: Any) -> Host:
    files = {f"/sys{d['DEVPATH']}/size": str(100 << 21) for d in devices} | sections.pop("files", {})
    return playback({"origin": "a test", "udev": {"block": devices}, "files": files, **sections})


def command(line: str, **report: Any) -> dict[str, Any]:
    return {line: {"code": 0, "stdout": json.dumps({"report": [report]}), "stderr": ""}}


def by_id(host: Host) -> dict[str, Disk]:
    return {disk.id: disk for disk in observe.observe(host)}


def test_the_label_of_an_osd() -> None:
    assert labels.parse(bytes.fromhex(hexed("block"))) == BLOCK
    assert labels.parse(bytes.fromhex(hexed("db"))) == OsdLabel(fsid="", uuid=UUID, part="db")


@pytest.mark.parametrize("length", [0, 22, 40, 70, 110, 200, 530])
def test_a_label_that_is_cut_off_or_none_stops_nobody(length: int) -> None:
    data = bytes.fromhex(hexed("block"))[:length]
    found = labels.parse(data)
    assert found is None or found.uuid in UUID
    assert labels.parse(data.replace(b"bluestore", b"bluestorm")) is None
    assert labels.parse(data + b"\xff" * 64) is None or length > 22


RAW = [
    device("sda", ID_FS_TYPE="ceph_bluestore"),
    device("sdb", ID_PART_TABLE_TYPE="gpt"),
    device(
        "sdb1", "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sdb", DEVTYPE="partition", PARTN="1",
        links="/dev/disk/by-id/ata-ACME_sdb-part1", ID_FS_TYPE="ceph_bluestore",
    ),
]  # fmt: skip


def test_an_osd_on_a_disk_and_its_database_on_a_partition() -> None:
    hexes = {"/dev/disk/by-id/ata-ACME_sda": hexed("block"), "/dev/disk/by-id/ata-ACME_sdb-part1": hexed("db")}
    disks = by_id(machine(RAW, hex=hexes))
    assert disks["ata-ACME_sda"].osd == BLOCK
    assert disks["ata-ACME_sda"].holds == f"ceph_bluestore, OSD 7 of Ceph cluster {FSID}"
    assert disks["ata-ACME_sdb"].osd is None
    assert disks["ata-ACME_sdb"].serves == (BLOCK.model_copy(update={"part": "db"}),), "the data's label says the rest"
    alone = by_id(machine(RAW[1:], hex=hexes))
    assert [str(label) for label in alone["ata-ACME_sdb"].serves] == [f"database of OSD {UUID}"]


def test_a_plan_that_erases_one_osd_erases_no_other_on_the_same_disk() -> None:
    disk = Disk(id="x", link="x", contents=({"type": "ceph_bluestore"},), osd=BLOCK)
    assert disk.fingerprint != disk.model_copy(update={"osd": BLOCK.model_copy(update={"uuid": "other"})}).fingerprint


def test_a_record_has_no_key_of_an_osd() -> None:
    host = machine(RAW, hex={"/dev/disk/by-id/ata-ACME_sda": hexed("block")})
    assert KEY.hex() in hexed("block")
    recording = RecordingHost.of(host)
    assert by_id(recording)["ata-ACME_sda"].osd == BLOCK
    [kept] = recording.record["hex"].values()
    assert KEY.hex() not in kept
    assert len(kept) == len(hexed("block"))
    assert labels.parse(bytes.fromhex(kept)) == BLOCK


LVM = [
    device("sda", ID_FS_TYPE="LVM2_member"),
    device("sdb", ID_FS_TYPE="LVM2_member"),
    device("sdc", ID_PART_TABLE_TYPE="gpt"),
    device("sdd", ID_FS_TYPE="LVM2_member"),
    *(
        device(
            f"sdc{n}", "pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sdc", DEVTYPE="partition", PARTN=str(n),
            links=f"/dev/disk/by-id/ata-ACME_sdc-part{n}", ID_FS_TYPE="LVM2_member",
        ) for n in (1, 2)
    ),
]  # fmt: skip


def tags(number: int, part: str = "block") -> str:
    return f"ceph.cluster_fsid={FSID},ceph.osd_fsid={UUID[:-1]}{number},ceph.osd_id={number},ceph.type={part},ceph.vdo=0"


def lvm(*volumes: tuple[str, str]) -> dict[str, Any]:
    pvs = {"sda": "one", "sdb": "two", "sdc1": "one", "sdc2": "two", "sdd": "dbs"}
    rows = [{"pv_name": f"/dev/{name}", "vg_name": group} for name, group in pvs.items()]
    lvs = [{"vg_name": group, "lv_name": "lv", "lv_tags": text} for group, text in volumes]
    rows.append({"pv_name": "[unknown]", "vg_name": "one"})
    groups = command("pvs --reportformat json --options pv_name,vg_name", pv=rows)
    return groups | command("lvs --reportformat json --options vg_name,lv_name,lv_tags", lv=lvs)


def test_osds_on_lvm_with_their_caches_and_databases() -> None:
    commands = lvm(("one", tags(1)), ("two", tags(2)), ("dbs", tags(1, "db")), ("dbs", tags(2, "db")), ("dbs", ""))
    disks = by_id(machine(LVM, commands=commands))
    assert [disks[f"ata-ACME_{name}"].osd.id for name in ("sda", "sdb")] == [1, 2]  # type: ignore[union-attr]  # it would fail
    assert [(label.id, label.part) for label in disks["ata-ACME_sdc"].serves] == [(1, "cache"), (2, "cache")]
    assert [(label.id, label.part) for label in disks["ata-ACME_sdd"].serves] == [(1, "db"), (2, "db")]
    assert disks["ata-ACME_sdc"].osd is disks["ata-ACME_sdd"].osd is None


def test_lvm_of_somebody_else_is_no_osd() -> None:
    disks = by_id(machine(LVM, commands=lvm(("one", ""), ("two", "backup,weekly"))))
    assert not any(disk.osd or disk.serves for disk in disks.values())
    assert not any(disk.osd for disk in by_id(machine(LVM)).values()), "and a record from before it was asked is one, too"


def raid(**files: str) -> Host:
    """Two disks, the container and its volume as udev and the kernel have them."""
    volume = "/sys/devices/virtual/block/md126"
    members = [device(name, ID_FS_TYPE="isw_raid_member") for name in ("sda", "sdb")]
    arrays = [
        device("md127", "virtual/block", MD_LEVEL="container", MD_METADATA="imsm", MD_DEVNAME="imsm0", MD_UUID="c:c:c:c"),
        device(
            "md126", "virtual/block", MD_LEVEL="raid1", MD_CONTAINER="/dev/md/imsm0", MD_DEVNAME="Volume0", MD_UUID="a:b:c:d",
            links="/dev/disk/by-id/md-uuid-a:b:c:d", MD_DEVICES="2",
        ),
    ]  # fmt: skip
    slaves = files.pop("slaves", "sda sdb").split()
    holders = {f"/sys{d['DEVPATH']}/holders": ["md126", "md127"] if d["DEVNAME"][5:] in slaves else ["md127"] for d in members}
    sections = {"folders": {f"{volume}/slaves": slaves, **holders}}
    texts = {f"{volume}/md/{name}": text for name, text in ({"raid_disks": "2", "sync_action": "idle"} | files).items()}
    return machine([*members, *arrays], files=texts, **sections)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"degraded": "0"}, "raid1 of 2 disks, healthy"),
        ({"degraded": "1", "slaves": "sda"}, "raid1 of 2 disks, degraded"),
        ({"degraded": "1", "sync_action": "recover", "sync_completed": "50 / 200"}, "raid1 of 2 disks, rebuilding (25 %)"),
        ({"degraded": "1", "sync_action": "recover", "sync_completed": "delayed"}, "raid1 of 2 disks, rebuilding"),
        ({"array_state": "inactive"}, "raid1 of 2 disks, failed"),
    ],
)
def test_a_volume_of_a_bios_raid(files: dict[str, str], expected: str) -> None:
    disks = by_id(raid(**files))
    volume = disks["md-uuid-a:b:c:d"]
    assert str(volume.raid) == expected
    assert volume.raid
    assert volume.raid.format == "imsm"
    assert volume.raid.platform
    assert not volume.unusable
    assert (volume.model, volume.transport) == ("raid1 volume Volume0", "raid")
    there = files.get("slaves", "sda sdb").split()
    assert volume.raid.members == tuple(f"ata-ACME_{name}" for name in there)
    for name in ("sda", "sdb"):
        why = "member of the BIOS RAID volume Volume0" if name in there else "part of the BIOS RAID imsm0, in none of its volumes"
        assert disks[f"ata-ACME_{name}"].unusable == (why,)


def test_several_paths_are_one_disk() -> None:
    """The paths say who it is; its partitions are maps of their own, and hold nothing up."""
    both = "/dev/disk/by-id/wwn-0x5000c500aa"
    paths = [
        device(name, f"pci0000:00/0000:0{n}:00.0/host{n}/target{n}:0:0/{n}:0:0:0/block", links=both, ID_WWN="0x5000c500aa",
               ID_PATH=f"pci-{n}", ID_MODEL="ACME", SCSI_IDENT_SERIAL="S1")
        for n, name in enumerate(("sda", "sdb"), 1)
    ]  # fmt: skip
    maps = [
        device("dm-0", "virtual/block", DM_UUID="mpath-35000c500aa", DM_NAME="mpatha", ID_PART_TABLE_TYPE="gpt",
               links=f"{both} /dev/disk/by-id/dm-name-mpatha"),
        device("dm-1", "virtual/block", DM_UUID="part1-mpath-35000c500aa", DM_NAME="mpatha-part1", ID_FS_TYPE="ext4", links=""),
        device("dm-2", "virtual/block", DM_UUID="LVM-abc", DM_VG_NAME="vg0", links=""),
    ]  # fmt: skip
    folders = {"/sys/devices/virtual/block/dm-0/slaves": ["sda", "sdb"], "/sys/devices/virtual/block/dm-0/holders": ["dm-1"]}
    [disk] = observe.observe(machine([*paths, *maps], folders=folders))
    assert (disk.id, disk.wwn, disk.serial, disk.paths) == ("wwn-0x5000c500aa", "0x5000c500aa", "S1", ("pci-1", "pci-2"))
    assert disk.holds == "gpt, partition 1 ext4"
    assert disk.unusable == ()
    named = [{**maps[0], "DEVLINKS": "/dev/disk/by-id/dm-uuid-mpath-35000c500aa /dev/disk/by-id/dm-name-mpatha"}]
    [disk] = observe.observe(machine([*paths, *named], folders=folders))
    assert disk.id == "dm-uuid-mpath-35000c500aa"
