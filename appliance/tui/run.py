# SPDX-License-Identifier: Apache-2.0
"""`trivet console`: the program on this terminal, and what follows from how it ended."""

import os
import sys

from appliance.host import framebuffer, line
from appliance.host.host import Host
from appliance.tui.outcome import Outcome
from appliance.tui.terminal import Terminal, on_line, terminal


def run(host: Host, *, dry: bool) -> Outcome:
    """The wizard, from its first page to how it ended, or an installed node's console. `dry` changes nothing on any machine."""
    draw_on_stdout()
    again = [sys.executable, "-m", "appliance.cli.main", "console"]
    if not dry and framebuffer.offered(os.environ) and (code := framebuffer.inside(again)) is not None:
        return Outcome("crashed" if code else "left")
    while True:
        outcome = _run(host, here(), dry=dry)
        if outcome.kind != "again":
            return outcome


def draw_on_stdout() -> None:
    """Textual draws on the standard error. On a machine's own consoles that is the journal, for what a crash has to say."""
    if not sys.stderr.isatty():
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]


def _run(host: Host, where: Terminal, *, dry: bool) -> Outcome:
    """One or the other: each has much to import, and the terminal was asked before."""
    if installed(host):
        from appliance.tui.node import run as node  # noqa: PLC0415 - see above

        return node.run(host, where, dry=dry)
    from appliance.tui.app import Console  # noqa: PLC0415 - see above
    from appliance.tui.live import ThisMachine  # noqa: PLC0415 - see above

    return Console(host, where, None if dry else ThisMachine(host)).ended()


def installed(host: Host) -> bool:
    """Is this an installed node? By its kernel line, and a container's by its spec, as `flow.inspect` would say."""
    return "trivet.slot=" in (host.files.read("/proc/cmdline") or "") or host.files.read("/var/lib/trivet/spec.yaml") is not None


def _name(out: int) -> str:
    """What this terminal is called; "" when it is one of another name space, as of who entered a container."""
    try:
        return os.ttyname(out)
    except OSError:
        return ""


def here() -> Terminal:
    """What this terminal can show.

    One that knows its size is believed before COLUMNS and LINES: those stay what they were when it is resized.
    """
    out = sys.stdout.fileno()
    if not os.isatty(out):
        return terminal(os.environ)
    serial = line.is_line(_name(out))
    answer = line.ask(out) if serial else None
    for name in ("COLUMNS", "LINES") if os.get_terminal_size(out).columns else ():
        os.environ.pop(name, None)
    return on_line(os.environ, answer) if serial else terminal(os.environ)
