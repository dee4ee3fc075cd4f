# SPDX-License-Identifier: Apache-2.0
"""A VM's screen, seen from another host by a viewer of the story's own."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.vm import viewer
from tests.vm.containers import ContainerLab
from tests.vm.stories.test_vms import node_with_vms, vm
from tests.vm.story import story

ASK = "systemd-run --quiet --collect --unit=screen sh -c 'trivet vm console one --vnc --json > /tmp/screen'"


@story("screen-by-token", quick=True)
def test_screen_by_token(containers: ContainerLab) -> None:
    """The token shows the screen once: a wrong one does not, nor the right one a second time; nothing is left open."""
    node = node_with_vms(containers)
    vm(node, "one")
    containers.command("ip", "address", "add", "10.7.0.200/24", "dev", containers.bridge("mgmt"))
    assert "qemu" not in node.run("ss -Hltnp"), "QEMU listens on no port"
    before = node.run("nft list table inet trivet")
    node.run(f"{ASK}; until grep -q token /tmp/screen; do sleep 0.2; done")
    told = json.loads(node.run("cat /tmp/screen"))
    assert told["address"] == "10.7.0.1"

    def look(token: str) -> tuple[int, str]:
        words = [*containers.inside(), sys.executable, viewer.__file__, told["address"], str(told["port"]), token]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip()

    assert look("aaaaaaaa")[0] == 2
    code, seen = look(told["token"])
    assert code == 0, seen
    assert "one" in seen, "QEMU says whose screen it is"
    assert look(told["token"])[0] == 3, "it was good once"
    node.run("while systemctl is-active --quiet screen; do sleep 0.2; done")
    assert node.run("nft list table inet trivet") == before


@story("processor-is-kept")
def test_processor_is_kept(containers: ContainerLab) -> None:
    """What VMs that migrate may count on is what libvirt says, in etcd from the node's start on; the server is judged."""
    node = node_with_vms(containers)
    node.run("until etcdctl get --keys-only /trivet/v1/processors/n1 | grep -q n1; do sleep 0.5; done", timeout=120)
    libvirts = node.run("virsh domcapabilities --virttype qemu --machine q35")
    (containers.folder / "domcapabilities.xml").write_text(libvirts + "\n")
    told = json.loads(node.run("trivet hypervisor --json"))
    assert f"{told['processor']['model']}</model>" in libvirts
    assert told["processor"]["emulated"]
    kept = json.loads(node.run("etcdctl get --print-value-only /trivet/v1/processors/n1"))
    assert kept["features"] == told["processor"]["features"]
    assert {each["name"] for each in told["checks"]} >= {"VMs", "IOMMU", "microcode"}
