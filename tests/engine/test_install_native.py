# SPDX-License-Identifier: Apache-2.0
"""The installer's effects with the real tools, on loop devices: what an installation leaves on a disk, byte for byte.

What the build machine's kernel lacks (md, partition scanning, firmware) is in the stories on real machines.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.engine.apply import apply
from appliance.errors import StalePlan, StepFailed
from appliance.host import blocks
from appliance.installer import grub, plan, tables
from appliance.installer.apply import HANDLERS
from appliance.model.document import load_spec
from appliance.model.events import Event, Finished
from appliance.model.inventory import Image, Inventory, System
from appliance.model.machine import Firmware, Machine
from appliance.model.network import Nic
from appliance.model.plan import Plan, Step
from appliance.model.selector import Chosen
from appliance.services.storage import devices
from tests.engine.machine import Bench, PowerCut, bench

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="loop devices need root")

SPEC = """
version: 1
node: {name: n1}
admin: {password_hash: "$6$salt$secret-of-the-test"}
install: {}
network: {planes: {management: {nics: [{link: true}], address: dhcp}}}
"""


MAC = "52:54:00:00:00:01"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """A squashfs with what the installer takes from one, of the real sizes' order."""
    folder = tmp_path_factory.mktemp("image")
    for name in ("boot/vmlinuz", "boot/initrd.img", "usr/lib/shim/shimx64.efi.signed", "usr/lib/shim/mmx64.efi.signed",
                 "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"):  # fmt: skip
        path = folder / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(3_000_001))
    subprocess.run(["cp", "-r", "/usr/lib/grub/i386-pc", folder / "root/usr/lib/grub/"], check=True)
    path = folder / "trivet.squashfs"
    subprocess.run(["mksquashfs", folder / "root", path, "-quiet", "-no-progress"], check=True, capture_output=True)
    data = path.read_bytes()
    return Image(version="1.0", size=len(data), sha256=hashlib.sha256(data).hexdigest(), path=str(path))


@pytest.fixture(params=[512, 4096])
def machine(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    with bench(tmp_path, sector=request.param, secrets={"spec": SPEC}) as made:
        for module in (tables, devices):
            monkeypatch.setattr(module, "observe_disk", made.observe)
        yield made


def steps(machine: Bench, image: Image, spec: str = SPEC) -> list[Step]:
    disks = tuple(found for d in machine.disks if (found := machine.observe(machine.host, d.id)))
    firmware = Machine(firmware=Firmware(mode="uefi"))
    inventory = Inventory(machine=firmware, disks=disks, nics=(Nic(mac=MAC, link=True),), system=System(image=image))
    assert plan.check(inventory, load_spec(spec)) == []
    return plan.plan(inventory, load_spec(spec))


def install(machine: Bench, image: Image, spec: str = SPEC) -> list[Event]:
    events: list[Event] = []
    machine.secrets["spec"] = spec
    apply(Plan(steps=tuple(steps(machine, image, spec))), machine.host, HANDLERS, events.append)
    return events


def test_an_installation(machine: Bench, image: Image) -> None:
    events = install(machine, image)
    # The first one reads the image, which is read once in a process.
    assert not [e for e in events if isinstance(e, Finished) and e.skipped][1:]
    (disk,) = machine.disks
    table = tables.read_table(machine.host, disk.link)
    assert [name for *_, name in table.values()] == ["trivet-bios", "trivet-esp", "trivet-a", "trivet-b", "trivet-state"]
    with Path(f"{disk.link}-part3").open("rb") as slot:
        assert hashlib.sha256(slot.read(image.size)).hexdigest() == image.sha256
    check = ["fsck.vfat", "-n", f"{disk.link}-part2"], ["e2fsck", "-n", "-f", f"{disk.link}-part5"]
    for argv in check:
        subprocess.run(argv, check=True, capture_output=True)
    listing = subprocess.run(["mdir", "-b", "-/", "-i", f"{disk.link}-part2", "::/"], check=True, capture_output=True)
    found = {line.removeprefix("::").lower() for line in listing.stdout.decode().split()}
    assert {"/efi/boot/bootx64.efi", "/efi/boot/grubx64.efi", "/efi/boot/mmx64.efi", "/efi/debian/grub.cfg",
            "/efi/debian/grubenv", "/trivet/a/vmlinuz", "/trivet/a/initrd.img", "/trivet/a/slot.cfg",
            "/trivet/node.json"} <= found  # fmt: skip
    first = blocks.read(disk.link, 0, 512)
    assert first[510:] == b"\x55\xaa"
    assert (first[0] == 0xEB) == (disk.sector == 512)
    assert (first[:4] == grub.NEXT_DEVICE) == (disk.sector == 4096)


def test_the_spec_is_saved_for_root_alone_and_in_no_command(machine: Bench, image: Image, tmp_path: Path) -> None:
    events = install(machine, image)
    where = tmp_path / "state"
    where.mkdir()
    subprocess.run(["mount", "-o", "ro", f"{machine.disks[0].link}-part5", where], check=True)
    try:
        saved = where / "spec.yaml"
        assert saved.read_text() == SPEC
        assert saved.stat().st_mode & 0o777 == 0o600
        assert len((where / "machine-id").read_text().strip()) == 32
        assert (where / "log").is_dir()
        chosen = Chosen.model_validate_json((where / "ports.json").read_text())
        (choice,) = chosen.specs[load_spec(SPEC).digest]
        assert choice.macs == (MAC,), "its first boot has no link to choose by"
    finally:
        subprocess.run(["umount", where], check=True)
    said = "\n".join([*machine.lines, *(e.model_dump_json() for e in events)])
    assert machine.lines
    assert "secret-of-the-test" not in said


def test_the_same_plan_again_does_nothing(machine: Bench, image: Image) -> None:
    """All but the declaration, which is what tells a node from an attempt."""
    wanted = Plan(steps=tuple(steps(machine, image)[1:-1]))
    apply(wanted, machine.host, HANDLERS, lambda _: None)
    events: list[Event] = []
    apply(wanted, machine.host, HANDLERS, events.append)
    finished = [e for e in events if isinstance(e, Finished)]
    assert len(finished) == len(wanted.steps)
    assert all(e.skipped for e in finished)


def test_a_plan_that_is_old_erases_nothing(machine: Bench, image: Image) -> None:
    old = Plan(steps=tuple(steps(machine, image)))
    (disk,) = machine.disks
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "precious", disk.node], check=True)
    with pytest.raises(StalePlan, match="does not hold what it held: ext4 precious"):
        apply(old, machine.host, HANDLERS, lambda _: None)
    assert machine.observe(machine.host, disk.id).holds == "ext4 precious"  # type: ignore[union-attr]


