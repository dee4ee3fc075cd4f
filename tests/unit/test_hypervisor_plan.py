# SPDX-License-Identifier: Apache-2.0
"""What a machine is told that cannot run VMs, and what a node does about its hypervisor and its etcd."""

from pathlib import Path

import pytest

from appliance import flow
from appliance.host.playback import recorded
from appliance.model.cluster import Places
from appliance.model.inventory import Inventory, System
from appliance.model.machine import Cpu, Machine, Virtualisation
from appliance.model.network import VfPool
from appliance.model.plan import RenderFile
from appliance.model.rendered import digest
from appliance.model.spec import Spec
from appliance.services.cluster import plan as cluster
from appliance.services.hypervisor import plan as hypervisor
from tests.unit.test_system_plan import spec

MACHINES = Path(__file__).parents[1] / "machines"


def without(virtualisation: str) -> Inventory:
    """A recorded machine, with what its firmware leaves of the processors."""
    had = flow.inspect(recorded(MACHINES / "installed-node"))
    cpu = had.machine.cpu.model_copy(update={"virtualisation": virtualisation})
    return had.model_copy(update={"machine": had.machine.model_copy(update={"cpu": cpu, "kvm": False})})


@pytest.mark.parametrize(
    ("virtualisation", "sentence"),
    [("", "the processors offer neither VT-x nor AMD-V"), ("VT-x", "the processors have VT-x, and the kernel cannot use it")],
)
def test_a_machine_without_kvm_runs_no_vms_unless_they_may_be_emulated(virtualisation: str, sentence: str) -> None:
    (problem,) = hypervisor.check(without(virtualisation), spec(hypervisor={}))
    assert problem.message.startswith(sentence)
    assert "emulation: true" in problem.hint
    assert list(hypervisor.check(without(virtualisation), spec(hypervisor={"emulation": True}))) == []
    (pending,) = hypervisor.pending(without(virtualisation), spec(hypervisor={}))
    assert pending.lost


def test_what_the_spec_does_not_ask_for_is_no_problem() -> None:
    assert list(hypervisor.check(without(""), spec())) == []


def test_a_node_that_gives_up_its_vms_stops_libvirt_and_etcd() -> None:
    written = {s.path: digest(s.content) for s in hypervisor.plan(Inventory(), spec(hypervisor={})) if isinstance(s, RenderFile)}
    runs = Inventory(system=System(files=written), virtualisation=Virtualisation(libvirt=True), etcd=True)
    steps = (*cluster.plan(runs, spec(), Places()), *hypervisor.plan(runs, spec()))
    assert [str(step) for step in steps] == ["stop etcd", "stop libvirt"]
    offers = runs.model_copy(update={"pools": (VfPool(name="trivet-x", functions=("0000:01:10.0",)),)})
    assert list(hypervisor.plan(offers, spec())) == [], "virtual functions are offered by libvirt"
    offered = Inventory(virtualisation=Virtualisation(libvirt=True))
    assert list(hypervisor.plan(offered, spec())) == [], "it was started to offer some, and nobody minds it"


def test_a_container_node_leaves_the_control_groups_to_the_machine_that_has_them() -> None:
    now = Inventory(virtualisation=Virtualisation(container=True), machine=Machine(cpu=Cpu(threads=4)))
    steps = list(hypervisor.plan(now, spec(hypervisor={"reserve": {"cpus": 2}})))
    assert [step.kind for step in steps] == ["render-file", "run-libvirt"]
    assert isinstance(steps[0], RenderFile)
    assert "cgroup_controllers = []" in steps[0].content


def test_etcd_listens_on_this_node_alone() -> None:
    wish: Spec = spec(hypervisor={})
    urls = [line.partition("=")[2] for line in cluster.settings(wish).splitlines() if "URLS" in line]
    assert len(urls) == 4
    assert all(url.startswith("http://127.0.0.1:") for url in urls)
