# SPDX-License-Identifier: Apache-2.0
"""What a server is worth as a host of VMs: what was looked at, in words, and the processor that its VMs may count on."""

from typing import Literal

from appliance.model.base import Model


class Worth(Model):
    """One thing that was looked at. `hint` says what to do about it."""

    name: str
    state: Literal["ok", "warn", "bad"]
    message: str
    hint: str = ""


class Seen(Model):
    """What the kernel says beside the inventory; None where it does not. `microcodes` are the revisions, each once."""

    nested: bool | None = None
    microcodes: tuple[str, ...] = ()
    merging: bool | None = None
    merged: int = 0


class CpuBaseline(Model):
    """The processor that this node can give a VM that shall migrate, as libvirt names it; kept in etcd, one for each node."""

    version: Literal[1] = 1
    node: str
    model: str
    vendor: str = ""
    features: dict[str, str] = {}
    emulated: bool = False
