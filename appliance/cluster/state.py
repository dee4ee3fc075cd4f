# SPDX-License-Identifier: Apache-2.0
"""What the leader knows when it decides, and what it can decide. Pure.

Plain slotted records and not documents: there are thousands of VMs, and a decision takes place each second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from appliance.model.ha import Beat, Facts, Fence, HaConfig
from appliance.model.timers import NORMAL, Timers

ON = HaConfig(enabled=True)
Opinion = Literal["alive", "dead", "unknown"]


@dataclass(frozen=True, slots=True)
class Guest:
    """A VM. `revision` is that of its document; `moving` the node to which it is being migrated, "" for none.

    `fixed` is why it can run on its own node alone, "" where it can elsewhere. No two of one group of `apart` are on the
    same node, all of one group of `together` are. `nodes` are those that it may be on, () for all.
    """

    name: str
    node: str
    revision: int = 0
    wanted: bool = True
    ha: bool = True
    order: int = 50
    cpus: int = 1
    memory: int = 2**30
    pages: str = ""
    pin: bool = False
    fixed: str = ""
    moving: str = ""
    nodes: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    together: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peer:
    """A member. `lease` is the revision at which its sign of life was made, 0 when there is none; `fence_revision` likewise.

    `opinion` is what Ceph hears of its disks.
    """

    name: str
    facts: Facts | None = None
    lease: int = 0
    beat: Beat | None = None
    fence: Fence | None = None
    fence_revision: int = 0
    opinion: Opinion = "unknown"
    maintenance: bool = False
    witness: bool = False
    tested: bool = True

    @property
    def alive(self) -> bool:
        """It has a lease, and nobody is fencing it."""
        return self.lease > 0 and self.fence is None

    @property
    def open(self) -> bool:
        """VMs may be put on it."""
        return self.alive and self.facts is not None and not self.maintenance and not self.witness


Effect = Literal["power", "block", "down", "unblock"]
"""Power off by its BMC; have the pool refuse it; tell the pool that its disks are down; have the pool take it again."""


@dataclass(frozen=True, slots=True)
class View:
    """`now` is the leader's own monotonic clock. `answers` are those to what was done outside of etcd, by effect and fence.

    `token` is the revision at which the leader's key was made: everything that it writes is compared with that.
    """

    now: float
    token: int
    peers: Mapping[str, Peer]
    guests: Mapping[str, Guest]
    answers: Mapping[tuple[Effect, str], bool] = field(default_factory=dict)
    config: HaConfig = ON
    timers: Timers = NORMAL


@dataclass(frozen=True, slots=True)
class Compare:
    """What must still be so in etcd: the revision of a key's last change, or at which it was `made`; 0 for no such key."""

    key: str
    revision: int
    made: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """Change one key, in one transaction with what it rests on. `text` None removes it."""

    key: str
    text: str | None
    compares: tuple[Compare, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Have a VM belong to another node, if all compares hold."""

    guest: str
    source: str
    target: str
    compares: tuple[Compare, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Settle:
    """A migration that died with one of its two nodes is over: the VM is where it was."""

    guest: str
    compares: tuple[Compare, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Do:
    """Something outside of etcd, for a fence. It may be done twice."""

    effect: Effect
    node: str
    fence: str


@dataclass(frozen=True, slots=True)
class Move:
    """A running VM shall go to another node: `recommended` to people, or done."""

    guest: str
    source: str
    target: str
    why: str
    recommended: bool = False


@dataclass(frozen=True, slots=True)
class Waits:
    """A VM that could not be placed, or a node that is not fenced: somebody should know."""

    what: str
    why: str


Action = Write | Claim | Settle | Do | Move | Waits


@dataclass(slots=True)
class Memory:
    """Since when this leader has seen what it waits for. Another leader begins anew: it waits longer, never shorter."""

    gone: dict[str, float] = field(default_factory=dict)
    staged: dict[str, float] = field(default_factory=dict)
    hot: dict[str, float] = field(default_factory=dict)
    planes: dict[str, float] = field(default_factory=dict)
    claimed: dict[str, float] = field(default_factory=dict)
    moved: dict[str, float] = field(default_factory=dict)

    def since(self, table: dict[str, float], key: str, now: float) -> float:
        """Seconds that something has been so."""
        return now - table.setdefault(key, now)
