# SPDX-License-Identifier: Apache-2.0
"""What the doors answer -> the report of the network -> its text."""

import json
from pathlib import Path

import pytest

from appliance import flow
from appliance.cli.netshow import view_text
from appliance.host.playback import recorded
from appliance.model.document import load_spec
from appliance.model.netreport import Alert, Health, NetworkReport, NetworkView
from appliance.node import health as last_look
from appliance.node.network import view
from appliance.services.network.geneve import guest_mtu
from appliance.services.network.report import partners, ports, report
from tests.unit.network import OTHER, PORTS, SWITCH, node, spec
from tests.unit.test_golden import CASES, TESTS


def seen(partner: str = SWITCH, aggregator: int = 1) -> NetworkReport:
    host = node(partner, aggregator)
    return report(host, ports(host), spec())


def test_planes_stand_where_the_spec_puts_them() -> None:
    management, overlay, storage = seen().planes
    assert (management.interface, management.vlan, management.mtu) == ("eth0", 0, 1500)
    assert management.gateways == ("10.0.0.1",), "of a DHCP server, as the kernel's routes say"
    assert [a.address for a in management.addresses] == ["10.0.0.11/24"], "no link-local one"
    assert (storage.interface, storage.vlan, storage.mtu, storage.uplink) == ("storage", 20, 9000, "storage")
    assert (overlay.interface, overlay.uplink, overlay.guest_mtu) == ("overlay", "storage", 1600 - 78)
    assert [(a.address, a.duplicate) for a in overlay.addresses] == [("fd02::11/64", True)]


def test_members_of_a_bond_by_their_lasting_addresses() -> None:
    _, bond = seen(OTHER, 2).uplinks
    assert (bond.interface, bond.bond, bond.link, bond.aggregator, bond.partner) == ("bond-storage", "802.3ad", True, 1, SWITCH)
    assert [(p.mac, p.interface, p.active, p.partner) for p in bond.ports] == [
        (PORTS[1], "eth1", True, SWITCH),
        (PORTS[2], "eth2", False, OTHER),
    ]


def test_a_member_that_hears_nobody_has_no_partner() -> None:
    (_, bond) = seen("00:00:00:00:00:00", 2).uplinks
    assert [p.partner for p in bond.ports] == [SWITCH, ""]
    assert partners("") == {}


def test_a_plane_without_an_address_shows_its_ports() -> None:
    host = node()
    trunk = {"on": "storage", "vlan": "trunk"}
    business = next(p for p in report(host, ports(host), spec(business=trunk)).planes if p.name == "business")
    assert (business.interface, business.vlan, business.addresses) == ("", "trunk", ())


def test_a_port_that_is_gone_is_said() -> None:
    host = node()
    found = report(host, ports(host), spec(management={"nics": [{"mac": "02:00:00:00:00:01"}], "address": "dhcp"}))
    assert [plane.name for plane in found.planes] == ["overlay", "storage"]
    assert [alert.where for alert in found.gone] == ["network.planes.management"]


def test_what_is_gone_is_shown_before_trivetd_has_looked_and_once_after_that() -> None:
    wish = spec(management={"nics": [{"mac": "02:00:00:00:00:01"}], "address": "dhcp"})
    saved = json.dumps(json.loads(wish.model_dump_json(exclude_none=True)))
    for looked in (False, True):
        gone = report(node(), ports(node()), wish).gone
        health = {last_look.HEALTH: Health(at=90.0, alerts=gone).model_dump_json()} if looked else {}
        shown = view(node(files={"/var/lib/trivet/spec.yaml": saved, **health}))
        assert shown.alerts == gone
        assert view_text(shown).count("alert  critical: network.planes.management: ") == 1


@pytest.mark.parametrize(
    ("mtu", "end", "expected"),
    [(1500, "10.0.0.1", 1442), (9000, "fd00::1", 8922), (1500, "", 1422)],
)
def test_a_tunnel_costs_what_geneve_takes(mtu: int, end: str, expected: int) -> None:
    assert guest_mtu(mtu, end) == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_machines_that_were_recorded_before(case: Path) -> None:
    """They know of no counters, and bonds are not there yet; all planes are shown all the same, on a serial line."""
    host = recorded(TESTS / "machines" / (case / "machine").read_text().strip())
    wish = load_spec((case / "spec.yaml").read_text())
    found = report(host, ports(host), wish)
    assert [plane.name for plane in found.planes] == list(wish.network.planes.given)
    assert found == report(host, flow.inspect(host), wish)
    text = view_text(NetworkView(report=found))
    assert max(len(line) for line in text.splitlines()) <= 79
    assert NetworkReport.model_validate_json(found.model_dump_json()) == found


TEXT = """\
     alert  critical: network.planes.management.gateway: the gateway 10.0.0.1
            does not answer on eth0; see whether it is on

management  eth0, MTU 1500
            10.0.0.11/24
            gateway 10.0.0.1
   overlay  overlay, VLAN 30, MTU 1600, on the ports of storage
            fd02::11/64, which somebody else has
            networks of VMs: MTU 1522, as Geneve over IPv6 takes 78
   storage  storage, VLAN 20, MTU 9000
            10.0.1.11/24

eth0 carries management
      port  52:54:00:00:00:01 (ixgbe, 0000:00:00.0) eth0
            link up, 10 Gbit/s, link lost 1 time since boot
            received 1.5 KiB, 1 errors, 2 dropped
            sent 3 GiB, 0 errors, 0 dropped

bond-storage (802.3ad, link up) carries overlay and storage
      LACP  partner 02:01:00:00:01:01, members do not agree
      port  52:54:00:00:00:02 (ixgbe, 0000:01:00.0) eth1
            link up, 10 Gbit/s, active, aggregator 1, link lost 0 times since
            boot
            received 0 B, 0 errors, 0 dropped
            sent 0 B, 0 errors, 0 dropped
      port  52:54:00:00:00:03 (ixgbe, 0000:02:00.0) eth2
            link up, 10 Gbit/s, not active, aggregator 2, partner
            02:01:00:00:02:02, link lost 0 times since boot
            received 0 B, 0 errors, 0 dropped
            sent 0 B, 0 errors, 0 dropped"""


def test_the_text() -> None:
    where, message = "network.planes.management.gateway", "the gateway 10.0.0.1 does not answer on eth0"
    alert = Alert(where=where, severity="critical", message=message, hint="see whether it is on")
    assert view_text(NetworkView(report=seen(OTHER, 2), looked=3.0, alerts=(alert,))) == TEXT


def test_who_has_looked_for_alerts_is_said() -> None:
    assert "trivetd has not looked yet" in view_text(NetworkView(report=seen()))
    assert "none, trivetd looked 12 s ago" in view_text(NetworkView(report=seen(), looked=12.2))
    assert "all members agree" in view_text(NetworkView(report=seen()))
