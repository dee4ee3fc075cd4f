# SPDX-License-Identifier: Apache-2.0
"""What the pure code says of a running node is in the catalogues: its steps, its alerts, what a test of the network finds."""

import re
from collections.abc import Iterator

import pytest

from appliance import flow
from appliance.host.playback import playback
from appliance.model.document import load_spec
from appliance.model.netreport import Alert, DuplicateProbe, GatewayProbe, NetworkReport, Probes
from appliance.model.poolreport import PoolReport
from appliance.services.network import health
from appliance.services.network.propose import propose
from appliance.services.network.report import ports, report
from appliance.services.storage import health as pool_health
from appliance.tui import i18n
from appliance.tui.i18n import said
from appliance.tui.node.phrases import PHRASES
from tests.tui import nodes
from tests.unit.carried import case_of
from tests.unit.network import OTHER, PORTS, node, spec
from tests.unit.pools import STATES
from tests.unit.test_gone import GONE
from tests.unit.test_net_health import changed, counters, seen
from tests.unit.test_pool_report import of_disk
from tests.unit.test_pool_report import seen as pool_seen
from tests.unit.test_propose import MACHINES, machine, managed


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    i18n.use("zh_CN")
    yield
    i18n.use("en")


def alerts() -> Iterator[Alert]:
    """One of each kind, by the code that makes them."""
    before, silent = seen(eth1={"losses": 0}), seen("00:00:00:00:00:00", 2)
    gone = tuple(u.model_copy(update={"interface": "", "link": False}) if u.bond else u for u in before.uplinks)
    nobody = tuple(u.model_copy(update={"partner": ""}) if u.bond else u for u in silent.uplinks)
    reports: list[NetworkReport] = [
        seen(eth0={"link": False}), seen(eth2={"link": False}), seen(eth2={"link": False, "cable_to": "sw1/7"}),
        seen(eth2={"member": False}), seen(OTHER, 2), seen(aggregator=2), silent, before.model_copy(update={"uplinks": gone}),
        silent.model_copy(update={"uplinks": nobody}), report(node(), ports(node()), spec()),
    ]  # fmt: skip
    for each in reports:
        yield from health.alerts(each, Probes())
    for facts in (
        {"losses": 3}, counters(rx_packets=90, rx_errors=10), counters(tx_packets=90, tx_errors=10),
        counters(rx_dropped=1000), counters(tx_dropped=1000),
    ):  # fmt: skip
        yield from health.alerts(changed(before, eth1=facts), Probes(), before)
    gateways = (
        GatewayProbe(plane="management", address="10.0.0.1", answers=False),
        GatewayProbe(plane="storage", address="10.0.1.1", answers=True, passes=False),
    )
    duplicate = DuplicateProbe(plane="management", address="10.0.0.11/24", macs=(OTHER,))
    yield from health.alerts(seen(), Probes(gateways=gateways, duplicates=(duplicate,)))


def test_every_alert_and_its_remedy() -> None:
    found = list(alerts())
    assert len({alert.hint for alert in found}) > 10
    assert [text for alert in found for text in (alert.message, alert.hint) if said(text) == text] == []


def test_everything_that_the_hardware_can_lose() -> None:
    found = [pending for case in GONE for pending in flow.plan(*case_of(case), follow=True).lost]
    many = spec(storage={"nics": [{"driver": "ixgbe"}], "address": "10.0.1.11/24"}, overlay={"on": "business", "address": "dhcp"},
                business={"nics": [{"mac": PORTS[0]}, {"mac": PORTS[1]}], "bond": "active-backup"})  # fmt: skip
    on = spec(management={"on": "storage", "vlan": 9, "address": "dhcp"}, storage={"nics": [{"driver": "e1000e", "count": 3}]})
    now = [alert for wish in (many, on) for alert in report(node(), ports(node()), wish).gone]
    sentences = [text for p in found for text in (p.why, p.hint)] + [text for a in now for text in (a.message, a.hint)]
    assert len(set(sentences)) > 15
    assert [text for text in sentences if said(text) == text] == []
    assert [text for text in map(said, sentences) if re.search(" is | are | the ", text)] == [], "none of them in part"


def test_every_step_of_a_node() -> None:
    plan = flow.plan(flow.inspect(playback(nodes.record())), load_spec(nodes.SPEC))
    assert len(plan.steps) > 7
    assert [text for step in plan.steps for text in (str(step), step.why) if said(text) == text] == []


def test_every_reason_of_a_proposal() -> None:
    found: list[str] = []
    for name in MACHINES:
        proposals = [propose(machine(name), managed(machine(name), **more)) for more in ({}, {"mtu": 1300})]
        found += [each.why for proposal in proposals for each in (*proposal.planes, *proposal.left, *proposal.spare)]
    wrong = managed(machine("six-ports"), nics=[{"driver": "none"}])
    found += [left.why for left in propose(machine("six-ports"), wrong).left]
    assert len(set(found)) > 15
    assert [text for text in found if said(text) == text] == []


def test_what_carries_each_plane() -> None:
    plan = flow.plan(flow.inspect(playback(nodes.record())), load_spec(nodes.SPEC))
    (why,) = (step.why for step in plan.steps if step.kind == "configure-network")
    assert said(why) == (
        "平面：management 位于 52:54:00:00:00:01 (e1000e, 0000:03:00.0)；"
        "storage 位于 bond-storage（active-backup），由 52:54:00:00:00:02 (igb, 0000:04:00.0), "
        "52:54:00:00:00:03 (igb, 0000:05:00.0) 组成"
    )


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.engine[:40])
def test_each_phrase_is_the_first_that_knows_its_sentence(phrase: object) -> None:
    """A general one before it would take its words apart wrongly."""
    engine = phrase.engine  # type: ignore[attr-defined]
    sentence = engine.format_map(Named())
    assert said(sentence) != sentence
    if "{" not in engine:
        assert said(engine) == i18n._(phrase.console)  # type: ignore[attr-defined]


class Named(dict[str, str]):
    """Each name stands for itself."""

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


def test_every_alert_of_the_pool_and_its_remedy() -> None:
    why = "its monitor does not answer"
    facts: tuple[dict[str, object], ...] = (
        {"up": False}, {"up": False, "in_": False}, {"in_": False}, {"up": False, "isolated": True, "slow": "stuck"},
        {"up": False, "isolated": True, "slow": "too slow"}, {"slow": "slow"}, {"slow": "stuck", "refused": why},
        {"slow": "too slow", "refused": why}, {"failing": "it says that it will fail (SMART)"}, {"wear": 99},
        {"temperature": 80}, {"cache": {"works": False}}, {"id": ""}, {"id": "", "up": False}, {"slot": "", "wear": 99},
    )  # fmt: skip
    found = [alert for each in facts for alert in of_disk(**each)]
    for state in STATES:
        found += pool_health.alerts(pool_seen(state))
    found += pool_health.alerts(PoolReport(health="stopped", reason="its monitor does not answer"))
    assert len({alert.hint for alert in found}) > 12
    assert [text for alert in found for text in (alert.message, alert.hint) if said(text) == text] == []


def test_the_reason_of_each_state_of_the_pool() -> None:
    reasons = [pool_seen(state).reason for state in STATES if state != "damaged"]
    assert [text for text in reasons if said(text) == text] == []
