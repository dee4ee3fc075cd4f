# SPDX-License-Identifier: Apache-2.0
"""The console's tests have no machine either: the same bar as for the unit tests."""

from tests.unit.conftest import no_machine

__all__ = ["no_machine"]
