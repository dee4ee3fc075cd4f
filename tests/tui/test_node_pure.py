# SPDX-License-Identifier: Apache-2.0
"""What the node's console decides, without a screen: what it says of a node, who has to wait, how a spec is edited."""

import uuid
from dataclasses import replace

import pytest
from pydantic import SecretStr

from appliance import flow
from appliance.host.playback import playback
from appliance.model.cluster import ClusterDocument, Member
from appliance.model.document import load_spec, parse_yaml
from appliance.model.netreport import Alert
from appliance.model.problem import Problem
from appliance.model.status import Boot
from appliance.tui import i18n
from appliance.tui.node import big, edit, reading
from appliance.tui.node.lockout import FREE, LONGEST, Attempts
from appliance.tui.node.pages.status import layout
from appliance.tui.node.run import chinese
from appliance.tui.node.seen import Seen, bare, duration, facts, health
from appliance.tui.node.yamledit import GONE, edited
from tests.tui import nodes
from tests.unit.carried import unplugged

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOTHER me@desk"


@pytest.fixture(autouse=True)
def english() -> None:
    i18n.use("en")


def seen(*alerts: Alert, **more: object) -> Seen:
    host = playback(nodes.record(*alerts))
    return replace(reading.seen(host, *reading.network(host)), **more)


# What the status screen says.


def test_a_node_that_is_well() -> None:
    found = seen()
    assert (found.name, found.slot, found.addresses) == ("node-a", "a", ("10.0.2.15", "10.0.9.11"))
    assert health(found) == health(found).__class__("good", "READY", "What the spec says was carried out, and nothing is wrong.")
    assert dict(facts(found)) == {
        "version": "0.1.0, slot A, running for 3 h 4 min",
        "management": "10.0.2.15/24, link up, 1 Gbit/s",
        "storage": "10.0.9.11/24, link up, 1 Gbit/s, active-backup: 2 of 2 ports",
        "system disk": "mirrored, both disks work",
        "VMs": "1 running: web",
    }


@pytest.mark.parametrize(
    ("changes", "word", "reason"),
    [
        ({"reverts_in": 43}, "ON TRIAL", "in 43 s,"),
        ({"reverts_in": 0}, "ON TRIAL", "being taken back now"),
        ({"boot": None}, "STARTING", "being made what its spec says"),
        ({"boot": Boot(failed="the spec is wrong\nmore of it")}, "FAULT", "the spec is wrong"),
        ({"boot": Boot(refused=("erase a: it would destroy b",))}, "WARNING", "it would destroy b"),
        ({"boot": Boot(waits=True)}, "STARTING", "waits for an address"),
        ({"alerts": (nodes.CABLE,)}, "WARNING", "1 of 2 ports of bond-storage work"),
        ({"alerts": (nodes.CABLE, nodes.GATEWAY)}, "FAULT", "the gateway 10.0.2.2 does not answer"),
        ({"mirror": "UU_U"}, "WARNING", "mirror is missing"),
        ({"mirror": "UU_U", "alerts": (nodes.GATEWAY,)}, "FAULT", "the gateway"),
        ({"trouble": "this node has no saved spec", "network": None}, "WARNING", "no saved spec"),
        ({"looked": False}, "READY", "for the first time soon"),
    ],
)
def test_the_worst_is_the_word(changes: dict[str, object], word: str, reason: str) -> None:
    found = health(seen(**changes))
    assert found.word == word
    assert reason in found.reason


def test_a_node_without_an_address_and_a_plane_without_ports() -> None:
    found = seen()
    assert found.network is not None
    none = found.network.model_copy(update={"planes": ()})
    assert health(replace(found, network=none)).reason == "The node has no address now."
    wrong = none.model_copy(update={"problems": (Problem(where="x", message="no port is named"),)})
    assert health(replace(found, network=wrong)).reason == "no port is named"


def test_a_card_that_is_gone_is_the_reason_before_trivetd_has_looked() -> None:
    """And a node that has lost all of its planes but management is none that has yet to be set up."""
    host = playback(unplugged(nodes.record(), "52:54:00:00:00:02", "52:54:00:00:00:03"))
    found = reading.seen(host, *reading.network(host))
    assert health(found).word == "FAULT"
    assert "no port is left, and the plane is left out" in health(found).reason
    assert [plane.name for plane in found.network.planes] == ["management"]  # type: ignore[union-attr]  # it was looked at
    assert not bare(found)
    fresh = playback(nodes.fresh("two-sockets"))
    assert bare(reading.seen(fresh, *reading.network(fresh)))


