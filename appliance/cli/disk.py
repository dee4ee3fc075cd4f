# SPDX-License-Identifier: Apache-2.0
"""`trivet disk`: the disks of this node, their lights, and how one comes into the pool, goes, or is replaced."""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from appliance.cli import render
from appliance.engine.journal import LOGS, Journal
from appliance.errors import ApplianceError
from appliance.model.plan import Plan

_WHICH = "its slot, its serial number, its name, or osd.N"


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet disk`; `command(name, run, help)` adds one."""
    command("list", show, "all disks: slot, role and why, health")
    locate = command("locate", _locate, "switch the light at a disk's bay")
    locate.add_argument("switch", choices=("on", "off"))
    locate.add_argument("disk", metavar="SLOT|SERIAL", help=_WHICH)
    for name, run, help_ in (
        ("add", _change, "take a new disk into the pool, or one that rests"),
        ("remove", _change, "take a disk out of the pool for good: its data goes to the others first"),
        ("replace", _change, "take a new disk into the pool for one that is dead or shall go"),
    ):
        sub = command(name, run, help_)
        sub.add_argument("disk", metavar="SLOT|SERIAL", help=_WHICH)
        sub.add_argument("--yes", action="store_true", help="consent to everything that is said to be erased")
        if name != "add":
            about = "go on with fewer copies, where there is no room for all"
            sub.add_argument("--degraded", action="store_true", help=about)
        if name != "remove":
            sub.add_argument("--wipe", action="store_true", help="erase what is on the new disk; you are told what that is")
        if name == "replace":
            sub.add_argument("--with", dest="new", metavar="SLOT|SERIAL", help="the new disk, where several could be meant")
        sub.set_defaults(verb=name)


def show(args: argparse.Namespace) -> int:
    from appliance.cli.storageshow import disks_text  # noqa: PLC0415 - loaded by who asks for it
    from appliance.host.live import live  # noqa: PLC0415 - the same
    from appliance.node.storage import view  # noqa: PLC0415 - the same

    found = view(live())
    print(found.model_dump_json(indent=2) if args.json else disks_text(found))
    return 0


def _locate(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node.disks import locate  # noqa: PLC0415 - as above

    name = locate(live(), args.disk, on=args.switch == "on")
    if not args.json:
        print(f"The light of {name} is {args.switch}.")
    return 0


def _change(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import disks  # noqa: PLC0415 - as above

    wish = disks.Wish(
        verb=args.verb,
        disk=args.disk,
        new=getattr(args, "new", None) or "",
        wipe=getattr(args, "wipe", False),
        degraded=getattr(args, "degraded", False),
    )

    with Journal(f"disk-{args.verb}", LOGS) as journal:

        def agreed(plan: Plan) -> None:
            if not args.json:
                print(render.plan_text(plan))
            if plan.destroys and not (args.yes or _asked(plan, as_json=args.json)):
                raise ApplianceError(f"this destroys {', '.join(plan.destroys)}; nothing was changed", "say --yes to consent")
            journal.plan(plan)

        said = disks.change(live, wish, render.emitter(journal, as_json=args.json), agreed)
    if not args.json:
        print(said)
    return 0


def _asked(plan: Plan, *, as_json: bool) -> bool:
    """On a terminal one can say yes; nothing else is a yes."""
    if as_json or not sys.stdin.isatty():
        return False
    print(f"Erase {', '.join(plan.destroys)}? Type yes: ", end="", flush=True)
    return sys.stdin.readline().strip() == "yes"
