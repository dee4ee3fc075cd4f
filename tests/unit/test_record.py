# SPDX-License-Identifier: Apache-2.0
"""A machine is saved, played back and scrambled."""

import json
from pathlib import Path

import pytest

from appliance import flow
from appliance.errors import ApplianceError, CommandError
from appliance.host.playback import playback, recorded
from appliance.host.record import RecordingHost, record
from appliance.host.scramble import scrambled
from tests.unit.test_machines import MACHINES

SERIAL, MAC, WWN = "S3EWNX0K123456", "52:54:00:12:34:56", "0x5000c500a1b2c3d4"
UUID = "0b4f8f0e-6f1c-4b3a-9c51-2f1d7b7c9a10"
DOCUMENT = {
    "origin": "a test",
    "files": {
        "/sys/class/dmi/id/product_serial": "SRV-00042",
        "/proc/cmdline": f"root=PARTUUID={UUID} systemd.machine_id=0123456789abcdef0123456789abcdef",
    },
    "udev": {
        "block": [
            {
                "DEVPATH": "/devices/pci0000:00/0000:00:1f.2/block/sda",
                "DEVLINKS": f"/dev/disk/by-id/ata-ACME_DISK_{SERIAL} /dev/disk/by-id/wwn-{WWN}",
                "ID_BUS": "ata",
                "ID_MODEL": "ACME_DISK",
                "ID_SERIAL": f"ACME_DISK_{SERIAL}",
                "ID_SERIAL_SHORT": SERIAL,
                "ID_WWN": WWN,
                "ID_WWN_WITH_EXTENSION": WWN + "00112233",
                "ID_FS_UUID": UUID,
                "ID_VENDOR_ID": "8086",
            },
            {"DEVPATH": "/devices/virtual/block/md0", "OTHER": f"3{WWN[2:]}", "ID_SERIAL_SHORT": "1"},
        ]
    },
    "netlink": {
        "links": [{"name": "enx525400123456", "mac": MAC}],
        "addresses": [{"address": "fe80::5054:ff:fe12:3456/64"}, {"address": "192.0.2.7/24"}],
    },
    "commands": {f"mtype -i /dev/disk/by-id/ata-ACME_DISK_{SERIAL}-part2 ::/x": {"code": 0, "stdout": UUID, "stderr": ""}},
}


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_recording_a_machine_keeps_all_that_inspect_asked(folder: Path, tmp_path: Path) -> None:
    path = record(recorded(folder), flow.inspect, tmp_path / "new", origin="a copy")
    assert flow.inspect(recorded(path.parent)) == flow.inspect(recorded(folder))
    assert json.loads(path.read_text())["origin"] == "a copy"


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_a_scrambled_machine_has_the_same_shape_and_no_old_name(folder: Path, tmp_path: Path) -> None:
    before = flow.inspect(recorded(folder))
    path = record(recorded(folder), flow.inspect, tmp_path, origin="x", scramble=True)
    after, text = flow.inspect(recorded(tmp_path)), path.read_text()
    facts = {"size", "model", "transport", "rotational", "unusable", "sector", "pci"}
    assert sorted(d.model_dump_json(include=facts) for d in after.disks) == sorted(
        d.model_dump_json(include=facts) for d in before.disks
    )
    assert sorted(len(d.serial) for d in after.disks) == sorted(len(d.serial) for d in before.disks)
    for mac in (nic.mac for nic in before.nics):
        assert mac not in text
    for disk in before.disks:
        assert len(disk.serial) < 4 or disk.serial not in text, disk.serial


