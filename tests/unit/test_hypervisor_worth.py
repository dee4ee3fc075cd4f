# SPDX-License-Identifier: Apache-2.0
"""What servers are worth as hosts of VMs, in words; and the processor for VMs that migrate."""

from pathlib import Path

import pytest

from appliance import flow
from appliance.host.playback import recorded
from appliance.model.hypervisor import CpuBaseline, Seen
from appliance.model.machine import Cpu, Iommu, Machine
from appliance.services.hypervisor.worth import seen, worth
from appliance.services.vm import baseline

MACHINES = Path(__file__).parents[1] / "machines"
CAPABILITIES = Path(__file__).parents[1] / "capabilities"
SMT = "Mitigation: Clear CPU buffers; SMT vulnerable"


def said(machine: Machine, now: Seen | None = None) -> dict[str, str]:
    return {each.name: f"{each.state}: {each.message}" for each in worth(machine, now or Seen())}


def test_a_recorded_server_is_judged_by_what_it_has() -> None:
    host = recorded(MACHINES / "two-sockets")
    found = said(flow.inspect(host).machine, seen(host))
    assert found["VMs"] == "ok: AMD-V, and the kernel offers KVM: they run at speed"
    assert found["IOMMU"].startswith("ok: on, with 26 groups")
    assert found["microcode"] == "ok: revision 0x1000065 on all processors"
    assert found["weakness"] == "bad: spec store bypass: a VM may read what is not its own"


def test_a_machine_without_virtualisation_is_told_what_to_do() -> None:
    host = recorded(MACHINES / "build-machine")
    found = {each.name: each for each in worth(flow.inspect(host).machine, seen(host))}
    assert found["VMs"].state == "bad"
    assert "firmware" in found["VMs"].hint
    weak = [each for each in worth(flow.inspect(host).machine, seen(host)) if "microcode" in each.message]
    assert [each.hint for each in weak if each.name == "weakness"] == ["a newer microcode helps: bring the firmware up to date"]


@pytest.mark.parametrize(
    ("cpu", "now", "name", "text"),
    [
        ({"virtualisation": "VT-x"}, {}, "VMs", "bad: VT-x, and the kernel offers no KVM"),
        ({}, {"nested": True}, "nesting", "ok: VMs may run VMs of their own"),
        ({}, {"nested": False}, "nesting", "ok: VMs may not run VMs of their own"),
        ({}, {"microcodes": ("0x1", "0x2")}, "microcode", "bad: the processors have 0x1, 0x2: they are not alike"),
        ({"vulnerabilities": {"mds": SMT}}, {}, "weakness", "warn: mds: two threads of one core may see what the other does"),
        ({"vulnerabilities": {"mds": SMT}}, {}, "weaknesses", "ok: 1 known ones: 1 mitigated by the kernel, the others not"),
        ({}, {}, "weaknesses", "warn: the kernel says nothing"),
        ({}, {"merging": True, "merged": 2**20}, "merging", "warn: equal pages of VMs are merged, 1 MiB of them"),
        ({}, {"merging": False}, "merging", "ok: equal pages of VMs are not merged"),
    ],
)
def test_each_is_said(cpu: dict[str, object], now: dict[str, object], name: str, text: str) -> None:
    machine = Machine(cpu=Cpu.model_validate(cpu), iommu=Iommu())
    assert said(machine, Seen.model_validate(now))[name].startswith(text)


def test_the_processor_for_vms_that_migrate_is_what_libvirt_says() -> None:
    found = baseline.parse((CAPABILITIES / "emulated.xml").read_text(), "n1", emulated=True)
    assert found is not None
    assert found.model
    assert "require" in found.features.values()
    assert baseline.lacks(found, found) == ()


def test_what_the_other_node_lacks() -> None:
    here = CpuBaseline(node="a", model="EPYC", features={"x": "require", "y": "require", "z": "disable"})
    assert baseline.lacks(here, here.model_copy(update={"features": {"y": "require"}})) == ("x",)
    assert baseline.lacks(here, here.model_copy(update={"model": "Skylake"})) == ("model EPYC, and Skylake there",)
