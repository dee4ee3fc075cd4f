# SPDX-License-Identifier: Apache-2.0
"""The board's own computer (BMC) of this server: its address and its users, by ipmitool; and what of them is changed.

It keeps what it is told by itself, so nothing of it is in the spec: the BMC is asked what is, before and after.
"""

import time

from appliance.engine.apply import Emit
from appliance.errors import ApplianceError, StepFailed, Unsatisfiable
from appliance.host.host import Host
from appliance.model.bmc import BmcStep, BmcView, BmcWish
from appliance.model.events import Failed, Finished, Started
from appliance.services.system import bmc, hardware

_MODULES = ("modprobe", "--quiet", "--all", "ipmi_si", "ipmi_devintf")
IPMITOOL = ("ipmitool",)
"""That of this server's own BMC."""
_CHANNELS = range(1, 12)
_PATIENCE, _PAUSE = 20.0, 1.0
"""Seconds until a BMC says what it was told: some restart their network first."""


def view(host: Host) -> BmcView | None:
    """None without a BMC. CommandError when there is one that does not answer."""
    found = hardware.bmc(host)
    if found is None:
        return None
    host.run(list(_MODULES), check=False)  # on no machine is the second one loaded by itself
    return look(host, found.interface)


def look(host: Host, interface: str, words: tuple[str, ...] = IPMITOOL) -> BmcView:
    """What the BMC says that `words` speak with."""
    channel = _channel(host, words)
    return BmcView(
        interface=interface,
        channel=channel,
        lan=bmc.lan(host.run([*words, "lan", "print", str(channel)]).stdout),
        users=bmc.users(host.run([*words, "-c", "user", "list", str(channel)]).stdout),
    )


def _channel(host: Host, words: tuple[str, ...]) -> int:
    """Boards number their network ports as they like."""
    for number in _CHANNELS:
        if "802.3 LAN" in host.run([*words, "channel", "info", str(number)], check=False).stdout:
            return number
    host.run([*words, "mc", "info"])  # whose error says more, if it does not answer at all
    raise ApplianceError("the BMC has no network port of its own", "its address cannot be set by IPMI")


def planned(seen: BmcView | None, wish: BmcWish) -> tuple[BmcStep, ...]:
    """The steps. Unsatisfiable with all that keeps it from being."""
    if seen is None:
        raise ApplianceError("this server has no BMC", "there is nothing to be set")
    if problems := bmc.check(seen, wish):
        raise Unsatisfiable(problems)
    return bmc.plan(seen, wish)


def change(host: Host, seen: BmcView, wish: BmcWish, emit: Emit, words: tuple[str, ...] = IPMITOOL) -> BmcView:
    """Have the BMC be so. What it says afterwards proves it, or StepFailed tells what it says instead."""
    steps = planned(seen, wish)
    for index, step in enumerate(steps, 1):
        emit(Started(step=step.id, title=step.title, index=index, total=len(steps)))
        begun = time.monotonic()
        try:
            _do(host, step, words)
            if index == len(steps):
                seen = _proven(host, seen, wish, words)
        except ApplianceError as error:
            emit(Failed(step=step.id, message=error.message, hint=error.hint))
            raise
        emit(Finished(step=step.id, seconds=round(time.monotonic() - begun, 3)))
    return seen


def _do(host: Host, step: BmcStep, words: tuple[str, ...]) -> None:
    for command in step.commands:
        if not step.secret:
            host.run([*words, *command.split()])
            continue
        done = host.run([*words, "exec", "/dev/stdin"], stdin=f"{command}\n", check=False)
        if done.code:
            raise StepFailed("the BMC does not take the password", "choose another one; some want a capital letter and a digit")


def _proven(host: Host, seen: BmcView, wish: BmcWish, words: tuple[str, ...]) -> BmcView:
    end = time.monotonic() + _PATIENCE
    while True:
        now = look(host, seen.interface, words)
        missing = bmc.left(now, wish)
        if not missing:
            return now
        if time.monotonic() > end:
            raise StepFailed(f"the BMC was told, and does not say so: {missing[0]}", "see what it says: `ipmitool lan print`")
        time.sleep(_PAUSE)