def test_what_is_not_there_is_not_shown() -> None:
    names = [name for name, _ in facts(seen(vms=None, mirror="", network=None))]
    assert names == ["version", "network", "system disk"]
    assert dict(facts(seen(vms=())))["VMs"] == "none runs"
    first = Member(name="n1", machine_id="0" * 32, serial=1, address="10.7.0.1", storage="10.7.0.1", control=True)
    second = first.model_copy(update={"name": "n2", "machine_id": "1" * 32, "control": False})
    lab = ClusterDocument(id=str(uuid.uuid4()), name="lab", control=1, members=(first, second))
    told = [dict(facts(seen(cluster=lab, machine_id=each.machine_id)))["cluster"] for each in (first, second)]
    assert told == ["lab, 2 nodes, this one has the control role", "lab, 2 nodes"]
    assert dict(facts(seen(mirror="")))["system disk"] == "one, not mirrored"
    assert dict(facts(seen(mirror="U_")))["system disk"] == "mirrored, one disk is missing"
    assert dict(facts(seen(mirror="U_", rebuilding="12.6%")))["system disk"] == "mirrored, being rebuilt: 12.6%"


def test_half_written_and_absent_documents_are_no_crash() -> None:
    host = playback(nodes.record(boot=None, files={"/run/trivet/health.json": '{"at": 1, "al', "/proc/uptime": ""}))
    found = reading.seen(host)
    assert (found.boot, found.looked, found.uptime) == (None, False, 0.0)
    nodes.begin_trial(garbage := nodes.record(), 60)
    garbage["files"]["/run/trivet/candidate.yaml.deadline"] = "soon"
    assert reading.seen(playback(garbage)).reverts_in is None
    del (vanished := nodes.record())["netlink"]["links"]
    vanished["netlink"]["addresses"] = [{}]
    assert reading.network(playback(vanished)) == (None, "'link'")
    broken = playback(nodes.record(files={"/var/lib/trivet/spec.yaml": "version: 7"}))
    report, trouble = reading.network(broken)
    assert report is None
    assert "version" in trouble


TIMES = [(0.4, "0 s"), (7, "7 s"), (90, "1 min"), (3_700, "1 h 1 min"), (200_000, "2 d 7 h")]


