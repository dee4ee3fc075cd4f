# SPDX-License-Identifier: Apache-2.0
"""Nothing that anybody could miss is erased without consent, and what is refused is said in one sentence with its remedy."""

from __future__ import annotations

import shutil

from tests.vm import answers, images, observe
from tests.vm.lab import Lab
from tests.vm.machines import Disk, Stick
from tests.vm.moments import INSTALL, live_shell
from tests.vm.story import story
from tests.vm.vm import VM

DIRTY = Disk("disk0", "scsi", serial="DIRTY1", size="16G")


@story("dirty-disk-refused", quick=True)
def test_dirty_disk_refused(lab: Lab) -> None:
    vm = live_shell(lab)

    # No disk at all: the volume with the answer is not taken for one.
    refused(vm, "nothing matches", "it is the volume TRIVET-SPEC with the answers")

    images.ext4_disk(vm.disk_file(), DIRTY.size, {"orders.txt": "all we ever sold\n"}, "accounts")
    before = lab.folder / "before.qcow2"
    shutil.copyfile(vm.disk_file(), before)
    vm.plug(DIRTY)
    vm.sees(DIRTY)
    refused(vm, "DIRTY1", "holds data", "ext4 accounts", "install.wipe: true")
    vm.run("udevadm settle; sync")
    assert images.same_content(before, vm.disk_file()), "a refused disk was written on"
    assert vm.run("echo $((6 * 7))") == "42", "the console stays usable"

    # The operator writes his consent on the stick and tries again.
    consent = answers.volume(lab.folder / "consent.img", answers.spec(lab.public_key, install={"wipe": True}))
    vm.unplug("answer")
    vm.plug_stick(Stick(str(consent), "consent", "LAB0002"))
    vm.console.line("trivet install")
    vm.console.expect("This destroys:", r"DIRTY1", timeout=120)
    vm.wait_exit(INSTALL)
    observe.whole_disk(lab, vm)
    assert b"all we ever sold" not in vm.disk_file().read_bytes()


def refused(vm: VM, *words: str) -> None:
    output = vm.output("trivet install", timeout=120)
    assert output.status == 4, output
    text = " ".join(output.text.split())
    for word in words:
        assert word in text, output.text
    assert "Traceback" not in output.text
