# SPDX-License-Identifier: Apache-2.0
"""What a node says of VMs before there is one: whether its spec lets them run, what is theirs of its memory."""

import json
from pathlib import Path

import pytest

from appliance.cli.render import status_text
from appliance.cli.vmtext import list_text, show_text
from appliance.errors import Unsatisfiable
from appliance.host.etcd import Etcd
from appliance.host.host import Host
from appliance.host.playback import playback
from appliance.model.placement import Placement, Share
from appliance.model.status import Status
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmView
from appliance.node import vms
from appliance.node.worth import lacks

MACHINE = Path(__file__).parents[1] / "machines" / "two-sockets" / "machine.json"
SPEC = "version: 1\nnode: {name: n1}\nnetwork: {planes: {management: {nics: [{link: true}], address: dhcp}}}\n"


def node(more: str) -> Host:
    data = json.loads(MACHINE.read_text())
    data["files"]["/var/lib/trivet/spec.yaml"] = SPEC + more
    return playback(data)


def test_a_node_whose_spec_has_no_hypervisor_runs_none() -> None:
    with pytest.raises(Unsatisfiable, match="spec lets no VMs run here"):
        vms.here(node(""), Etcd())


def test_what_is_kept_for_the_platform_is_not_for_vms() -> None:
    said = vms.here(node("hypervisor: {reserve: {cpus: 1, memory: 256MiB}}\n"), Etcd())
    whole = sum(cell.memory for cell in vms.here(node("hypervisor: {reserve: {memory: 1MiB}}\n"), Etcd()).cells)
    assert (said.node, said.emulation, [cell.id for cell in said.cells]) == ("n1", False, [0, 1])
    assert whole - sum(cell.memory for cell in said.cells) == pytest.approx(255 * 2**20, abs=2**20)
    assert sum(len(cell.cpus) for cell in said.cells) == 3
    silent = vms.here(node("hypervisor: {}\n"), Etcd())
    assert 0 < sum(cell.memory for cell in silent.cells) < whole, "an engine needs memory, whatever the spec says"


def test_where_no_vm_was_started_nobody_is_asked() -> None:
    vms.notice(node(""))
    vms.run_again(node(""))


def test_a_vm_for_people() -> None:
    vm = Vm.model_validate(
        {"version": 1, "name": "web", "cpu": {"count": 2, "max": 4, "pin": True}, "memory": {"size": "1GiB", "pages": "2MiB"},
         "disks": [{"name": "a", "size": "1GiB"}], "nics": [{"network": "n", "mac": "02:00:00:00:00:01"}]}
    )  # fmt: skip
    placed = Placement(shares=(Share(cell=0, cpus=2, memory=2**30, cpuset=(0, 1)),), reason="it fits node 0 and no other")
    view = VmView(name="web", state="paused", node="n1", cpus=2, memory=2**30, addresses=("10.1.0.2",), placed=placed.reason,
                  pending=("tpm: yes, and no until the next start",), vm=vm, uuid="u")  # fmt: skip
    assert list_text([view]).splitlines()[1] == (
        "web                  suspended     2    1 GiB  10.1.0.2  (changes wait for its next start)"
    )
    assert show_text(view).splitlines() == [
        "        vm  web, suspended",
        "        id  u",
        "        on  n1",
        "      cpus  2, 4 at most, each its own",
        "    memory  1 GiB, in pages of 2MiB",
        "      NUMA  it fits node 0 and no other",
        "  firmware  BIOS",
        "      disk  a, 1 GiB, virtio",
        "      port  02:00:00:00:00:01 on n",
        "   address  10.1.0.2",
        "    starts  with the node, as one of order 50",
        "   pending  tpm: yes, and no until the next start",
    ]
    assert list_text([]).startswith("There are no VMs.")


def test_the_status_of_a_node_says_what_keeps_it_from_running_vms_well() -> None:
    record = MACHINE.parents[1] / "installed-node" / "machine.json"
    data = json.loads(record.read_text())
    saved = data["files"]["/var/lib/trivet/spec.yaml"]
    text = "\n".join(saved) if isinstance(saved, list) else saved
    assert lacks(playback(data)) == (), "it has no hypervisor in its spec"
    data["files"]["/var/lib/trivet/spec.yaml"] = f"{text}\nhypervisor: {{emulation: true}}\n"
    found = lacks(playback(data))
    assert {"IOMMU", "weakness"} == {each.name for each in found}
    told = Status(state="ready", name="n1", version="1", hypervisor=found)
    assert "VMs  IOMMU: off or absent: no VM can have" in status_text(told)
