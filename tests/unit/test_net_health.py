# SPDX-License-Identifier: Apache-2.0
"""From a report to alerts: each threshold just below and just there, and each cause said once."""

import json
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.playback import playback
from appliance.model.netreport import Alert, Counters, DuplicateProbe, GatewayProbe, NetworkReport, Probes
from appliance.model.status import Status
from appliance.node import health as last_look
from appliance.node import service, trial
from appliance.node.watch import Watch
from appliance.services.network import health, probe
from appliance.services.network.report import ports, report
from tests.unit.network import OTHER, PORTS, SWITCH, node, spec

WELL = Probes()


def seen(partner: str = SWITCH, aggregator: int = 1, **port: dict[str, Any]) -> NetworkReport:
    """The node of the tests; `eth1={...}` changes what is said of that port."""
    host = node(partner, aggregator)
    return changed(report(host, ports(host), spec(overlay={"on": "storage", "vlan": 30, "address": "10.0.2.11/24"})), **port)


def changed(now: NetworkReport, **port: dict[str, Any]) -> NetworkReport:
    def uplink(old: Any) -> Any:
        renewed = tuple(p.model_copy(update=port.get(p.interface, {})) for p in old.ports)
        return old.model_copy(update={"ports": renewed, "link": any(p.link for p in renewed)})

    planes = tuple(p.model_copy(update={"addresses": tuple(a.model_copy(update={"duplicate": False}) for a in p.addresses)})
                   for p in now.planes)  # fmt: skip
    return now.model_copy(update={"planes": planes, "uplinks": tuple(uplink(u) for u in now.uplinks)})


def only(*arguments: Any) -> Alert:
    (alert,) = health.alerts(*arguments)
    assert alert.hint
    return alert


def test_a_well_network_has_no_alert() -> None:
    gateway = GatewayProbe(plane="management", address="10.0.0.1", answers=True, passes=True)
    duplicate = DuplicateProbe(plane="management", address="10.0.0.11/24")
    assert health.alerts(seen(), Probes(gateways=(gateway,), duplicates=(duplicate,)), seen()) == ()


def test_no_link_is_critical_and_said_once() -> None:
    gone = GatewayProbe(plane="management", address="10.0.0.1", answers=False)
    alert = only(seen(eth0={"link": False, "cable_to": "sw1/7"}), Probes(gateways=(gone,)))
    assert (alert.where, alert.severity) == ("network.planes.management", "critical")
    assert alert.message == f"no link on {PORTS[0]} (ixgbe, 0000:00:00.0), cable to sw1/7"


def test_a_bond_that_is_not_there_is_not_taken_for_a_cable() -> None:
    now = seen()
    gone = tuple(u.model_copy(update={"interface": "", "link": False}) if u.bond else u for u in now.uplinks)
    assert only(now.model_copy(update={"uplinks": gone}), WELL).message == "its bond is not there"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"link": False, "cable_to": "sw1/7"}, "cable to sw1/7, has no link"),
        ({"link": False}, f"1 of 2 ports of bond-storage work: {PORTS[2]} (ixgbe, 0000:02:00.0) has no link"),
        ({"member": False}, "is not in it"),
    ],
)
def test_a_member_that_is_missing_is_named(facts: dict[str, Any], message: str) -> None:
    alert = only(seen(eth2=facts), WELL)
    assert (alert.where, alert.severity) == ("network.planes.storage", "warning")
    assert message in alert.message


@pytest.mark.parametrize(
    ("partner", "aggregator", "message"),
    [
        (OTHER, 2, f"is in another system ({OTHER}) than the rest of bond-storage ({SWITCH})"),
        (SWITCH, 2, "is not in the aggregate of bond-storage"),
        ("00:00:00:00:00:00", 2, "is not in the aggregate of bond-storage: nobody speaks LACP with it"),
    ],
)
def test_members_that_do_not_agree(partner: str, aggregator: int, message: str) -> None:
    alert = only(seen(partner, aggregator), WELL)
    assert alert.message == f"{PORTS[2]} (ixgbe, 0000:02:00.0) {message}"


def test_a_bond_with_which_nobody_speaks_lacp() -> None:
    """Each member is an aggregator by itself then: that is no second alert."""
    now = seen("00:00:00:00:00:00", 2)
    silent = tuple(u.model_copy(update={"partner": ""}) if u.bond else u for u in now.uplinks)
    assert "nobody speaks LACP with bond-storage" in only(now.model_copy(update={"uplinks": silent}), WELL).message


