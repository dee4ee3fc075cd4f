# SPDX-License-Identifier: Apache-2.0
"""Virtual functions: the whole state of a port, or nothing to do."""

from typing import Any

import pytest
from pydantic import ValidationError

from appliance.model.inventory import Inventory, System
from appliance.model.machine import Iommu, Machine
from appliance.model.network import Nic, Sriov, Vf, VfPool
from appliance.model.plan import ConfigureVfs, OfferVfs
from appliance.model.spec import Spec
from appliance.services.network import plan as network

NIC = Nic(mac="52:54:00:00:00:01", pci="0000:01:00.0", driver="e1000e", link=True)
PORT = Nic(mac="52:54:00:00:00:02", pci="0000:02:00.0", driver="igb", sriov=Sriov(total=7))
IOMMU = Machine(iommu=Iommu(available=True, groups=9))


def spec(*entries: dict[str, Any], nic: str = "e1000e") -> Spec:
    planes = {"management": {"nics": [{"driver": nic}], "address": "dhcp"}}
    return Spec.model_validate({"version": 1, "node": {"name": "n1"}, "network": {"planes": planes, "sriov": entries}})


def steps(wish: Spec, *vfs: Vf) -> list[ConfigureVfs]:
    port = PORT.model_copy(update={"sriov": Sriov(total=7, vfs=vfs)})
    found = network.plan(Inventory(nics=(NIC, port), machine=IOMMU), wish)
    return [step for step in found if isinstance(step, ConfigureVfs)]


TWO = {"nic": {"driver": "igb"}, "vfs": 2, "vf": [{"index": 1, "mac": "02-00-00-00-00-0A", "vlan": 100, "trust": True}]}


def test_from_none_to_two() -> None:
    (step,) = steps(spec(TWO))
    assert (step.pci, len(step.vfs), step.vfs[0].attributes) == ("0000:02:00.0", 2, {})
    assert step.vfs[1].attributes == {"mac": "02:00:00:00:00:0a", "vlan": 100, "trust": True}
    assert str(step) == "make 2 virtual functions of 52:54:00:00:00:02 (igb, 0000:02:00.0)"


def test_as_wished_is_nothing_to_do_whatever_else_the_driver_chose() -> None:
    first = Vf(index=0, pci="0000:02:10.0", mac="aa:aa:aa:aa:aa:aa", driver="igbvf")
    second = Vf(index=1, pci="0000:02:10.2", mac="02:00:00:00:00:0a", vlan=100, trust=True, spoofchk=True, driver="igbvf")
    assert steps(spec(TWO), first, second) == []
    (step,) = steps(spec(TWO), first, second.model_copy(update={"vlan": 7}))
    assert step.why == "network.sriov[0]; 1: vlan is 7"
    (step,) = steps(spec(TWO | {"driver": "vfio-pci"}), first, second)
    assert "driver is igbvf" in step.why
    (step,) = steps(spec({"nic": {"driver": "igb"}, "vfs": 0}), first, second)
    assert str(step).startswith("remove the virtual functions of")


@pytest.mark.parametrize(
    ("entry", "where", "message"),
    [
        ({"nic": {"driver": "ixgbe"}, "vfs": 1}, "[0].nic", "nothing matches"),
        ({"nic": {"driver": "e1000e"}, "vfs": 1}, "[0].nic", "offers no virtual functions"),
        ({"nic": {"driver": "igb"}, "vfs": 8}, "[0].vfs", "offers 7 virtual functions, and 8 are asked for"),
        ({"nic": {"driver": "igb"}, "vfs": 1, "driver": "vfio-pci"}, "[0].driver", "vfio-pci needs the IOMMU"),
    ],
)
def test_what_cannot_be(entry: dict[str, Any], where: str, message: str) -> None:
    problems = list(network.check(Inventory(nics=(NIC, PORT)), spec(entry)))
    assert [p for p in problems if p.where == f"network.sriov{where}" and message in p.message], problems


