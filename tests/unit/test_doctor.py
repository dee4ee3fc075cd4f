# SPDX-License-Identifier: Apache-2.0
"""Each fault that the doctor knows, from the answers that it makes: one cause, one remedy, and nothing where all is well."""

import pytest

from appliance.cli.doctor import report_text
from appliance.cluster.doctor import findings
from appliance.model.doctor import Answers, Left, NameServer, Path, Port, Report, Router, Side, Space, Taken

ME = Side(
    name="n3", machine_id="aa", version="1.0", synchronised=True, cpu="x", flags=("avx", "sse2"),
    planes={"management": "10.0.0.3", "storage": "10.1.0.3"}, mtu={"management": 1500, "storage": 9000},
)  # fmt: skip
OTHER = Side(
    name="n1", machine_id="bb", version="1.0", offset=0.01, flags=("avx", "sse2"),
    planes={"management": "10.0.0.1", "storage": "10.1.0.1"}, mtu={"management": 1500, "storage": 9000},
)  # fmt: skip
PATH = Path(plane="storage", peer="n1", address="10.1.0.1", wanted=9000, largest=9000, milliseconds=0.2)
PORT = Port(plane="management", peer="n1", address="10.0.0.1", port=2379, service="etcd", outcome="open")
WELL = Answers(
    me=ME, others=(OTHER,), paths=(PATH,), ports=(PORT,), spaces=(Space(where="/var/lib/trivet", free=2**32, needed=2**30),),
    bmc="answers", routers=(Router(plane="management", address="10.0.0.254", answers=True),),
    servers=(NameServer(address="10.0.0.253"),), taken=(),
)  # fmt: skip


def other(**changes: object) -> Answers:
    return WELL.model_copy(update={"others": (OTHER.model_copy(update=changes),)})


def me(**changes: object) -> Answers:
    return WELL.model_copy(update={"me": ME.model_copy(update=changes)})


def path(**changes: object) -> Answers:
    return WELL.model_copy(update={"paths": (PATH.model_copy(update=changes),)})


def port(**changes: object) -> Answers:
    return WELL.model_copy(update={"ports": (PORT.model_copy(update=changes),)})


def left(**of: str) -> Answers:
    return WELL.model_copy(update={"leftovers": (Left.model_validate(of),)})


