# SPDX-License-Identifier: Apache-2.0
"""The one base class of everything that is written down: inventory, spec, plan, events."""

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Immutable, and closed: an unknown key is an error, so that a typing mistake is never a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), defer_build=True)
