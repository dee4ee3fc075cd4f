# SPDX-License-Identifier: Apache-2.0
"""Tokens of a cluster go from the node that founds it to those that are to join, and to nobody else."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import ApplianceError
from appliance.host.files import LiveFiles
from appliance.pxe import folder
from appliance.pxe.desk import NO, OK, WAIT, WRONG, Desk, Kept, Reply
from appliance.pxe.joins import Joins
from appliance.pxe.journal import Journal
from tests.engine.rackserver import TESTS, inventory, mac
from tests.unit.test_pxe_desk import FUZZ, VALUES, begun

CLUSTER = """\
{% if name == "n0" %}
cluster: {create: {name: rack}}
{% else %}
cluster: {join: {address: 10.0.0.10, token_file: /var/lib/trivet/cluster/token}}
{% endif %}
"""


def none(address: str) -> str:
    raise ApplianceError(f"no machine of this rack founds a cluster at {address}")


def desk(where: Path, more: str = CLUSTER) -> Desk:
    """Three machines; the first founds the cluster that the others join."""
    rack = where / "rack"
    (rack / "templates").mkdir(parents=True, exist_ok=True)
    (rack / "rack.yaml").write_text("version: 1\nrules: [{template: node.yaml.j2}]\n")
    plain = (TESTS / "racks/two-kinds/templates/plain.yaml.j2").read_text()
    (rack / "templates/node.yaml.j2").write_text(plain + more)
    rows = [f"n{number},{mac(number)},10.0.0.1{number}/24,10.0.0.1" for number in range(3)]
    (rack / "machines.csv").write_text("\n".join(["name,mac,address,gateway", *rows]) + "\n")
    (where / "rack.jsonl").unlink(missing_ok=True)
    return Desk(folder.Watched(rack), Journal(where / "rack.jsonl"), LiveFiles(), Kept(where, where / "records"), lambda: 1.0)


def up(at: Desk, number: int) -> str:
    """The credential of a machine that is installed and has come up."""
    token = begun(at, number)
    document = inventory(mac(number), f"S{number}")
    document["machine"]["dmi"]["uuid"] = f"uuid-{number}"
    assert at.ask(token, json.dumps(document).encode(), "").status == OK
    assert at.tell(token, b'[{"state": "rebooting"}]', "").status == OK
    return token


def bring(joins: Joins, token: str, **tokens: str) -> Reply:
    return joins.give(token, json.dumps({"tokens": tokens}).encode(), "")


def test_from_the_founder_to_who_joins(tmp_path: Path) -> None:
    at = desk(tmp_path)
    joins = Joins(at, none)
    one, two = up(at, 1), up(at, 2)
    founder = up(at, 0)
    asked = joins.ask(one, b"{}", "")
    assert (asked.status, asked.text) == (WAIT, "the node n0, which founds the cluster, is not there yet")
    assert bring(joins, founder).text == json.dumps([mac(1)]), "who has not asked wants none"
    assert bring(joins, founder, **{mac(1): "TRIVET1-one", mac(2): "TRIVET1-two"}) == Reply(OK, "[]")
    assert joins.ask(one, b"{}", "") == Reply(OK, "TRIVET1-one")
    assert joins.ask(one, b"{}", "") == Reply(OK, "TRIVET1-one"), "a reply may be lost"
    assert joins.ask(two, b"{}", "").status == WAIT, "a token that nobody wanted is none"
    assert "TRIVET1" not in (tmp_path / "rack.jsonl").read_text()


def test_who_has_no_business_here(tmp_path: Path) -> None:
    at = desk(tmp_path)
    joins = Joins(at, none)
    founder, one = up(at, 0), up(at, 1)
    waits = begun(at, 2)
    assert joins.ask("made-up", b"{}", "10.0.0.66") == joins.give("made-up", b"{}", "10.0.0.66") == Reply(NO)
    assert len(at.rack.strangers) == 2
    assert joins.ask(founder, b"{}", "").status == NO, "who founds joins nothing"
    assert joins.ask(waits, b"{}", "").status == NO, "who has no answer joins nothing"
    joins.ask(one, b"{}", "")
    assert bring(joins, one, **{mac(1): "TRIVET1-own"}).text == "[]", "who founds nothing hears of nobody"
    assert joins.ask(one, b"{}", "").status == WAIT
    at.again([mac(1)])
    assert joins.ask(one, b"{}", "").status == NO, "its credential is void"


def test_who_is_installed_anew_needs_another_token(tmp_path: Path) -> None:
    at = desk(tmp_path)
    joins = Joins(at, none)
    founder, one = up(at, 0), up(at, 1)
    joins.ask(one, b"{}", "")
    bring(joins, founder, **{mac(1): "TRIVET1-old"})
    at.again([mac(1)])
    one = up(at, 1)
    assert joins.ask(one, b"{}", "").status == WAIT
    bring(joins, founder, **{mac(1): "TRIVET1-new"})
    assert joins.ask(one, b"{}", "") == Reply(OK, "TRIVET1-new")


def test_a_cluster_that_is_there_already(tmp_path: Path) -> None:
    """No machine of the rack founds it: the node that serves makes the token, once for each; or it is said."""
    at = desk(tmp_path)
    one, made = up(at, 1), iter(["TRIVET1-first", "TRIVET1-second"])
    said = Joins(at, none).ask(one, b"{}", "")
    assert (said.status, said.text) == (WAIT, "no machine of this rack founds a cluster at 10.0.0.10")
    joins = Joins(at, lambda _: next(made))
    assert [joins.ask(one, b"{}", "").text for _ in range(2)] == ["TRIVET1-first"] * 2


@FUZZ
@given(body=st.binary(max_size=300) | VALUES.map(lambda v: json.dumps({"tokens": v}).encode()))
def test_whatever_is_brought(tmp_path: Path, body: bytes) -> None:
    at = desk(tmp_path)
    joins = Joins(at, none)
    token = begun(at, 1)
    assert joins.give(token, body, "").status in (OK, WRONG)
    assert joins.ask(token, body, "").status == NO
