# SPDX-License-Identifier: Apache-2.0
"""Effects that make a disk start a slot by itself: its ESP, GRUB for BIOS, and an entry in UEFI's boot menu.

Everything comes out of the slot that was just read back, not out of the running system. The ESP is self-contained (GRUB
never reads md or squashfs) and each disk has its own, so either disk of a mirror starts alone, on both firmwares.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.engine.apply import Handler, Report
from appliance.errors import ApplianceError, StepFailed
from appliance.host import blocks
from appliance.host.host import Host
from appliance.installer import grub, layout
from appliance.installer.devices import WORK, mounted
from appliance.installer.esp import Esp
from appliance.installer.slots import probe
from appliance.model.plan import InstallBoot
from appliance.services.storage.devices import disk_link

NODE = "/trivet/node.json"
SHIM = "/EFI/BOOT/BOOTX64.EFI"
_LABEL = "Trivet"
_ENTRY = re.compile(r"Boot([0-9A-F]{4})\*? Trivet\s+HD\(\d+,GPT,([0-9a-f-]{36})", re.IGNORECASE)
_GRUB_PC = "usr/lib/grub/i386-pc"
_SIGNED_GRUB = "usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
_SECTORS_PER_MIB = layout.MIB // grub.SECTOR


class _InstallBoot:
    def done(self, step: InstallBoot, host: Host) -> bool:
        link = disk_link(host, step.disk)
        device = layout.part(link, layout.NUMBER["esp"])
        if probe(host, device).get("UUID", "").replace("-", "").lower() != step.esp:
            return False
        with mounted(host, step.device, "squashfs", "ro") as slot, _staged(host, step, slot) as tree:
            _complete(host, step, slot, tree)
            return Esp(host, device).same(tree) and (
                not step.bios or all(blocks.read(link, at, len(data)) == data for at, data in _bios(host, link, slot))
            )

    def do(self, step: InstallBoot, host: Host, report: Report) -> None:
        """What the firmware starts is written when all that it will need is on the disk; whose node it is, after that."""
        link = disk_link(host, step.disk)
        esp = Esp(host, layout.part(link, layout.NUMBER["esp"]))
        esp.format(step.esp)
        with mounted(host, step.device, "squashfs", "ro") as slot, _staged(host, step, slot) as tree:
            esp.add(tree)
            esp.flush()
            _complete(host, step, slot, tree)
            esp.copy(tree, SHIM)
            esp.flush()
            for at, data in _bios(host, link, slot) if step.bios else ():
                blocks.write(link, at, data)
            esp.copy(tree, NODE)
            esp.flush()
        if host.files.list("/sys/firmware/efi/efivars"):
            add_entry(host, link, report)


@contextmanager
def _staged(host: Host, step: InstallBoot, slot: str) -> Iterator[str]:
    """A folder with all that goes onto the ESP, but for what makes a firmware start it and what says whose node it is."""
    tree = f"{WORK}/esp"
    good = {f"{name.upper()}_{what}": "0" for name in ("a", "b") for what in ("OK", "TRY")}
    texts = {
        f"{grub.PREFIX}/grub.cfg": grub.menu(),
        f"{grub.PREFIX}/grubenv": grub.environment(ORDER="A B", **good | {f"{step.slot.upper()}_OK": "1"}),
        f"/trivet/{step.slot}/slot.cfg": grub.slot_settings(step.node.version, step.arguments),
    }
    try:
        for path, text in texts.items():
            host.files.write(tree + path, text)
        # A slot that is not there yet has a folder all the same: GRUB says "error" when it looks for a file in none.
        host.run(["mkdir", "-p", f"{tree}/EFI/BOOT", *(f"{tree}/trivet/{name}" for name in ("a", "b"))])
        _link(host, [f"{slot}/boot/vmlinuz", f"{slot}/boot/initrd.img"], f"{tree}/trivet/{step.slot}/")
        # shim looks for GRUB and for its key manager beside itself.
        _link(host, [f"{slot}/{_SIGNED_GRUB}"], f"{tree}/EFI/BOOT/grubx64.efi")
        _link(host, [f"{slot}/usr/lib/shim/mmx64.efi.signed"], f"{tree}/EFI/BOOT/mmx64.efi")
        yield tree
    finally:
        host.run(["rm", "-rf", tree])


def _complete(host: Host, step: InstallBoot, slot: str, tree: str) -> None:
    _link(host, [f"{slot}/usr/lib/shim/shimx64.efi.signed"], tree + SHIM)
    host.files.write(tree + NODE, step.node.model_dump_json() + "\n")


def _link(host: Host, sources: list[str], target: str) -> None:
    if missing := [s for s in sources if host.files.real(s) is None]:
        raise StepFailed(f"the image has no {', '.join(missing)}, so no disk can start from it", "build it again")
    host.run(["ln", "-s", *sources, target])


def _bios(host: Host, link: str, slot: str) -> list[tuple[int, bytes]]:
    """What goes where on the disk, in bytes, so that a BIOS starts GRUB: the rest of it first, the first sector last."""
    core = f"{WORK}/core.img"
    host.run(["grub-mkimage", "-O", "i386-pc", "-d", f"{slot}/{_GRUB_PC}", "-p", grub.CORE_PREFIX, "-o", core, *grub.MODULES])
    at = layout.EDGE * _SECTORS_PER_MIB
    image = grub.core_image(blocks.read(core, 0, blocks.size(core)), at)
    if len(image) > layout.BIOS_BOOT * layout.MIB:
        raise StepFailed("GRUB's core image is larger than the BIOS boot partition")
    boot = blocks.read(f"{slot}/{_GRUB_PC}/boot.img", 0, grub.SECTOR)
    return [(layout.EDGE * layout.MIB, image), (0, grub.first_sector(boot, blocks.read(link, 0, grub.SECTOR), at))]


def add_entry(host: Host, link: str, report: Report) -> None:
    """First in UEFI's boot order. A firmware that will not have it starts the disk by its default path all the same."""
    mine = probe(host, layout.part(link, layout.NUMBER["esp"])).get("PART_ENTRY_UUID", "").lower()
    present = {name.lower() for name in host.files.list("/dev/disk/by-partuuid")}
    try:
        for number, partition in _ENTRY.findall(host.run(["efibootmgr", "-v"]).stdout):
            if partition.lower() == mine or partition.lower() not in present:
                host.run(["efibootmgr", "--quiet", "--bootnum", number, "--delete-bootnum"])
        disk = host.files.real(link) or link
        host.run(["efibootmgr", "--quiet", "--create", "--disk", disk, "--part", str(layout.NUMBER["esp"]),
                  "--label", _LABEL, "--loader", SHIM.replace("/", "\\")])  # fmt: skip
    except ApplianceError as error:
        report.line(f"no entry in the firmware's boot menu: {error.message}; the disk's default path is used")


HANDLERS: dict[type, Handler] = {InstallBoot: _InstallBoot()}
