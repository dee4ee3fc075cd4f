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
from appliance.model.plan import MergePages, RenderFile, ReserveForPlatform
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


@pytest.mark.parametrize(
    ("wish", "gib", "memory"),
    [
        ({"hypervisor": {}}, 64, 5 * 1024),
        ({"hypervisor": {}, "storage": {}}, 64, 9 * 1024),
        ({"hypervisor": {}, "storage": {}}, 4, 2 * 1024),
        ({"hypervisor": {"reserve": {"memory": "3GiB"}}}, 64, 3 * 1024),
        ({"hypervisor": {"reserve": {"memory": 0}}}, 64, 0),
    ],
)
def test_memory_for_the_platform_is_computed_where_the_spec_says_none(wish: dict[str, object], gib: int, memory: int) -> None:
    machine = Machine(memory=gib * 2**30, cpu=Cpu(threads=4))
    steps = list(hypervisor.plan(Inventory(machine=machine), spec(**wish)))
    found = [step for step in steps if isinstance(step, ReserveForPlatform)]
    assert [step.memory for step in found] == [memory * 2**20] * bool(memory)
    so = Virtualisation(libvirt=True, memory=memory * 2**20)
    again = hypervisor.plan(Inventory(machine=machine, virtualisation=so), spec(**wish))
    assert not any(isinstance(step, ReserveForPlatform) for step in again)


def test_etcd_listens_on_this_node_alone() -> None:
    wish: Spec = spec(hypervisor={})
    urls = [line.partition("=")[2] for line in cluster.settings(wish).splitlines() if "URLS" in line]
    assert len(urls) == 4
    assert all(url.startswith("http://127.0.0.1:") for url in urls)


@pytest.mark.parametrize(
    ("now", "wish", "steps"),
    [
        ("", "on", []),
        ("off", "off", []),
        ("on", "off", ["merge no pages of VMs"]),
        ("off", "on", ["merge equal pages of VMs"]),
        ("on", "auto", ["merge equal pages of VMs at the kernel's own pace"]),
    ],
)
def test_pages_are_merged_as_the_spec_says_where_the_kernel_can(now: str, wish: str, steps: list[str]) -> None:
    here = Virtualisation.model_validate({"libvirt": True, "merge": now})
    planned = hypervisor.plan(Inventory(virtualisation=here), spec(hypervisor={"merge": wish}))
    assert [str(step) for step in planned if isinstance(step, MergePages)] == steps
    container = here.model_copy(update={"container": True})
    planned = hypervisor.plan(Inventory(virtualisation=container), spec(hypervisor={"merge": wish}))
    assert not any(isinstance(step, MergePages) for step in planned), "the kernel is another machine's"
