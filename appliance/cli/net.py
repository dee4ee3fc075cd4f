# SPDX-License-Identifier: Apache-2.0
"""`trivet net`: the network as it is, and a change of it that takes itself back unless somebody keeps it."""

import argparse
from collections.abc import Callable
from typing import Any

from appliance.cli import render
from appliance.cli.source import read_spec
from appliance.engine.journal import LOGS, Journal
from appliance.errors import ApplianceError
from appliance.model.units import parse_seconds

_LEAST, _MOST = 10, 3600


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet net`; `command(name, run, help)` adds one."""
    command("show", show, "planes, ports, neighbours, counters, and what is wrong")
    test = command("test", _test, "test planes: link, address, gateway, DNS, MTU, and the way to another node")
    test.add_argument("planes", nargs="*", metavar="PLANE", help="such as storage (default: all)")
    test.add_argument("--peer", default="", metavar="ADDRESS", help="another node, where `trivet net test --listen` runs")
    test.add_argument("--listen", action="store_true", help="let another node measure the throughput to this one, once")
    test.add_argument("--steps", action="store_true", help="with --json: say, too, when a test begins or another node may come")
    apply = command("apply", _apply, "apply a spec, and take it back unless it is confirmed")
    apply.add_argument("spec", metavar="SPEC", help="a YAML file, or -")
    apply.add_argument("--confirm-within", default="60s", metavar="TIME", help="such as 60s or 5m (default: 60s)")
    command("confirm", _confirm, "keep the change that was applied last")
    command("revert", _revert, "go back to the saved spec now")


def show(args: argparse.Namespace) -> int:
    from appliance.cli.netshow import view_text  # noqa: PLC0415 - as below
    from appliance.host.live import live  # noqa: PLC0415 - 30 ms that --help need not wait for
    from appliance.node.network import view  # noqa: PLC0415 - the same

    found = view(live())
    print(found.model_dump_json(indent=2) if args.json else view_text(found))
    return 0


def _test(args: argparse.Namespace) -> int:
    from appliance.cli.nettest import run  # noqa: PLC0415 - as below

    return run(args)


def _apply(args: argparse.Namespace) -> int:
    try:
        seconds = parse_seconds(args.confirm_within)
    except ValueError as error:
        raise ApplianceError(f"--confirm-within: {error}") from None
    if not _LEAST <= seconds <= _MOST:
        raise ApplianceError(f"--confirm-within {args.confirm_within}: from {_LEAST} seconds to an hour")
    text = read_spec(args.spec)
    from appliance.host.live import live  # noqa: PLC0415 - 30 ms that --help need not wait for
    from appliance.node import trial  # noqa: PLC0415 - the same

    with Journal("net-apply", LOGS) as journal:
        plan = trial.begin(live, text, seconds, render.emitter(journal, as_json=args.json), journal.plan)
    if not args.json:
        print(f"Taken back in {seconds} s. Keep it: trivet net confirm" if plan.steps else "Nothing to do: it is so already.")
    return 0


def _confirm(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import trial  # noqa: PLC0415 - as above

    with Journal("net-confirm", LOGS) as journal:
        trial.keep(live, render.emitter(journal, as_json=args.json), journal.plan)
    if not args.json:
        print("Kept; the next boots follow it.")
    return 0


def _revert(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import trial  # noqa: PLC0415 - as above

    with Journal("net-revert", LOGS) as journal:
        trial.revert(live, render.emitter(journal, as_json=args.json), journal.plan)
    if not args.json:
        print("The network is as the saved spec says.")
    return 0
