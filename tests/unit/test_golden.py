# SPDX-License-Identifier: Apache-2.0
"""Golden cases: a recorded machine and a spec give this very plan (tests/cases) or these very problems (tests/refused).

A case is a folder with `spec.yaml`, `plan.txt`, `network.txt` and `firewall.nft`, or `problems.txt`; where a machine
matters, `machine` is the name of a folder in tests/machines. `make golden` writes them anew: read the difference before you
commit it.
"""

import os
from pathlib import Path

import pytest

from appliance import flow
from appliance.cli.render import plan_text
from appliance.errors import Problems, Unsatisfiable
from appliance.host.playback import recorded
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan
from appliance.services.network.firewall import table
from appliance.services.network.networkd import files
from appliance.services.network.switch import transaction
from appliance.services.network.topology import resolve

TESTS = Path(__file__).parents[1]
CASES = sorted(path.parent for path in (TESTS / "cases").glob("*/spec.yaml"))
REFUSED = sorted(path.parent for path in (TESTS / "refused").glob("*/spec.yaml"))
WRITE = os.environ.get("GOLDEN") == "write"


def machine_of(case: Path) -> Inventory:
    return flow.inspect(recorded(TESTS / "machines" / (case / "machine").read_text().strip()))


def agree(path: Path, text: str) -> None:
    if WRITE:
        path.write_text(text + "\n")
    assert path.read_text() == text + "\n"


def test_there_are_cases() -> None:
    assert len(CASES) >= 4
    assert len(REFUSED) >= 20


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_plans(case: Path) -> None:
    plan = flow.plan(machine_of(case), load_spec((case / "spec.yaml").read_text()))
    agree(case / "plan.txt", plan_text(plan))
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_networks(case: Path) -> None:
    """What networkd, Open vSwitch and nft read on the node."""
    spec = load_spec((case / "spec.yaml").read_text())
    uplinks, problems = resolve(machine_of(case), spec)
    assert not problems
    agree(case / "firewall.nft", table(spec).rstrip())
    network = [f"== {path}\n{text}" for path, text in sorted(files(uplinks).items())]
    if words := transaction([d for uplink in uplinks for d in uplink.devices], (), {}, "system"):
        network.append("== ovs-vsctl" + " ".join(words).replace("-- ", "\n").replace(" \n", "\n"))
    agree(case / "network.txt", "\n".join(network).rstrip())


@pytest.mark.parametrize("case", REFUSED, ids=lambda c: c.name)
def test_refusals(case: Path) -> None:
    text = (case / "spec.yaml").read_bytes().decode()
    with pytest.raises(Problems) as caught:
        spec = load_spec(text)
        if problems := flow.check(machine_of(case), spec):
            raise Unsatisfiable(problems)
    agree(case / "problems.txt", "\n".join(str(p) for p in caught.value.problems))
    assert all(p.where and p.message for p in caught.value.problems)
