# SPDX-License-Identifier: Apache-2.0
"""People and their programs at the API: what a token is called, what it may, and how long."""

from typing import Literal

from pydantic import Field

from appliance.model.base import Model

PEOPLE = "/trivet/v1/people/"
"""Key in etcd: here, and the token's name."""
Role = Literal["read", "operate", "administer"]
ROLES: tuple[Role, ...] = ("read", "operate", "administer")
"""Each may all that those before it may: look; start and stop what is there; change what there is."""


class Person(Model):
    """What is kept of a token: of its secret the digest (SHA-256). `made` and `until` in seconds since 1970."""

    name: str = Field(pattern="^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")
    role: Role
    digest: str = Field(repr=False, pattern="^[0-9a-f]{64}$")
    made: float
    until: float


def may(role: Role, needs: Role) -> bool:
    """Does a role reach so far?"""
    return ROLES.index(role) >= ROLES.index(needs)
