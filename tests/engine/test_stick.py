# SPDX-License-Identifier: Apache-2.0
"""Answers written on a stick, and keys read from it, by the real mtools on a real FAT file system."""

import subprocess
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.host.live import live
from appliance.installer import stick
from appliance.installer.stick import Stick

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSBoYXMgdGhlIHByaXZhdGUgaGFsZiBvZiB0aGlz me"
SPEC = "version: 1\nnode: {name: n1}\n"


@pytest.fixture
def volume(tmp_path: Path) -> Stick:
    file = tmp_path / "stick.img"
    with file.open("wb") as image:
        image.truncate(8 * 2**20)
    subprocess.run(["mkfs.vfat", "-n", "HOLIDAY", str(file)], check=True, capture_output=True)
    return Stick(str(file), "a stick")


def label(volume: Stick) -> str:
    return subprocess.run(["mlabel", "-s", "-i", volume.node, "::"], check=True, capture_output=True, text=True).stdout


def test_answers_are_saved_over_older_ones_and_found_by_their_label(volume: Stick, monkeypatch: pytest.MonkeyPatch) -> None:
    host = live()
    monkeypatch.setattr(stick, "_flush", lambda host, stick: None)  # a file is no block device
    for text in ("version: 1\n" * 500, SPEC):
        stick.save(host, volume, text)
        assert (
            subprocess.run(["mtype", "-i", volume.node, "::/spec.yaml"], check=True, capture_output=True).stdout == text.encode()
        )
    assert "TRIVET-SPEC" in label(volume)


def test_what_cannot_be_written_is_said_and_the_stick_keeps_its_name(volume: Stick) -> None:
    with pytest.raises(ApplianceError, match="is not what was written"):
        stick.save(live(), volume, "x" * 9 * 2**20)
    assert "HOLIDAY" in label(volume)


def test_keys_are_those_of_the_pub_files(volume: Stick, tmp_path: Path) -> None:
    for name, text in (("ID_ED.PUB", f"# mine\n{KEY}\n"), ("private", "-----BEGIN"), ("notes.txt", KEY)):
        (tmp_path / name).write_text(text)
        subprocess.run(["mcopy", "-i", volume.node, str(tmp_path / name), "::/"], check=True)
    assert stick.keys(live(), volume) == [KEY]
