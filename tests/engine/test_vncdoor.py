# SPDX-License-Identifier: Apache-2.0
"""The door to a VM's screen, with a stand-in for QEMU's socket behind it: who has the token is shown the screen."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.host import vncdoor
from appliance.node import vnc
from appliance.services.vm import rfb
from tests.vm import viewer


class Screen:
    """What answers behind the door: RFB without a password, and 5000 bytes of picture."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        line, _ = self.listener.accept()
        line.sendall(rfb.VERSION)
        assert viewer.take(line, 12) == rfb.VERSION
        line.sendall(b"\x01\x01")
        assert viewer.take(line, 1) == b"\x01"
        line.sendall(rfb.OK)
        viewer.take(line, 1)
        line.sendall(b"\x02\xd0\x01\x90" + bytes(16) + b"\0\0\0\x03one")
        viewer.take(line, 10)
        line.sendall(bytes(5000))
        line.close()


@pytest.fixture
def screen(tmp_path: Path) -> Path:
    path = tmp_path / "screen"
    Screen(path)
    return path


def visited(path: Path, visit: Callable[[int], None], seconds: float = 20) -> bool:
    """Serve the token `right123` at a door while somebody visits its port."""

    async def judge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        return await vnc._let_in(reader, writer, "right123")

    door = vncdoor.door("127.0.0.1", str(path), judge, vnc._enter)
    threads: list[threading.Thread] = []

    def ready() -> None:
        threads.append(threading.Thread(target=visit, args=(door.port,)))
        threads[0].start()

    served = door.serve(seconds, ready)
    threads[0].join(20)
    return served


def ask(port: int, token: str) -> str | None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        return viewer.view(line, token)


def test_the_one_with_the_token_sees_the_screen(screen: Path) -> None:
    seen: list[str | None] = []

    def visit(port: int) -> None:
        silent = socket.create_connection(("127.0.0.1", port))
        seen.append(ask(port, "wrong123"))
        seen.append(ask(port, "right123"))
        silent.close()

    assert visited(screen, visit)
    assert seen == [None, "one 720x400 5000"]


def test_who_guesses_shuts_the_door(screen: Path) -> None:
    seen: list[str | None] = []

    def visit(port: int) -> None:
        seen.extend(ask(port, f"wrong{number}") for number in range(3))
        with pytest.raises((OSError, EOFError)):
            ask(port, "right123")
        seen.append("shut")

    assert not visited(screen, visit)
    assert seen == [None, None, None, "shut"]


def test_nobody_comes_in_time(screen: Path) -> None:
    assert not visited(screen, lambda port: None, seconds=0.2)