@pytest.mark.parametrize(("seconds", "text"), TIMES)
def test_times(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize(("width", "height"), [(74, 19), (74, 12), (114, 35), (40, 19)])
def test_large_is_what_there_is_room_for(width: int, height: int, utf8: bool) -> None:
    lines = layout(seen(nodes.CABLE), width, height, utf8=utf8)
    text = "\n".join(line.text for line in lines)
    assert max(len(line.text) for line in lines) <= width
    assert "also 10.0.9.11" in text
    if height > 12 and width > 40:
        assert len(lines) <= height
        first = big.lines("WARNING", utf8=utf8)
        assert first[0] in text


def test_an_address_that_nobody_can_draw_is_written() -> None:
    found = seen()
    assert found.network is not None
    plane = found.network.planes[0].model_copy(update={"addresses": ()})
    network = found.network.model_copy(update={"planes": (plane,)})
    assert any(line.text == "no address" for line in layout(replace(found, network=network), 74, 40, utf8=True))


def test_letters() -> None:
    for character in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:- ":
        for utf8 in (True, False):
            drawn = big.lines(character, utf8=utf8)
            assert len(drawn) == big.height(utf8=utf8)
            assert len({len(line) for line in drawn}) == 1
    assert big.lines("就绪", utf8=True) == big.lines("", utf8=True) == []


def test_the_language_of_the_spec() -> None:
    assert not chinese(playback(nodes.record()))
    for text in ("node: {name: a, language: zh_CN}", "node:\n  language: 'zh_CN'"):
        assert chinese(playback(nodes.record(files={"/var/lib/trivet/spec.yaml": text})))
    assert not chinese(playback(nodes.record(files={"/var/lib/trivet/spec.yaml": "# language: zh_CN"})))


# Who has to wait.


def test_five_are_free_and_then_each_doubles_the_time() -> None:
    tried, now, waits = Attempts(), 1000.0, []
    for _ in range(12):
        tried = tried.failed(now)
        waits.append(tried.left(now))
        now = max(now, tried.until) + 1
    assert waits[: FREE - 1] == [0] * (FREE - 1)
    assert waits[FREE - 1 :] == [30, 60, 120, 240, 480, 900, 900, 900]
    assert max(waits) == LONGEST


def test_it_is_over_when_the_time_is_over_and_forgotten_after_an_hour() -> None:
    tried = Attempts()
    for _ in range(FREE):
        tried = tried.failed(10.0)
    assert tried.left(39.5) == 1
    assert tried.left(40.0) == 0
    assert tried.failed(41.0).left(41.0) == 60
    assert tried.failed(5000.0) == Attempts(failures=1, at=5000.0, until=5000.0)


# How a spec is edited.


def now() -> tuple[edit.NodeDraft, flow.Inventory]:
    inventory = flow.inspect(playback(nodes.record()))
    return edit.draft_of(load_spec(nodes.SPEC), inventory), inventory


def test_the_fields_begin_with_what_the_spec_says() -> None:
    draft, _ = now()
    assert draft.ports == ("52:54:00:00:00:01",)
    assert (draft.method, draft.address, draft.gateway, draft.dns) == ("static", "10.0.2.15/24", "10.0.2.2", "")
    assert (draft.name, draft.timezone, draft.ssh_on) == ("node-a", "Asia/Shanghai", True)
    assert edit.changes(draft, draft) == {}
    assert edit.text(nodes.SPEC, draft, draft) == (nodes.SPEC, True)


def test_only_what_was_changed_is_written_and_comments_stay() -> None:
    draft, _ = now()
    text, whole = edit.text(nodes.SPEC, draft, draft.model_copy(update={"address": "10.0.2.16/24", "vlan": "30"}))
    assert whole
    lines = text.splitlines()
    assert set(nodes.SPEC.splitlines()) - set(lines) == {"      address: 10.0.2.15/24"}
    assert set(lines) - set(nodes.SPEC.splitlines()) == {"      address: 10.0.2.16/24", "      vlan: 30"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"method": "dhcp"}, {"address": "dhcp", "gateway": None, "nics": [{"driver": "e1000e"}]}),
        ({"gateway": ""}, {"gateway": None}),
        ({"dns": "10.0.0.1 10.0.0.2"}, {"dns": ["10.0.0.1", "10.0.0.2"]}),
        ({"address": "10.0.2.16/24, fd00::1/64"}, {"address": ["10.0.2.16/24", "fd00::1/64"]}),
        ({"ports": ("52:54:00:00:00:02",)}, {"nics": [{"mac": "52:54:00:00:00:02"}]}),
        ({"bond": "active-backup"}, {"bond": "active-backup"}),
        ({"vlan": "4095"}, {"vlan": 4095}),
        ({"vlan": "x"}, {"vlan": "x"}),
    ],
)
def test_each_field_of_the_network(changes: dict[str, object], expected: dict[str, object]) -> None:
    draft, _ = now()
    text, whole = edit.text(nodes.SPEC, draft, draft.model_copy(update=changes))
    plane = parse_yaml(text)["network"]["planes"]["management"]
    assert whole
    assert {key: plane.get(key) for key in expected} == expected
    assert parse_yaml(text)["network"]["planes"]["storage"] == parse_yaml(nodes.SPEC)["network"]["planes"]["storage"]


