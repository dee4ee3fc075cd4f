# SPDX-License-Identifier: Apache-2.0
"""What the boot loader reads, as text and bytes. Pure.

GRUB is the same for both firmwares: prefix /EFI/debian on the ESP, which is what Debian's signed binary asks for. Each
slot has a folder of its own, /trivet/a, with kernel, initrd and slot.cfg: updating one slot touches nothing of the other.
"""

import struct
from pathlib import Path

PREFIX = "/EFI/debian"
SPEED = 115200
MODULES = (
    "biosdisk", "part_gpt", "fat", "normal", "configfile", "linux", "loadenv", "test", "echo", "ls", "cat", "minicmd",
    "serial", "terminal", "sleep", "reboot", "halt", "all_video",
)  # fmt: skip
"""All that the BIOS flavour needs is inside its core image: nothing of GRUB is loaded from the ESP but its menu."""
CORE_PREFIX = f"(,gpt2){PREFIX}"
"""Partition 2 of the disk that the BIOS started, whichever of two it is."""

SECTOR = 512
_ENVIRONMENT_SIZE = 1024
# Offsets in GRUB's boot.img, as its include/grub/i386/pc/boot.h has them.
_KERNEL_SECTOR = 0x5C
_DRIVE_CHECK = 0x66
_CODE_END = 0x1B8  # after it come the disk's signature and the partition table
# The list of blocks at the end of core.img's first sector: where the rest is, how long, and where it goes in memory.
_BLOCK_LIST = SECTOR - 12
_REST_SEGMENT = 0x820
_NOPS = b"\x90\x90"
NEXT_DEVICE = b"\xcd\x18\xeb\xfe"
"""Boot code that asks a BIOS for its next device (int 18h). A partition table makes a disk look bootable to a BIOS; until
GRUB is there this is what keeps a half-installed disk from hanging the machine instead of starting the medium again."""


def menu() -> str:
    """grub.cfg. It names no version and no UUID: it stays as it is for as long as the node lives."""
    import jinja2  # noqa: PLC0415 - 30 ms that only an installation has to wait for

    folder = Path(__file__).parent
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    return environment.get_template("grub.cfg.j2").render(speed=SPEED, timeout=2, slots=("a", "b"))


def slot_settings(version: str, arguments: tuple[str, ...]) -> str:
    """slot.cfg: what the menu has to know of one slot."""
    return f'set version="{version}"\nset arguments="{" ".join(arguments)}"\n'


def environment(**variables: str) -> str:
    """grubenv: exactly 1024 bytes, so that GRUB and RAUC can rewrite it in place."""
    text = "# GRUB Environment Block\n" + "".join(f"{name}={value}\n" for name, value in variables.items())
    if len(text) > _ENVIRONMENT_SIZE:
        raise ValueError("too much for a GRUB environment block")
    return text.ljust(_ENVIRONMENT_SIZE, "#")


def first_sector(boot: bytes, disk: bytes, core_at: int) -> bytes:
    """GRUB's boot.img for a disk whose core image begins at sector `core_at`; the disk's own table is kept."""
    image = bytearray(boot[:_CODE_END] + disk[_CODE_END:SECTOR])
    struct.pack_into("<Q", image, _KERNEL_SECTOR, core_at)
    # As grub-bios-setup does for all but floppies: believe the drive number that the BIOS gave.
    image[_DRIVE_CHECK : _DRIVE_CHECK + len(_NOPS)] = _NOPS
    return bytes(image)


def core_image(core: bytes, core_at: int) -> bytes:
    """core.img, told where the rest of it is, in whole sectors."""
    image = bytearray(core.ljust(-(-len(core) // SECTOR) * SECTOR, b"\0"))
    struct.pack_into("<QHH", image, _BLOCK_LIST, core_at + 1, len(image) // SECTOR - 1, _REST_SEGMENT)
    return bytes(image)
