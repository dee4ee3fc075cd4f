# SPDX-License-Identifier: Apache-2.0
"""What nodes of a cluster plan for its pool and for OVN, beside the golden cases of a second and a third member."""

from pathlib import Path
from typing import Any

import pytest

from appliance import flow
from appliance.errors import StepFailed
from appliance.host.host import Host, Result
from appliance.model.central import NORTHBOUND, addresses, remotes, words
from appliance.model.cluster import left
from appliance.model.inventory import Inventory
from appliance.model.network import Chassis
from appliance.model.plan import ForgetDatabases
from appliance.model.pool import Wish, monitors
from appliance.model.poolsteps import ConfigurePool, MakeMonitor, RemoveMonitor, TunePool
from appliance.model.spec import Spec
from appliance.services.network import central
from appliance.services.network.firewall import allowed
from appliance.services.storage import conf
from tests.unit.carried import carried_out, case_of

CASES = Path(__file__).parents[1] / "cases"
STATUS = """8f3c
Name: OVN_Northbound
Cluster ID: 8ffd (8ffda273-3d4c-472e-b790-fe5bea56607a)
Server ID: 9055 (9055bcee-9365-4982-bd5b-55fa81cabd55)
Address: ssl:10.7.0.1:6643
Status: cluster member
Role: leader
Servers:
    9055 (9055 at ssl:10.7.0.1:6643) (self) next_index=3 match_index=4
    1a2b (1a2b at ssl:10.7.0.2:6643) next_index=5 match_index=4 last msg 12 ms ago
"""
"""Of OVN 25.03 in a container node, cut down to what is read; the second server's line as that of the first."""


@pytest.fixture
def third() -> tuple[Inventory, Spec]:
    return case_of(CASES / "cluster-third-member")


def kinds(inventory: Inventory, spec: Spec) -> list[str]:
    return [step.kind for step in flow.plan(inventory, spec, follow=True).steps]


def pooled(inventory: Inventory, **update: object) -> Inventory:
    assert inventory.pool
    return inventory.model_copy(update={"pool": inventory.pool.model_copy(update=update)})


def test_a_node_that_hears_no_monitor_plans_nothing_for_the_whole_pool(third: tuple[Inventory, Spec]) -> None:
    after, spec = carried_out(*third), third[1]
    silent = pooled(after, answers=False, monitor=False, manager=False, elsewhere=(), monitors=(), wish=None, settings={})
    assert kinds(silent, spec) == ["run-monitor", "run-manager"]


def test_the_control_role_that_went_to_another_node_takes_the_monitor_along(third: tuple[Inventory, Spec]) -> None:
    after, spec = carried_out(*third), third[1]
    assert after.cluster
    members = tuple(each.model_copy(update={"control": each.name != spec.node.name}) for each in after.cluster.members)
    demoted = after.model_copy(update={"cluster": after.cluster.model_copy(update={"members": members})})
    found = flow.plan(demoted, spec, follow=True).steps
    assert next(step for step in found if isinstance(step, RemoveMonitor)).here
    chassis = next(step.chassis for step in found if step.kind == "configure-ovn")
    assert chassis is not None
    assert chassis.central is None


def test_a_machine_that_is_not_in_its_document_begins_no_pool_of_its_own(third: tuple[Inventory, Spec]) -> None:
    inventory, spec = third
    stranger = inventory.model_copy(update={"pool": None, "system": inventory.system.model_copy(update={"machine_id": "f" * 32})})
    found = flow.plan(stranger, spec, follow=True)
    assert not [step for step in found.steps if isinstance(step, MakeMonitor | TunePool | ConfigurePool)]
    assert "storage" in [each.where for each in found.pending]


def test_a_pool_of_its_own_is_not_the_clusters(third: tuple[Inventory, Spec]) -> None:
    inventory, spec = third
    found = flow.plan(pooled(inventory, fsid="11111111-2222-4333-8444-555555555555"), spec, follow=True)
    assert not [step for step in found.steps if step.kind in ("add-osd", "add-monitor", "configure-pool")]
    assert any("of its own" in each.why for each in found.pending)


def test_the_least_number_of_copies_is_not_raised_while_some_are_missing() -> None:
    wished = Wish(replicas=3, min_size=2, device_class="hdd", domain="host")
    had = wished.model_copy(update={"replicas": 1, "min_size": 1})
    inventory, _ = case_of(CASES / "cluster-second-member")
    assert inventory.pool
    thin = inventory.pool.model_copy(update={"wish": had, "thin": True})
    assert conf.guarded(wished, thin).min_size == 1
    assert conf.guarded(wished, thin.model_copy(update={"thin": False})) == wished


def test_settings_of_other_hosts_are_theirs() -> None:
    now = {"osd/host:n1/osd_memory_target": "1", "osd/host:n2/osd_memory_target": "1"}
    assert conf.changed(now, {}, "n2") == {"osd/host:n2/osd_memory_target": ""}


def test_who_is_gone_is_counted_on_no_more(third: tuple[Inventory, Spec]) -> None:
    after = carried_out(*third)
    assert after.cluster
    assert after.pool
    gone = after.cluster.members[1]
    without = pooled(after, monitors=("n1", "n2", "n3")).model_copy(update={"cluster": left(after.cluster, gone.name)})
    found = flow.departed(without, gone).steps
    assert [(type(step), getattr(step, "host", "") or getattr(step, "address", "")) for step in found] == [
        (RemoveMonitor, "n2"),
        (ForgetDatabases, "10.7.0.2"),
    ]