def test_the_rest_of_the_node() -> None:
    draft, inventory = now()
    after = draft.model_copy(
        update={
            "name": " node-b ", "timezone": "Etc/UTC", "language": "zh_CN", "ntp": "192.0.2.1, ntp.example", "ssh_on": False,
            "password_hash": SecretStr("$y$j9T$other$hash"), "ssh": f"{draft.ssh}\n{KEY}",
        }
    )  # fmt: skip
    text, whole = edit.text(nodes.SPEC, draft, after)
    spec = load_spec(text)
    assert whole
    assert (spec.node.name, spec.node.timezone, spec.node.language) == ("node-b", "Etc/UTC", "zh_CN")
    assert spec.node.ntp == ("192.0.2.1", "ntp.example")
    assert (spec.admin.ssh.enabled, spec.admin.ssh.authorized_keys[1]) == (False, KEY)
    assert spec.secrets["admin.password_hash"] == "$y$j9T$other$hash"
    assert spec.network == load_spec(nodes.SPEC).network
    assert edit.judge(nodes.SPEC, draft, after, inventory).ready
    assert not edit.changed(draft, after) & edit.NETWORK


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"address": "10.0.2.16"}, "address"),
        ({"gateway": "10.9.9.9"}, "gateway"),
        ({"vlan": "5000"}, "vlan"),
        ({"dns": "a.b"}, "dns"),
        ({"ports": ("52:54:00:00:00:01", "52:54:00:00:00:02")}, "bond"),
        ({"name": "Not A Name"}, "name"),
        ({"ssh": "nonsense"}, "ssh"),
        ({"address": "10.0.9.12/24", "gateway": ""}, "ports"),  # the storage plane's network: said where it can be read
    ],
)
def test_what_is_wrong_is_said_of_its_field(changes: dict[str, object], field: str) -> None:
    draft, inventory = now()
    verdict = edit.judge(nodes.SPEC, draft, draft.model_copy(update=changes), inventory)
    assert field in verdict.wrong
    assert not verdict.ready


@pytest.mark.parametrize("field", ["address", "ports", "name"])
def test_what_is_empty_is_open(field: str) -> None:
    draft, inventory = now()
    empty = draft.model_copy(update={field: () if field == "ports" else ""})
    assert field in edit.judge(nodes.SPEC, draft, empty, inventory).open


PLACES = ("network", "planes", "management")


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("a: 1\nb: 2 # two\n", ("a",), "x: y"),
        ("a: 1\nb: 2 # two\n", ("b",), GONE),
        ("a: {b: 1, c: 2} # both\n", ("a", "b"), GONE),
        ("a: {b: 1}\n", ("a", "b"), GONE),
        ("a:\n  b: 1\nc: 2 # two\n", ("a", "b"), GONE),
        ("a:\n- 1\n- 2 # two\nb: 3\n", ("a",), [{"mac": "52:54:00:12:34:56"}]),
        ("a:\n  b:\n    c: 1 # one\n\n# end\nd: 2", ("a", "b", "e"), "on"),
        ("d: 2 # two", ("a", "b"), [1]),
        ("a: |\n  one\n  two\nb: 2 # two\n", ("a",), "three"),
        ('a: "x" # one\n', ("a",), "很好"),
        ("on: 1 # one\n", ("on",), True),
    ],
)
def test_a_value_is_changed_where_it_stands(text: str, path: tuple[str, ...], value: object) -> None:
    result, whole = edited(text, {path: value})
    data = parse_yaml(result)
    for key in path[:-1]:
        data = data.get(key, {}) or {}
    assert (path[-1] in data) == (value is not GONE)
    if value is not GONE:
        assert data[path[-1]] == value
    assert whole
    for comment in ("# one", "# end", "# both"):
        assert (comment in text) == (comment in result)


def test_what_cannot_be_edited_is_written_anew_and_says_so() -> None:
    text = "base: &b {x: 1} # kept by nobody\nother:\n  <<: *b\n"
    result, whole = edited(text, {("other", "x"): 2})
    assert parse_yaml(result)["other"] == {"x": 2}
    assert whole == ("#" in result)


def test_every_recorded_spec_can_be_edited() -> None:
    cases = sorted((nodes.MACHINES.parent / "cases").glob("*/spec.yaml"))
    assert len(cases) > 5
    for path in cases:
        text = path.read_text()
        gone = {(*PLACES, key): GONE for key in ("vlan", "gateway")}
        result, _ = edited(text, {("node", "name"): "other", (*PLACES, "address"): "dhcp", **gone})
        spec, before = load_spec(result), load_spec(text)
        assert spec.node.name == "other"
        assert spec.network.planes.management.vlan is None
        same = {"name": before.node.name}
        assert spec.node.model_copy(update=same) == before.node
        assert spec.install == before.install
        assert spec.network.planes.storage == before.network.planes.storage