@pytest.mark.parametrize("damage", ["cut short", "altered"])
def test_a_bad_image_changes_nothing(machine: Bench, image: Image, damage: str, tmp_path: Path) -> None:
    data = bytearray(Path(image.path).read_bytes())
    data = data[:-5000] if damage == "cut short" else data[:100] + b"?" + data[101:]
    (tmp_path / "bad").write_bytes(data)
    bad = image.model_copy(update={"path": str(tmp_path / "bad")})
    message = "should have" if damage == "cut short" else "SHA-256"
    with pytest.raises(StepFailed, match=message) as caught:
        install(machine, bad)
    assert "nothing was changed" in caught.value.hint
    assert machine.observe(machine.host, machine.disks[0].id).contents == ()  # type: ignore[union-attr]


def test_a_dirty_disk_is_erased_when_that_was_agreed(machine: Bench, image: Image) -> None:
    (disk,) = machine.disks
    subprocess.run(["mkfs.ext4", "-q", "-F", disk.node], check=True)
    install(machine, image, SPEC.replace("install: {}", "install: {wipe: true}"))


CUTS = ("sfdisk --quiet", "mkfs.ext4", "mount -t ext4", "mkfs.vfat", "mcopy", "ln -s", "grub-mkimage",
        "sfdisk --quiet --lock=yes --no-reread")  # fmt: skip


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("machine", [512], indirect=True)
def test_the_power_goes_and_the_next_run_installs(machine: Bench, image: Image, cut: str) -> None:
    machine.cut_at = cut
    with pytest.raises(PowerCut):
        install(machine, image)
    machine.cut_at = ""
    if "--no-reread" not in cut:  # from there on the disk is whole, and boots
        assert blocks.read(machine.disks[0].link, 0, 4) in (grub.NEXT_DEVICE, bytes(4))
    machine.settle()
    install(machine, image)
    (disk,) = machine.disks
    assert tables.read_table(machine.host, disk.link)[5][-1] == "trivet-state"


def test_grub_can_read_the_menu() -> None:
    subprocess.run(["grub-script-check"], input=grub.menu(), text=True, check=True)


def test_the_boot_sector_is_debians_but_for_what_grub_bios_setup_would_change() -> None:
    boot = Path("/usr/lib/grub/i386-pc/boot.img").read_bytes()
    disk = bytes(range(256)) * 2
    made = grub.first_sector(boot, disk, 2048)
    changed = {i for i in range(512) if made[i] != boot[i] and i < 0x1B8}
    assert changed <= {*range(0x5C, 0x64), 0x66, 0x67}
    assert made[0x1B8:] == disk[0x1B8:]
    assert int.from_bytes(made[0x5C:0x64], "little") == 2048
