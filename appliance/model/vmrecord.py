# SPDX-License-Identifier: Apache-2.0
"""A VM as it is kept in etcd: its document, what was made for it, and what it shall be doing."""

from typing import Literal

from appliance.model.base import Model
from appliance.model.placement import Placement
from appliance.model.vm import Vm

State = Literal["running", "paused", "stopped", "starting", "template", "deleted"]


class Snapshot(Model):
    """All disks at one moment. `files` is where they are, by disk; they are never written again."""

    name: str
    at: str
    files: dict[str, str]
    consistent: bool = False
    """Had the guest's agent written out and held what it had not written?"""


class VmRecord(Model):
    """`files` is where each disk is that is written to, in the words of services/vm/disks.py. `wanted` is what it shall be doing,
    over a loss of power, too.

    `moving` is the node to which it is being moved while it runs, "" for none.
    `started` is the document as the running VM has it; what differs from `vm` comes with the next start. `rests_on` are the
    VMs whose disks those of a linked clone go on from.
    """

    version: Literal[1] = 1
    vm: Vm
    uuid: str
    node: str
    moving: str = ""
    wanted: Literal["running", "stopped"] = "stopped"
    template: bool = False
    files: dict[str, str] = {}
    rests_on: tuple[str, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    started: Vm | None = None
    placement: Placement | None = None
    deleted: str = ""


class VmView(Model):
    """A VM for who lists or shows it."""

    name: str
    state: State
    node: str
    cpus: int
    memory: int
    addresses: tuple[str, ...] = ()
    placed: str = ""
    pending: tuple[str, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    vm: Vm
    uuid: str
    disks: dict[str, str] = {}
    deleted: str = ""
