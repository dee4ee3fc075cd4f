# SPDX-License-Identifier: Apache-2.0
"""trivetd and the boot: systemd waits for it, but not for ever."""

import threading

import pytest

from appliance.node import service


def test_the_boot_goes_on_while_trivetd_is_still_at_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the consoles come up, and somebody can look why."""
    said: list[str] = []
    told = threading.Event()

    def notify(message: str) -> None:
        said.append(message)
        told.set()

    monkeypatch.setattr(service, "notify", notify)
    service.ready_at_the_latest(0.01)
    assert told.wait(10)
    assert said == ["READY=1\nSTATUS=still making the node what its spec says"]
    late = service.ready_at_the_latest(60)
    late.cancel()
    late.join(10)
    assert len(said) == 1, "what was done in time says so itself"
