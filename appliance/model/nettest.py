# SPDX-License-Identifier: Apache-2.0
"""What a test of the network found."""

from typing import Literal

from appliance.model.base import Model

Kind = Literal["link", "address", "ARP", "ND", "ping", "MTU", "DNS", "throughput"]


class Beginning(Model):
    """A test begins; `seconds` is how long it takes when that is known beforehand, else 0."""

    event: Literal["testing"] = "testing"
    plane: str
    test: Kind
    target: str = ""
    seconds: int = 0


class Listening(Model):
    """Another node may come to one of these addresses; nobody listens any more after so many seconds."""

    event: Literal["listening"] = "listening"
    addresses: tuple[str, ...]
    port: int
    seconds: int


class Received(Model):
    """What came in from another node, in Mbit/s."""

    received: int


class Finding(Model):
    """`target` is the address that was asked, "" for none; `message` and `hint` are a sentence and a remedy."""

    plane: str
    test: Kind
    target: str = ""
    outcome: Literal["ok", "failed", "skipped"]
    message: str
    hint: str = ""
