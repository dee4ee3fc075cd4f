# SPDX-License-Identifier: Apache-2.0
"""Answers from real servers on this machine's own loopback: what goes over the wire, and each way in which it fails."""

from __future__ import annotations

import hashlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import AnswerError
from appliance.installer import fetch


class Server:
    """`reply` is (status, body, headers); `asked` what came."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.reply: tuple[int, bytes, dict[str, str]] = (200, b"version: 1\n", {})
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.asked.append((self.path, body.decode(), dict(self.headers)))
                status, reply, headers = outer.reply
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.at = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Self-signed, for another name, and long expired: what a rack's answer server has."""
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=elsewhere.example", "-days", "1",
         "-keyout", file.with_suffix(".key"), "-out", file],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + file.with_suffix(".key").read_text())
    return file


@pytest.fixture
def tls(certificate: Path) -> Iterator[Server]:
    made = Server(certificate)
    yield made
    made.close()


def fingerprint(certificate: Path) -> str:
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text().partition("-----BEGIN PRIVATE")[0])
    return hashlib.sha256(der).hexdigest()


def test_the_inventory_goes_and_the_spec_comes(server: Server) -> None:
    assert fetch.post(f"http://{server.at}/answer?rack=7", '{"disks": []}') == "version: 1\n"
    ((path, body, headers),) = server.asked
    assert (path, body) == ("/answer?rack=7", '{"disks": []}')
    assert headers["Content-Type"] == "application/json"


def test_a_pinned_certificate_is_all_that_counts(tls: Server, certificate: Path) -> None:
    assert fetch.post(f"https://{tls.at}/", "{}", pinned=fingerprint(certificate)) == "version: 1\n"


def test_another_certificate_gets_nothing(tls: Server) -> None:
    with pytest.raises(AnswerError, match="another certificate than the pinned one") as caught:
        fetch.post(f"https://{tls.at}/", '{"secret": 1}', pinned="ab" * 32)
    assert not isinstance(caught.value, fetch.TryAgain)
    assert tls.asked == []


def test_without_a_pin_the_certificate_must_be_trusted(tls: Server) -> None:
    with pytest.raises(AnswerError, match=r"is not trusted: .*; pin the server's own certificate"):
        fetch.post(f"https://{tls.at}/", "{}")
    assert tls.asked == []


def test_https_to_a_plain_server(server: Server) -> None:
    with pytest.raises(AnswerError, match="does not speak TLS"):
        fetch.post(f"https://{server.at}/", "{}", pinned="ab" * 32)


@pytest.mark.parametrize(
    ("reply", "said", "again"),
    [
        ((404, b"", {}), "answered 404 Not Found; is the path right", False),
        ((403, b"", {}), "answered 403 Forbidden", False),
        ((503, b"", {}), "answered 503 Service Unavailable", True),
        ((302, b"", {"Location": "https://b/"}), "sends us on to https://b/; give that address", False),
        ((200, b"\xff\xfe", {}), "not UTF-8 text", False),
        ((200, b"x" * (2**20 + 1), {}), "which is no spec", False),
    ],
)
def test_replies_that_are_no_answer(server: Server, reply: tuple[int, bytes, dict[str, str]], said: str, again: bool) -> None:
    server.reply = reply
    with pytest.raises(AnswerError, match=said) as caught:
        fetch.post(f"http://{server.at}/x", "{}")
    assert isinstance(caught.value, fetch.TryAgain) == again


def test_nobody_listens_and_nobody_answers() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        with pytest.raises(fetch.TryAgain, match="cannot be reached: connection refused"):
            fetch.post(f"http://127.0.0.1:{port}/", "{}")
        free.listen()
        with pytest.raises(fetch.TryAgain, match="does not answer in time"):
            fetch.post(f"http://127.0.0.1:{port}/", "{}", timeout=0.3)


@pytest.mark.parametrize("url", ["http:///x", "http://a:port/"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(AnswerError, match=r"names no server|no usable port"):
        fetch.post(url, "{}")
