# SPDX-License-Identifier: Apache-2.0
"""Two installers on one disk would be one disaster."""

from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.host.lock import only_one


def test_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    with only_one(path, "busy", "wait"), pytest.raises(ApplianceError, match="busy; wait"), only_one(path, "busy", "wait"):
        raise AssertionError("two are in")
    with only_one(path, "busy", "wait"):
        pass
