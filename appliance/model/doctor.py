# SPDX-License-Identifier: Apache-2.0
"""What the doctor was told by machines and wires, and what it makes of it."""

from typing import Literal

from appliance.model.base import Model

Outcome = Literal["open", "refused", "silent"]
Remains = Literal["etcd", "Ceph", "OVN", "LVM", "cluster"]
Topic = Literal[
    "identity", "version", "clock", "address", "ports", "MTU", "path", "processor", "leftovers", "space", "BMC", "way out"
]


class Side(Model):
    """A node, in its own words. `offset` is its clock against ours in seconds, `planes` its address on each without prefix."""

    name: str
    machine_id: str = ""
    version: str = ""
    offset: float = 0.0
    synchronised: bool | None = None
    cpu: str = ""
    flags: tuple[str, ...] = ()
    planes: dict[str, str] = {}
    mtu: dict[str, int] = {}


class Path(Model):
    """The way to another node on a plane: the largest whole packet that came through, of `wanted` bytes; 0 for none at all.

    `uncertain`: somebody may answer no pings, but there was an answer to ARP.
    """

    plane: str
    peer: str
    address: str
    wanted: int = 0
    largest: int = 0
    milliseconds: float = 0.0
    loss: int = 0
    resolved: bool = True


class Port(Model):
    """A port of another node (`back`: of this one, asked from there)."""

    plane: str
    peer: str
    address: str
    port: int
    service: str
    outcome: Outcome
    back: bool = False


class Taken(Model):
    """Others that say that an address of this node is theirs, by MAC."""

    plane: str
    address: str
    macs: tuple[str, ...]


class Left(Model):
    """What an older cluster left on this node: where, and of which cluster where that is known."""

    what: Remains
    where: str
    whose: str = ""


class Space(Model):
    """Bytes that are free where something persists, and how many are needed."""

    where: str
    free: int
    needed: int


class Router(Model):
    plane: str
    address: str
    answers: bool


class NameServer(Model):
    """`reason` is why it does not answer, "" when it does."""

    address: str
    reason: str = ""


class Answers(Model):
    """All that was asked. `asked` names what could not be, and why: silence is no health."""

    me: Side
    others: tuple[Side, ...] = ()
    paths: tuple[Path, ...] = ()
    ports: tuple[Port, ...] = ()
    taken: tuple[Taken, ...] = ()
    leftovers: tuple[Left, ...] = ()
    spaces: tuple[Space, ...] = ()
    bmc: Literal["none", "answers", "silent", "unasked"] = "unasked"
    routers: tuple[Router, ...] = ()
    servers: tuple[NameServer, ...] = ()
    unasked: tuple[str, ...] = ()


class Finding(Model):
    """One plain cause, one remedy. `grave`: a node in this state must not join."""

    topic: Topic
    cause: str
    remedy: str
    grave: bool = True

    def __str__(self) -> str:
        return f"{self.topic}: {self.cause}; {self.remedy}"


class Report(Model):
    """What the doctor says."""

    findings: tuple[Finding, ...] = ()
    asked: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()
