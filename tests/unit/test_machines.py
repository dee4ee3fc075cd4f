# SPDX-License-Identifier: Apache-2.0
"""Every recorded machine, inspected: what holds of each, and what is to be seen on some."""

import re
from pathlib import Path

import pytest

from appliance import flow
from appliance.cli import render
from appliance.host.playback import recorded
from appliance.model.inventory import Inventory

FOLDER = Path(__file__).parents[1] / "machines"
MACHINES = sorted(path.parent for path in FOLDER.glob("*/machine.json"))
KERNEL_NAMES = re.compile(
    r'"(sd[a-z]+\d*|vd[a-z]+\d*|nvme\d+n\d+(p\d+)?|eth\d+|en[opsx]\w+|md\d+|dm-\d+|/dev/(sd|vd|nvme|md|dm)\S*)"'
)


def inspect(name: str) -> Inventory:
    return flow.inspect(recorded(FOLDER / name))


def test_there_are_machines() -> None:
    assert len(MACHINES) >= 1


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_every_machine(folder: Path) -> None:
    inventory = flow.inspect(recorded(folder))
    ids = [disk.id for disk in inventory.disks]
    assert len(ids) == len(set(ids)) > 0, "each disk has a name of its own"
    assert len({nic.mac for nic in inventory.nics if not nic.vf_of}) == len([n for n in inventory.nics if not n.vf_of]) > 0
    assert not KERNEL_NAMES.search(inventory.model_dump_json()), "names that change from boot to boot"
    assert all(disk.link.startswith("/dev/disk/by-") or disk.unusable for disk in inventory.disks)
    assert Inventory.model_validate_json(inventory.model_dump_json()) == inventory
    assert inventory.machine.memory > 2**30
    assert inventory.machine.kernel


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_the_text_fits_a_serial_line(folder: Path) -> None:
    inventory = flow.inspect(recorded(folder))
    text = render.inventory_text(inventory)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert text.isascii()
    for thing in [disk.id for disk in inventory.disks] + [nic.mac for nic in inventory.nics if not nic.vf_of]:
        assert thing in text
