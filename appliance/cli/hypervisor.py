# SPDX-License-Identifier: Apache-2.0
"""`trivet hypervisor`: what this server is worth as a host of VMs."""

import argparse
import json
import textwrap
from typing import Any

from appliance import flow
from appliance.cli.vmhost import said

_WIDTH = 80
_MARKS = {"ok": " ", "warn": "-", "bad": "!"}


def show(args: argparse.Namespace, host: Any) -> int:
    """Everything that was looked at; the processor for VMs that migrate, where VMs run here."""
    from appliance.errors import Unsatisfiable  # noqa: PLC0415 - as in vmhost
    from appliance.node import vms  # noqa: PLC0415 - as in vmhost
    from appliance.services.hypervisor.worth import seen, worth  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import baseline  # noqa: PLC0415 - as in vmhost

    found = worth(flow.inspect(host).machine, seen(host))
    lines = []
    for each in found:
        head = f"{_MARKS[each.state]}{each.name:>11}  "
        lines += textwrap.wrap(each.message, _WIDTH, initial_indent=head, subsequent_indent=" " * len(head))
        lines += textwrap.wrap(each.hint, _WIDTH, initial_indent=" " * len(head), subsequent_indent=" " * len(head))
    cpu = None
    if not args.machine:
        try:
            cpu = baseline.record(vms.here(host))
        except Unsatisfiable:  # the spec lets no VMs run here, and so none migrate
            cpu = None
    if cpu:
        how = ", emulated" if cpu.emulated else ""
        lines.append(f"{'processor':>12}  {cpu.model}{how}, with {len(cpu.features)} features: what VMs have that shall migrate")
    document = json.loads(cpu.model_dump_json()) if cpu else None
    return said(args, "\n".join(lines), checks=[json.loads(each.model_dump_json()) for each in found], processor=document)
