# SPDX-License-Identifier: Apache-2.0
"""A pool and virtual machines, switched on at the console: the disks' roles are read first, and the plan is agreed to."""

from appliance.model.document import load_spec
from appliance.services.system.observe import SPEC as SAVED
from tests.tui import nodes
from tests.tui.manage import Operator, manage


def test_a_pool_of_the_disks_that_are_free() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Pool and virtual machines")
        assert person.page == "PoolEdit"
        assert "cache" not in person.words
        await person.press("ctrl+n")
        assert "Nothing is other than it was." in person.words
        await person.choose("serves", 0)
        assert "cache 20 GiB SSD nvme QEMU NVMe Ctrl NV0 read cache of 5 HDDs" in person.words
        assert "data 40 GiB HDD scsi QEMU HARDDISK HDD0003" in person.words
        await person.press("ctrl+n")
        assert person.page == "ChangePage", person.screen
        assert "is tried for" not in person.words, "it is no matter of the network"
        assert "make a pool" in person.words
        await person.press("right", "enter")

    _, edge = manage(story, data=nodes.fresh("one-ssd-four-hdds"))
    assert edge.started, "the plan was agreed to"
    assert edge.started[0].arguments == ("apply", "-")
    spec = load_spec(edge.started[0].stdin)
    assert spec.storage is not None
    assert not spec.storage.wipe
    assert spec.hypervisor is None
    assert "# the port on the left" in edge.started[0].stdin, "comments stay"


def test_what_is_there_stays() -> None:
    """A pool that is there is no matter of a key; virtual machines are added to it."""

    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Pool and virtual machines")
        assert "It is there now." in person.words
        await person.choose("serves", 0)
        assert not person.app.changed()
        await person.choose("serves", 1)
        assert person.app.changed() == {"vms"}

    data = nodes.record(machine="one-ssd-four-hdds", bonded=False, files={SAVED: nodes.FRESH + "storage: {}\n"})
    manage(story, data=data)


def test_why_a_disk_is_left_alone() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        await person.pick("Pool and virtual machines")
        await person.choose("serves", 0)
        assert "no role 16 GiB HDD sata QEMU HARDDISK WD-HDD1" in person.words
        assert "mounted at /mnt/backup" in person.words
        await person.press("tab", "pagedown", "pagedown")
        assert "WD-HDD1" not in person.screen, "it scrolls"

    manage(story, data=nodes.fresh("full-disks"))
