# SPDX-License-Identifier: Apache-2.0
"""Ask one name server one question, by hand: the resolver of the system asks whichever of its servers it likes best."""

import ipaddress
import secrets
import socket
import struct

_PORT = 53
_HEADER = struct.Struct("!HHHHHH")
_RECURSION, _RESPONSE = 0x0100, 0x8000
_ROOT, _NS, _IN = b"\0", 2, 1


def question(number: int) -> bytes:
    """Who serves the root? Every server has something to say to that, be it that it does not want to."""
    return _HEADER.pack(number, _RECURSION, 1, 0, 0, 0) + _ROOT + struct.pack("!HH", _NS, _IN)


def is_answer(data: bytes, number: int) -> bool:
    """Is this a server's answer to our question?"""
    if len(data) < _HEADER.size:
        return False
    found, flags, *_ = _HEADER.unpack_from(data)
    return found == number and bool(flags & _RESPONSE)


def ask(server: str, seconds: float = 2.0) -> str:
    """Why a server (an IP address) did not answer, "" when it did. Asked twice: UDP loses things."""
    family = socket.AF_INET if ipaddress.ip_address(server.partition("%")[0]).version == 4 else socket.AF_INET6  # noqa: PLR2004
    for _ in range(2):
        number = secrets.randbits(16)
        with socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.settimeout(seconds)
            try:
                asking.connect(socket.getaddrinfo(server, _PORT, family, socket.SOCK_DGRAM)[0][4])
                asking.send(question(number))
                if is_answer(asking.recv(4096), number):
                    return ""
                reason = "it answers something that is no DNS"
            except TimeoutError:
                reason = f"no answer within {2 * seconds:.0f} s"
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
    return reason
