# SPDX-License-Identifier: Apache-2.0
"""`trivet console`: the program on this terminal, and what follows from how it ended."""

import os
import sys
from pathlib import Path

from appliance.host import child
from appliance.host.host import Host
from appliance.model.plan import Plan
from appliance.tui.outcome import Outcome, Work
from appliance.tui.terminal import terminal

FOLDER = Path("/run/trivet/console")


def run(host: Host, *, dry: bool) -> Outcome:
    """The wizard, from its first page to how it ended, or an installed node's console. `dry` changes nothing on any machine."""
    _ask_the_terminal()
    if installed(host):
        from appliance.tui.node import run as node  # noqa: PLC0415 - one or the other: each has much to import

        return node.run(host, dry=dry)
    from appliance.tui.app import Console  # noqa: PLC0415 - the same

    console = Console(host, terminal(os.environ), None if dry else install)
    return console.run(mouse=False) or Outcome("left")


def installed(host: Host) -> bool:
    """Is this an installed node? By its kernel line, and a container's by its spec, as `flow.inspect` would say."""
    return "trivet.slot=" in (host.files.read("/proc/cmdline") or "") or host.files.read("/var/lib/trivet/spec.yaml") is not None


def _ask_the_terminal() -> None:
    """A terminal that knows its size is believed before COLUMNS and LINES: those stay what they were when it is resized."""
    try:
        knows = os.get_terminal_size(sys.stdout.fileno()).columns > 0
    except OSError:
        knows = False
    for name in ("COLUMNS", "LINES") if knows else ():
        os.environ.pop(name, None)


def install(text: str, plan: Plan) -> Work:
    """Start `trivet install` for this very plan. It outlives this process; the spec reaches it on its standard input."""
    events = FOLDER / "install.jsonl"
    argv = [sys.executable, "-m", "appliance.cli.main", "install", "-", "--agreed", plan.digest, "--json"]
    return Work(child.start(argv, text, events), str(events))
