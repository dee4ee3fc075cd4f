# SPDX-License-Identifier: Apache-2.0
"""A rack's answers: rules, the table, templates, and every sentence in which one is refused."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance import flow
from appliance.cli.main import main
from appliance.errors import ApplianceError, Problems, SpecError, Unsatisfiable
from appliance.host.playback import recorded
from appliance.model.document import validated
from appliance.model.inventory import Inventory
from appliance.model.network import Neighbour
from appliance.pxe import folder
from appliance.pxe.answer import Claim, Description, answer, claim, clashes
from appliance.pxe.rules import RackFile, Rule, When
from appliance.pxe.table import Row, Table, load_table

TESTS = Path(__file__).parents[1]
RACK = TESTS / "racks" / "two-kinds"
HEAD = "name,serial,mac,address\n"


def machine(name: str) -> Inventory:
    return flow.inspect(recorded(TESTS / "machines" / name))


def problems(error: pytest.ExceptionInfo[Problems]) -> str:
    return "\n".join(str(problem) for problem in error.value.problems)


@pytest.mark.parametrize(
    ("name", "node", "template", "approve"),
    [
        ("two-sockets", "n1", "fast.yaml.j2", False),
        ("small-bios", "n2", "plain.yaml.j2", False),
        ("secureboot-stick", "n3", "plain.yaml.j2", False),
    ],
)
def test_each_machine_gets_its_own_answer(name: str, node: str, template: str, approve: bool) -> None:
    found = answer(folder.load(RACK), machine(name))
    assert (found.spec.node.name, found.template, found.approve) == (node, template, approve)
    assert found.plan == flow.plan(machine(name), found.spec), "the plan that this very machine will make"


def test_the_disk_that_a_rule_is_about_is_the_one_that_is_taken() -> None:
    chosen = {d.id: d for d in machine("two-sockets").disks}
    step = answer(folder.load(RACK), machine("two-sockets")).plan.steps[1]
    assert chosen[step.disk].transport == "nvme"  # type: ignore[union-attr]  # its first step on a disk


@pytest.mark.parametrize(
    ("when", "holds"),
    [
        ({}, True),
        ({"serial": "TW*"}, True),
        ({"serial": "one"}, False),
        ({"product": "lab mach*", "manufacturer": "trivet", "firmware": "uefi"}, True),
        ({"firmware": "bios"}, False),
        ({"mac": "52:54:00:00:00:02"}, True),
        ({"memory": ">= 1GiB"}, True),
        ({"memory": ">= 1TiB"}, False),
        ({"disks": {"transport": "nvme", "count": 2}}, True),
        ({"disks": {"transport": "nvme", "count": 1}}, False),
        ({"disks": {"transport": "nvme", "count": {"min": 1, "max": 1}}}, False),
        ({"disks": [{"transport": "nvme"}, {"rotational": True}]}, True),
        ({"nics": {"driver": "no-such"}}, False),
        ({"lldp": "sw1/*"}, True),
        ({"lldp": "sw2/*"}, False),
        ({"listed": True}, False),
        ({"listed": False}, True),
        ({"bmc": "10.*"}, False),
    ],
)
def test_facts_of_a_rule(when: dict[str, object], holds: bool) -> None:
    two = machine("two-sockets")
    first = two.nics[0].model_copy(update={"neighbours": (Neighbour(system="sw1", port="Ethernet7"),)})
    two = two.model_copy(update={"nics": (first, *two.nics[1:])})
    assert validated(When, when).holds(two, None) is holds


def test_a_rule_by_the_bmc_of_the_row() -> None:
    row = Row("x", {"bmc": "10.9.0.11"})
    assert When(bmc="10.9.*").holds(Inventory(), row)
    assert not When(bmc="10.8.*").holds(Inventory(), row)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "t.csv: has no machine in it; begin with a line of column names"),
        (HEAD, "t.csv: has no machine in it"),
        (HEAD + "a,1,,\na,2,,\n", "t.csv line 3: has the name a of t.csv line 2; no two may share it"),
        (HEAD + "a,1,,10.0.0.1/24\nb,2,,10.0.0.1/16\n", "t.csv line 3: has the address 10.0.0.1 of t.csv line 2"),
        (HEAD + "a,,02:00:00:00:00:0A,\nb,,02-00-00-00-00-0a,\n", "t.csv line 3: has the mac 02:00:00:00:00:0a of t.csv line 2"),
        ("name,uuid\na,AB\nb,ab\n", "t.csv line 3: has the uuid ab of t.csv line 2"),
        ("name;serial\na;1\n\n#c;2\nb;1\n", "t.csv line 5: has the serial 1 of t.csv line 2"),
        (HEAD + "a,,,\n", "t.csv line 2: does not say which machine it means; give serial, uuid, mac, lldp"),
        (HEAD + "a,1,,,,\n", "t.csv line 2: has 6 cells, and the table 4 columns"),
        ("name,name\n", "t.csv: the column name is there twice"),
        ("name,serial,my ip\na,1,2\n", "'my ip' cannot be the name of a column"),
        ("name,serial,machine\na,1,2\n", "'machine' cannot be the name of a column"),
    ],
)
def test_tables_that_are_wrong(text: str, said: str) -> None:
    with pytest.raises(SpecError) as error:
        load_table("t.csv", text)
    assert said in problems(error)


def test_a_table_as_a_spreadsheet_writes_it_and_as_yaml() -> None:
    csv = load_table("t.csv", "\ufeffName;Serial\r\nn1;two\r\n")
    yaml = load_table("t.yaml", "- {name: n1, serial: two}\n")
    assert [dict(row.values) for row in csv.rows] == [dict(row.values) for row in yaml.rows] == [{"name": "n1", "serial": "two"}]
    with pytest.raises(SpecError, match="must be a list with a mapping for each machine"):
        load_table("t.yaml", "n1: {serial: two}\n")


def test_a_row_that_is_half_right_is_nobodys() -> None:
    table = load_table("t.csv", HEAD + "a,two,02:00:00:00:00:01,\n")
    with pytest.raises(Unsatisfiable, match=r"t.csv line 2: has the serial of this machine and another mac; correct the table"):
        table.find(machine("two-sockets"))
    assert table.find(machine("small-bios")) is None


def test_two_rows_that_mean_one_machine() -> None:
    table = load_table("t.csv", HEAD + "a,two,,\nb,,52:54:00:00:00:02,\n")
    with pytest.raises(Unsatisfiable, match=r"t.csv line 2 and t.csv line 3 both mean this machine"):
        table.find(machine("two-sockets"))


GOOD = "version: 1\nnode: {name: n1}\ninstall: {disk: {prefer: smallest}}\n"
GOOD += "network: {planes: {management: {nics: [{driver: '*', count: 1}], address: dhcp}}}\n"


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ nane }}", "templates/t: 'nane' is undefined; no row of the table means this machine"),
        ("{{ machine.seriall }}", "has no attribute 'seriall'"),
        ("a\n{% if %}", "templates/t line 2: is no template: Expected an expression"),
        ("{{ ''.__class__.__mro__ }}", "cannot be rendered: access to attribute '__class__' of 'str' object is unsafe"),
        ("{{ row.update({}) }}", "templates/t: cannot be rendered: access to attribute 'update' of 'dict'"),
        ("{{ 1 / 0 }}", "templates/t: cannot be rendered: division by zero"),
        ("{{ 'a' + 1 }}", "templates/t: cannot be rendered: "),
        ("{% for i in range(10**9) %}x{% endfor %}", "templates/t: cannot be rendered: Range too big"),
        ("{% for i in range(99999) %}{{ 'x' * 99 }}{% endfor %}", "templates/t: renders more than a mebibyte, which is no spec"),
        ("{% include 'gone' %}", "templates/t: cannot be rendered: "),
        ("{% include 't' %}", "templates/t: cannot be rendered: maximum recursion depth"),
        ("hello", "templates/t: the document: must be a mapping, and is a str"),
        ("a: [", "templates/t: line 1, column 5: not YAML"),
        ("version: 1\nnode: {}\nnetwork: {}", "templates/t: node.name: is missing"),
        (GOOD.replace("prefer: smallest", "serial: none-such"), "templates/t: install.disk: "),
    ],
)
def test_templates_that_render_nonsense(template: str, said: str) -> None:
    rack = Description((Rule(template="t"),), templates={"t": template})
    with pytest.raises(Problems) as error:
        answer(rack, machine("small-bios"))
    assert said in problems(error)


@given(st.text(max_size=200))
def test_whatever_a_template_says_is_an_answer_or_a_sentence(text: str) -> None:
    rack = Description((Rule(template="t"),), templates={"t": text})
    with pytest.raises(Problems) as error:
        answer(rack, SMALL)
    assert all(problem.where and problem.message for problem in error.value.problems)


SMALL = Inventory()


def test_no_rule_and_a_template_that_somebody_chose() -> None:
    rack = Description((Rule(when=When(serial="other"), template="t"),), templates={"t": GOOD})
    with pytest.raises(Unsatisfiable, match=r"rack.yaml: no rule holds for this machine; add it to the table"):
        answer(rack, machine("small-bios"))
    assert answer(rack, machine("small-bios"), "t").spec.node.name == "n1"
    with pytest.raises(Unsatisfiable, match="templates/u: is not there; there are: t"):
        answer(rack, machine("small-bios"), "u")


def test_an_installed_node_is_not_installed_over() -> None:
    rack = Description((Rule(template="t"),), templates={"t": GOOD})
    with pytest.raises(Unsatisfiable, match="runs as an installed node"):
        answer(rack, machine("installed-node"))


def test_two_machines_with_one_name_address_or_uuid() -> None:
    first = Claim(machine="a", name="n1", addresses=("10.0.0.1",), uuid="u")
    assert [str(p) for p in clashes(first.model_copy(update={"machine": "b"}), [first])] == [
        "node.name: n1 is the machine a already; give each its own name in the table",
        "network.planes: the machine a has 10.0.0.1 already; give each its own address in the table",
        "this machine: the machine a has the UUID u, too; have the maker's tool write a UUID of its own into each",
    ]
    assert not list(clashes(first, [first])), "a machine that asks again is no other"
    assert not list(clashes(Claim(machine="b"), [Claim(machine="a")])), "what neither has, they do not share"


def test_what_a_machine_has_for_itself() -> None:
    small = machine("small-bios")
    assert claim("m", answer(folder.load(RACK), small), small) == Claim(machine="m", name="n2", addresses=("10.0.0.12",), uuid="")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "rack.yaml: must be a mapping"),
        ("version: 1\nrules: []\ntabel: x\n", "tabel: unknown key; did you mean 'table'?"),
        ("version: 1\nrules:\n- {when: {serail: x}, template: a}\n", "rules[0].when.serail: unknown key; did you mean 'serial'?"),
        ("version: 1\nrules:\n- {template: ../a}\n", "rules[0].template: '../a' is not the name of a file"),
        ("version: 1\nrules:\n- {template: a}\n", "rules[0].template: there is no a in templates/; there are: none"),
        ("version: 1\ntable: ../m.csv\nrules: []\n", "table: '../m.csv' is not the name of a .csv or .yaml file"),
    ],
)
def test_racks_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rack.yaml").write_text(text)
    with pytest.raises(SpecError) as error:
        folder.load(tmp_path)
    assert said in problems(error)


def test_files_that_are_not_there_or_no_text(tmp_path: Path) -> None:
    with pytest.raises(ApplianceError, match=r"rack.yaml cannot be read: No such file"):
        folder.load(tmp_path)
    (tmp_path / "rack.yaml").write_bytes(b"\xff")
    with pytest.raises(SpecError, match="has a file that is not UTF-8 text"):
        folder.load(tmp_path)
    with pytest.raises(ApplianceError, match="has no machines in it"):
        folder.machines(tmp_path)
    (tmp_path / "m.json").write_text("{}x")
    with pytest.raises(ApplianceError, match=r"m.json is no inventory"):
        folder.inventory(tmp_path / "m.json")


def test_the_command_says_what_each_saved_machine_becomes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("small-bios", "two-sockets", "hundred-disks"):
        (tmp_path / f"{name}.json").write_text(machine(name).model_dump_json())
    with pytest.raises(SystemExit) as ended:
        main(["pxe", "plan", str(RACK), "--machines", str(tmp_path)])
    said = capsys.readouterr().out
    assert ended.value.code == 3
    assert "small-bios: becomes n2 by plain.yaml.j2\n  7 steps" in said
    assert "hundred-disks: no answer\n  - machines.csv line 2: has the mac of this machine and another serial" in said
    (tmp_path / "hundred-disks.json").unlink()
    with pytest.raises(SystemExit) as ended:
        main(["pxe", "plan", str(RACK), "--machines", str(tmp_path), "--json"])
    assert ended.value.code == 0
    assert [each["node"] for each in json.loads(capsys.readouterr().out)] == ["n2", "n1"]


def test_no_table_at_all() -> None:
    assert Table().find(machine("small-bios")) is None
    assert validated(RackFile, {"version": 1, "rules": []}).table == ""
