# SPDX-License-Identifier: Apache-2.0
"""Who is where: the state of each machine of a rack, made of what has happened (pxe/happened.py). Pure.

A machine is known by the MAC address that it started over the network with. Its credential, the token on its kernel line, is
made anew at each start and is here as a digest. It is good for the one machine that used it first; what was installed gets
none until somebody has said so.
"""

from typing import Literal

from appliance.model.base import Model
from appliance.pxe.answer import Claim

State = Literal["discovered", "waiting", "fetching", "writing", "rebooting", "joining", "ready", "failed"]
INSTALLED = ("rebooting", "joining", "ready")
"""States of a machine that starts from its own disk from now on."""
LINES = 60


class Machine(Model):
    """`since` is when it came into this state, `seen` when it was heard of last. `approved`: somebody has, with the template
    `chosen` if they named one.

    `token` is the SHA-256 of its credential; `bound` tells the machine that used it first. `done` of `total` bytes at `rate`
    bytes a second, while something is fetched or written. A node serves its slot at `serves`; `image` is its
    SHA-256. `tested` is what its burn-in found, a line each, `trying` that one is under way.
    """

    mac: str
    state: State = "discovered"
    since: float = 0.0
    seen: float = 0.0
    address: str = ""
    serial: str = ""
    uuid: str = ""
    product: str = ""
    name: str = ""
    template: str = ""
    approved: bool = False
    chosen: str = ""
    token: str = ""
    bound: str = ""
    claim: Claim | None = None
    cause: str = ""
    done: int = 0
    total: int = 0
    rate: int = 0
    serves: str = ""
    image: str = ""
    trying: bool = False
    tested: tuple[str, ...] = ()
    log: tuple[str, ...] = ()

    @property
    def installed(self) -> bool:
        """Does it start from its own disk?"""
        return self.state in INSTALLED


class Rack(Model):
    """The machines by their MAC address, who else has asked (`strangers`, the latest few, as sentences), and what is wrong with
    the wire (`warnings`)."""

    machines: dict[str, Machine] = {}
    strangers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def claims(self) -> list[Claim]:
        """What the machines that have had an answer have for themselves."""
        return [machine.claim for machine in self.machines.values() if machine.claim]
