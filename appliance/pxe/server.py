# SPDX-License-Identifier: Apache-2.0
"""HTTP for a rack, by the standard library: a thread for each connection, and the kernel's own sendfile for the image.

No web framework is faster at this: each of hundreds of connections waits in sendfile(2), outside of Python's lock, for the link
to carry more. Three servers, one for each kind of asker:

- `Boot`, plain HTTP: boot loaders, menus, kernel, initrd, image, all by GET, with ranges. Nothing in it is a secret but the
  credential in a machine's own menu.
- `Answers`, HTTPS: an inventory or events are POSTed, with a credential. Whoever has none gets an empty refusal.
- `Board`, a socket in the file system that only root may open: the board, and what is said there.
"""

import contextlib
import json
import os
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

from appliance.pxe import menus
from appliance.pxe.boards import shown
from appliance.pxe.desk import Desk, Reply, mac_of
from appliance.pxe.menus import IMAGE, Place
from appliance.pxe.source import Piece, Source

_AT_ONCE = 3000
"""Connections. Whoever comes when there are more is sent away at once, and comes again."""
_BODY = 4 * 2**20
"""Bytes that a machine may send. The inventory of a server with a hundred disks has 75 kB."""
_IDLE = 60.0
_PART = 8 * 2**20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_OK, _PARTIAL, _WRONG, _ABSENT, _LENGTH, _LARGE, _UNSATISFIABLE = 200, 206, 400, 404, 411, 413, 416


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """`handle` of a connection is in a thread of its own, TLS's handshake too."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 1024

    def __init__(self, address: Any, handler: type["_Handler"], desk: Desk, **more: Any) -> None:
        self.desk, self.more = desk, more
        self._room = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(_IDLE)
        if context := self.more.get("tls"):
            request = context.wrap_socket(request, server_side=True)
        super().finish_request(request, client_address)
        if context:
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Machines are switched off in mid-stream all the time; that is no error of ours."""

    def start(self) -> None:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True, name=type(self).__name__).start()

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "trivet", ""
    server: _Server

    @property
    def _address(self) -> str:
        return str(self.client_address[0]) if isinstance(self.client_address, tuple) else "the board"

    def log_message(self, *_: object) -> None:
        """What matters is in the journal."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """No page for a person: there is none."""
        with contextlib.suppress(OSError):
            self.close_connection = True
            self._text(code, "")

    def _text(self, status: int, text: str, kind: str = "text/plain; charset=utf-8") -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes | None:
        """What was sent; None when it is refused, and said so."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or len(length) > len(str(_BODY)):
            self.send_error(_LARGE if length.isdecimal() else _LENGTH)
            return None
        if int(length) > _BODY:
            self.send_error(_LARGE)
            return None
        data = self.rfile.read(int(length))
        return data if len(data) == int(length) else None


