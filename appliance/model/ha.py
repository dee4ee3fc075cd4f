# SPDX-License-Identifier: Apache-2.0
"""What HA writes down in etcd: signs of life, fences, what is wanted of it. Each step of a recovery is a change of one of these.

| key below /trivet/v1/ | document | who writes it |
|---|---|---|
| `nodes/NAME` | `Beat`, gone with the node's lease | the node |
| `facts/NAME` | `Facts` | the node |
| `fences/NAME` | `Fence` | the leader |
| `leader` | the leader's name, gone with its lease | who leads |
| `ha` | `HaConfig` | people |
"""

from typing import Literal

from appliance.model.base import Model
from appliance.model.placement import Cell

NODES, FACTS, FENCES = "/trivet/v1/nodes/", "/trivet/v1/facts/", "/trivet/v1/fences/"
LEADER, CONFIG = "/trivet/v1/leader", "/trivet/v1/ha"

Stage = Literal["suspected", "evicting", "fencing", "fenced", "safe", "lifting"]
Cause = Literal["silent", "storage"]


class Beat(Model):
    """A node's sign of life. `acked` is the id of the fence that it has seen, after which nothing of its VMs was left.

    `storage` and `business`: does it reach the others on these planes? `running` are the VMs that have a process.
    """

    node: str
    boot: str
    acked: str = ""
    storage: bool = True
    business: bool = True
    running: tuple[str, ...] = ()


class Facts(Model):
    """What a node has for VMs, and how much of it is used: `load` is a share of its processors, `loads` those of each VM."""

    node: str
    cpus: int
    memory: int
    cells: tuple[Cell, ...] = ()
    bmc: bool = False
    load: float = 0.0
    loads: dict[str, float] = {}


class Fence(Model):
    """A node that is being kept from its disks, and how far that is.

    suspected: its lease is gone; it may come back by itself. evicting: it is told to stop its VMs. fencing: decided; there
    is no way back but the node's own word that nothing of it runs. fenced: the pool refuses it. safe: nothing that it does
    can reach a disk, so its VMs may be taken. lifting: it came back clean, and the pool takes it again.
    """

    id: str
    node: str
    cause: Cause = "silent"
    stage: Stage = "suspected"
    why: str = ""
    bmc: Literal["", "none", "off", "failed"] = ""
    blocked: bool = False


DECIDED = ("evicting", "fencing", "fenced", "safe", "lifting")
"""The stages of a fence in which the node starts nothing."""


class FenceTest(Model):
    """How a node's fencing was tested, and what came of it. `at` is for people."""

    node: str
    passed: bool
    bmc: Literal["none", "answers", "failed"] = "none"
    blocklist: bool = False
    watchdog: bool = False
    at: str = ""
    why: str = ""


class HaConfig(Model):
    """`balance`: say what should move, or move it. `threshold`: a share of a host's processors or memory, for `after` seconds."""

    version: Literal[1] = 1
    enabled: bool = False
    balance: Literal["off", "recommend", "automatic"] = "recommend"
    threshold: float = 0.8
    after: float = 600.0
    without_watchdog: bool = False
    tests: dict[str, FenceTest] = {}
