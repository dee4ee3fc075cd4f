# SPDX-License-Identifier: Apache-2.0
"""Golden cases: a recorded machine and a spec give this very plan (tests/cases) or these very problems (tests/refused).

A case is a folder with `spec.yaml`, `plan.txt`, `network.txt` and `firewall.nft`, or `problems.txt`; where a machine
matters, `machine` is the name of a folder in tests/machines. With `before.yaml` the machine is a node on which that was
carried out, and the plan is that of a change; with `cluster.json` it has just become a member of that cluster, whose pool is
as the recorded answers say that `pool` names (tests/pools). With `gone` it is a node with this saved spec that starts without
the ports whose MACs are there. `make golden` writes them anew: read the difference before you commit it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance import flow
from appliance.cli.render import plan_text
from appliance.errors import Problems, Unsatisfiable
from appliance.model.document import load_spec
from appliance.model.plan import ConfigureNetwork, ConfigureVfs, Plan, Step
from appliance.services.network.firewall import table
from appliance.services.network.gone import remaining
from appliance.services.network.networkd import files
from appliance.services.network.ovn import chassis, rendered
from appliance.services.network.switch import membership, transaction
from tests.unit.carried import carried_out, case_of, dark, machine_of, node

TESTS = Path(__file__).parents[1]
CASES = sorted(path.parent for path in (TESTS / "cases").glob("*/spec.yaml"))
REFUSED = sorted(path.parent for path in (TESTS / "refused").glob("*/spec.yaml"))
WRITE = os.environ.get("GOLDEN") == "write"


def agree(path: Path, text: str) -> None:
    if WRITE:
        path.write_text(text + "\n")
    assert path.read_text() == text + "\n"


def test_there_are_cases() -> None:
    assert len(CASES) >= 20
    assert len(REFUSED) >= 20
    assert len({(case / "machine").read_text() for case in CASES}) >= 12


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_plans(case: Path) -> None:
    plan = flow.plan(*case_of(case), follow=True)
    agree(case / "plan.txt", plan_text(plan))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_networks(case: Path) -> None:
    """What networkd, Open vSwitch, OVN's controller and nft are told on the node, and what each virtual function shall be."""
    machine, spec = case_of(case)
    uplinks, problems, gone = remaining(machine, spec)
    assert not problems
    assert bool(gone) == (case / "gone").exists()
    agree(case / "firewall.nft", table(spec, machine.cluster).rstrip())
    network = [f"== {path}\n{text}" for path, text in sorted(files(uplinks).items())]
    if words := transaction([d for uplink in uplinks for d in uplink.devices], (), {}, "system"):
        network.append("== ovs-vsctl" + " ".join(words).replace("-- ", "\n").replace(" \n", "\n"))
    if here := chassis(machine, spec, uplinks):
        table_, *told = " ".join(membership(here, "system")).split(" external_ids:")
        network.append("\n".join(["", f"== ovs-vsctl {table_}", *told]))
    network += [f"\n== {file.path}\n{file.content}".rstrip() for file in rendered(machine, chassis(machine, spec, uplinks))]
    network += [line for step in flow.plan(machine, spec, follow=True).steps for line in also(step)]
    agree(case / "network.txt", "\n".join(network).rstrip())


def also(step: Step) -> Iterator[str]:
    """What a change does besides: files that go, and each virtual function as it shall be."""
    if isinstance(step, ConfigureNetwork):
        yield from (f"\n== {file.path} is removed" for file in step.files if not file.content)
    if isinstance(step, ConfigureVfs):
        yield f"\n== functions of {step.pci}"
        for vf in step.vfs:
            yield " ".join([f"{vf.index}: {vf.driver}", *(f"{name}={value}" for name, value in vf.attributes.items())])


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_nothing_is_left_to_do(case: Path) -> None:
    """Once a plan is carried out, on the node or on the one that the machine becomes, there is no step to the same spec."""
    machine, spec = case_of(case)
    after = carried_out(machine, spec) if machine.system.installed else node(machine, spec)
    assert flow.plan(after, spec, follow=True).steps == ()
    assert flow.plan(dark(after), spec, follow=True).steps == (), "a port that has no link, or hears nobody, is the same port"


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c.name)
def test_refusals(case: Path) -> None:
    text = (case / "spec.yaml").read_bytes().decode()
    with pytest.raises(Problems) as caught:
        spec = load_spec(text)
        if problems := flow.check(machine_of(case), spec):
            raise Unsatisfiable(problems)
    agree(case / "problems.txt", "\n".join(str(p) for p in caught.value.problems))
    assert all(p.where and p.message for p in caught.value.problems)
