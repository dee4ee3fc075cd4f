# SPDX-License-Identifier: Apache-2.0
"""Whatever somebody writes into a spec, he gets a plan or sentences with places: never a traceback."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance import flow
from appliance.errors import Problems
from appliance.host.playback import recorded
from appliance.model.document import load_spec

LIVE = flow.inspect(recorded(Path(__file__).parents[1] / "machines/two-sockets"))
NODE = LIVE.model_copy(update={"system": LIVE.system.model_copy(update={"installed": True})})
WHOLE: dict[str, Any] = {
    "version": 1,
    "node": {"name": "n1", "timezone": "Asia/Shanghai", "ntp": ["192.0.2.1"]},
    "admin": {"ssh": {"enabled": True}},
    "install": {"disk": {"size": ">= 1GiB", "prefer": "smallest", "count": 1}, "wipe": True, "then": "reboot"},
    "network": {
        "planes": {
            "management": {"nics": [{"driver": "e1000e"}], "address": ["dhcp", "fd00::11/64"], "gateway": "fd00::1", "mtu": 1500},
            "business": {"nics": [{"driver": "igb", "count": 2}], "bond": "802.3ad", "vlan": "trunk"},
            "storage": {
                "on": "business",
                "vlan": 20,
                "address": "10.0.1.11/24",
                "routes": [{"to": "10.2.0.0/16", "via": "10.0.1.1"}],
            },
        },
        "sriov": [
            {"nic": {"pci": "0000:04:00.0"}, "vfs": 2, "force": True, "vf": [{"index": 1, "vlan": 7, "mac": "02:00:00:00:00:01"}]}
        ],
    },
}
WORDS = [
    "",
    "dhcp",
    "slaac",
    "none",
    "trunk",
    "management",
    "storage",
    "10.0.0.1",
    "10.0.0.1/24",
    "fd00::/64",
    ">= 1TiB",
    "*",
    "中",
    "on",
]
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 70000), st.floats(), st.sampled_from(WORDS), st.text(max_size=8))
KEYS = st.sampled_from(["nics", "on", "bond", "vlan", "mtu", "address", "gateway", "count", "min", "vf", "index", "install", "x"])
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=6)


def places(part: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a document."""
    keys = part.keys() if isinstance(part, dict) else range(len(part)) if isinstance(part, list) else ()
    for key in keys:
        yield part, key
        yield from places(part[key])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A right document with a few places that are anything."""
    document = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(document))
        part, key = found[draw(st.integers(0, len(found) - 1))]
        if draw(st.booleans()) and isinstance(part, dict):
            del part[key]
        else:
            part[key] = draw(VALUES)
    return document


def answered(text: str) -> None:
    for machine in (LIVE, NODE):
        try:
            flow.plan(machine, load_spec(text))
        except Problems as error:
            assert error.problems
            for problem in error.problems:
                assert problem.where, problem
                assert problem.message, problem
                assert "\n" not in str(problem)


@given(documents())
@settings(max_examples=300, deadline=None)
def test_a_document_with_anything_in_it(document: dict[str, Any]) -> None:
    answered(yaml.safe_dump(document, allow_unicode=True))


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text(text: str) -> None:
    answered(text)


def test_the_document_itself_is_right() -> None:
    for machine in (LIVE, NODE):
        assert flow.plan(machine, load_spec(yaml.safe_dump(WHOLE))).steps
