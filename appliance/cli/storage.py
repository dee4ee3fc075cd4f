# SPDX-License-Identifier: Apache-2.0
"""`trivet storage`: the pool as it is; check its copies; what comes first, virtual machines or a rebuild."""

import argparse
from collections.abc import Callable
from typing import Any


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet storage`; `command(name, run, help)` adds one."""
    command("show", show, "health, space, rebuild, checks, each disk, and what is wrong")
    scrub = command("scrub", _scrub, "compare the copies with each other now, throttled; trivetd repairs what differs")
    scrub.add_argument("--deep", action="store_true", help="read every byte, not only what is known of each object")
    priority = command("priority", _priority, "what comes first while copies are made again")
    priority.add_argument("priority", choices=("business", "balanced", "rebuild"))


def show(args: argparse.Namespace) -> int:
    from appliance.cli.storageshow import view_text  # noqa: PLC0415 - loaded by who asks for it
    from appliance.host.live import live  # noqa: PLC0415 - the same
    from appliance.node.storage import view  # noqa: PLC0415 - the same

    found = view(live())
    print(found.model_dump_json(indent=2) if args.json else view_text(found))
    return 0


def _scrub(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.services.storage.scrub import begin  # noqa: PLC0415 - as above

    number = begin(live(), deep=args.deep)
    if not args.json:
        print(f"{number} parts of the pool are checked, a few at a time; `trivet storage` shows how far it is.")
    return 0


def _priority(args: argparse.Namespace) -> int:
    from appliance.cli.render import emitter, plan_text  # noqa: PLC0415 - as above
    from appliance.engine.journal import LOGS, Journal  # noqa: PLC0415 - as above
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node.priority import change  # noqa: PLC0415 - as above

    with Journal("storage-priority", LOGS) as journal:
        plan = change(live, args.priority, emitter(journal, as_json=args.json), journal.plan)
    if not args.json:
        print(f"{args.priority} comes first, and the saved spec says so." if plan.steps else plan_text(plan))
    return 0
