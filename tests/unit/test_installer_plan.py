# SPDX-License-Identifier: Apache-2.0
"""What the installer decides: which disk, in what order, and what it refuses."""

from typing import Any

import pytest

from appliance.flow import system_disks
from appliance.installer import layout
from appliance.installer.plan import check, finish, plan
from appliance.model.document import load_spec
from appliance.model.inventory import Image, Inventory, System
from appliance.model.machine import Dmi, Firmware, Machine
from appliance.model.plan import InstallBoot, MirrorPartition, PartitionDisk, WipeDisk, WriteSlot
from appliance.model.spec import Spec
from appliance.model.storage import STATE, SYSTEM_DISK, UNFINISHED, Content, Disk, InstalledNode, RaidVolume

GIB = 2**30
IMAGE = Image(version="1.0", size=700 * 2**20, sha256="ab" * 32, path="/run/initramfs/live/live/trivet.squashfs")


def spec(install: str = "{}") -> Spec:
    text = f"version: 1\nnode: {{name: n1}}\ninstall: {install}\nnetwork: {{planes: {{management: {{address: dhcp}}}}}}\n"
    return load_spec(text)


def disk(name: str = "ata-A", **facts: Any) -> Disk:
    return Disk(**{"id": name, "link": f"/dev/disk/by-id/{name}", "model": "M", "serial": name[-1], "size": 32 * GIB} | facts)


def machine(*disks: Disk, firmware: str = "uefi", image: Image | None = IMAGE) -> Inventory:
    return Inventory(
        machine=Machine(firmware=Firmware(mode=firmware), dmi=Dmi(uuid="u")),
        disks=disks,
        system=System(image=image),
    )


DATA = (Content(type="gpt"), Content(partition=1, type="ntfs", label="Windows"))
HALF = (Content(type="gpt"), Content(partition=5, type="ext4", name=UNFINISHED))
WHOLE = (Content(type="gpt"), Content(partition=5, type="ext4", name=STATE))


def messages(inventory: Inventory, wish: Spec) -> str:
    return "\n".join(str(p) for p in check(inventory, wish))


def kinds(inventory: Inventory, wish: Spec) -> list[str]:
    assert check(inventory, wish) == []
    return [s.kind for s in plan(inventory, wish)]


def node_of(wish: Spec, *ids: str, **other: str) -> InstalledNode:
    facts = {"name": "n1", "version": "1.0", "sha256": IMAGE.sha256, "spec": wish.digest} | other
    return InstalledNode(**facts, disks=ids)


def test_a_blank_disk() -> None:
    assert kinds(machine(disk()), spec()) == [
        "verify-image", "partition-disk", "write-slot", "format-state", "save-spec", "install-boot", "finish-install",
    ]  # fmt: skip


def test_the_node_boots_from_what_was_partitioned() -> None:
    steps = plan(machine(disk()), spec())
    (table,) = (s for s in steps if isinstance(s, PartitionDisk))
    (boot,) = (s for s in steps if isinstance(s, InstallBoot))
    uuids = {p.name: p.uuid for p in table.partitions}
    assert boot.arguments[0] == f"root=PARTUUID={uuids['trivet-a']}"
    assert f"trivet.state=PARTUUID={uuids[UNFINISHED]}" in boot.arguments
    assert boot.device == "/dev/disk/by-id/ata-A-part3"
    assert len(set(uuids.values()) | {table.uuid}) == 6


def test_no_steps_name_the_same_thing_differently_on_a_second_look() -> None:
    first, second = (plan(machine(disk()), spec()) for _ in range(2))
    assert [s.id for s in first] == [s.id for s in second]