def test_a_port_that_carries_management_needs_force() -> None:
    entry = {"nic": {"driver": "igb"}, "vfs": 1}
    inventory = Inventory(nics=(NIC, PORT))
    (problem,) = network.check(inventory, spec(entry, nic="igb"))
    assert "carries management" in problem.message
    assert list(network.check(inventory, spec(entry | {"force": True}, nic="igb"))) == []
    assert "in network.sriov[0] already" in str(list(network.check(inventory, spec(entry, entry))))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"vfs": 1, "vf": [{"index": 1}]}, "vf 1 is described, and vfs: 1"),
        ({"vfs": 2, "vf": [{"index": 1}, {"index": 1}]}, "described twice"),
        ({"vfs": 1, "vf": [{"index": 0, "mac": "01:00:00:00:00:01"}]}, "not a MAC address that a port can have"),
        ({"vfs": 1, "vf": [{"index": 0, "qos": 3}]}, "give vlan, too"),
        ({"vfs": 1, "vf": [{"index": 0, "min_rate": 9, "max_rate": 3}]}, "min_rate 9 is over max_rate 3"),
    ],
)
def test_what_no_machine_could_give(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec({"nic": {"driver": "igb"}} | entry)


VMS = Vf(index=0, pci="0000:02:10.0", mac="52:54:00:ff:ff:01", driver="vfio-pci", used_by="web1")
FREE = Vf(index=1, pci="0000:02:10.2", driver="vfio-pci", spoofchk=True)
FOR_VMS = {"nic": {"driver": "igb"}, "vfs": 2, "driver": "vfio-pci", "vf": [{"index": 0, "mac": "02:00:00:00:00:0a"}]}
OFFERED = VfPool(name="sriov-0000:02:00.0", functions=("0000:02:10.0", "0000:02:10.2"))


def machine(*vfs: Vf, pools: tuple[VfPool, ...] = (), installed: bool = True) -> Inventory:
    port = PORT.model_copy(update={"sriov": Sriov(total=7, vfs=vfs)})
    return Inventory(nics=(NIC, port), machine=IOMMU, pools=pools, system=System(installed=installed))


def of_ports(inventory: Inventory, wish: Spec) -> list[str]:
    return [str(s) for s in network.plan(inventory, wish) if isinstance(s, ConfigureVfs | OfferVfs)]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([FOR_VMS | {"vfs": 3}], "the VM web1 runs on function 0 of 52:54:00:00:00:02 (igb, 0000:02:00.0): their number"),
        ([], "their number cannot change"),
        (
            [FOR_VMS | {"vf": [{"index": 0, "trust": True}]}],
            "runs on function 0 of 52:54:00:00:00:02 (igb, 0000:02:00.0), whose trust",
        ),
        ([FOR_VMS | {"driver": "kernel"}], "driver is vfio-pci"),
    ],
)
def test_what_a_vm_has_is_not_changed_under_it(entries: list[dict[str, Any]], message: str) -> None:
    (problem,) = network.check(machine(VMS, FREE), spec(*entries))
    assert message in problem.message
    assert "stop web1 first" in problem.hint


def test_the_address_of_a_vms_function_is_the_vms() -> None:
    assert list(network.check(machine(VMS, FREE), spec(FOR_VMS))) == []
    assert of_ports(machine(VMS, FREE, pools=(OFFERED,)), spec(FOR_VMS)) == []


def test_functions_for_vms_are_offered_to_them() -> None:
    offer = "offer 2 virtual functions to VMs as the network sriov-0000:02:00.0"
    free = VMS.model_copy(update={"used_by": "", "mac": "02:00:00:00:00:0a"})
    assert of_ports(machine(), spec(FOR_VMS))[1:] == [offer]
    assert of_ports(machine(free, FREE), spec(FOR_VMS)) == [offer]
    assert of_ports(machine(free, FREE, pools=(OFFERED,)), spec(FOR_VMS)) == []
    assert of_ports(machine(free, FREE, pools=(OFFERED,)), spec())[1:] == ["offer VMs the network sriov-0000:02:00.0 no more"]


def test_what_an_earlier_spec_made_goes_on_a_node_and_stays_on_anything_else() -> None:
    assert of_ports(machine(FREE), spec()) == ["remove the virtual functions of 52:54:00:00:00:02 (igb, 0000:02:00.0)"]
    assert of_ports(machine(FREE, installed=False), spec()) == []
