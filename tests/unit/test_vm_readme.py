# SPDX-License-Identifier: Apache-2.0
"""What the README has one type about VMs: its documents are right, and its commands are those that there are."""

import re
import shlex
from pathlib import Path

import pytest

from appliance.cli import main
from appliance.model.document import load
from appliance.model.vm import Vm
from appliance.model.vnet import VirtualNetwork
from appliance.model.vrouter import Router

README = (Path(__file__).parents[2] / "README.md").read_text()
PART = README.partition("## Virtual machines")[2].partition("\n## ")[0]
TYPED = re.findall(r"^    (trivet .*)$", PART, re.MULTILINE)


def documents() -> list[str]:
    found = re.findall(r"<<'EOF'\n(.*?)\n    EOF\n", PART, re.DOTALL)
    return [re.sub(r"^    ", "", text, flags=re.MULTILINE) for text in found]


def test_the_documents_are_right() -> None:
    vm, network, campus, router = documents()
    assert load(vm, Vm, "").cloud_init
    assert len(load(network, VirtualNetwork, "").rules) == 2
    assert load(campus, VirtualNetwork, "").vlan
    assert load(router, Router, "").floating


def test_the_commands_are_there() -> None:
    assert len(TYPED) >= 15


@pytest.mark.parametrize("line", TYPED)
def test_commands(line: str) -> None:
    """Each is taken by the command line as it is typed: no option is unknown, and none is lacking."""
    words = shlex.split(line, comments=True)
    words = words[1 : next((n for n, word in enumerate(words) if word.startswith((">", "<"))), len(words))]
    assert callable(main._parser().parse_args(words).run)
