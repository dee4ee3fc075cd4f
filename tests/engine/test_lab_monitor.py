# SPDX-License-Identifier: Apache-2.0
"""The machine lab's monitor: who waits for an event learns at once that the machine has gone."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from tests.vm.monitor import Gone, Monitor


def test_a_machine_that_goes_is_not_waited_for(tmp_path: Path) -> None:
    def qemu(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with peer, peer.makefile("rb") as lines:
            peer.sendall(b'{"QMP": {}}\n')
            lines.readline()
            peer.sendall(b'{"return": {}}\n{"event": "RESET", "data": {"guest": true}}\n')

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "qmp"))
        listener.listen()
        threading.Thread(target=qemu, args=(listener,), daemon=True).start()
        monitor = Monitor(tmp_path / "qmp")
        assert monitor.wait("RESET", 10, guest=True)["event"] == "RESET"
        begun = time.monotonic()
        with pytest.raises(Gone):
            monitor.wait("SHUTDOWN", 60)
        assert time.monotonic() - begun < 10
        monitor.close()
