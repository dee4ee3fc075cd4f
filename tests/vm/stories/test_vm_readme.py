# SPDX-License-Identifier: Apache-2.0
"""The README's part on VMs, typed line by line on a node: what it says there is what happens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.vm import bootable
from tests.vm.containers import ContainerLab, ContainerNode
from tests.vm.guest import Guest
from tests.vm.lab import REPO
from tests.vm.stories.test_vms import POOL_DISKS, node_with_vms, shown
from tests.vm.story import story

HERE = {"ZC10ABCD": "n1-disk2", "max: 4": "max: 2", "--cpus 4": "--cpus 2", "--memory 8GiB": "--memory 1GiB"}
"""What is another machine's in the README: the disk's serial number; this one has two processors."""
AFTER = {
    "trivet vm create - --start": "web",
    "trivet vm start old": "old",
}
"""What a person would wait for before he types on: the system in the VM."""


def lines() -> Iterator[str]:
    """What is typed, a command each, with the document that belongs to it."""
    part = (REPO / "README.md").read_text().partition("## Virtual machines")[2].partition("\n## ")[0]
    typed = [line[4:] for line in part.splitlines() if line.startswith("    ") and line.strip()]
    while typed:
        found = [typed.pop(0)]
        while "<<'EOF'" in found[0] and found[-1] != "EOF":
            found.append(typed.pop(0))
        text = "\n".join(found)
        for theirs, ours in HERE.items():
            text = text.replace(theirs, ours)
        yield text


@story("readme-of-vms")
def test_readme_of_vms(containers: ContainerLab) -> None:
    """Each line in its order; what it makes is there."""
    node = node_with_vms(containers, disks=("6G", "6G", f"{bootable.SIZE}M"))
    node.run(f"qemu-img convert -f raw -O qcow2 {node.disks[POOL_DISKS]} /tmp/debian-13-generic-amd64.qcow2", timeout=120)
    typed = list(lines())
    assert len(typed) >= 25
    for line in typed:
        print(f"$ {line}")
        if line.startswith("trivet vm console"):
            looked_at(node, line)
            continue
        done = node.output(f"cd /root; {line}", timeout=300)
        print(done.text)
        assert done.ok, f"{line}\n{done.text}"
        for begin, name in AFTER.items():
            if line.startswith(begin):
                Guest(node, name).wait(600)
    assert shown(node, "web")["state"] == "stopped"
    assert {disk["name"]: disk["size"] for disk in shown(node, "web")["vm"]["disks"]} == {"system": 20 * 2**30}
    assert node.run("rbd ls vms | wc -l") == "3", "one each of web, of its copy and of the old system"
    assert "10.2.0.50" in node.run("ovn-nbctl lr-nat-list edge 2>/dev/null || ovn-nbctl list NAT")


def looked_at(node: ContainerNode, line: str) -> None:
    """A serial line is left as the README says, by Ctrl+]; who waits for a viewer is told to end."""
    words = re.sub(r"\s+#.*", "", line)
    if "--vnc" in line:
        seen = node.output(f"timeout --foreground -s INT 10 {words}", timeout=60).text
        assert "password" in seen, seen
    else:
        keys = "sleep 3; printf 'echo $((6*7))-typed\\r'; sleep 6; printf '\\035'; sleep 2"
        seen = node.run(f"({keys}) | script -qec '{words}' /dev/null", timeout=60)
        assert "42-typed" in seen, seen
    print(seen)
