# SPDX-License-Identifier: Apache-2.0
"""The first bytes of RFB (RFC 6143), in which a viewer is let in or not. Pure.

A one-time token is asked as VNC's password is: by a challenge that the viewer encrypts with it. Every viewer can do that, those
in browsers and on telephones, too, and so a token has the eight characters that such a password has. It is good for one viewer,
a minute and three wrong answers; what it lets in is not encrypted, so it is for the management plane or through SSH. TLS
(VeNCrypt) would be encrypted, for the few viewers that know it.

QEMU itself lets in whoever reaches its socket, and that is root alone. So no password is ever its own: one that is set there by
QMP would be the VM's until it is set again, and anybody who came within the minute could use it.
"""

import re
import secrets
import string
from collections.abc import Iterable

VERSION = b"RFB 003.008\n"
NONE, PASSWORD = 1, 2
"""Security types: nothing, and a challenge."""
CHALLENGE = 16
TOKEN = 8
"""Characters: VNC's passwords have no more."""
_WORD = b"\0\0\0"
OK, FAILED = _WORD + b"\0", _WORD + b"\x01"
REASON = b"the token is wrong, was used, or is too old"
_OLD = 7
"""The minor version from which on a viewer chooses among security types."""
_REASONED = 8
"""And from which on it is told why not."""


def token() -> str:
    """One that nobody has had. Letters and digits that are not taken for one another."""
    signs = sorted(set(string.ascii_letters + string.digits) - set("0O1lI"))
    return "".join(secrets.choice(signs) for _ in range(TOKEN))


def minor(version: bytes) -> int:
    """Of a viewer's version of the protocol; 0 for what is none."""
    found = re.fullmatch(rb"RFB 003\.(\d{3})\n", version)
    return int(found[1]) if found else 0


def offer(viewer: int) -> bytes:
    """What it is offered: the challenge. Old viewers are told so, others choose."""
    return _WORD + bytes([PASSWORD]) if viewer < _OLD else bytes([1, PASSWORD])


def chooses(viewer: int) -> bool:
    """Does it say which type it takes?"""
    return viewer >= _OLD


def refusal(viewer: int) -> bytes:
    """The answer to who was wrong."""
    return FAILED + (len(REASON).to_bytes(4, "big") + REASON if viewer >= _REASONED else b"")


def response(challenge: bytes, password: str) -> bytes:
    """What a viewer with this password answers: the challenge in DES, each byte of the key turned round as VNC does."""
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES  # noqa: PLC0415 - 50 ms
    from cryptography.hazmat.primitives.ciphers import Cipher, modes  # noqa: PLC0415 - the same

    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:TOKEN].ljust(TOKEN, b"\0"))
    encryptor = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
    return encryptor.update(challenge) + encryptor.finalize()


def right(challenge: bytes, answer: bytes, password: str) -> bool:
    """Did it have the token? In a time that says nothing."""
    return secrets.compare_digest(response(challenge, password), answer)


def offered(types: Iterable[int]) -> bool:
    """Does QEMU let in who comes to its socket?"""
    return NONE in types
