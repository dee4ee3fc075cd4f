# SPDX-License-Identifier: Apache-2.0
"""A VM that moves: what of its domain is the node's, what a processor lacks, how far it is."""

from xml.etree import ElementTree

from appliance.cluster.moving import lacking, moved, progress
from appliance.model.hypervisor import CpuBaseline
from appliance.model.placement import Placement, Share
from appliance.model.vm import Vm

GIB = 2**30
DOMAIN = """\
<domain type='kvm'><name>one</name><vcpu placement='static' cpuset='0-3'>2</vcpu>
<cputune><vcpupin vcpu='0' cpuset='0'/></cputune><numatune><memory mode='strict' nodeset='0'/></numatune>
<devices><disk type='network' device='disk'><target dev='vda' bus='virtio'/></disk></devices></domain>"""


def vm() -> Vm:
    return Vm.model_validate({"version": 1, "name": "one", "memory": {"size": "1GiB"}, "cpu": {"count": 2}})


def test_a_domain_takes_the_place_that_the_other_node_has_for_it_and_stays_as_it_is_besides() -> None:
    place = Placement(shares=(Share(cell=1, cpus=2, memory=GIB, cpuset=(8, 9)),), reason="it fits node 1")
    domain = ElementTree.fromstring(moved(DOMAIN, vm(), place))
    cpus, memory = domain.find("vcpu"), domain.find("numatune/memory")
    assert cpus is not None
    assert memory is not None
    assert (cpus.get("cpuset"), cpus.text, memory.get("nodeset")) == ("8-9", "2", "1")
    assert domain.find("cputune") is None
    assert len(domain.findall("numatune")) == 1
    target = domain.find("devices/disk/target")
    assert target is not None
    assert target.get("dev") == "vda"


def test_a_node_of_one_piece_keeps_it_to_nothing() -> None:
    domain = ElementTree.fromstring(moved(DOMAIN, vm(), Placement(reason="the machine has one NUMA node")))
    cpus = domain.find("vcpu")
    assert cpus is not None
    assert (cpus.get("cpuset"), domain.find("numatune"), domain.find("cputune")) == (None, None, None)


def cpu(node: str, model: str = "Skylake-Server", emulated: bool = False, **features: str) -> CpuBaseline:
    return CpuBaseline(node=node, model=model, vendor="Intel", features=features, emulated=emulated)


def test_a_processor_that_lacks_something_is_named_with_it() -> None:
    assert lacking(cpu("n1", avx512f="require", hle="disable"), cpu("n2", hle="require")) == ("avx512f",)
    assert lacking(cpu("n1", avx="require"), cpu("n2", avx="require", more="require")) == ()
    assert lacking(cpu("n1"), cpu("n2", "EPYC")) == ("model Skylake-Server, and EPYC there",)
    assert lacking(cpu("n1"), cpu("n2", emulated=True)) == ("KVM",)
    assert lacking(cpu("n1"), None) == ()


def test_how_far_it_is_is_said_in_libvirts_own_numbers() -> None:
    said = "Data remaining:   0.000 B\nMemory processed: 97.402 MiB\nMemory remaining: 0.000 B\nMemory total:     208.820 MiB\n"
    assert progress(said) == "0.000 B of 208.820 MiB are to go", "as libvirt 11.3 has said it"
    assert progress("Job type:         None        \n") == ""
