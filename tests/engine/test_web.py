# SPDX-License-Identifier: Apache-2.0
"""What our servers share: so many connections at once and no more, none idle for ever, and nobody waits for who stalls."""

from __future__ import annotations

import socket
import socketserver
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.host.web import Threaded


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(self.rfile.readline())


class Small(Threaded):
    at_once, idle = 2, 1.0


class Patient(Threaded):
    """Whoever stalls it holds it for longer than the test lasts; one that has gone may not have been noticed yet."""

    at_once, idle = 20, 30.0


@pytest.fixture
def server() -> Iterator[Small]:
    made = Small(("127.0.0.1", 0), Echo)
    made.start()
    yield made
    made.stop()


def echoed(server: Small) -> bytes:
    with socket.create_connection(server.server_address, timeout=10) as line:
        line.sendall(b"hello\n")
        try:
            return line.recv(100)
        except ConnectionResetError:
            return b""


def test_who_comes_when_it_is_full_is_sent_away_and_comes_again(server: Small) -> None:
    held = [socket.create_connection(server.server_address, timeout=10) for _ in range(2)]
    time.sleep(0.3)
    assert echoed(server) == b""
    held[0].sendall(b"first\n")
    assert held[0].recv(100) == b"first\n"
    time.sleep(0.3)
    assert echoed(server) == b"hello\n"
    begun = time.monotonic()
    assert held[1].recv(100) == b"", "who says nothing is ended"
    assert time.monotonic() - begun < 5
    for line in held:
        line.close()


def test_a_stalled_handshake_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*words, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Patient(("127.0.0.1", 0), Echo, context)
    server.start()
    mine = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    mine.check_hostname, mine.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(server.server_address, timeout=10):  # says nothing at all
            begun = time.monotonic()
            for _ in range(5):
                with mine.wrap_socket(socket.create_connection(server.server_address, timeout=10)) as line:
                    line.sendall(b"hello\n")
                    assert line.recv(100) == b"hello\n"
            assert time.monotonic() - begun < 10
    finally:
        server.stop()