def test_two_disks_are_mirrored_and_each_boots() -> None:
    steps = plan(machine(disk("ata-A"), disk("ata-B", size=33 * GIB)), spec("{disk: {count: 2}}"))
    assert [s.kind for s in steps] == [
        "verify-image", "partition-disk", "partition-disk", "mirror-partition", "mirror-partition", "mirror-partition",
        "write-slot", "format-state", "save-spec", "install-boot", "install-boot", "finish-install",
    ]  # fmt: skip
    arrays = {s.name: s for s in steps if isinstance(s, MirrorPartition)}
    assert {n: a.partition for n, a in arrays.items()} == {"trivet-a": 3, "trivet-b": 4, "trivet-state": 5}
    one, two = (s for s in steps if isinstance(s, PartitionDisk))
    assert [(p.start, p.size) for p in one.partitions] == [(p.start, p.size) for p in two.partitions]
    assert not {p.uuid for p in one.partitions} & {p.uuid for p in two.partitions}
    (slot,) = (s for s in steps if isinstance(s, WriteSlot))
    boots = [s for s in steps if isinstance(s, InstallBoot)]
    assert slot.device == layout.array_link(arrays["trivet-a"].uuid)
    assert boots[0].arguments == boots[1].arguments
    assert f"root={slot.device}" in boots[0].arguments
    assert f"rd.md.uuid={arrays['trivet-state'].uuid}" in boots[0].arguments
    assert boots[0].esp != boots[1].esp


def test_data_without_consent_is_refused_and_named() -> None:
    said = messages(machine(disk(contents=DATA)), spec())
    assert said == (
        "install.disk: M, 32 GiB, serial A holds data: gpt, partition 1 ntfs Windows; "
        "set `install.wipe: true` to erase it, or choose another disk"
    )


def test_data_with_consent_is_erased_first_and_named() -> None:
    dirty = disk(contents=DATA)
    first = plan(machine(dirty), spec("{wipe: true}"))[1]
    assert isinstance(first, WipeDisk)
    assert first.expects == dirty.fingerprint
    assert first.destroys == ("M, 32 GiB, serial A: gpt, partition 1 ntfs Windows",)


def test_an_unfinished_installation_needs_no_consent_and_is_nothing_lost() -> None:
    first = plan(machine(disk(contents=HALF)), spec())[1]
    assert kinds(machine(disk(contents=HALF)), spec())[1] == "wipe-disk"
    assert first.destroys == ()


def test_a_node_that_is_there_already_is_left_alone() -> None:
    wish = spec()
    assert kinds(machine(disk(contents=WHOLE, node=node_of(wish, "ata-A"))), wish) == []


def test_a_node_that_lacks_only_its_name_is_finished() -> None:
    wish = spec("{disk: {count: 2}}")
    node = node_of(wish, "ata-A", "ata-B")
    steps = plan(machine(disk("ata-A", contents=WHOLE, node=node), disk("ata-B", contents=HALF, node=node)), wish)
    assert [s.kind for s in steps] == ["finish-install"]
    assert steps[0].disks == ("ata-B",)  # type: ignore[union-attr]


@pytest.mark.parametrize("other", [{"spec": "0" * 12}, {"sha256": "cd" * 32}, {"name": "n2"}])
def test_another_node_is_data(other: dict[str, str]) -> None:
    wish = spec()
    said = messages(machine(disk(contents=WHOLE, node=node_of(wish, "ata-A", **other))), wish)
    assert "holds data: Trivet node" in said


def test_half_of_a_mirror_is_no_node() -> None:
    wish = spec("{disk: {count: 2}}")
    node = node_of(wish, "ata-A", "ata-B")
    said = messages(machine(disk("ata-A", contents=WHOLE, node=node), disk("ata-B")), wish)
    assert "ata-A" not in said
    assert "serial A holds data: Trivet node n1" in said


def test_several_disks_want_a_choice() -> None:
    said = messages(machine(disk("ata-A"), disk("ata-B")), spec())
    assert "2 match, and 1 is asked for: M, 32 GiB, serial A; M, 32 GiB, serial B" in said
    assert kinds(machine(disk("ata-A"), disk("ata-B")), spec("{disk: {prefer: smallest}}"))[1] == "partition-disk"


def test_the_boot_medium_is_never_a_target() -> None:
    said = messages(machine(disk(unusable=("boot medium",))), spec("{wipe: true}"))
    assert "nothing matches" in said
    assert "boot medium" in said


def test_the_volume_with_the_answers_is_never_a_target() -> None:
    stick = disk("usb-S", contents=(Content(type="vfat", label="TRIVET-SPEC"),))
    steps = plan(machine(stick, disk("ata-A")), spec("{wipe: true}"))
    assert all("usb-S" not in s.model_dump_json() for s in steps)
    assert "the volume TRIVET-SPEC" in messages(machine(stick), spec("{wipe: true}"))