def counters(**grown: int) -> dict[str, Any]:
    return {"counters": Counters(**grown)}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"losses": health.LOSSES - 1}, ""),
        ({"losses": health.LOSSES}, "lost its link 3 times within 10 minutes"),
        (counters(rx_packets=99_991, rx_errors=9), ""),
        (counters(rx_packets=99_990, rx_errors=10), "10 of 100000 packets received within 10 minutes had errors"),
        (counters(rx_packets=1_000_000, rx_errors=10), ""),
        (counters(tx_packets=90, tx_errors=10), "10 of 100 packets sent within 10 minutes had errors"),
        (counters(rx_packets=0, rx_dropped=999), ""),
        (counters(rx_packets=99_000, rx_dropped=1000), "1000 of 100000 packets received within 10 minutes were dropped"),
        (counters(rx_packets=999_000, rx_dropped=1000), ""),
    ],
)
def test_what_is_counted_within_the_window(facts: dict[str, Any], message: str) -> None:
    before = seen(eth1={"losses": 0, "counters": Counters()})
    now = changed(before, eth1=facts)
    assert health.alerts(now, WELL) == (), "without a past nothing is counted"
    found = [alert.message for alert in health.alerts(now, WELL, before)]
    assert [text.endswith(message) for text in found] == ([True] if message else []), found
    assert all(PORTS[1] in text for text in found)


def test_counters_that_begin_anew_are_no_alert() -> None:
    before = seen(eth1={"losses": 7, "counters": Counters(rx_packets=10**6, rx_errors=500, rx_dropped=10**5)})
    assert health.alerts(changed(before, eth1={"losses": 0, "counters": Counters()}), WELL, before) == ()


def test_an_address_that_somebody_else_has() -> None:
    twice = DuplicateProbe(plane="management", address="10.0.0.11/24", macs=(OTHER,))
    assert only(seen(), Probes(duplicates=(twice,))).message == f"{OTHER} has 10.0.0.11/24, too"
    host = node()
    alert = only(report(host, ports(host), spec()), WELL)
    assert (alert.where, alert.severity) == ("network.planes.overlay.address", "critical")
    assert "fd02::11/64" in alert.message


def test_gateways_and_what_passes_to_them() -> None:
    gone = GatewayProbe(plane="management", address="10.0.0.1", answers=False)
    narrow = GatewayProbe(plane="storage", address="10.0.1.1", answers=True, passes=False)
    silent = GatewayProbe(plane="storage", address="10.0.1.2", answers=True)
    found = health.alerts(seen(), Probes(gateways=(narrow, gone, silent)))
    assert [(alert.severity, alert.where) for alert in found] == [
        ("critical", "network.planes.management.gateway"),
        ("warning", "network.planes.storage.mtu"),
    ]
    assert "packets of 9000 bytes do not reach the gateway 10.0.1.1" in found[1].message


# -- on the wire -------------------------------------------------------------------------------------------------------


def answer(code: int, stdout: str = "") -> dict[str, object]:
    return {"code": code, "stdout": stdout, "stderr": ""}


PING = "ping -q -n -c 2 -i 0.2 -W 1 -I eth0"
ASKED = "arping -D -c 1 -w 1 -I eth0 10.0.0.11"
REPLY = "ARPING 10.0.0.11 from 0.0.0.0 eth0\nUnicast reply from 10.0.0.11 [{}]  0.652ms\nSent 1 probes (1 broadcast(s))\n"


def asked(commands: dict[str, Any]) -> Probes:
    wish = {name: None for name in ("storage", "overlay")}
    host = node(commands=commands)
    now = report(host, ports(host), spec(**wish))
    return probe.gathered([found for found in probe.probe(host, now) if found])


def test_one_ping_of_full_size_is_enough_when_it_is_answered() -> None:
    found = asked({f"{PING} -M do -s 1472 10.0.0.1": answer(0), ASKED: answer(0)})
    assert found.gateways == (GatewayProbe(plane="management", address="10.0.0.1", answers=True, passes=True),)
    assert found.duplicates == (DuplicateProbe(plane="management", address="10.0.0.11/24"),)


def test_a_gateway_that_answers_only_arp_is_there() -> None:
    refused = {f"{PING} -M do -s 1472 10.0.0.1": answer(1), f"{PING} 10.0.0.1": answer(1), ASKED: answer(0)}
    arping = "arping -c 2 -w 2 -f -I eth0 10.0.0.1"
    (there,) = asked(refused | {arping: answer(0, REPLY.format("02:00:00:00:00:99"))}).gateways
    assert (there.answers, there.passes) == (True, None)
    (gone,) = asked(refused | {arping: answer(1, "Sent 2 probes (2 broadcast(s))\nReceived 0 response(s)\n")}).gateways
    assert not gone.answers


