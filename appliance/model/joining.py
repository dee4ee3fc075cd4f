# SPDX-License-Identifier: Apache-2.0
"""What a node and its cluster say to one another while it joins, and what both have to agree in."""

import re
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, field_validator

from appliance.model.base import Model
from appliance.model.cluster import ClusterDocument, Member, myself
from appliance.model.problem import Problem
from appliance.model.spec import Ip, Name

TOKENS = "/trivet/v1/tokens/"
"""Key in etcd: here, and the digest of the secret."""
CLOCKS = 2.0
"""Seconds that two clocks may differ: certificates would bear more, Ceph's monitors bear less and say so."""
_TOKEN = re.compile(r"TRIVET1-([a-z2-7]{32})-([0-9a-f]{64})")


class Greeting(Model):
    """What a cluster tells anybody who asks: nothing of it is secret, and nothing of it is believed before it is proven."""

    name: str
    authority: str
    version: str
    time: float


class Request(Model):
    """Who wants in. `request` is for a certificate; either a `token`, or a `session` of words with the `proof` of them."""

    name: Name
    machine_id: str = Field(pattern="^[0-9a-f]{32}$")
    address: Ip
    storage: Ip
    overlay: Ip | None = None
    witness: bool = False
    addresses: tuple[Ip, ...] = Field(default=(), max_length=64)
    request: str = Field(max_length=4000)
    version: str
    time: float
    token: str = Field(default="", repr=False, max_length=200)
    session: str = Field(default="", max_length=64)
    proof: str = Field(default="", max_length=64)

    @field_validator("request")
    @classmethod
    def _request(cls, value: str) -> str:
        if "CERTIFICATE REQUEST" not in value:
            raise ValueError("no request for a certificate")
        return value

    @property
    def every(self) -> tuple[str, ...]:
        """All its addresses."""
        return tuple(dict.fromkeys(filter(None, (self.address, self.storage, self.overlay, *self.addresses))))

    @property
    def member(self) -> Member:
        """As it would stand in the document."""
        return Member(
            name=self.name, machine_id=self.machine_id, serial=0, address=self.address, storage=self.storage,
            overlay=self.overlay, witness=self.witness,
        )  # fmt: skip


class Renewal(Model):
    """What a member sends, with the certificate that it has, for a new one; and for what its role needs."""

    request: str = Field(max_length=4000)
    addresses: tuple[Ip, ...] = Field(default=(), max_length=64)


class Bundle(Model):
    """What a member has of its cluster. `authority_key` only for the control role; `files` are Ceph's keys, by path."""

    authority: str
    authority_key: str = Field(default="", repr=False)
    certificate: str
    document: ClusterDocument
    files: dict[str, str] = Field(default_factory=dict, repr=False)
    proof: str = ""
    """That the cluster knows the words, too."""


class Offered(Model):
    """What `trivet cluster pair --json` prints first: the words, and what whoever joins compares."""

    kind: Literal["offered"] = "offered"
    words: str
    cluster: str
    address: str
    fingerprint: str


class Arrived(Model):
    """And what it prints at its end: who has joined, and by which fingerprint it is known."""

    kind: Literal["arrived"] = "arrived"
    name: str
    fingerprint: str


class Token(Model):
    """What is kept of a token: until when it is good (seconds since 1970), and which machine has used it."""

    until: float
    used: str = ""


def written(secret: str, fingerprint: str) -> str:
    """A token as it is handed over: the secret, and by what the cluster is known."""
    return f"TRIVET1-{secret}-{fingerprint}"


def read(text: str) -> tuple[str, str]:
    """Secret and fingerprint of a token. ValueError when it is none."""
    match = _TOKEN.fullmatch(text.strip())
    if match is None:
        raise ValueError("this is no token: it looks like TRIVET1-, 32 letters and digits, -, 64 hexadecimal digits")
    return match[1], match[2]


def clock(theirs: float, ours: float, name: str) -> Iterator[Problem]:
    """Do both clocks say the same?"""
    if abs(theirs - ours) > CLOCKS:
        message = f"the clock of {name} differs by {abs(theirs - ours):.0f} s from that of the cluster"
        yield Problem(where="node.ntp", message=message, hint="give both the same time server, or set the clock by `date`")


def clashes(document: ClusterDocument, request: Request, version: str) -> Iterator[Problem]:
    """Why this node cannot be in this cluster as it is; nothing for a member that asks again. Pure."""
    if request.version != version:
        message = f"{request.name} runs Trivet {request.version}, and the cluster {version}"
        yield Problem(where="version", message=message, hint="install the same version on it")
    if (mine := myself(document, request.machine_id)) and mine.name != request.name:
        message = f"this machine is {mine.name} in the cluster {document.name} already"
        hint = f"call it {mine.name} again, or say `trivet cluster remove {mine.name}` there first"
        yield Problem(where="node.name", message=message, hint=hint)
    for each in document.members:
        if each.machine_id == request.machine_id:
            continue
        if each.name == request.name:
            message = f"the cluster {document.name} has a node {each.name} already, another machine"
            hint = f"choose another name, or if that one is gone for good say `trivet cluster remove {each.name}` there"
            yield Problem(where="node.name", message=message, hint=hint)
        for address in sorted({each.address, each.storage, each.overlay or ""} & set(request.every)):
            message = f"{address} is an address of {each.name} already"
            yield Problem(where="network.planes", message=message, hint="give this node another one")
