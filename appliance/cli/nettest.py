# SPDX-License-Identifier: Apache-2.0
"""`trivet net test`: a person tests the planes, and sees each test while it runs."""

import argparse
import ipaddress
import signal
import sys
import textwrap
from pathlib import Path

from appliance.cli.render import WIDTH
from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host import errand
from appliance.host.host import Host
from appliance.model.netreport import NetworkReport
from appliance.model.nettest import Beginning, Finding, Listening, Received
from appliance.model.problem import Problem
from appliance.model.spec import Spec
from appliance.model.units import format_speed

FAILED = 5
"""The exit code when a test has failed."""
_LOCK = Path("/run/trivet/net-test.lock")
_NAME = 10


def run(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - 30 ms that --help need not wait for
    from appliance.node.status import followed  # noqa: PLC0415 - the same
    from appliance.services.network import report  # noqa: PLC0415 - the same

    host = live()
    spec, _ = followed(host)
    names = tuple(args.planes)
    if unknown := set(names) - set(spec.network.planes.given):
        known = ", ".join(spec.network.planes.given)
        raise ApplianceError(f"this node has no plane {', '.join(sorted(unknown))}", f"there is {known}")
    now = report.report(host, report.ports(host), spec)
    if without := set(names or spec.network.planes.given) - {plane.name for plane in now.planes}:
        # A plane without ports cannot be tested, and is not to look as if it had been.
        gone = (alert for alert in now.gone if alert.where.rpartition(".")[2] in without)
        problems = (Problem(where=alert.where, message=alert.message, hint=alert.hint) for alert in gone)
        raise Unsatisfiable((*now.problems, *problems))
    return _listen(host, now, args) if args.listen else _test(host, now, spec, args)


def _test(host: Host, report: NetworkReport, spec: Spec, args: argparse.Namespace) -> int:
    from appliance.host.dns import ask  # noqa: PLC0415 - as above
    from appliance.services.network import selftest  # noqa: PLC0415 - as above

    names = tuple(args.planes)
    if args.peer:
        try:
            ipaddress.ip_address(args.peer)
        except ValueError:
            raise ApplianceError(f"--peer {args.peer}: this is no IP address", "give the other node's on the plane") from None
        if not selftest.plane_of(report, names, args.peer):
            raise ApplianceError(f"--peer {args.peer} is in the network of no plane that is tested", "name the one plane")
    findings = []
    for each in selftest.tests(host, report, spec, names=names, peer=args.peer, ask=ask):
        head = head_text(each.plane, each.kind, each.target)
        if not args.json:
            print(head, end="", flush=True)
        elif args.steps:
            seconds = selftest.SECONDS if each.kind == "throughput" else 0
            begins = Beginning(plane=each.plane, test=each.kind, target=each.target, seconds=seconds)
            print(begins.model_dump_json(), flush=True)
        findings.append(each.run())
        errand.note(" ".join(f"{head} {findings[-1].outcome}".split()))
        print(findings[-1].model_dump_json() if args.json else finding_text(head, findings[-1])[len(head) :], flush=True)
    failed = sum(finding.outcome == "failed" for finding in findings)
    if failed:
        print(f"trivet: {failed} of {len(findings)} tests failed", file=sys.stderr)
    elif not args.json:
        print(f"All {len(findings)} tests passed.")
    return FAILED if failed else 0


def head_text(plane: str, kind: str, target: str) -> str:
    """What stands there while a test runs."""
    return f"{plane:>{_NAME}}  {kind} {target}".rstrip() + " ... "


def finding_text(head: str, finding: Finding) -> str:
    """The head again, what was found, and below it what to do."""
    margin = " " * (_NAME + 4)
    text = f"{'ok' if finding.outcome == 'ok' else finding.outcome.upper()}: {finding.message}"
    lines = textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=margin, break_on_hyphens=False)
    lines += textwrap.wrap(finding.hint, WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
    return "\n".join(lines)


def _listen(host: Host, report: NetworkReport, args: argparse.Namespace) -> int:
    from appliance.host.lock import only_one  # noqa: PLC0415 - as above
    from appliance.services.network import listen  # noqa: PLC0415 - as above

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)  # the way out that closes what was opened

    planes = [p for p in report.planes if p.addresses and (not args.planes or p.name in args.planes)]
    if not planes:
        raise ApplianceError("no plane that is tested has an address now", "see `trivet net show`")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)

    def ready() -> None:
        errand.note(f"another node may come to TCP {listen.PORT}")
        if args.json:
            there = tuple(held.address.partition("/")[0] for plane in planes for held in plane.addresses)
            if args.steps:
                print(Listening(addresses=there, port=listen.PORT, seconds=listen.SECONDS).model_dump_json(), flush=True)
            return
        print(f"TCP {listen.PORT} is open for one test, {listen.SECONDS // 60} minutes at most. On the other node, one of:")
        for held in (held for plane in planes for held in plane.addresses):
            print(f"  trivet net test --peer {held.address.partition('/')[0]}", flush=True)

    with only_one(_LOCK, "another test is listening on this node", "wait for it, or end it"):
        speed = listen.listen(host, [plane.name for plane in planes], ready)
    print(Received(received=speed).model_dump_json() if args.json else f"{format_speed(speed)} came in.")
    return 0