TAKEN = Taken(plane="storage", address="10.1.0.3", macs=("02:00:00:00:00:09",))
FAULTS = {
    "the same name": (other(name="n3"), "another node is called n3 already"),
    "a copied disk": (other(machine_id="aa"), "this node and n1 have the same machine-id"),
    "another version": (other(version="1.1"), "n1 runs version 1.1, and this node 1.0"),
    "a fast clock": (other(offset=7300.0), "the clock of n1 is 2 hours ahead of this node's"),
    "a slow clock": (other(offset=-3.2), "the clock of n1 is 3.2 s behind this node's"),
    "no time server": (me(synchronised=False), "no time server has set this node's clock"),
    "the same address": (WELL.model_copy(update={"taken": (TAKEN,)}), "10.1.0.3, this node's on the storage plane, is somebody"),
    "the address in the document": (other(planes={"management": "10.0.0.3"}), "n1 has 10.0.0.3 as well, this node's on the man"),
    "no address": (me(planes={"management": "10.0.0.3", "storage": ""}), "this node has no address on the storage plane"),
    "nobody there": (path(largest=0, resolved=False), "nobody answers for n1 (10.1.0.1) on the storage plane"),
    "no pings": (path(largest=0), "n1 (10.1.0.1) on the storage plane is there, and answers no ping"),
    "a switch without jumbo frames": (path(largest=1500), "packets of 9000 bytes do not reach n1 (10.1.0.1) on the storage pla"),
    "loss": (path(loss=10), "10 % of the packets to n1 (10.1.0.1) on the storage plane are lost"),
    "latency": (path(milliseconds=14.0), "n1 (10.1.0.1) on the storage plane answers after 14.0 ms, and more than 2"),
    "a port that is dropped": (port(outcome="silent"), "TCP 2379 (etcd) of n1 (10.0.0.1) on the management plane gives no answ"),
    "a service that is down": (port(outcome="refused"), "nobody listens at TCP 2379 (etcd) of n1 (10.0.0.1)"),
    "dropped the other way": (port(outcome="silent", back=True), "TCP 2379 (etcd) of this node's 10.0.0.1 on the management pl"),
    "down on this side": (port(outcome="refused", back=True), "n1 reaches this node's 10.0.0.1 on the management plane, and no"),
    "an older processor": (other(flags=("avx", "avx2", "sse2")), "this node's processor lacks avx2, which that of n1 has"),
    "an older etcd": (left(what="etcd", where="/var/lib/etcd/default"), "an older cluster has left a member of another etcd on"),
    "an older Ceph": (left(what="Ceph", where="/x", whose="4d6e"), "has left a part of another Ceph on this node, of 4d6e: /x"),
    "an older OVN": (left(what="OVN", where="/x"), "has left a member of another cluster's OVN databases on this node: /x"),
    "older volumes": (left(what="LVM", where="/dev/ceph-1/osd", whose="4d6e"), "has left volumes of another Ceph in LVM on thi"),
    "an older cluster": (left(what="cluster", where="/x"), "has left what it knew of another cluster on this node: /x"),
    "a full disk": (WELL.model_copy(update={"spaces": (Space(where="/s", free=2**20, needed=2**30),)}), "1 MiB are free at /s,"),
    "a hanging BMC": (WELL.model_copy(update={"bmc": "silent"}), "this node has a BMC, and it does not answer"),
    "no gateway": (
        WELL.model_copy(update={"routers": (Router(plane="management", address="10.0.0.254", answers=False),)}),
        "the gateway 10.0.0.254 of the management plane does not answer",
    ),
    "no name server": (
        WELL.model_copy(update={"servers": (NameServer(address="10.0.0.253", reason="no answer within 4 s"),)}),
        "the name server 10.0.0.253 gives no answer: no answer within 4 s",
    ),
}  # fmt: skip


def test_where_all_is_well_nothing_is_found() -> None:
    assert findings(WELL) == []
    assert report_text(Report(asked=("this node", "n1"))) == "Nothing is wrong, as far as this node, n1 can tell."


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_has_one_cause_and_one_remedy(fault: str) -> None:
    answers, cause = FAULTS[fault]
    (found,) = findings(answers)
    assert cause in found.cause
    assert found.remedy
    assert not found.cause.endswith(".")


def test_both_ends_with_another_mtu_is_said_otherwise_than_a_switch_without_jumbo_frames() -> None:
    answers = path(largest=1500).model_copy(update={"others": (OTHER.model_copy(update={"mtu": {"storage": 1500}}),)})
    (found,) = findings(answers)
    assert found.cause == "the storage plane has an MTU of 9000 here and of 1500 on n1"


def test_what_follows_from_a_dead_path_is_not_said() -> None:
    port_there = PORT.model_copy(update={"plane": "storage", "address": "10.1.0.1", "outcome": "silent"})
    answers = path(largest=0, resolved=False).model_copy(update={"ports": (port_there,)})
    assert len(findings(answers)) == 1


def test_what_is_grave_comes_first_and_what_could_not_be_asked_is_said() -> None:
    answers = me(synchronised=False).model_copy(update={"ports": (PORT.model_copy(update={"outcome": "silent"}),)})
    found = findings(answers)
    assert [finding.grave for finding in found] == [True, False]
    said = report_text(Report(findings=tuple(found), unasked=("n1: its version, clock and processor",)))
    assert said.splitlines()[0].startswith("FAULT  ports: TCP 2379 (etcd)")
    assert said.splitlines()[-1] == "not asked: n1: its version, clock and processor"