def test_engines_are_for_members_alone(third: tuple[Inventory, Spec]) -> None:
    inventory, spec = third
    rules = allowed(spec, inventory.cluster)
    ours = [rule for plane in rules.values() for rule in plane if rule.why in ("Ceph's monitor", "OVN's databases", "etcd")]
    assert len(ours) == 3
    assert {rule.match for rule in ours} == {"ip saddr { 10.7.0.1, 10.7.0.2, 10.7.0.3 }"}
    (geneve,) = [rule for rule in rules["overlay"] if rule.why == "Geneve"]
    assert geneve.match == "ip saddr { 10.9.0.1, 10.9.0.2, 10.9.0.3 }"


@pytest.mark.parametrize("known", [("10.0.0.1", "10.0.0.2"), ("fd00::1",), ()])
def test_remotes_are_read_as_they_are_written(known: tuple[str, ...]) -> None:
    assert addresses(remotes(known, NORTHBOUND)) == known


def test_a_member_that_is_alone_has_its_own_databases(third: tuple[Inventory, Spec]) -> None:
    document = third[0].cluster
    assert document
    assert monitors(document).count("v2:") == 3
    alone = document.model_copy(update={"members": document.members[:1]})
    assert words(alone, NORTHBOUND) == ()
    assert words(document, NORTHBOUND)[0].startswith("--db=ssl:10.7.0.1:6641,ssl:10.7.0.2:6641")


class Node:
    """A control node whose databases answer with STATUS; `files` are those that are there, `clustered` in a raft's form.

    northd has written its first rows at the look number `filled`.
    """

    def __init__(self, *files: str, clustered: bool = False, others: bool = False, filled: int = 1) -> None:
        self.files_, self.clustered, self.others, self.ran = set(files), clustered, others, list[list[str]]()
        self.looks_until_filled = filled
        doors: Any = self
        self.host = Host(files=doors, run=doors.run, udev=doors, netlink=doors)

    def real(self, path: str) -> str | None:
        return path if path in self.files_ else None

    def run(self, argv: list[str], **_: Any) -> Result:
        self.ran.append(argv)
        match argv:
            case ["ovn-appctl", *_]:
                return Result(0, STATUS, "")
            case ["ovsdb-tool", "db-is-clustered", *_]:
                return Result(0 if self.clustered else 2, "", "")
            case ["ovsdb-client", *_]:
                return Result(0 if self.others else 1, "", "")
            case [tool, *rest] if tool.endswith("ctl") and "get-connection" in rest:
                return Result(0, "pssl:6641\n" if "ovn-nbctl" in tool else "pssl:6642\n", "")
            case ["ovn-sbctl", *_, "list", "SB_Global"]:
                self.looks_until_filled -= 1
                return Result(0, "", "") if self.looks_until_filled else Result(0, f"{UUID}\n", "")
        return Result(0, "", "")

    def made(self) -> list[str]:
        return [word for argv in self.ran if argv[0] == "ovsdb-tool" for word in argv if word.endswith("-cluster")]


UUID = "5afcd78b-ada0-48ec-9ab9-d2e41b2aa9fc"
CHASSIS = Chassis(name="n1", encap="10.9.0.1", remotes=("10.7.0.1", "10.7.0.2"), central="10.7.0.1")
FILES = ("/var/lib/ovn/ovnnb_db.db", "/var/lib/ovn/ovnsb_db.db")


def test_the_oldest_control_node_keeps_its_rows() -> None:
    node = Node(*FILES)
    central.settle(node.host, CHASSIS)
    assert node.made() == ["create-cluster"] * 2
    (create,) = [argv for argv in node.ran if argv[-1] == "ssl:10.7.0.1:6643"]
    assert create[2:] == ["create-cluster", f"{FILES[0]}.new", FILES[0], "ssl:10.7.0.1:6643"]
    assert ["mv", "-f", f"{FILES[0]}.new", FILES[0]] in node.ran


def test_one_that_lost_its_files_joins_the_others_and_makes_nothing_twice() -> None:
    node = Node(others=True)
    central.settle(node.host, CHASSIS)
    assert node.made() == ["join-cluster"] * 2
    again = Node(*FILES, clustered=True)
    central.settle(again.host, CHASSIS)
    assert again.made() == []
    assert not [argv for argv in again.ran if argv[:2] == ["systemctl", "stop"]], "those that run are left alone"


def test_databases_are_settled_when_northd_has_filled_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    node = Node(filled=3)
    central.settle(node.host, Chassis(name="n1", encap="10.9.0.1", central=""))
    assert [argv[-1] for argv in node.ran[-3:]] == ["SB_Global"] * 3
    clock = iter(range(0, 10_000, 50))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    with pytest.raises(StepFailed, match="northd has not begun its work within 120 s"):
        central.settle(Node(filled=0).host, Chassis(name="n1", encap="10.9.0.1", central=""))


def test_members_of_a_raft_are_known_by_their_addresses() -> None:
    node = Node()
    assert central.members(node.host, NORTHBOUND) == {"10.7.0.1": "9055", "10.7.0.2": "1a2b"}
    central.forget(node.host, "10.7.0.2")
    kicks = [argv[3:] for argv in node.ran if "cluster/kick" in argv]
    assert kicks == [["cluster/kick", "OVN_Northbound", "1a2b"], ["cluster/kick", "OVN_Southbound", "1a2b"]]
