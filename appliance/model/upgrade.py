# SPDX-License-Identifier: Apache-2.0
"""Older documents are lifted to the present version by numbered functions from dict to dict, one version at a time."""

from collections.abc import Callable
from typing import Any

from appliance.errors import SpecError
from appliance.model.problem import Problem

CURRENT = 1
LIFTS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}
"""LIFTS[n] takes a document of version n and returns the same wish in version n + 1."""


def lift(data: dict[str, Any]) -> dict[str, Any]:
    """The same document in the present version. SpecError when it is newer than this program."""
    version = data.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        if version is None:
            return data  # validation says that the key is missing, together with everything else
        raise SpecError([Problem(where="version", message=f"must be a whole number, and is {version!r}")])
    if not 1 <= version <= CURRENT:
        hint = f"the newest that this Trivet reads is {CURRENT}; update it, or write that form"
        raise SpecError([Problem(where="version", message=f"version {version} is not known here", hint=hint)])
    while version < CURRENT:
        data = LIFTS[version](data)
        version += 1
    return data
