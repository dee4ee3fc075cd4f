# SPDX-License-Identifier: Apache-2.0
"""The files door over a tree that stands for a machine."""

from pathlib import Path

import pytest

from appliance.host.files import LiveFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "root"
    (tree / "etc").mkdir(parents=True)
    (tree / "usr/share/zoneinfo/Asia").mkdir(parents=True)
    (tree / "usr/share/zoneinfo/Asia/Shanghai").write_text("zone")
    (tree / "etc/localtime").symlink_to("/usr/share/zoneinfo/Asia/Shanghai")
    (tree / "etc/shortcut").symlink_to("../usr/share")
    (tree / "etc/loop").symlink_to("loop")
    (tree / "etc/hostname").write_text("n1\n\n")
    (tree / "etc/binary").write_bytes(b"\x06\x00\x00\x00\x01")
    return tree


def test_text_comes_without_its_trailing_white_space(root: Path) -> None:
    files = LiveFiles(str(root))
    assert files.read("/etc/hostname") == "n1"
    assert files.read_hex("/etc/binary") == "0600000001"
    assert files.read("/etc/absent") is None
    assert files.read("/etc") is None
    assert files.read("/etc/loop") is None


def test_absolute_links_stay_inside_the_root(root: Path) -> None:
    files = LiveFiles(str(root))
    assert files.link("/etc/localtime") == "/usr/share/zoneinfo/Asia/Shanghai"
    assert files.link("/etc/hostname") is None
    assert files.real("/etc/localtime") == "/usr/share/zoneinfo/Asia/Shanghai"
    assert files.real("/etc/shortcut/zoneinfo/../zoneinfo/Asia") == "/usr/share/zoneinfo/Asia"
    assert files.real("/etc/shortcut/absent") is None
    assert files.real("/etc/loop") is None
    assert files.read("/etc/localtime") == "zone"


def test_going_up_ends_at_the_root(root: Path) -> None:
    (root.parent / "secret").write_text("outside")
    (root / "etc/up").symlink_to("../../../secret")
    assert LiveFiles(str(root)).read("/etc/up") is None
    assert LiveFiles(str(root)).read("/../secret") is None


def test_a_folder_is_listed_in_order(root: Path) -> None:
    files = LiveFiles(str(root))
    assert files.list("/etc") == ("binary", "hostname", "localtime", "loop", "shortcut")
    assert files.list("/etc/hostname") == files.list("/absent") == ()


def test_writing_replaces_the_file_and_makes_its_folder(root: Path) -> None:
    files = LiveFiles(str(root))
    files.write("/etc/new/spec.yaml", "one", mode=0o600)
    files.write("/etc/new/spec.yaml", "two", mode=0o600)
    path = root / "etc/new/spec.yaml"
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["spec.yaml"], "nothing is left beside it"


def test_writing_over_a_link_replaces_the_link(root: Path) -> None:
    LiveFiles(str(root)).write("/etc/localtime", "mine")
    assert (root / "etc/localtime").read_text() == "mine"
    assert (root / "usr/share/zoneinfo/Asia/Shanghai").read_text() == "zone"


def test_writing_through_a_linked_folder_stays_inside(root: Path) -> None:
    (root / "etc/outside").symlink_to("/var")
    LiveFiles(str(root)).write("/etc/outside/x", "inside")
    assert (root / "var/x").read_text() == "inside"


def test_a_knob_of_the_kernel_is_written_in_place(root: Path) -> None:
    (root / "proc/sys").mkdir(parents=True)
    (root / "proc/sys/knob").write_text("old")
    inode = (root / "proc/sys/knob").stat().st_ino
    LiveFiles(str(root)).write("/proc/sys/knob", "new")
    assert (root / "proc/sys/knob").read_text() == "new"
    assert (root / "proc/sys/knob").stat().st_ino == inode


def test_removing_is_for_what_is_there(root: Path) -> None:
    files = LiveFiles(str(root))
    files.remove("/etc/hostname")
    files.remove("/etc/hostname")
    files.remove("/absent/file")
    assert not (root / "etc/hostname").exists()
