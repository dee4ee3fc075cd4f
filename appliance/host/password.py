# SPDX-License-Identifier: Apache-2.0
"""Hash a password as the image's own libcrypt does (yescrypt), and compare. In the library: no argument list ever holds one.

Python has no crypt module from 3.13 on; libxcrypt is on every Debian, since PAM and login need it.
"""

import ctypes
import hmac

from appliance.errors import ApplianceError

_METHODS = (b"$y$", b"$6$")
"""yescrypt, and SHA-512 where a libcrypt is too old for it."""


def _library() -> ctypes.CDLL:
    for name in ("libcrypt.so.1", "libcrypt.so.2"):  # Debian's, and that of distributions without the oldest functions
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    raise ApplianceError("there is no libcrypt on this machine", "use Linux with libxcrypt, such as Debian")


def hashed(password: str) -> str:
    """The crypt(5) hash with a new salt; about 50 ms. ApplianceError where there is no usable libcrypt."""
    library = _library()
    for function in (library.crypt, library.crypt_gensalt):
        function.restype = ctypes.c_char_p
    library.crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    library.crypt_gensalt.argtypes = (ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int)
    for method in _METHODS:
        salt: bytes | None = library.crypt_gensalt(method, 0, None, 0)
        found: bytes | None = library.crypt(password.encode(), salt) if salt else None
        if found and found.startswith(method):
            return found.decode()
    raise ApplianceError("this machine's libcrypt knows neither yescrypt nor SHA-512", "use a libxcrypt of 4.4 or later")


def matches(password: str, field: str) -> bool:
    """Is it the password of this field of /etc/shadow? Never for a field that no password opens; about 50 ms."""
    if not field.startswith("$") or "\0" in password:
        return False
    library = _library()
    library.crypt.restype = ctypes.c_char_p
    library.crypt.argtypes = (ctypes.c_char_p, ctypes.c_char_p)
    found: bytes | None = library.crypt(password.encode(), field.encode())
    return found is not None and hmac.compare_digest(found, field.encode())
