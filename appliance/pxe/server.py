# SPDX-License-Identifier: Apache-2.0
"""HTTP for a rack, by the standard library (pxe/web.py). Three servers, one for each kind of asker:

- `Boot`, plain HTTP: boot loaders, menus, kernel, initrd, image, all by GET, with ranges. Nothing in it is a secret but the
  credential in a machine's own menu.
- `Answers`, HTTPS: an inventory or events are POSTed, with a credential. Whoever has none gets an empty refusal.
- `Board`, a socket in the file system that only root may open: the board, and what is said there.

A fourth, `Slot`, is on a node that was installed: it has the image, for other machines of its rack.
"""

import json
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from appliance.pxe import menus
from appliance.pxe.bmc import POWERS
from appliance.pxe.boards import shown
from appliance.pxe.desk import Desk, Reply, mac_of
from appliance.pxe.joins import Joins
from appliance.pxe.menus import IMAGE, Place
from appliance.pxe.peers import PORT
from appliance.pxe.power import Switches
from appliance.pxe.source import Piece, Source
from appliance.pxe.web import ABSENT, BUSY, OK, WRONG, Handler, Server


class _Serving(Server):
    """One with a desk behind it."""

    def __init__(self, address: Any, handler: type["_AtDesk"], desk: Desk, **more: Any) -> None:
        self.desk = desk
        super().__init__(address, handler, **more)


class _AtDesk(Handler):
    server: _Serving


class _Boot(_AtDesk):
    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(self.path.partition("?")[0])  # iPXE writes the colons of a MAC address as %3A
        texts: Mapping[str, str] = self.server.more["texts"]
        source: Source = self.server.more["source"]
        if path in texts:
            self.text(OK, texts[path])
        elif path.startswith("/boot/"):
            self._own(*path.removeprefix("/boot/").partition("/")[::2])
        elif (piece := source.pieces.get(path[1:])) and path[1:] not in _FETCHED:
            self.piece(piece, source.sha256)
        else:
            self.send_error(ABSENT)

    def _own(self, name: str, file: str) -> None:
        """What is a machine's own: its menus, and the image, of which we count how much it has."""
        source: Source = self.server.more["source"]
        mac = mac_of(name)
        if not mac:
            self.send_error(ABSENT)
        elif file in _MENUS:
            self._menu(mac, *_MENUS[file])
        elif file == IMAGE:
            self._image(mac, source)
        elif file in _FETCHED:
            self.piece(source.pieces[file], source.sha256)
            if self.command == "GET" and file in _STARTED:
                self.server.desk.load(mac, file)
        else:
            self.send_error(ABSENT)

    def _image(self, mac: str, source: Source) -> None:
        """From here, or from a node that has it."""
        desk = self.server.desk
        peer = desk.peer(mac, source.sha256) if self.command == "GET" else ""
        if peer is None:
            self.send_error(BUSY)  # it comes again, after pauses that grow to 30 s
            return
        if peer:
            self.elsewhere(f"http://{peer}/{IMAGE}")
            return
        self.piece(source.pieces[IMAGE], source.sha256, partial(desk.move, mac))

    def _menu(self, mac: str, install: Callable[[Place, str, str, str], str], local: Callable[[], str]) -> None:
        desk = self.server.desk
        token = desk.begin(mac, self.address) if self.command == "GET" else ""
        if token is not None:
            place = replace(self.server.more["place"], peers=PORT if desk.serve_peers else 0)
            self.text(OK, install(place, mac, token, self.server.more["source"].sha256))
        elif desk.installed(mac):
            self.text(OK, local())
        else:
            self.send_error(ABSENT)


_FETCHED = ("vmlinuz", "initrd.img", "image.json", IMAGE)
_STARTED = ("vmlinuz", "initrd.img")
_MENUS = {"grub.cfg": (menus.grub_install, menus.grub_local), "boot.ipxe": (menus.ipxe_install, menus.ipxe_local)}


class _Slot(Handler):
    def do_GET(self) -> None:
        if self.path == f"/{IMAGE}":
            self.piece(self.server.more["piece"], self.server.more["sha256"])
        else:
            self.send_error(ABSENT)


class _Answers(_AtDesk):
    def do_POST(self) -> None:
        what: Callable[[str, bytes, str], Reply] | None = self.server.more["places"].get(self.path)
        kind, _, token = self.headers.get("Authorization", "").partition(" ")
        body = self.body()  # also where nothing is: who is cut off while sending hears no refusal
        if body is None:
            self.close_connection = True
            return
        if what is None:
            self.send_error(ABSENT)
            return
        reply = what(token if kind == "Bearer" else "", body, self.address)
        self.text(reply.status, reply.text)


class _Board(_AtDesk):
    def do_GET(self) -> None:
        if self.path != "/rack":
            self.send_error(ABSENT)
            return
        self._json(shown(self.server.desk.rack))

    def do_POST(self) -> None:
        body = self.body()
        try:
            wish = json.loads(body or b"")
            named, template = [mac_of(name) for name in wish["machines"]], str(wish.get("template", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.send_error(WRONG)
            return
        if self.path == "/approve":
            self._json({"machines": self.server.desk.approve(named, template)})
        elif self.path == "/again":
            self._json({"machines": self.server.desk.again(named)})
        elif self.path == "/power" and wish.get("power") in POWERS:
            self._json(self.server.more["switches"].do(named, wish["power"], network=wish.get("network") is True))
        else:
            self.send_error(ABSENT)

    def _json(self, what: object) -> None:
        self.text(OK, json.dumps(what, ensure_ascii=False), "application/json")


class Boot(_Serving):
    def __init__(self, address: tuple[str, int], desk: Desk, source: Source, place: Place) -> None:
        first = {"/grub/grub.cfg": menus.grub_first(place), "/boot.ipxe": menus.ipxe_first(place)}
        super().__init__(address, _Boot, desk, source=source, place=place, texts=first)


class Answers(_Serving):
    def __init__(self, address: tuple[str, int], desk: Desk, certificate: Path, joins: Joins) -> None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        tls.load_cert_chain(certificate)
        places = {"/answer": desk.ask, "/report": desk.tell, "/record": desk.keep, **joins.places()}
        super().__init__(address, _Answers, desk, tls=tls, places=places)


class Board(_Serving):
    address_family = socket.AF_UNIX

    def __init__(self, path: Path, desk: Desk, switches: Switches) -> None:
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            super().__init__(str(path), _Board, desk, switches=switches)
        finally:
            os.umask(before)


class Slot(Server):
    """The image of a node, for whoever asks: nothing in it is a secret."""

    def __init__(self, address: tuple[str, int], piece: Piece, sha256: str) -> None:
        super().__init__(address, _Slot, piece=piece, sha256=sha256)
