# SPDX-License-Identifier: Apache-2.0
"""A rack's server as people start it, in a process of its own, and machines that speak with it as real ones do."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Protocol

from appliance import flow
from appliance.host.playback import recorded
from appliance.installer import fetch
from appliance.pxe import client
from appliance.pxe.rack import Rack

TESTS = Path(__file__).parents[1]
REPO = TESTS.parent


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def source(folder: Path, size: int) -> Path:
    """A build's folder `pxe`, with bytes that no link can make shorter."""
    folder.mkdir(parents=True)
    image = random.Random(1).randbytes(size)
    (folder / "trivet.squashfs").write_bytes(image)
    facts = {"version": "0.1.0", "size": size, "sha256": hashlib.sha256(image).hexdigest()}
    (folder / "image.json").write_text(json.dumps(facts) + "\n")
    for name in ("vmlinuz", "initrd.img"):
        (folder / name).write_bytes(name.encode() * 1000)
    boot = folder / "boot"
    boot.mkdir()
    for name in ("shimx64.efi", "grubx64.efi", "mmx64.efi", "grub.0"):
        (boot / name).write_bytes(name.encode() * 10_000)
    return folder


class Server:
    """`trivet pxe serve` for the rack `two-kinds`, on loopback unless `words` and `prefix` say otherwise."""

    def __init__(self, folder: Path, size: int = 2**20, machines: int = 0) -> None:
        self.folder = folder
        self.rack = folder / "rack"
        shutil.copytree(TESTS / "racks" / "two-kinds", self.rack)
        if machines:
            lines = [f"n{i},,{mac(i)},10.1.{i // 250}.{i % 250 + 1}/16,10.1.255.254" for i in range(machines)]
            (self.rack / "machines.csv").write_text("\n".join(["name,serial,mac,address,gateway", *lines]) + "\n")
        self.source = source(folder / "pxe", size)
        self.http, self.https = free_ports(2)
        self.host = "127.0.0.1"
        self.process: subprocess.Popen[str] | None = None
        self.fingerprint = ""

    @property
    def board(self) -> Path:
        return self.folder / "state" / "board.sock"

    def command(self) -> list[str]:
        return [
            sys.executable, "-m", "appliance.cli.main", "pxe", "serve", str(self.rack), "--source", str(self.source),
            "--state", str(self.folder / "state"), "--interface", "lo", "--address", "127.0.0.1", "--dhcp", "off",
            "--http-port", str(self.http), "--https-port", str(self.https),
        ]  # fmt: skip

    def start(self) -> Server:
        self.process = subprocess.Popen(
            self.command(), cwd=REPO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ}
        )
        assert self.process.stdout
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("Certificate sha256:"):
                self.fingerprint = line.partition("sha256:")[2].partition(";")[0]
                return self
        raise AssertionError("".join(said))

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As Ctrl+C does; the exit code."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.process and self.process.stdout:
            self.process.stdout.close()

    def now(self) -> Rack:
        return client.rack(self.board)

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        return self.request("GET", path, headers=headers)

    def request(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        return request(self.host, self.http, method, path, body, headers)


def request(  # noqa: PLR0917 - what a request is
    host: str, port: int, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> Any:
    """Status, body, headers."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read(), dict(response.headers)
    finally:
        connection.close()


def mac(number: int) -> str:
    return f"52:54:01:{number >> 16:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def inventory(port: str, serial: str = "", name: str = "small-bios") -> dict[str, Any]:
    """A recorded machine with this port and this serial number: one that stands in no other place of the rack."""
    found = flow.inspect(recorded(TESTS / "machines" / name)).model_dump(mode="json")
    found["nics"][0]["mac"] = port
    found["machine"]["dmi"]["serial"] = serial
    return found


class Reached(Protocol):
    """Where a machine finds its server."""

    host: str
    https: int
    fingerprint: str

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]: ...


class Machine:
    """One that starts over the network, as far as the server sees of it."""

    def __init__(self, server: Reached, port: str, document: dict[str, Any]) -> None:
        self.server, self.mac, self.document = server, port, document
        self.arguments: dict[str, str] = {}
        self.answer = ""

    def boot(self) -> str:
        """Ask for the menu, as GRUB or iPXE does; what it says."""
        kind = "grub.cfg" if int(self.mac[-1], 16) % 2 else "boot.ipxe"
        status, text, _ = self.server.get(f"/boot/{self.mac}/{kind}")
        assert status == 200, status
        line = next((each for each in text.decode().splitlines() if "trivet.mode=" in each), "")
        self.arguments = dict(word.partition("=")[::2] for word in line.split())
        return text.decode()

    def fetch(self, size: int) -> str:
        """The image in pieces, as a link that breaks has it fetched; its SHA-256."""
        digest, at, path = hashlib.sha256(), 0, f"/boot/{self.mac}/trivet.squashfs"
        while at < size:
            end = min(size, at + size // 3 + 1)
            status, data, headers = self.server.get(path, Range=f"bytes={at}-{end - 1}")
            assert status == 206
            assert headers["Content-Range"] == f"bytes {at}-{end - 1}/{size}"
            digest.update(data)
            at += len(data)
        return digest.hexdigest()

    def post(self, what: str, body: str, token: str | None = None) -> str:
        return fetch.post(
            f"https://{self.server.host}:{self.server.https}/{what}", body, pinned=self.server.fingerprint,
            token=self.arguments["trivet.answer.token"] if token is None else token,
        )  # fmt: skip

    def ask(self) -> str:
        self.answer = self.post("answer", json.dumps(self.document))
        return self.answer

    def tell(self, *events: dict[str, Any]) -> None:
        self.post("report", json.dumps(events))


def together(count: int, work: Any) -> tuple[float, list[float]]:
    """Do `work(number)` in threads at once: how long all took, and each. The first error is raised."""
    times, errors = [0.0] * count, []

    def one(number: int) -> None:
        begun = time.monotonic()
        try:
            work(number)
        except Exception as error:
            errors.append(error)
        times[number] = time.monotonic() - begun

    threads = [threading.Thread(target=one, args=[number]) for number in range(count)]
    begun = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return time.monotonic() - begun, times
