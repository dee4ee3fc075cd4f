# SPDX-License-Identifier: Apache-2.0
"""trivetd: at boot, make the running system the one of the saved spec; then stay, and do it again on SIGHUP.

Meanwhile it looks at the network every half a minute (node/watch.py).

It applies what destroys nothing. A spec that cannot be read or met is written into the status and the log and keeps no
console from coming up: trivetd is ready in either case, and `trivet status` says what is wrong.
"""

import os
import signal
import socket
import sys
import time

from appliance import flow
from appliance.engine.journal import Journal
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.live import live
from appliance.model.events import Event, Failed, Finished, Started
from appliance.model.plan import Plan
from appliance.model.status import Boot
from appliance.node.health import LOOK
from appliance.node.status import BOOT, wanted
from appliance.node.watch import Watch

_SIGNALS = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}


def converge(host: Host) -> Boot:
    """Plan against the saved spec and apply. What failed is in the result, never raised."""
    begun = time.monotonic()
    applied: list[str] = []
    titles: dict[str, str] = {}

    def note(event: Event) -> None:
        if isinstance(event, Started):
            titles[event.step] = event.title
        elif isinstance(event, Finished) and not event.skipped:
            applied.append(titles[event.step])
            print(titles[event.step], file=sys.stderr)
        elif isinstance(event, Failed):
            print(event.message, file=sys.stderr)

    failed, log = "", ""
    refused: tuple[str, ...] = ()
    try:
        spec, text, plan = wanted(host, flow.inspect(host))
        host = live(spec.secrets | {"spec": text})
        refused = tuple(f"{s}: it would destroy {', '.join(s.destroys)}" for s in plan.steps if s.destroys)
        harmless = Plan(steps=tuple(s for s in plan.steps if not s.destroys), pending=plan.pending)
        with Journal("boot") as journal:
            log = str(journal.path)
            journal.plan(harmless)

            def emit(event: Event) -> None:
                journal.event(event)
                note(event)

            flow.apply(harmless, host, emit)
    except ApplianceError as error:
        failed = str(error)
        print(failed, file=sys.stderr)
    seconds = round(time.monotonic() - begun, 3)
    return Boot(applied=tuple(applied), failed=failed, refused=refused, log=log, seconds=seconds)


def notify(message: str) -> None:
    """Tell systemd, as sd_notify(3) does; nothing when it was not systemd that started us."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(message.encode(), "\0" + path[1:] if path.startswith("@") else path)


def wait(watch: Watch) -> bool:
    """Look at the network time and again until a signal comes; was it SIGHUP? The first look is one interval away."""
    interval = float(os.environ.get("TRIVET_LOOK_SECONDS", LOOK))
    while (info := signal.sigtimedwait(_SIGNALS, interval)) is None:
        watch.look(live(), stop=lambda: bool(signal.sigpending() & _SIGNALS))
    return info.si_signo == signal.SIGHUP


def main() -> None:
    """Entry point of `trivetd`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    watch = Watch()
    while True:
        host = live()
        result = converge(host)
        host.files.write(BOOT, result.model_dump_json() + "\n")
        notify(f"READY=1\nSTATUS={result.failed.splitlines()[0] if result.failed else 'the node is as its spec says'}")
        if not wait(watch):
            return


if __name__ == "__main__":
    main()