@pytest.mark.parametrize(("mac", "macs"), [("02:00:00:00:00:99", ("02:00:00:00:00:99",)), (PORTS[1].upper(), ())])
def test_the_kernel_answers_on_all_ports_for_all_of_its_addresses(mac: str, macs: tuple[str, ...]) -> None:
    found = asked({f"{PING} -M do -s 1472 10.0.0.1": answer(0), ASKED: answer(1, REPLY.format(mac))})
    assert found.duplicates[0].macs == macs


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('[{"dst":"fd07::2","lladdr":"02:86:2b:f5:01:ea","router":null,"state":["REACHABLE"]}]', ("02:86:2b:f5:01:ea",)),
        ('[{"dst":"fd07::2","state":["FAILED"]}]', ()),
        ("[]", ()),
        ("", ()),
        ("Error", ()),
    ],
)
def test_a_neighbour_is_asked_anew(said: str, expected: tuple[str, ...]) -> None:
    show = "ip -6 -json neigh show to fd07::2 dev eth0"
    change = "ip -6 neigh change fd07::2 dev eth0 nud probe"
    host = playback({"origin": "a test", "commands": {show: answer(0, said), change: answer(0)}})
    assert probe.outcome(probe.resolved(host, "fd07::2", "eth0")) == expected


# -- trivetd's look ----------------------------------------------------------------------------------------------------


class Written:
    """The files of a recorded machine, and what is written over them."""

    def __init__(self, host: Host) -> None:
        self._files, self.texts = host.files, dict[str, str]()

    def read(self, path: str) -> str | None:
        return self.texts.get(path) or self._files.read(path)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        self.texts[path] = text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)


def looking(commands: dict[str, Any], **planes: Any) -> tuple[Host, Written]:
    saved = json.loads(spec(**{"storage": None, "overlay": None} | planes).model_dump_json(exclude_none=True))
    host = node(commands=commands, files={"/var/lib/trivet/spec.yaml": json.dumps(saved)})
    written = Written(host)
    return replace(host, files=written), written


def test_a_look_is_written_and_shown() -> None:
    host, written = looking({f"{PING} -M do -s 1472 10.0.0.1": answer(0), ASKED: answer(1, REPLY.format(OTHER))})
    Watch().look(host, stop=lambda: False)
    assert list(written.texts) == [last_look.HEALTH]
    (alert,) = last_look.alerts(host, 101.0)
    assert OTHER in alert.message
    stale, same = last_look.alerts(host, 100.0 + 600)
    assert same == alert
    assert "has not looked at the network for 600 s" in stale.message


def test_a_look_that_fails_is_an_alert_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    host, _ = looking({})  # whatever is asked, nobody knows what it would say
    watch = Watch()
    watch.look(host, stop=lambda: False)
    watch.look(host, stop=lambda: False)
    (alert,) = last_look.alerts(host, 101.0)
    assert "could not be looked at: nobody knows" in alert.message
    assert capsys.readouterr().err.count("could not be looked at") == 1, "the log is told once"
    watch.look(node(), stop=lambda: False)  # where nothing can be written, either


def test_a_look_is_left_when_a_signal_waits() -> None:
    host, written = looking({f"{PING} -M do -s 1472 10.0.0.1": answer(0)})
    Watch().look(host, stop=lambda: True)
    assert written.texts == {}


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_trivetd_looks_until_a_signal_comes(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[bool] = []

    class Looking(Watch):
        def look(self, host: Host, stop: Callable[[], bool]) -> None:
            if len(looks) == 2:
                os.kill(os.getpid(), number)
            looks.append(stop())

    monkeypatch.setenv("TRIVET_LOOK_SECONDS", "0.01")
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
    try:
        assert service.wait(Looking(), None) == number
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert looks == [False, False, True], "a look that is under way is told to stop"


def test_a_silent_port_is_known_by_whom_it_heard_last() -> None:
    watch = Watch()
    watch._remember(seen(eth2={"cable_to": "sw1/7"}), 0)
    assert "sw1/7" in only(watch._remember(seen(eth2={"link": False}), 30), WELL).message
    assert watch._reports[0][0] == 0
    watch._remember(seen(), health.WINDOW + 1)
    assert watch._reports[0][0] == 30, "what is older than the window is forgotten"


def test_alerts_are_in_the_status() -> None:
    from appliance.cli.render import status_text  # noqa: PLC0415 - beside what it is for

    alert = Alert(where="network.planes.storage", severity="critical", message="no link on " + "x" * 60, hint="put it in")
    text = status_text(Status(state="ready", name="n1", version="1", alerts=(alert,)))
    assert "\n     alert  critical: network.planes.storage: no link on\n" in text
    assert max(map(len, text.splitlines())) <= 79


# -- one change at a time ----------------------------------------------------------------------------------------------


def tried(deadline: dict[str, str]) -> Host:
    return playback({"origin": "a test", "files": {"/proc/uptime": "10.0 1.0", **deadline}})


def test_nothing_is_changed_beside_a_change_on_trial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(trial, "LOCK", tmp_path / "lock")
    with pytest.raises(ApplianceError, match="there is a change that nobody has kept; keep it with `trivet net confirm`"):
        enter(lambda: trial.settled(tried({"/run/trivet/candidate.yaml.deadline": "70.0"})))
    with trial.settled(tried({})), pytest.raises(ApplianceError, match="another change is being made"):
        enter(lambda: trial.settled(tried({})))


def enter(context: Callable[[], Any]) -> None:
    with context():
        pytest.fail("it was let in")
