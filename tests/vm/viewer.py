# SPDX-License-Identifier: Apache-2.0
"""A VNC viewer for stories: `viewer.py ADDRESS PORT TOKEN` prints the screen's name, its size, and how much it was sent of it.

It ends with 2 when it is not let in, and with 3 when nobody listens. Written by the protocol (RFC 6143), not with our code.
"""

from __future__ import annotations

import socket
import struct
import sys

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

_REFUSED, _NOBODY = 2, 3


def take(line: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = line.recv(size - len(found))
        if not part:
            raise EOFError
        found += part
    return found


def encrypted(challenge: bytes, token: str) -> bytes:
    key = bytes(sum((byte >> bit & 1) << (7 - bit) for bit in range(8)) for byte in token.encode().ljust(8, b"\0"))
    return Cipher(TripleDES(key * 3), modes.ECB()).encryptor().update(challenge)


def view(line: socket.socket, token: str) -> str | None:
    """None when it is not let in."""
    assert take(line, 12) == b"RFB 003.008\n"
    line.sendall(b"RFB 003.008\n")
    assert list(take(line, take(line, 1)[0])) == [2]
    line.sendall(b"\x02")
    line.sendall(encrypted(take(line, 16), token))
    if take(line, 4) != b"\0\0\0\0":
        return None
    line.sendall(b"\x01")
    width, height = struct.unpack(">HH", take(line, 4))
    take(line, 16)
    name = take(line, struct.unpack(">I", take(line, 4))[0]).decode()
    line.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, width, height))
    sent = len(take(line, 5000))
    return f"{name} {width}x{height} {sent}"


if __name__ == "__main__":
    try:
        with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20) as connection:
            told = view(connection, sys.argv[3])
    except (OSError, EOFError) as error:
        print(error)
        sys.exit(_NOBODY)
    print(told or "not let in")
    sys.exit(0 if told else _REFUSED)
