# SPDX-License-Identifier: Apache-2.0
"""(inventory, spec) -> what each disk is for, and which SSD serves which HDDs. Pure."""

from typing import Literal

from appliance.model.base import Model


class Role(Model):
    """What a disk is for, and a sentence that says why; `disk` is its id."""

    disk: str
    role: Literal["system", "cache", "data", "spare", "none"]
    why: str


class Group(Model):
    """Data disks that one SSD serves, by their ids; all-flash and all-HDD nodes have one group without a cache."""

    data: tuple[str, ...]
    cache: str | None = None


class Roles(Model):
    """All disks, in the order of the inventory."""

    roles: tuple[Role, ...] = ()
    groups: tuple[Group, ...] = ()

    def of(self, role: Literal["system", "cache", "data", "spare", "none"]) -> tuple[str, ...]:
        """The ids of the disks of one role."""
        return tuple(each.disk for each in self.roles if each.role == role)
