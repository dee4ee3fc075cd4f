# SPDX-License-Identifier: Apache-2.0
"""What the servers of a rack have in common: bodies of bounded size, runs of bytes with ranges.

No web framework is faster at this: each of hundreds of connections waits in sendfile(2), outside of Python's lock, for the link
to carry more.
"""

import contextlib
import re
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

from appliance.host.web import Threaded
from appliance.pxe.source import Piece

_BODY = 4 * 2**20
"""Bytes that a machine may send. The inventory of a server with a hundred disks has 75 kB, its record 270 kB."""
_PART = 8 * 2**20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
OK, PARTIAL, FOUND, WRONG, ABSENT, LENGTH, LARGE, UNSATISFIABLE, BUSY = 200, 206, 302, 400, 404, 411, 413, 416, 503
Moved = Callable[[int, int, int], None]
"""done, total, rate of what is being sent"""


class Server(Threaded):
    """`more` is what its handlers need."""

    request_queue_size = 1024
    at_once, idle, look = 3000, 60.0, 0.1

    def __init__(self, address: Any, handler: type["Handler"], tls: ssl.SSLContext | None = None, **more: Any) -> None:
        self.more = more
        super().__init__(address, handler, tls)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "trivet", ""
    server: Server

    @property
    def address(self) -> str:
        return str(self.client_address[0]) if isinstance(self.client_address, tuple) else "the board"

    def log_message(self, *_: object) -> None:
        """What matters is in the journal."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """No page for a person: there is none."""
        with contextlib.suppress(OSError):
            self.close_connection = True
            self.text(code, "")

    def text(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes | None:
        """What was sent; None when it is refused, and said so."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > len(str(_BODY)):
            self.send_error(LARGE if length.isdecimal() else LENGTH)
            return None
        if int(length) > _BODY:
            self.send_error(LARGE)
            return None
        data = self.rfile.read(int(length))
        return data if len(data) == int(length) else None

    def elsewhere(self, url: str) -> None:
        """It is to be had there."""
        self.send_response(FOUND)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def piece(self, piece: Piece, sha256: str, moved: Moved | None = None) -> None:
        """All of it, or the range that is asked for; `moved` hears how far it is."""
        tag = f'"{sha256[:32]}-{piece.size}"'
        asked = self.headers.get("Range", "").strip() if self.headers.get("If-Range", tag) == tag else ""
        asked = asked if _RANGE.fullmatch(asked) and asked != "bytes=-" else ""
        found = part(asked, piece.size)
        if found is None:
            self.send_response(UNSATISFIABLE)
            self.send_header("Content-Range", f"bytes */{piece.size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin, end = found
        self.send_response(PARTIAL if asked else OK)
        for header, value in (("ETag", tag), ("Accept-Ranges", "bytes"), ("Content-Type", "application/octet-stream")):
            self.send_header(header, value)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{piece.size}")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if self.command != "HEAD":
            self._send(piece, begin, end, moved)

    def _send(self, piece: Piece, begin: int, end: int, moved: Moved | None) -> None:
        self.wfile.flush()
        started = time.monotonic()
        with piece.path.open("rb", buffering=0) as file:
            for at in range(begin, end, _PART):
                count = min(_PART, end - at)
                if self.connection.sendfile(file, piece.offset + at, count) != count:
                    raise OSError(f"{piece.path} has become shorter")
                if moved:
                    rate = round((at + count - begin) / max(time.monotonic() - started, 1e-3))
                    moved(at + count, piece.size, rate)


def part(asked: str, size: int) -> tuple[int, int] | None:
    """Begin and end of what a Range header asks for, all of it for none; None for what is not there. Pure."""
    match = _RANGE.fullmatch(asked)
    if match is None or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        count = min(int(last), size)
        return (size - count, size) if count else None
    if int(first) >= size or (last and int(last) < int(first)):
        return None
    return int(first), min(int(last) + 1, size) if last else size
