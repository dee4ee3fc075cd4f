# SPDX-License-Identifier: Apache-2.0
"""What a VM's disk is made of, told by where it is; which disks of a server may become one; what deleting leaves alone."""

from dataclasses import replace
from typing import Any

import pytest

from appliance.errors import CommandError
from appliance.host.etcd import Etcd
from appliance.host.host import Host, Result
from appliance.host.playback import playback
from appliance.model.storage import ADOPTED, SYSTEM_DISK, Content, Disk, OsdLabel
from appliance.services.vm import adopt, disks, pooled
from appliance.services.vm.records import Here

IMAGE = "rbd:vms/7e2b6c1e.data.a1b2c3"
FILE = "/var/lib/libvirt/images/7e2b6c1e/data.0.qcow2"
DEVICE = "/dev/disk/by-id/ata-ST4000NM0035_ZC10ABCD"
GPT = Content(type="gpt")


class Machine:
    """Notes what is asked of it, and answers as it is told: `codes` are those with which `rbd rm` ends, one after the other."""

    def __init__(self, codes: tuple[int, ...] = ()) -> None:
        self.said: list[str] = []
        self.typed: list[str] = []
        self.removed: list[str] = []
        self._codes = list(codes)
        nothing = playback({})
        self._files = nothing.files
        self.host = replace(nothing, run=self._run, ceph=self._ceph, files=self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def remove(self, path: str) -> None:
        self.removed.append(path)

    def _run(self, argv: Any, *, stdin: str | None = None, check: bool = True, on_line: Any = None) -> Result:
        self.said.append(" ".join(argv))
        self.typed.append(stdin or "")
        if "rm" in argv and self._codes and (code := self._codes.pop(0)):
            raise CommandError(argv, code, "rbd: error: image still has watchers")
        listed = "7e2b6c1e.data.a1b2c3\n7e2b6c1e.more.d4e5f6\nother.data.a1b2c3\n" if "ls" in argv else ""
        return Result(0, listed, "")

    def _ceph(self, prefix: str, *, stdin: str = "", timeout: float = 30, **arguments: object) -> Any:
        return [{"entity": "client.libvirt", "key": "AQsecret=="}]

    def here(self, *, pool: bool = True) -> Here:
        return Here(host=self.host, store=Etcd(), node="n1", pool=pool)


@pytest.mark.parametrize(
    ("where", "kind", "form", "rendered"),
    [(IMAGE, "pool", "raw", "rbd"), (FILE, "files", "qcow2", "file"), (DEVICE, "device", "raw", "block")],
)
def test_a_disk_says_itself_what_it_is(where: str, kind: str, form: str, rendered: str) -> None:
    assert (disks.kind(where), disks.form(where), disks.source(where).kind) == (kind, form, rendered)


def test_new_disks_are_of_the_pool_where_there_is_one() -> None:
    with_pool, without = Machine(), Machine()
    image = disks.empty(with_pool.here(), "7e2b6c1e", "data", 2**30)
    assert image.startswith("rbd:vms/7e2b6c1e.data.")
    assert with_pool.said == [f"rbd --client-mount-timeout 30 create {image.removeprefix('rbd:')} --size {2**30}B"]
    assert disks.empty(without.here(pool=False), "7e2b6c1e", "data", 2**30) == FILE
    assert disks.empty(with_pool.here(), "7e2b6c1e", "data", 2**30) != image, "what an interruption has left is in nobody's way"


def test_the_key_is_typed_and_never_an_argument() -> None:
    machine = Machine()
    assert disks.sources(machine.here(), {"data": IMAGE})["data"].user == "libvirt"
    assert machine.typed[-1] == "AQsecret=="
    assert not [line for line in machine.said if "AQsecret" in line]
    assert 'ephemeral="yes" private="yes"' in machine.typed[0]
    quiet = Machine()
    disks.sources(quiet.here(), {"data": FILE})
    assert quiet.said == [], "who has no disk in the pool needs no key"


def test_what_a_guest_has_written_is_never_looked_into_for_its_form() -> None:
    machine = Machine()
    disks.duplicate(machine.here(), "new", "data", DEVICE)
    disks.duplicate(machine.here(), "new", "data", f"{IMAGE}@before")
    disks.export(machine.host, FILE, "/tmp/data.vmdk", "vmdk")
    formats = [line.partition(" -f ")[2].split()[0] for line in machine.said]
    assert formats == ["raw", "raw", "qcow2"]


def test_an_adopted_disk_is_left_as_it_is() -> None:
    machine = Machine()
    disks.remove_all(machine.here(), "7e2b6c1e", [DEVICE])
    assert machine.removed == [f"{ADOPTED}/ata-ST4000NM0035_ZC10ABCD"]
    assert [line.split()[3:] for line in machine.said if " rm " in line and line.startswith("rbd")] == [
        ["rm", "vms/7e2b6c1e.data.a1b2c3"],
        ["rm", "vms/7e2b6c1e.more.d4e5f6"],
    ], "its images, and nobody else's"
    assert machine.said[-1] == "rm -rf -- /var/lib/libvirt/images/7e2b6c1e"


def test_ceph_waits_for_a_qemu_that_was_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooled.time, "sleep", lambda _: None)
    machine = Machine(codes=(16, 16, 0))
    disks.remove(machine.host, [IMAGE])
    assert sum(" rm " in line for line in machine.said) == 3
    with pytest.raises(CommandError):
        disks.remove(Machine(codes=(39,)).host, [IMAGE])


@pytest.mark.parametrize(
    ("disk", "reason"),
    [
        ({"unusable": (SYSTEM_DISK,)}, "system disk"),
        ({"unusable": ("mounted at /srv",)}, "mounted at /srv"),
        ({"unusable": ("it is a VM's",)}, "it is a VM's"),
        ({"osd": OsdLabel(fsid="f", uuid="u", id=3)}, "the pool's: OSD 3 of Ceph cluster f"),
        ({"contents": ()}, "there is nothing on it"),
        ({"contents": (GPT, Content(partition=1, type="linux_raid_member"))}, "it is one of several disks of an array"),
        ({}, ""),
    ],
)
def test_which_disks_may_be_adopted(disk: dict[str, Any], reason: str) -> None:
    said = adopt.why_not(Disk(**{"id": "a", "link": DEVICE, "contents": (GPT,), **disk}))
    assert said.startswith(reason)
    assert bool(said) == bool(reason)


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ('{"partitiontable": {"partitions": [{"type": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"}]}}', "uefi"),
        ('{"partitiontable": {"partitions": [{"type": "21686148-6449-6E6F-744E-656564454649"}, {"type": "83"}]}}', "bios"),
        ('{"partitiontable": {"partitions": [{"type": "ef"}]}}', "uefi"),
        ("", "bios"),
    ],
)
def test_how_a_disk_is_started(answer: str, wanted: str) -> None:
    def run(*_: object, **__: object) -> Result:
        return Result(0 if answer else 1, answer, "")

    host: Host = replace(playback({}), run=run)
    assert adopt.firmware(host, DEVICE) == wanted
