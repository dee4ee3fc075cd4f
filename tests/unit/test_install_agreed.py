# SPDX-License-Identifier: Apache-2.0
"""`trivet install SPEC --agreed`: the plan that somebody agreed to is carried out, and no other."""

import json
from pathlib import Path

import pytest

from appliance import flow
from appliance.cli import install
from appliance.host.playback import recorded
from appliance.model.document import load_spec

MACHINE = Path(__file__).parents[1] / "machines/small-bios"
TEXT = """\
version: 1
node: {name: n1}
admin: {password_hash: "$y$j9T$salt$hash"}
network: {planes: {management: {nics: [{link: true}], address: dhcp}}}
install: {}
"""


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(install, "LOGS", tmp_path / "log")
    monkeypatch.setattr(install, "LOCK", tmp_path / "lock")
    return tmp_path


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_another_plan_than_the_one_agreed_to_touches_nothing(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = install.agreed(TEXT, "0123456789ab", as_json=True, host_with=lambda _: recorded(MACHINE))
    assert code == 6
    (event,) = events(capsys.readouterr().out)
    assert event["event"] == "failed"
    assert event["message"] == "this machine is not what it was when you agreed"
    (journal,) = (folders / "log").iterdir()
    assert [line["event"] for line in events(journal.read_text())] == ["failed"]


def test_the_plan_agreed_to_is_begun(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A recorded machine refuses the first step, so that is as far as it gets here; and no secret is said."""
    plan = flow.plan(flow.inspect(recorded(MACHINE)), load_spec(TEXT))
    code = install.agreed(TEXT, plan.digest, as_json=True, host_with=lambda _: recorded(MACHINE))
    assert code != 0
    said = events(capsys.readouterr().out)
    assert (said[0]["event"], said[0]["title"]) == ("started", str(plan.steps[0]))
    assert said[-1]["event"] == "failed"
    assert "$y$" not in json.dumps(said)


def test_the_digest_is_that_of_the_steps_in_their_order() -> None:
    plan = flow.plan(flow.inspect(recorded(MACHINE)), load_spec(TEXT))
    assert plan.digest == plan.model_copy(update={"pending": ()}).digest
    assert plan.digest != plan.model_copy(update={"steps": plan.steps[::-1]}).digest
    assert plan.digest != plan.model_copy(update={"steps": plan.steps[1:]}).digest
