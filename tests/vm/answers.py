# SPDX-License-Identifier: Apache-2.0
"""The answers that a machine is installed by: as text, as a volume, over HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.vm import images

LABEL = "TRIVET-SPEC"
HOST = "10.0.2.2"
"""This host, as a guest on the user network sees it."""
PASSWORD = "trivet-lab-1"
PASSWORD_HASH = "$6$trivetlab$T75PfcPthboHyXqNDUKwDbGEMr1FCk/64iKQNtfW4Se4N8eoL2h25WDCcze/C3s1MRGilygQUlS8H2xHrEbRp/"


def spec(key: str, name: str = "n1", *, mac: str = "52:54:00:00:00:01", **changes: Mapping[str, Any]) -> dict[str, Any]:
    """A node on the user network, with the lab's key. `changes` are merged in, part by part."""
    document: dict[str, Any] = {
        "version": 1,
        "node": {"name": name, "timezone": "Asia/Shanghai"},
        "admin": {"password_hash": PASSWORD_HASH, "ssh": {"enabled": True, "authorized_keys": [key]}},
        "install": {"disk": {"count": 1}, "then": "poweroff"},
        "network": {"planes": {"management": {"nics": [{"mac": mac}], "address": "dhcp"}}},
    }
    for part, change in changes.items():
        document[part] = {**document.get(part, {}), **change}
    return document


def text(document: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(document), sort_keys=False)


def volume(file: Path, document: Mapping[str, Any], kind: str = "fat") -> Path:
    make = images.fat_volume if kind == "fat" else images.iso_volume
    return make(file, {"spec.yaml": text(document)}, LABEL)


class Answers:
    """An HTTP server for guests; `asked` is what was requested of it. Anything but its replies is a 404."""

    def __init__(self, replies: Mapping[str, str], status: int = 200) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))  # the machine's inventory
                asked.append(self.path)
                body = replies.get(self.path.partition("?")[0])
                self.send_response(status if body is not None else 404)
                self.send_header("Content-Length", str(len((body or "").encode())))
                self.end_headers()
                self.wfile.write((body or "").encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        return _run(self._server)

    def __exit__(self, *_: object) -> None:
        _stop(self._server)


@contextmanager
def files(folder: Path) -> Iterator[str]:
    """A folder's files, for guests; the address of it."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    yield _run(server)
    _stop(server)


def _run(server: ThreadingHTTPServer) -> str:
    threading.Thread(target=server.serve_forever, daemon=True, name="answers").start()
    return f"http://{HOST}:{server.server_address[1]}"


def _stop(server: ThreadingHTTPServer) -> None:
    server.shutdown()
    server.server_close()
