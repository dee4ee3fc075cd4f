# SPDX-License-Identifier: Apache-2.0
"""`trivet console`: the program on this terminal, and what follows from how it ended."""

import os
import sys

from appliance.host import line
from appliance.host.host import Host
from appliance.tui.outcome import Live, Outcome
from appliance.tui.terminal import Terminal, on_line, terminal


def run(host: Host, *, dry: bool) -> Outcome:
    """The wizard, from its first page to how it ended. `dry` changes nothing on any machine."""
    if not sys.stderr.isatty():
        # Textual draws on the standard error. On a machine's own consoles that is the journal, for what a crash has to say.
        sys.__stderr__ = sys.__stdout__  # type: ignore[misc]
    while True:
        here = _terminal()
        from appliance.tui.app import Console  # noqa: PLC0415 - the terminal was asked before textual is read

        live: Live | None = None
        if not dry:
            from appliance.tui.live import ThisMachine  # noqa: PLC0415 - a recorded machine has no process to start

            live = ThisMachine()
        outcome = Console(host, here, live).run(mouse=False) or Outcome("left")
        if outcome.kind != "again":
            return outcome


def _terminal() -> Terminal:
    """A terminal that knows its size is believed before COLUMNS and LINES: those stay what they were when it is resized."""
    out = sys.stdout.fileno()
    if not os.isatty(out):
        return terminal(os.environ)
    serial = line.is_line(os.ttyname(out))
    answer = line.ask(out) if serial else None
    for name in ("COLUMNS", "LINES") if os.get_terminal_size(out).columns else ():
        os.environ.pop(name, None)
    return on_line(os.environ, answer) if serial else terminal(os.environ)
