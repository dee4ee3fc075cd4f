# SPDX-License-Identifier: Apache-2.0
"""What a test of the network found."""

from typing import Literal

from appliance.model.base import Model

Kind = Literal["link", "address", "ARP", "ND", "ping", "MTU", "DNS", "throughput"]


class Finding(Model):
    """`target` is the address that was asked, "" for none; `message` and `hint` are a sentence and a remedy."""

    plane: str
    test: Kind
    target: str = ""
    outcome: Literal["ok", "failed", "skipped"]
    message: str
    hint: str = ""
