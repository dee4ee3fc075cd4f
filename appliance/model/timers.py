# SPDX-License-Identifier: Apache-2.0
"""All timers that one of the cluster's nodes relies on another to keep, in one block, with what must hold between them.

All are seconds. The order in which things happen when a node is lost: it cannot renew its lease (`renew`), stops its own VMs
(`patience`), is reset by its watchdog if it did not come to that (`watchdog`), is gone for all others (`ttl`). Whatever is
still to be asked or waited for then (`doubt`, `bmc`, `margin`) ends within `DETECTED_TO_STARTED`, unless the machine is emulated.
"""

from typing import Literal

from pydantic import model_validator

from appliance.model.base import Model

DETECTED_TO_STARTED = 30.0
"""What is promised: this long after the power went the node's VMs have begun to start elsewhere."""


class Timers(Model):
    """`heartbeat` and `election` are etcd's own.

    `answer` is how long one answer of etcd is waited for; a later one is no renewal. `stopping` is what it takes to end
    this node's VMs by force. `look` is how often the leader decides. `doubt` is how long a node is waited for that Ceph
    still hears. `bmc` is how long one answer of a BMC is waited for. `margin` is for a watchdog's own reset and for clocks
    that run differently. `settle` is from a returned node's word that nothing of it writes to its being let in.
    `evict` is how long a node without its storage plane may take to stop its VMs itself. `plane` is how long a plane
    must be gone. `starting` is how long VMs of one order may take before the next order begins. `guest` is how long a guest
    must have been silent and idle.
    """

    profile: Literal["normal", "emulated"] = "normal"
    heartbeat: float = 0.1
    election: float = 1.0
    look: float = 1.0
    renew: float = 2.0
    answer: float = 1.5
    patience: float = 6.0
    stopping: float = 1.5
    watchdog: float = 8.0
    ttl: float = 10.0
    doubt: float = 5.0
    bmc: float = 6.0
    margin: float = 2.0
    settle: float = 5.0
    evict: float = 15.0
    plane: float = 30.0
    starting: float = 60.0
    guest: float = 120.0

    @model_validator(mode="after")
    def _in_order(self) -> "Timers":
        relations = {
            "an election of etcd stops no VM": 2 * self.election + self.answer < self.patience,
            "a renewal that is lost stops no VM": 2 * self.renew + self.answer <= self.patience,
            "a node stops its VMs before its watchdog resets it": self.patience + self.stopping < self.watchdog,
            # Patted at the answer to a renewal, which may have counted from when it was sent.
            "a watchdog has fired when the lease is gone": self.answer + self.watchdog < self.ttl,
            "etcd's heartbeat is a fraction of its election": 5 * self.heartbeat <= self.election,
            "a lost node's VMs start in time": self.profile == "emulated" or self.worst <= DETECTED_TO_STARTED,
        }
        if broken := [name for name, holds in relations.items() if not holds]:
            raise ValueError(f"these timers do not keep that {broken[0]}")
        return self

    @property
    def worst(self) -> float:
        """From the last sign of life to the first claim, with a BMC that does not answer and a Ceph that is slow to see it."""
        return self.ttl + self.doubt + max(self.bmc, self.margin) + 4 * self.look


NORMAL = Timers()
EMULATED = Timers(
    profile="emulated", heartbeat=0.5, election=5.0, look=2.0, renew=6.0, answer=6.0, patience=20.0, stopping=6.0, watchdog=30.0,
    ttl=40.0, doubt=15.0, bmc=30.0, margin=5.0, settle=10.0, evict=60.0, plane=60.0, starting=240.0, guest=600.0,
)  # fmt: skip
"""Where the processor itself is emulated, and all takes many times as long."""


def timers(*, emulated: bool) -> Timers:
    """Those of a node."""
    return EMULATED if emulated else NORMAL
