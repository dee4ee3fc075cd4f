# SPDX-License-Identifier: Apache-2.0
"""trivetd: at boot, make the running system the one of the saved spec; then stay, and do it again on SIGHUP.

Meanwhile it looks at the network every half a minute (node/watch.py), and at the disks beside that (node/diskwatch.py). While
something waits for an address, it plans again. When a server gives another address to the plane on which OVN's tunnels end, the
tunnels follow, and nothing else is changed. VMs that ran when the power went are started again, once there is what they need.

It applies what destroys nothing. A spec that cannot be read or met is written into the status and the log and keeps no
console from coming up: trivetd is ready in either case, and `trivet status` says what is wrong. Nor does a step that takes
its time keep one.
"""

import os
import signal
import socket
import sys
import threading
import time

from appliance import flow
from appliance.engine.journal import Journal
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.live import live
from appliance.host.lock import only_one
from appliance.model.clustersteps import FoundCluster, JoinCluster
from appliance.model.events import Event, Failed, Finished, Started
from appliance.model.plan import ConfigureOvn, Plan
from appliance.model.status import Boot
from appliance.node import ha, report
from appliance.node.clusterwatch import ClusterWatch
from appliance.node.diskwatch import DiskWatch
from appliance.node.health import LOOK
from appliance.node.published import BOOT
from appliance.node.status import wanted
from appliance.node.trial import BUSY, LOCK
from appliance.node.vms import notice, run_again
from appliance.node.watch import Watch
from appliance.services.network import ovn

_SIGNALS = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT}
_SOON = 1.0
"""Seconds until one plans again when an address is awaited; twice as long each time. A DHCP server answers within a few."""
_PATIENCE = 120.0
"""Seconds after which the boot goes on, the consoles with it, while trivetd is still at its work."""


def converge(host: Host, only: type | None = None) -> Boot:
    """Plan against the saved spec and apply, or `only` steps of one kind. What failed is in the result, never raised."""
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

    failed, log, waits, tunnels = "", "", False, ""
    refused: tuple[str, ...] = ()
    try:
        inventory = flow.inspect(host)
        spec, text, plan = wanted(host, inventory)
        tunnels = ovn.address(inventory, spec)
        host = live(spec.secrets | {"spec": text})
        refused = tuple(f"{s}: it would destroy {', '.join(s.destroys)}" for s in plan.steps if s.destroys)
        wished = (s for s in plan.steps if only is None or isinstance(s, only))
        harmless = Plan(steps=tuple(s for s in wished if not s.destroys), pending=plan.pending)
        # Who is to join tries until the cluster answers; and what a member is, its open ports too, follows from the document.
        waits = bool(plan.awaited) or any(isinstance(step, JoinCluster | FoundCluster) for step in plan.steps)
        if harmless.steps:
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
    return Boot(applied=tuple(applied), failed=failed, refused=refused, log=log, seconds=seconds, waits=waits, tunnels=tunnels)


def continued(before: Boot, now: Boot) -> Boot:
    """What was done at this boot, when the rest of it could only be done later."""
    return now.model_copy(
        update={"applied": (*before.applied, *now.applied), "log": now.log or before.log, "seconds": before.seconds}
    )


def alone(host: Host, before: Boot | None, only: type | None = None) -> Boot:
    """Converge, unless somebody changes this node at the moment: then nothing is done, and one tries again soon."""
    try:
        with only_one(LOCK, *BUSY):
            now = converge(host, only)
    except ApplianceError:
        return (before or Boot()).model_copy(update={"waits": True})
    if before is None:
        return now
    # What failed of the rest has not been tried again.
    failed = now.failed or (before.failed if only else "")
    return continued(before, now.model_copy(update={"failed": failed}))


def notify(message: str) -> None:
    """Tell systemd, as sd_notify(3) does; nothing when it was not systemd that started us."""
    if path := os.environ.get("NOTIFY_SOCKET"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(message.encode(), "\0" + path[1:] if path.startswith("@") else path)


def ready_at_the_latest(seconds: float) -> threading.Timer:
    """Begin to wait so long before systemd is told to go on; to be cancelled by who has done all before that."""
    timer = threading.Timer(seconds, notify, ["READY=1\nSTATUS=still making the node what its spec says"])
    timer.daemon = True
    timer.start()
    return timer


def wait(watch: Watch, again: float | None, tunnels: str = "") -> signal.Signals | None:
    """Look at the network time and again until a signal comes.

    None after `again` seconds, or when tunnels are to end at another address than `tunnels`; without that, than at the first
    look. The first look is one interval away.
    """
    interval = float(os.environ.get("TRIVET_LOOK_SECONDS", LOOK))
    pause = interval if again is None else min(again, interval)
    while (info := signal.sigtimedwait(_SIGNALS, pause)) is None:
        if pause == interval:
            watch.look(live(), stop=lambda: bool(signal.sigpending() & _SIGNALS))
            notice(live())
            tunnels = tunnels or watch.tunnels
        if again is not None or (watch.tunnels and watch.tunnels != tunnels):
            return None
    return signal.Signals(info.si_signo)


def main() -> None:
    """Entry point of `trivetd`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    watch, late = Watch(), ready_at_the_latest(_PATIENCE)
    DiskWatch(live).start(float(os.environ.get("TRIVET_LOOK_SECONDS", LOOK)))
    ClusterWatch(live).start()
    boot, pause, only = None, _SOON, None
    while True:
        host = live()
        boot = alone(host, boot, only)
        late.cancel()
        host.files.write(BOOT, boot.model_dump_json() + "\n")
        report.begin(host)
        notify(f"READY=1\nSTATUS={boot.failed.splitlines()[0] if boot.failed else 'the node is as its spec says'}")
        run_again(host)
        ha.begin(host)
        said = wait(watch, pause if boot.waits else None, boot.tunnels)
        if said in (signal.SIGTERM, signal.SIGINT):
            return
        only = None if said or boot.waits else ConfigureOvn
        if said:
            boot, pause = None, _SOON
        else:
            pause = min(2 * pause, LOOK)


if __name__ == "__main__":
    main()
