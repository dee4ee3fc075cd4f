# SPDX-License-Identifier: Apache-2.0
"""The saved spec against the machine: what is wrong, what differs, what waits; and nothing when all is well."""

import json

import pytest

from tests.tui import nodes
from tests.tui.manage import Operator, manage

SPEC = "/var/lib/trivet/spec.yaml"


def shown(spec: str | None) -> str:
    """What the page says."""
    said: list[str] = []

    async def story(person: Operator) -> None:
        await person.log_in()
        if spec is not None:
            person.data["files"][SPEC] = spec
        await person.press("v")
        assert person.page == "ValidatePage"
        said.append(person.words)
        assert person.edge.started == [], "nothing is changed"

    manage(story, size=(120, 60))
    return said[0]


def test_what_differs_is_listed_with_its_reason() -> None:
    words = shown(None)
    assert "Nothing is wrong with it, and this machine has what it asks for." in words
    assert "! configure the network" in words
    assert "`Apply the spec again` in the menu puts this right." in words


@pytest.mark.slow
def test_all_that_is_wrong_with_the_spec_at_once() -> None:
    wrong = nodes.SPEC.replace("10.0.2.15/24", "10.0.2.15").replace("timezone: Asia/Shanghai", "timezone: '?'")
    words = shown(wrong)
    assert "! node.timezone: " in words
    assert "! network.planes.management.address: " in words
    words = shown(nodes.SPEC.replace("driver: igb", "driver: mlx5_core"))
    assert "! network.planes.storage.nics[0]: " in words
    assert "Not carried out" in words


@pytest.mark.slow
def test_what_is_said_without_a_spec_and_during_a_trial() -> None:
    async def story(person: Operator) -> None:
        await person.log_in()
        nodes.begin_trial(person.data, 60)
        await person.second()
        await person.press("enter", "v")
        assert "A change is on trial: this is about the saved spec." in person.words
        del person.data["files"][SPEC]
        await person.press("f5")
        assert "this node has no saved spec" in person.words

    manage(story, data=json.loads(json.dumps(nodes.record())))
