# SPDX-License-Identifier: Apache-2.0
"""Test planes, one after the other: link, address, gateway, name servers, MTU, and the way to another node.

The tests of a plane come one by one and each does its work only when it is run, so that a person sees what is being waited
for. What cannot be well any more, because an earlier test of the same thing has failed, is not tested again.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from appliance.errors import MissingProgram
from appliance.host.host import Host, Result
from appliance.model.netreport import NetworkReport, PlaneReport, Probes
from appliance.model.nettest import Finding, Kind
from appliance.model.spec import Spec
from appliance.model.units import format_speed
from appliance.services.network import health, probe
from appliance.services.network.topology import PLACE

SECONDS = 5
"""How long the throughput is measured."""
_FLOOR = {4: 576, 6: 1280}
"""IP version -> what every network carries."""
_IPV4 = 4
Ask = Callable[[str], str]
"""A name server's address -> why it does not answer, "" when it does."""


@dataclass
class Test:
    """One test; `finding` is None until it was run."""

    plane: str
    kind: Kind
    target: str
    do: Callable[[], Finding]
    finding: Finding | None = None

    __test__ = False  # pytest takes it for one of its own

    def run(self) -> Finding:
        """Takes its time."""
        self.finding = self.do()
        return self.finding


@dataclass(frozen=True)
class PlaneTests:
    """The tests of one plane. `dns` are the name servers of the spec, `peer` is another node's address, "" for none."""

    host: Host
    report: NetworkReport
    plane: PlaneReport
    dns: tuple[str, ...]
    ask: Ask
    peer: str

    def __iter__(self) -> Iterator[Test]:
        plane = self.plane
        uplink = self.report.uplink(plane)
        yield self._test("link", "", self._link)
        if not plane.interface or not uplink.link:
            return
        yield self._test("address", "", self._address)
        for target in dict.fromkeys((*plane.gateways, *((self.peer,) if self.peer else ()))):
            yield from self._way(target)
        for server in self._servers():
            yield self._test("DNS", server, partial(self._dns, server))
        if self.peer:
            yield self._test("throughput", self.peer, self._throughput)

    def _way(self, target: str) -> Iterator[Test]:
        """To a gateway or another node: what comes next is worth its time only when this was well."""
        steps = [self._test("ping", target, partial(self._ping, target)), self._test("MTU", target, partial(self._mtu, target))]
        if self._on_link(target):
            kind: Kind = "ARP" if probe.version(target) == _IPV4 else "ND"
            steps.insert(0, self._test(kind, target, partial(self._resolve, kind, target)))
        for test in steps:
            yield test
            if test.finding and test.finding.outcome == "failed":
                return

    def _on_link(self, target: str) -> bool:
        address = ipaddress.ip_address(target)
        return address.is_link_local or any(address in ipaddress.ip_interface(a.address).network for a in self.plane.addresses)

    def _test(self, kind: Kind, target: str, run: Callable[[], Finding]) -> Test:
        return Test(self.plane.name, kind, target, run)

    def _ok(self, test: Kind, target: str, message: str) -> Finding:
        return Finding(plane=self.plane.name, test=test, target=target, outcome="ok", message=message)

    def _failed(self, test: Kind, target: str, message: str, hint: str) -> Finding:
        return Finding(plane=self.plane.name, test=test, target=target, outcome="failed", message=message, hint=hint)

    # -- the tests ----------------------------------------------------------------------------------------------------

    def _link(self) -> Finding:
        uplink = self.report.uplink(self.plane)
        for alert in health.alerts(self.report, Probes()):
            if re.fullmatch(rf"{re.escape(PLACE)}\.{uplink.owner}(\.nics\[\d+\])?", alert.where):
                return self._failed("link", "", alert.message, alert.hint)
        speeds = [format_speed(port.speed) if port.speed else "up" for port in uplink.ports]
        return self._ok("link", "", f"{len(speeds)} ports: {', '.join(speeds)}" if uplink.bond else speeds[0])

    def _address(self) -> Finding:
        plane = self.plane
        if not plane.addresses:
            hint = f"see `networkctl status {plane.interface}`, and whether the DHCP server or the router is on this VLAN"
            return self._failed("address", "", f"there is none on {plane.interface}", hint)
        own = {str(link["mac"]).lower() for link in self.host.netlink.links()}
        hint = "give one of the two another address; the switch knows behind which port a MAC is"
        for held in plane.addresses:
            bare = held.address.partition("/")[0]
            if held.duplicate:
                return self._failed("address", "", f"somebody else on {plane.interface} has {held.address} already", hint)
            if probe.version(bare) == _IPV4 and (macs := probe.duplicates(self.host, bare, plane.interface, own)):
                return self._failed("address", "", f"{', '.join(macs)} has {held.address}, too", hint)
        return self._ok("address", "", f"nobody else has {' or '.join(held.address for held in plane.addresses)}")

    def _resolve(self, kind: Kind, target: str) -> Finding:
        if kind == "ND":
            probe.ping(self.host, target, self.plane.interface)  # the kernel asks when it has something to send
        if macs := probe.outcome(probe.resolved(self.host, target, self.plane.interface)):
            return self._ok(kind, target, f"it is {' and '.join(macs)}")
        vlan = f"lets VLAN {self.plane.vlan} through" if self.plane.vlan else "has the right VLAN without a tag"
        hint = f"see whether it is on, has this address, and whether the switch's port {vlan}"
        return self._failed(kind, target, f"nobody on {self.plane.interface} has this address", hint)

    def _ping(self, target: str) -> Finding:
        if probe.ping(self.host, target, self.plane.interface):
            return self._ok("ping", target, "it answers")
        hint = "see whether it is on and answers pings at all: a firewall may keep it from that"
        return self._failed("ping", target, "no answer within a second, twice", hint)

    def _mtu(self, target: str) -> Finding:
        wanted = self.plane.mtu
        if self._passes(target, wanted):
            return self._ok("MTU", target, f"{wanted} bytes pass")
        largest = self._largest(target, _FLOOR[probe.version(target)], wanted)
        said = f"{largest} do" if largest else "nor do small ones"
        hint = f"set the MTU of each switch on the way, or write mtu: {largest or 'less'} for the plane"
        return self._failed("MTU", target, f"{wanted} bytes do not pass, {said}", hint)

    def _passes(self, target: str, size: int) -> bool:
        return probe.ping(self.host, target, self.plane.interface, size)

    def _largest(self, target: str, low: int, high: int) -> int:
        """The largest packet that passes, by bisection; `high` is known not to. 0 when even the smallest does not."""
        if low >= high or not self._passes(target, low):
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._passes(target, middle) else (low, middle)
        return low

    def _servers(self) -> tuple[str, ...]:
        """The name servers of this plane: what systemd-resolved has, from the spec or a DHCP server."""
        told = self.host.run(["resolvectl", "dns", self.plane.interface], check=False)
        return servers(told.stdout) if told.code == 0 else self.dns

    def _dns(self, server: str) -> Finding:
        if reason := self.ask(server):
            return self._failed("DNS", server, reason, "see whether it is a name server, and whether there is a way to it")
        return self._ok("DNS", server, "it answers")

    def _throughput(self) -> Finding:
        words = ["iperf3", "-c", self.peer, "-J", "-t", str(SECONDS), "--connect-timeout", "3000"]
        try:
            speed, reason = measured(self.host.run([*words, "--bind-dev", self.plane.interface], check=False))
        except MissingProgram as missing:
            return self._failed("throughput", self.peer, missing.message, "it comes with the next image of Trivet")
        if reason:
            hint = "say `trivet net test --listen` on the other node, and try again"
            return self._failed("throughput", self.peer, reason, hint)
        return self._ok("throughput", self.peer, f"{format_speed(speed)} to it over {SECONDS} s")


