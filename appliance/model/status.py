# SPDX-License-Identifier: Apache-2.0
"""Status: what `trivet status` says of a running node. Made anew each time from the machine, so it cannot be out of date."""

from typing import Literal

from appliance.model.base import Model
from appliance.model.hypervisor import Worth
from appliance.model.netreport import Alert
from appliance.model.network import Address
from appliance.model.plan import Pending
from appliance.model.problem import Problem


class Boot(Model):
    """What trivetd did at this boot (/run/trivet/status.json). `seconds` from its start to its end.

    `waits`: something could not be planned before an address comes up, and trivetd plans again until it has. `tunnels` is the
    address at which OVN's tunnels were to end when it planned, "" for none.
    """

    applied: tuple[str, ...] = ()
    failed: str = ""
    refused: tuple[str, ...] = ()
    log: str = ""
    seconds: float = 0.0
    waits: bool = False
    tunnels: str = ""


class Status(Model):
    """`drift` are the steps that would be needed to make the machine what its spec says, as sentences.

    `reverts_in` is the time, in seconds, after which a change that nobody has kept is taken back; None without one.
    `state` is "live" without an installed node, "ready" when all is as wished, "differs" with drift, pending addresses,
    lost hardware or refused steps, "failed" when the spec cannot be read or met. `alerts` are what trivetd saw when it looked
    last, and change none of these: a cable that is out is no fault of the spec. `hypervisor` is what keeps this server from being
    a good host of VMs, where its spec has it run some.
    """

    state: Literal["live", "ready", "differs", "failed"]
    name: str
    version: str
    slot: str = ""
    uptime: float = 0.0
    addresses: tuple[Address, ...] = ()
    spec: str = ""
    reverts_in: int | None = None
    boot: Boot | None = None
    drift: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()
    hypervisor: tuple[Worth, ...] = ()
    pending: tuple[Pending, ...] = ()
    problems: tuple[Problem, ...] = ()
