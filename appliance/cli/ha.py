# SPDX-License-Identifier: Apache-2.0
"""`trivet ha`: what happens to VMs when their node is lost. Refused until the fencing of each node has passed its test."""

import argparse
from collections.abc import Callable
from typing import Any

from appliance.model.ha import HaConfig

FAILED = 5


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet ha`; `command(name, run, help)` adds one."""
    command("status", status, "is it on, whose fencing was tested, who is being fenced")
    sub = command("enable", _enable, "VMs of a lost node run elsewhere; refused until each node's fencing has passed its test")
    sub.add_argument("--balance", choices=("off", "recommend", "automatic"), help="what a node over its threshold leads to")
    sub.add_argument("--threshold", type=int, metavar="PERCENT", help="50 to 90 (default: 80)")
    sub.add_argument("--after", type=int, choices=(3, 10), metavar="MINUTES", help="3 or 10 (default: 10)")
    command("disable", _disable, "what runs goes on; nothing is fenced or moved any more")
    sub = command("test", _test, "test this node's fencing: the pool's blocklist, the watchdog")
    text = "a node without one is kept from its disks by the blocklist alone"
    sub.add_argument("--without-watchdog", action="store_true", help=text)
    command("run", _run, "the process that keeps this node's lease (trivet-ha.service)")


def status(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - loaded by who asks for it
    from appliance.node import ha  # noqa: PLC0415 - the same
    from appliance.services.cluster.store import store  # noqa: PLC0415 - the same

    found, _ = ha.config(store(live()))
    print(found.model_dump_json(indent=2) if args.json else text_of(found))
    return 0


def text_of(found: HaConfig) -> str:
    """For people."""
    lines = [f"HA is {'on' if found.enabled else 'off'}"]
    for name, test in sorted(found.tests.items()):
        watchdog = "with a watchdog" if test.watchdog else "without a watchdog"
        lines.append(f"  {name}: {f'its fencing has passed its test, {watchdog}' if test.passed else test.why} ({test.at})")
    lines.append(f"balance: {found.balance}, over {found.threshold:.0%} for {found.after / 60:.0f} minutes")
    return "\n".join(lines)


def _enable(args: argparse.Namespace) -> int:
    from appliance.errors import ApplianceError  # noqa: PLC0415 - as above
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import ha  # noqa: PLC0415 - as above
    from appliance.services.cluster.store import store  # noqa: PLC0415 - as above

    changes: dict[str, object] = {"enabled": True}
    if args.balance:
        changes["balance"] = args.balance
    if args.threshold is not None:
        if not 50 <= args.threshold <= 90:  # noqa: PLR2004 - as the help says
            raise ApplianceError(f"--threshold {args.threshold}: from 50 to 90 per cent")
        changes["threshold"] = args.threshold / 100
    if args.after is not None:
        changes["after"] = args.after * 60.0
    host = live()
    print(_out(args, ha.change(host, store(host), **changes)))
    return 0


def _disable(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import ha  # noqa: PLC0415 - as above
    from appliance.services.cluster.store import store  # noqa: PLC0415 - as above

    host = live()
    print(_out(args, ha.change(host, store(host), enabled=False)))
    return 0


def _out(args: argparse.Namespace, found: HaConfig) -> str:
    return found.model_dump_json(indent=2) if args.json else text_of(found)


def _test(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import ha  # noqa: PLC0415 - as above
    from appliance.services.cluster.store import store  # noqa: PLC0415 - as above

    host = live()
    documents = store(host)
    if args.without_watchdog:
        ha.change(host, documents, without_watchdog=True)
    found = ha.test(host, documents)
    text = f"The fencing of {found.node} has passed its test." if found.passed else f"The fencing of {found.node}: {found.why}"
    print(found.model_dump_json(indent=2) if args.json else text)
    return 0 if found.passed else FAILED


def _run(args: argparse.Namespace) -> int:
    from appliance.node import ha  # noqa: PLC0415 - as above

    ha.run()
    return 0
