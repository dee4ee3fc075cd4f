# SPDX-License-Identifier: Apache-2.0
"""`trivet doctor`: what keeps this node from being a good member of a cluster, each with one cause and one remedy."""

import argparse
import ipaddress
import sys
import textwrap

from appliance.cli.render import WIDTH
from appliance.errors import ApplianceError
from appliance.model.doctor import Finding, Report

FAILED = 5
"""The exit code when something grave was found."""
_MARGIN = 4


def add(parser: argparse.ArgumentParser) -> None:
    text = "another node's address, on any plane; may be said again (the members of this node's cluster are asked anyway)"
    parser.add_argument("--with", dest="others", action="append", default=[], metavar="ADDRESS", help=text)


def run(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - loaded by who asks for it
    from appliance.node.doctor import visit  # noqa: PLC0415 - the same

    for address in args.others:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise ApplianceError(f"--with {address}: this is no IP address", "give the other node's, on any plane") from None

    def say(what: str) -> None:
        if not args.json:
            print(f"asking {what} ...", file=sys.stderr)

    found = visit(live(), args.others, say)
    print(found.model_dump_json(indent=2) if args.json else report_text(found))
    return FAILED if any(finding.grave for finding in found.findings) else 0


def report_text(found: Report) -> str:
    """Findings, each with its remedy below it; what could not be asked; or that all is well."""
    lines = [line for finding in found.findings for line in _finding_lines(finding)]
    lines += [f"not asked: {each}" for each in found.unasked]
    if not found.findings:
        lines.append(f"Nothing is wrong, as far as {', '.join(found.asked)} can tell.")
    return "\n".join(lines)


def _finding_lines(finding: Finding) -> list[str]:
    head = f"{'FAULT' if finding.grave else 'note'}  {finding.topic}: "
    margin = " " * _MARGIN
    lines = textwrap.wrap(finding.cause, WIDTH, initial_indent=head, subsequent_indent=margin, break_on_hyphens=False)
    return lines + textwrap.wrap(finding.remedy, WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False)
