# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent to a rack's server is an answer or a refusal, and never a crash, a second answer, or a line that grows."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host.files import LiveFiles
from appliance.host.playback import recorded
from appliance.model.events import Event, Finished, Output, Started
from appliance.model.plan import BurnIn
from appliance.pxe import folder, records
from appliance.pxe.boards import shown, text
from appliance.pxe.desk import NO, OK, WAIT, WRONG, Desk, Kept, mac_of
from appliance.pxe.journal import Journal
from tests.engine.rackserver import TESTS, inventory, mac

SMALL = json.dumps(inventory(mac(1), "small"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {"event": st.sampled_from(["started", "progress", "output", "finished", "failed", "other"]), "step": st.text(max_size=5)},
        optional={name: VALUES for name in ("title", "line", "message", "hint", "done", "total", "rate", "index", "skipped")},
    )
    | st.fixed_dictionaries({"state": st.sampled_from(["rebooting", "ready", "failed", "writing"])}, optional={"cause": VALUES})
    | VALUES,
    max_size=5,
)
WORDS = ["machine", "dmi", "serial", "uuid", "nics", "disks", "system", "mac", "size", "model"]


def fresh(tmp_path: Path) -> Desk:
    """With an empty board: hypothesis gives all its examples one folder."""
    (tmp_path / "rack.jsonl").unlink(missing_ok=True)
    return desk(tmp_path)


def desk(tmp_path: Path) -> Desk:
    described = folder.Watched(TESTS / "racks" / "two-kinds")
    return Desk(described, Journal(tmp_path / "rack.jsonl"), LiveFiles(), Kept(tmp_path, tmp_path / "records"), lambda: 1.0)


def begun(at: Desk, number: int = 1) -> str:
    token = at.begin(mac(number), "10.0.0.9")
    assert token
    return token


FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@given(body=st.binary(max_size=300) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_whatever_is_posted_as_an_inventory(tmp_path: Path, body: bytes) -> None:
    at = fresh(tmp_path)
    assert at.ask(begun(at), body, "10.0.0.9").status in (WRONG, NO, WAIT)
    assert at.ask("", body, "10.0.0.9").status == NO


@FUZZ
@given(path=st.lists(st.sampled_from(WORDS), min_size=1, max_size=4), value=VALUES)
def test_an_inventory_of_which_a_part_is_nonsense(tmp_path: Path, path: list[str], value: object) -> None:
    document = json.loads(SMALL)
    part = document
    for word in path[:-1]:
        part = part[0] if isinstance(part, list) and part else part.get(word, {}) if isinstance(part, dict) else {}
    if isinstance(part, dict):
        part[path[-1]] = value
    at = fresh(tmp_path)
    reply = at.ask(begun(at), json.dumps(document).encode(), "10.0.0.9")
    assert reply.status in (OK, WRONG, NO, WAIT)
    assert list(text(at.rack, 2.0))


@FUZZ
@given(events=EVENTS)
def test_whatever_is_reported(tmp_path: Path, events: list[object]) -> None:
    at = fresh(tmp_path)
    token = begun(at)
    assert at.ask(token, SMALL.encode(), "10.0.0.9").status == OK
    assert at.tell(token, json.dumps(events).encode(), "10.0.0.9").status in (OK, WRONG)
    json.dumps(shown(at.rack))
    lines = list(text(at.rack, 2.0))
    assert all(len(line) < 2000 and line.isprintable() for line in lines)
    assert Journal(tmp_path / "rack.jsonl").rack.machines[mac(1)].state == at.rack.machines[mac(1)].state


def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    at = desk(tmp_path)
    token = begun(at)
    at.tell(token, json.dumps([{"event": "output", "line": "\x1b[2J" + "x" * 10**6}] * 100).encode(), "")
    assert [len(line) for line in at.rack.machines[mac(1)].log] == [len("starts over the network, from 10.0.0.9"), 400]
    assert at.rack.machines[mac(1)].log[1].isprintable()
    assert at.tell(token, json.dumps([{"state": "ready"}] * 501).encode(), "").status == WRONG


@pytest.mark.parametrize("seconds", ["NaN", "Infinity", "-1", "1e400"])
def test_a_number_that_is_none_does_not_spoil_the_journal(tmp_path: Path, seconds: str) -> None:
    at = desk(tmp_path)
    token = begun(at)
    assert at.tell(token, f'[{{"event": "finished", "step": "w", "seconds": {seconds}}}]'.encode(), "").status in (OK, WRONG)
    assert desk(tmp_path).rack.machines[mac(1)].state == "discovered"


def test_a_new_start_is_a_new_credential_and_the_old_one_is_void(tmp_path: Path) -> None:
    at = desk(tmp_path)
    old, new = begun(at), begun(at)
    assert at.ask(old, SMALL.encode(), "").status == NO
    assert at.ask(new, SMALL.encode(), "").status == OK


def test_only_who_has_had_an_answer_is_installed(tmp_path: Path) -> None:
    at = desk(tmp_path)
    token = begun(at)
    at.tell(token, b'[{"state": "ready"}]', "")
    assert at.rack.machines[mac(1)].state == "discovered"
    at.tell(token, b'[{"state": "failed", "cause": "no disk"}]', "")
    assert (at.rack.machines[mac(1)].state, at.rack.machines[mac(1)].cause) == ("failed", "no disk")


def test_what_is_installed_gets_neither_a_menu_nor_an_answer(tmp_path: Path) -> None:
    at = desk(tmp_path)
    token = begun(at)
    at.ask(token, SMALL.encode(), "")
    at.tell(token, b'[{"state": "rebooting"}]', "")
    assert at.begin(mac(1), "") is None
    assert at.installed(mac(1))
    reply = at.ask(token, SMALL.encode(), "")
    assert (reply.status, reply.text) == (NO, "this machine is installed; have it installed again on the board first")
    assert at.again([mac(1), mac(2)]) == [mac(1)]
    assert at.ask(token, SMALL.encode(), "").status == NO, "its old credential is void"
    assert at.ask(begun(at), SMALL.encode(), "").status == OK


def test_the_image_is_fetched_after_the_answer_by_nobody(tmp_path: Path) -> None:
    at = desk(tmp_path)
    token = begun(at)
    at.move(mac(1), 5, 10, 1)
    assert at.rack.machines[mac(1)].state == "fetching"
    at.ask(token, SMALL.encode(), "")
    at.move(mac(1), 10, 10, 1)
    at.move(mac(2), 10, 10, 1)
    assert (at.rack.machines[mac(1)].state, list(at.rack.machines)) == ("writing", [mac(1)])


def test_the_journal_goes_on_after_a_kill(tmp_path: Path) -> None:
    at = desk(tmp_path)
    token = begun(at)
    with (tmp_path / "rack.jsonl").open("a") as file:
        file.write('{"kind": "waits", "at": 1')  # the power went
    again = desk(tmp_path)
    assert again.ask(token, SMALL.encode(), "").status == OK
    assert token not in (tmp_path / "rack.jsonl").read_text()
    (tmp_path / "rack.jsonl").write_text("{}\n{}\n")
    with pytest.raises(ApplianceError, match="is damaged in line 1; remove the file to begin with an empty board"):
        desk(tmp_path)


@pytest.mark.parametrize(
    ("word", "mac"),
    [("52-54-00-00-00-0A", "52:54:00:00:00:0a"), ("01:00:00:00:00:01", ""), ("52:54:00:00:00", ""), ("", ""), ("../../etc", "")],
)
def test_addresses_of_machines(word: str, mac: str) -> None:
    assert mac_of(word) == mac


@FUZZ
@given(body=st.binary(max_size=300) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_whatever_is_posted_as_a_record(tmp_path: Path, body: bytes) -> None:
    at = fresh(tmp_path)
    assert at.keep(begun(at), body, "10.0.0.9").status in (OK, WRONG)
    assert at.keep("made-up", body, "10.0.0.9").status == NO


@FUZZ
@given(sections=st.dictionaries(st.sampled_from(["files", "hex", "links", "folders", "udev", "netlink", "commands"]), VALUES))
def test_what_is_no_machine_is_not_kept_as_one(tmp_path: Path, sections: dict[str, object]) -> None:
    at = fresh(tmp_path)
    assert at.keep(begun(at), json.dumps({"origin": "x", **sections}).encode(), "10.0.0.9").status == OK
    kept, refused = records.keep(tmp_path, tmp_path / "out")
    assert len(kept) + len(refused) == 1


def test_a_record_is_the_machine_that_sent_it(tmp_path: Path) -> None:
    at = desk(tmp_path)
    sent = (TESTS / "machines/two-sockets/machine.json").read_bytes()
    assert at.keep(begun(at), sent, "10.0.0.9").status == OK
    kept, refused = records.keep(tmp_path, tmp_path / "out")
    assert refused == {}
    name = mac(1).replace(":", "-")
    assert kept == [tmp_path / "out" / name / "machine.json"]
    assert flow.inspect(recorded(tmp_path / "out" / name)) == flow.inspect(recorded(TESTS / "machines/two-sockets"))


def test_what_a_burn_in_found_is_kept_with_the_machine(tmp_path: Path) -> None:
    at = desk(tmp_path)
    token = begun(at)
    assert at.ask(token, SMALL.encode(), "10.0.0.9").status == OK
    step = BurnIn(memory=2**28, seconds=30, disks=("a",), why="install.burn_in")
    other: list[Event] = [Started(step="w", title="write the slot", index=2, total=2), Output(line="written; reading it back")]
    events: list[Event] = [Started(step=step.id, title=str(step), index=1, total=2)]
    events += [Output(line="memory: 256 MiB tried, no error"), Finished(step=step.id), *other]
    body = json.dumps([event.model_dump() for event in events]).encode()
    assert at.tell(token, body, "10.0.0.9").status == OK
    machine = at.rack.machines[mac(1)]
    assert machine.tested == ("memory: 256 MiB tried, no error",)
    assert (tmp_path / "records" / mac(1).replace(":", "-") / "burn-in.txt").read_text() == "memory: 256 MiB tried, no error\n"
