# SPDX-License-Identifier: Apache-2.0
"""Unit tests have no machine: no command, no connection, no /sys, no /dev.

An audit hook of the interpreter sees every way to do these, whichever library does it. What it raises is a BaseException,
so that no `except Exception` of the tested code swallows it.
"""

import os
import socket
import sys
from collections.abc import Iterator

import pytest


class Barred(BaseException):
    """A unit test reached for the machine that it runs on."""


_COMMANDS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "pty.spawn"}
_NETWORK = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname"}
_FAMILIES = {socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK}
_PATHS = {"open", "os.listdir", "os.scandir"}
_HARMLESS = {"/dev/null", "/dev/urandom", "/dev/shm"}

_armed = False


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _armed:
        return
    opened = event == "socket.__new__" and arguments[1] in _FAMILIES
    if opened or event in _COMMANDS or event in _NETWORK:
        raise Barred(f"{event} {arguments}: a unit test runs no command and opens no connection")
    if event in _PATHS and isinstance(arguments[0], str | bytes):
        path = os.fsdecode(arguments[0])
        if path.startswith(("/sys", "/dev")) and path not in _HARMLESS:
            raise Barred(f"{path}: a unit test does not look at the machine that it runs on")


sys.addaudithook(_hook)


@pytest.fixture(autouse=True)
def no_machine() -> Iterator[None]:
    """For each test, and lifted between them: pytest itself may do what it likes."""
    global _armed  # noqa: PLW0603 - an audit hook stays for ever, so it needs a switch
    _armed = True
    yield
    _armed = False
