# SPDX-License-Identifier: Apache-2.0
"""`trivet bmc`: the board's own computer: its address and its users; change them."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from appliance.cli import render
from appliance.cli.source import read_spec
from appliance.engine.journal import LOGS, Journal
from appliance.model.bmc import BmcView, BmcWish

_BEGIN = "begin with `version: 1`, and what shall be otherwise: address, gateway, vlan, user"


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet bmc`; `command(name, run, help)` adds one."""
    command("show", show, "its address and its users")
    for name, run, help_ in (
        ("plan", _plan, "what would be changed in it"),
        ("set", _set, "have it be what a document says, and prove it"),
    ):
        sub = command(name, run, help_)
        sub.add_argument("document", metavar="FILE", help="a YAML file, or -: a password is in no argument list")


def show(args: argparse.Namespace) -> int:
    """`trivet bmc` and `trivet bmc show`."""
    found = _seen()
    if args.json:
        print(found.model_dump_json(indent=2) if found else "null")
    else:
        print(_text(found) if found else "This server has no BMC, or none that the firmware tells of.")
    return 0


def _text(found: BmcView) -> str:
    lines = [f"{'interface':>18}  {found.interface}", *(f"{name:>18}  {value}" for name, value in found.lan)]
    for user in found.named:
        state = (user.role or "may do nothing") + ("" if user.enabled else ", switched off")
        lines.append(f"{f'user {user.number}':>18}  {user.name or '(no name)'}, {state}")
    return "\n".join(lines)


def _seen() -> BmcView | None:
    from appliance.host.live import live  # noqa: PLC0415 - who asks for help needs none of it
    from appliance.node.bmc import view  # noqa: PLC0415 - the same

    return view(live())


def _wish(args: argparse.Namespace) -> BmcWish:
    from appliance.model.document import load  # noqa: PLC0415 - as above

    return load(read_spec(args.document), BmcWish, _BEGIN)


def _plan(args: argparse.Namespace) -> int:
    from appliance.node.bmc import planned  # noqa: PLC0415 - as above

    steps = planned(_seen(), _wish(args))
    if args.json:
        print(json.dumps({"steps": [step.title for step in steps]}, indent=2))
    else:
        print("\n".join(f"{number:3}  {step}" for number, step in enumerate(steps, 1)) or "Nothing to do: it is so.")
    return 0


def _set(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node.bmc import change, planned  # noqa: PLC0415 - as above

    wish, seen = _wish(args), _seen()
    planned(seen, wish)
    if seen is not None:
        with Journal("bmc", LOGS) as journal:
            change(live(), seen, wish, render.emitter(journal, as_json=args.json))
    return 0