class _Boot(_Handler):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        texts: Mapping[str, str] = self.server.more["texts"]
        source: Source = self.server.more["source"]
        if path in texts:
            self._text(_OK, texts[path])
        elif path.startswith("/boot/"):
            self._own(*path.removeprefix("/boot/").partition("/")[::2])
        elif (piece := source.pieces.get(path[1:])) and path[1:] not in _FETCHED:
            self._piece(piece, None)
        else:
            self.send_error(_ABSENT)

    def _own(self, name: str, file: str) -> None:
        """What is a machine's own: its menus, and the image, of which we count how much it has."""
        source: Source = self.server.more["source"]
        mac = mac_of(name)
        if not mac:
            self.send_error(_ABSENT)
        elif file in _MENUS:
            self._menu(mac, *_MENUS[file])
        elif file in _FETCHED:
            self._piece(source.pieces[file], mac if file == IMAGE else None)
        else:
            self.send_error(_ABSENT)

    def _menu(self, mac: str, install: Callable[[Place, str, str, str], str], local: Callable[[], str]) -> None:
        token = self.server.desk.begin(mac, self._address) if self.command == "GET" else ""
        if token is not None:
            self._text(_OK, install(self.server.more["place"], mac, token, self.server.more["source"].sha256))
        elif self.server.desk.installed(mac):
            self._text(_OK, local())
        else:
            self.send_error(_ABSENT)

    def _piece(self, piece: Piece, mac: str | None) -> None:
        tag = f'"{self.server.more["source"].sha256[:32]}-{piece.size}"'
        asked = self.headers.get("Range", "").strip() if self.headers.get("If-Range", tag) == tag else ""
        asked = asked if _RANGE.fullmatch(asked) and asked != "bytes=-" else ""
        found = part(asked, piece.size)
        if found is None:
            self.send_response(_UNSATISFIABLE)
            self.send_header("Content-Range", f"bytes */{piece.size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        begin, end = found
        self.send_response(_PARTIAL if asked else _OK)
        for header, value in (("ETag", tag), ("Accept-Ranges", "bytes"), ("Content-Type", "application/octet-stream")):
            self.send_header(header, value)
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{end - 1}/{piece.size}")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if self.command != "HEAD":
            self._send(piece, begin, end, mac)

    def _send(self, piece: Piece, begin: int, end: int, mac: str | None) -> None:
        self.wfile.flush()
        started = time.monotonic()
        with piece.path.open("rb", buffering=0) as file:
            for at in range(begin, end, _PART):
                count = min(_PART, end - at)
                if self.connection.sendfile(file, piece.offset + at, count) != count:
                    raise OSError(f"{piece.path} has become shorter")
                if mac:
                    rate = round((at + count - begin) / max(time.monotonic() - started, 1e-3))
                    self.server.desk.move(mac, at + count, piece.size, rate)


_FETCHED = ("vmlinuz", "initrd.img", "image.json", IMAGE)
_MENUS = {"grub.cfg": (menus.grub_install, menus.grub_local), "boot.ipxe": (menus.ipxe_install, menus.ipxe_local)}


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


class _Answers(_Handler):
    _PLACES: ClassVar = {"/answer": Desk.ask, "/report": Desk.tell}

    def do_POST(self) -> None:
        what = self._PLACES.get(self.path)
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        body = self._body()  # also where nothing is: who is cut off while sending hears no refusal
        if body is None:
            self.close_connection = True
            return
        if what is None:
            self.send_error(_ABSENT)
            return
        reply: Reply = what(self.server.desk, token if kind == "Bearer" else "", body, self._address)
        self._text(reply.status, reply.text)


class _Board(_Handler):
    def do_GET(self) -> None:
        if self.path != "/rack":
            self.send_error(_ABSENT)
            return
        self._json(shown(self.server.desk.rack))

    def do_POST(self) -> None:
        body = self._body()
        try:
            wish = json.loads(body or b"")
            named, template = [mac_of(name) for name in wish["machines"]], str(wish.get("template", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.send_error(_WRONG)
            return
        if self.path == "/approve":
            self._json({"machines": self.server.desk.approve(named, template)})
        elif self.path == "/again":
            self._json({"machines": self.server.desk.again(named)})
        else:
            self.send_error(_ABSENT)

    def _json(self, what: object) -> None:
        self._text(_OK, json.dumps(what, ensure_ascii=False), "application/json")


class Boot(_Server):
    def __init__(self, address: tuple[str, int], desk: Desk, source: Source, place: Place) -> None:
        first = {"/grub/grub.cfg": menus.grub_first(place), "/boot.ipxe": menus.ipxe_first(place)}
        super().__init__(address, _Boot, desk, source=source, place=place, texts=first)


class Answers(_Server):
    def __init__(self, address: tuple[str, int], desk: Desk, certificate: Path) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(certificate)
        super().__init__(address, _Answers, desk, tls=tls)


class Board(_Server):
    address_family = socket.AF_UNIX

    def __init__(self, path: Path, desk: Desk) -> None:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Board, desk)
        finally:
            os.umask(before)