def servers(said: str) -> tuple[str, ...]:
    """The addresses in `Link 2 (eth0): 10.0.2.3 fd00::3%eth0`, without port and name (`10.0.0.1:53#dns.example`)."""
    found = []
    for word in said.partition("):")[2].split():
        address = word.partition("#")[0].removeprefix("[").partition("]")[0]
        found.append(address.partition(":")[0] if address.count(":") == 1 else address)
    return tuple(found)


def measured(result: Result) -> tuple[int, str]:
    """(Mbit/s that the other end received, or why nothing was measured) from `iperf3 -J`."""
    try:
        told = json.loads(result.stdout)
        if reason := told.get("error"):
            return 0, str(reason)
        return round(told["end"]["sum_received"]["bits_per_second"] / 1e6), ""
    except (ValueError, KeyError, TypeError):
        return 0, f"iperf3 ended with {result.code} and measured nothing"


def tests(host: Host, report: NetworkReport, spec: Spec, *, names: tuple[str, ...], peer: str, ask: Ask) -> Iterator[Test]:
    """All tests of the named planes, in the spec's order; of all planes when none is named. See `plane_of` for the peer."""
    nearest = plane_of(report, names, peer) if peer else ""
    for plane in report.planes:
        if not names or plane.name in names:
            dns = spec.network.planes.given[plane.name].dns
            yield from PlaneTests(host, report, plane, dns, ask, peer if plane.name == nearest else "")


def plane_of(report: NetworkReport, names: tuple[str, ...], peer: str) -> str:
    """The plane by which a peer is reached: the one whose network it is in, else the only one that is named; "" for neither."""
    address = ipaddress.ip_address(peer)
    for plane in report.planes:
        if any(address in ipaddress.ip_interface(held.address).network for held in plane.addresses):
            return plane.name if not names or plane.name in names else ""
    return names[0] if len(names) == 1 else ""
