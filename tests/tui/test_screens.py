# SPDX-License-Identifier: Apache-2.0
"""Every page as text, on four recorded machines, at two sizes, in both languages (tests/tui/screens).

`make golden` writes them anew: read the difference before you commit it. A page is compared as it stands on the screen, so
whatever is cut off, or pushed out of its column by a wide character, is seen here.
"""

import os
from pathlib import Path

import pytest
from rich.cells import cell_len

from appliance import flow
from appliance.tui import i18n
from appliance.tui.screens.wizard import PAGES
from tests.tui.pilot import SIZES, Person, answer, walk

SCREENS = Path(__file__).parent / "screens"
WRITE = os.environ.get("GOLDEN") == "write"
CHOSEN = {
    "small-bios": ("pci-0000:01:00.0",),
    "hundred-disks": ("wwn-0x5000c50000000002",),
    "two-sockets": ("nvme-QEMU_NVMe_Ctrl_NV0", "nvme-QEMU_NVMe_Ctrl_NV1"),
    "full-disks": ("scsi-0QEMU_QEMU_HARDDISK_LUKS",),
    "virtual-functions": ("virtio-SYS0",),
    "imsm-pair": ("ata-QEMU_HARDDISK_DIRTY",),
}
"""One disk, one port; a hundred disks; a mirrored pair; a disk that holds data; two ports of functions; a pair of BIOS RAID."""


def agree(path: Path, text: str) -> None:
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    assert path.read_text() == text + "\n", path


SMALL, *LARGER = CHOSEN


@pytest.mark.parametrize("machine", [SMALL, *(pytest.param(machine, marks=pytest.mark.slow) for machine in LARGER)])
def test_pages(machine: str) -> None:
    async def story(person: Person) -> None:
        inventory = person.app.inventory
        assert inventory is not None
        known = {disk.id for disk in flow.system_disks(inventory)}
        assert set(CHOSEN[machine]) <= known
        person.app.put(person.app.draft.with_disks(*CHOSEN[machine]))
        person.app.change(wipe=machine in ("full-disks", "imsm-pair"))
        await answer(person)
        for language in i18n.NAMES:
            person.app.speak(language)  # type: ignore[arg-type]  # one of the two
            for size, cells in SIZES.items():
                await person.pilot.resize_terminal(*cells)
                for number, page in enumerate(PAGES, 1):
                    await person.open(page.__name__)
                    fits(person.screen, cells)
                    agree(SCREENS / machine / f"{language}-{size}" / f"{number}-{page.__name__}.txt", person.screen)

    walk(machine, story)


def fits(screen: str, cells: tuple[int, int], *, leave: bool = True) -> None:
    """No line is wider than the terminal, and the frame is whole."""
    lines = screen.splitlines()
    assert len(lines) == cells[1]
    assert max(map(cell_len, lines)) <= cells[0]
    assert lines[1] == lines[-3] == "─" * cells[0]
    assert ("F10" if leave else "F1") in lines[-1]


def test_the_pictures_are_those_of_the_machines() -> None:
    """A folder that no test writes any more would be read by nobody."""
    assert {path.name for path in SCREENS.iterdir()} == set(CHOSEN)
    expected = len(CHOSEN) * len(PAGES) * len(SIZES) * len(i18n.NAMES)
    assert len(list(SCREENS.glob("*/*/*.txt"))) == expected
