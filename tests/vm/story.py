# SPDX-License-Identifier: Apache-2.0
"""The mark of a user story. Stories run by name (`make test-vm STORY=name`); quick ones are those that `make test` runs."""

from __future__ import annotations

import pytest


def story(name: str, *, quick: bool = False) -> pytest.MarkDecorator:
    return pytest.mark.story(name=name, quick=quick)
