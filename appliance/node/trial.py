# SPDX-License-Identifier: Apache-2.0
"""A change that takes itself back unless somebody keeps it: nobody locks himself out of a node by its network.

A new spec is applied as a candidate under /run, and the saved spec stays what it is until `keep`. A timer of systemd, armed
before anything is changed, goes back to the saved spec whoever has died meanwhile; a power cut does so by itself, since
/run forgets. Going back, keeping, and following the candidate when trivetd restarts are plans like any other.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance import flow
from appliance.engine.apply import Emit
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.host.lock import only_one
from appliance.model.document import load_spec
from appliance.model.plan import Plan, ReplaceSpec
from appliance.model.spec import Spec
from appliance.node.published import CANDIDATE, DEADLINE, seconds_left, uptime
from appliance.node.status import load_saved

LOCK = Path("/run/trivet/change.lock")
TIMER = "trivet-revert"
BUSY = ("another change is being made", "wait for it; `trivet status` says when it is through")
_PATIENCE = 600
"""Seconds for which going back waits for whoever is at it."""
HostWith = Callable[[dict[str, str]], Host]
"""Makes the doors of this machine with these secrets."""
Planned = Callable[[Plan], None]
"""Is told the plan before its first event."""


@contextmanager
def settled(host: Host) -> Iterator[None]:
    """Alone, and with no change on trial: what anybody changes now would be mixed up with it. ApplianceError otherwise."""
    with only_one(LOCK, *BUSY):
        if seconds_left(host) is not None:
            hint = "keep it with `trivet net confirm`, or take it back with `trivet net revert`"
            raise ApplianceError("there is a change that nobody has kept", hint)
        yield


def begin(host_with: HostWith, text: str, seconds: int, emit: Emit, planned: Planned) -> Plan:
    """Apply a spec for so many seconds. The plan that was carried out; without steps nothing is armed.

    Problems when the spec cannot be met; ApplianceError when it would destroy something, which no timer brings back.
    """
    spec = load_spec(text)
    host = host_with(spec.secrets | {"spec": text})
    with settled(host):
        load_saved(host)  # without one there is nothing to go back to
        plan = flow.plan(flow.inspect(host), spec).without(ReplaceSpec)
        if plan.destroys:
            raise ApplianceError(f"this destroys {', '.join(plan.destroys)}, and nothing brings that back", "use `trivet apply`")
        planned(plan)
        if not plan.steps:
            return plan
        _arm(host, seconds)  # before there is anything to take back: without a timer nothing is tried
        host.files.write(CANDIDATE, text, 0o600)
        host.files.write(DEADLINE, f"{uptime(host) + seconds:.2f}")
        try:
            flow.apply(plan, host, emit)
            return plan
        except ApplianceError:
            host.run(["systemctl", "start", "--no-block", TIMER])  # what could not be carried out is not tried for a minute
            raise


def keep(host_with: HostWith, emit: Emit, planned: Planned) -> Spec:
    """Save the candidate, which disarms the timer. ApplianceError when there is none, or when it was taken back already."""
    with only_one(LOCK, *BUSY):
        host = host_with({})
        text = host.files.read(CANDIDATE)
        if text is None:
            raise ApplianceError("there is no change to keep", "it was taken back, or there was none; see `trivet status`")
        spec = load_spec(text)
        host = host_with(spec.secrets | {"spec": text})
        plan = flow.plan(flow.inspect(host), spec)
        planned(plan)
        flow.apply(plan, host, emit)
        _disarm(host)
    return spec


def revert(host_with: HostWith, emit: Emit, planned: Planned) -> Plan:
    """Go back to the saved spec, now. Also without a candidate: it is what the timer does, and may do twice."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            with only_one(LOCK, *BUSY):
                host = host_with({})
                host.files.remove(CANDIDATE)
                spec, text = load_saved(host)
                host = host_with(spec.secrets | {"spec": text})
                plan = flow.plan(flow.inspect(host), spec, follow=True)
                planned(plan)
                flow.apply(plan, host, emit)
                _disarm(host)
                return plan
        except ApplianceError as error:
            if error.message != BUSY[0] or time.monotonic() > end:
                raise
            time.sleep(0.5)


def _arm(host: Host, seconds: int) -> None:
    host.run([
        "systemd-run", "--quiet", "--collect", f"--unit={TIMER}", f"--on-active={seconds}s", "--timer-property=AccuracySec=100ms",
        "--property=Restart=on-failure", "--property=RestartSec=2s", "--property=Type=oneshot",
        "/usr/bin/trivet", "net", "revert",
    ])  # fmt: skip


def _disarm(host: Host) -> None:
    host.files.remove(CANDIDATE)
    host.files.remove(DEADLINE)
    host.run(["systemctl", "stop", f"{TIMER}.timer"], check=False)  # not there any more when it is the timer that asks