def test_too_small_states_the_minimum() -> None:
    assert "too small for a system disk, which needs 6.5 GiB" in messages(machine(disk(size=4 * GIB)), spec())


def test_4k_sectors_boot_on_uefi_only() -> None:
    (boot,) = (s for s in plan(machine(disk(sector=4096)), spec()) if isinstance(s, InstallBoot))
    assert not boot.bios
    assert "switch the firmware to UEFI" in messages(machine(disk(sector=4096), firmware="bios"), spec())


def test_mirrors_want_equals() -> None:
    two = spec("{disk: {count: 2}}")
    assert "too unlike in size" in messages(machine(disk("ata-A"), disk("ata-B", size=64 * GIB)), two)
    assert "sectors of 512 bytes" in messages(machine(disk("ata-A"), disk("ata-B", sector=4096)), two)
    assert "only 1 matches, and 2 is asked for" in messages(machine(disk("ata-A")), two)


def test_no_install_section_and_no_image() -> None:
    wish = spec().model_copy(update={"install": None})
    assert messages(machine(disk()), wish).startswith("install: is missing")
    assert "brings no image" in messages(machine(disk(), image=None), spec())
    big = IMAGE.model_copy(update={"size": 3 * GIB})
    assert "a slot holds" in messages(machine(disk(), image=big), spec())


def test_all_problems_at_once() -> None:
    assert len(check(machine(disk("ata-A", contents=DATA), disk("ata-B", contents=DATA), image=None),
                     spec("{disk: {count: 2}}"))) == 3  # fmt: skip


def test_an_installed_node_finishes_itself() -> None:
    running = disk(contents=HALF, unusable=(SYSTEM_DISK,), node=node_of(spec(), "ata-A"))
    (step,) = finish(machine(running, disk("ata-B", contents=HALF)))
    assert step.disks == ("ata-A",)  # type: ignore[union-attr]
    assert finish(machine(disk(contents=WHOLE, unusable=(SYSTEM_DISK,)))) == []
    assert finish(machine(disk(contents=HALF, unusable=(SYSTEM_DISK,)))) == [], "a new half without a boot loader is no end"


def volume(state: str = "healthy", platform: bool = True) -> Disk:
    facts = {"format": "imsm", "level": "raid1", "state": state, "members": ("a", "b"), "platform": platform}
    raid = RaidVolume.model_validate(facts)
    return disk("md-uuid-a:b:c:d", raid=raid)


def test_a_node_starts_from_a_bios_raid_volume_and_from_none_of_its_disks() -> None:
    """They have the same partitions, and so the same PARTUUIDs."""
    steps = plan(machine(volume("degraded")), spec())
    (boot,) = (s for s in steps if isinstance(s, InstallBoot))
    link = "/dev/disk/by-id/md-uuid-a:b:c:d"
    assert boot.arguments[0] == f"root={link}-part3"
    assert f"trivet.state={link}-part5" in boot.arguments
    assert "PARTUUID" not in " ".join(boot.arguments)
    assert "IMSM_NO_PLATFORM=1" not in boot.arguments
    (told,) = (s for s in plan(machine(volume(platform=False)), spec()) if isinstance(s, InstallBoot))
    assert "IMSM_NO_PLATFORM=1" in told.arguments


def test_a_failed_volume_is_no_system_disk_and_two_are_no_mirror() -> None:
    failed = messages(machine(volume("failed")), spec())
    assert "it is a BIOS RAID volume that has failed: raid1 of 2 disks, failed" in failed
    pair = messages(machine(volume(), disk()), spec("{disk: {count: 2}}"))
    assert "is a volume of a BIOS RAID, and no half of a mirror; take the volume alone" in pair


def test_the_disks_of_a_volume_are_not_offered() -> None:
    member = disk("a", unusable=("member of the BIOS RAID volume Volume0",))
    assert [d.id for d in system_disks(machine(volume(), member, disk()))] == ["md-uuid-a:b:c:d", "ata-A"]
