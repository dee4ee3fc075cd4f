# SPDX-License-Identifier: Apache-2.0
"""A switch's port that carries one VLAN tagged, and nothing else: between a machine's cable and a switch of the lab.

Not by this host's kernel, which may know no VLANs: frames are tagged and untagged here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

_TUNSETIFF, _TAP, _PLAIN = 0x400454CA, 0x0002, 0x1000
_TAGGED = b"\x81\x00"
_LONGEST = 65536
_AT = 12
"""Where a frame says what it is, behind its two addresses."""


def tag(frame: bytes, vlan: int) -> bytes:
    """With a tag. Pure."""
    return frame[:_AT] + _TAGGED + struct.pack("!H", vlan) + frame[_AT:]


def untag(frame: bytes, vlan: int) -> bytes:
    """Without it; nothing for a frame that has no tag, or another one. Pure."""
    if frame[_AT : _AT + 2] != _TAGGED or int.from_bytes(frame[_AT + 2 : _AT + 4], "big") & 0xFFF != vlan:
        return b""
    return frame[:_AT] + frame[_AT + 4 :]


@contextlib.contextmanager
def tagged(cable: tuple[Path, Path], tap: str, vlan: int) -> Iterator[list[bytes]]:
    """For as long as the block lasts; the frames that came without this VLAN's tag, which go nowhere."""
    here, there = cable
    lost: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as port:
        port.bind(str(here))
        end = os.open("/dev/net/tun", os.O_RDWR)
        try:
            fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", tap.encode(), _TAP | _PLAIN))

            def up() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        frame = port.recv(_LONGEST)
                        if plain := untag(frame, vlan):
                            os.write(end, plain)
                        else:
                            lost.append(frame)

            def down() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        frame = os.read(end, _LONGEST)
                        with contextlib.suppress(OSError):  # the machine is off
                            port.sendto(tag(frame, vlan), str(there))

            for work in (up, down):
                threading.Thread(target=work, daemon=True).start()
            yield lost
        finally:
            os.close(end)