def test_the_same_value_becomes_the_same_other_value_everywhere() -> None:
    new = scrambled(DOCUMENT, salt=b"salt")
    text = json.dumps(new)
    for old in (SERIAL, MAC, WWN, WWN[2:], UUID, "525400123456", "fe12:3456", "0123456789abcdef0123456789abcdef", "SRV-00042"):
        assert old not in text
    facts = new["udev"]["block"][0]
    serial, wwn = facts["ID_SERIAL_SHORT"], facts["ID_WWN"]
    assert len(serial) == len(SERIAL)
    assert facts["ID_SERIAL"] == f"ACME_DISK_{serial}"
    assert facts["DEVLINKS"] == f"/dev/disk/by-id/ata-ACME_DISK_{serial} /dev/disk/by-id/wwn-{wwn}"
    assert list(new["commands"]) == [f"mtype -i /dev/disk/by-id/ata-ACME_DISK_{serial}-part2 ::/x"]
    assert new["files"]["/proc/cmdline"].startswith(f"root=PARTUUID={facts['ID_FS_UUID']} ")
    assert facts["ID_WWN_WITH_EXTENSION"].startswith(wwn), "a longer form of the same name still begins with it"
    assert new["udev"]["block"][1]["OTHER"] == "3" + wwn[2:]


def test_makers_models_and_addresses_stay() -> None:
    new = scrambled(DOCUMENT, salt=b"salt")
    facts = new["udev"]["block"][0]
    assert (facts["ID_MODEL"], facts["ID_VENDOR_ID"], facts["DEVPATH"]) == (
        "ACME_DISK",
        "8086",
        "/devices/pci0000:00/0000:00:1f.2/block/sda",
    )
    assert new["netlink"]["links"][0]["mac"].startswith("52:54:00:")
    assert new["netlink"]["addresses"][1]["address"] == "192.0.2.7/24"
    assert new["udev"]["block"][1]["ID_SERIAL_SHORT"] == "1", "too short to be replaced without harm"


def test_scrambling_depends_on_a_salt_that_is_not_kept() -> None:
    assert scrambled(DOCUMENT, b"salt") == scrambled(DOCUMENT, b"salt")
    assert scrambled(DOCUMENT) != scrambled(DOCUMENT)


SECRET = "$y$j9T$abcdefgh$ijklmnopqrstuvwxyz"


def test_no_secret_enters_a_record(tmp_path: Path) -> None:
    live = playback(
        {
            "origin": "a test",
            "files": {
                "/etc/shadow": [f"root:{SECRET}:20000:0:99999:7:::", f"ops:{SECRET}:20000::::::"],
                "/var/lib/trivet/spec.yaml": ["version: 1", f"admin: {{password_hash: '{SECRET}', ssh: {{enabled: true}}}}"],
                "/proc/cmdline": "trivet.slot=a trivet.answer=https://ops:hunter2@10.0.0.1/a token=hunter2",
            },
            "commands": {"nft list table inet trivet": {"code": 1, "stdout": "", "stderr": "No such file or directory"}},
        }
    )
    text = record(live, flow.inspect, tmp_path, origin="x").read_text()
    assert "abcdefgh" not in text
    assert "hunter2" not in text
    assert "ops" not in text
    assert flow.inspect(recorded(tmp_path)).system.password, "that there is a password is still known"


def test_commands_are_kept_with_their_end() -> None:
    line = {"code": 1, "stdout": "out", "stderr": "no such file"}
    host = RecordingHost.of(playback({"origin": "x", "commands": {"mtype 'a b'": line}}))
    assert host.run(["mtype", "a b"], check=False).code == 1
    with pytest.raises(CommandError, match="no such file"):
        host.run(["mtype", "a b"])
    assert host.record["commands"] == {"mtype 'a b'": line}


def test_a_recorded_machine_refuses_what_would_change_it() -> None:
    host = playback({"origin": "x"})
    for change in (
        lambda: host.run(["wipefs", "/dev/sda"]),
        lambda: host.files.write("/etc/hostname", "x"),
        lambda: host.files.remove("/etc/hostname"),
    ):
        with pytest.raises(ApplianceError, match="this is a recorded machine"):
            change()


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("{", "no recorded machine"), ("[]", "it has no origin"), ("{}", "it has no origin")],
)
def test_what_is_no_record_is_one_sentence(text: str | None, message: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "machine.json").write_text(text)
    with pytest.raises(ApplianceError, match=message) as caught:
        recorded(tmp_path)
    assert caught.value.hint
