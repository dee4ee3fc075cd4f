# SPDX-License-Identifier: Apache-2.0
"""Every kind of firmware asks the real dnsmasq on a wire of its own, and gets what it can start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.rackserver import Server

CLIENT = Path(__file__).with_name("dhcpclient.py")


class Wire:
    """Two network namespaces and a cable: the server is at one end, machines at the other. They go with this process."""

    def __init__(self, ends: tuple[str, str] = ("10.0.0.1/24", "10.0.0.50/24")) -> None:
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sleep", "infinity"]
        self.ends = [subprocess.Popen(words) for _ in range(2)]
        own = os.readlink("/proc/self/ns/net")
        while any(os.readlink(f"/proc/{end.pid}/ns/net") == own for end in self.ends):
            time.sleep(0.01)
        here, there = (str(end.pid) for end in self.ends)
        self._do("ip", "link", "add", "rack", "netns", here, "type", "veth", "peer", "name", "port", "netns", there)
        for end, name, address in zip(self.ends, ("rack", "port"), ends, strict=True):
            self._do(*self.inside(end), "ip", "address", "add", address, "dev", name)
            self._do(*self.inside(end), "ip", "link", "set", name, "up")

    @staticmethod
    def inside(end: subprocess.Popen[bytes]) -> list[str]:
        return ["nsenter", "--target", str(end.pid), "--net"]

    @staticmethod
    def _do(*words: str) -> None:
        subprocess.run(words, check=True)

    def firmware(self, architecture: int, vendor: str = "PXEClient", ipxe: bool = False, file: str = "") -> dict[str, Any]:
        words = [sys.executable, str(CLIENT), "port", str(architecture), vendor, "ipxe" if ipxe else "-", *file.split()]
        done = subprocess.run([*self.inside(self.ends[1]), *words], check=True, capture_output=True, text=True, timeout=60)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def close(self) -> None:
        for end in self.ends:
            end.kill()
            end.wait()


class OnWire(Server):
    def __init__(self, folder: Path, wire: Wire, dhcp: str, size: int = 2**20, machines: int = 0) -> None:
        super().__init__(folder, size, machines)
        self._wire, self._dhcp = wire, dhcp

    def command(self) -> list[str]:
        words = super().command()
        for option, value in (("--interface", "rack"), ("--address", "10.0.0.1"), ("--dhcp", self._dhcp), ("--http-port", "80")):
            words[words.index(option) + 1] = value
        return [*Wire.inside(self._wire.ends[0]), *words]


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.close()


def test_a_wire_of_its_own(tmp_path: Path, wire: Wire) -> None:
    with OnWire(tmp_path, wire, "10.0.0.100-10.0.0.120") as server:
        bios = wire.firmware(0, file="grub/grub.cfg")
        assert (bios["file"], bios["server"]) == ("grub.0", "10.0.0.1")
        assert bios["address"].startswith("10.0.0.1")
        assert "configfile" in bios["text"]
        uefi = wire.firmware(7, file="shimx64.efi")
        assert (uefi["file"], uefi["server"]) == ("shimx64.efi", "10.0.0.1")
        assert uefi["text"].startswith("shimx64.efi")
        http = wire.firmware(16, "HTTPClient")
        assert http["file"] == "http://10.0.0.1/shimx64.efi"
        assert bytes.fromhex(http["options"]["60"]) == b"HTTPClient"
        for architecture in (0, 7):
            assert wire.firmware(architecture, ipxe=True)["file"] == "http://10.0.0.1/boot.ipxe"
        assert not {"3", "6"} & bios["options"].keys(), "a wire of its own leads nowhere"
        assert server.process
        before = children(server.process.pid)
        assert any(Path(f"/proc/{pid}/comm").read_text() == "dnsmasq\n" for pid in before)
        server.kill()
        end = time.monotonic() + 10
        while left := [pid for pid in before if runs(pid)]:
            assert time.monotonic() < end, f"dnsmasq goes with a server that was killed: {left}"
            time.sleep(0.1)


def test_beside_another_dhcp_server(tmp_path: Path, wire: Wire) -> None:
    with OnWire(tmp_path, wire, "proxy"):
        for architecture, file in ((0, "grub.0"), (7, "shimx64.efi")):
            found = wire.firmware(architecture)
            assert found["address"] in ("0.0.0.0", "10.0.0.50"), "addresses are the other server's"
            assert bytes.fromhex(found["options"]["60"]) == b"PXEClient"
            assert found["file"] == file
        assert wire.firmware(0, ipxe=True)["file"] == "http://10.0.0.1/boot.ipxe"
        assert wire.firmware(7, ipxe=True)["file"] == "http://10.0.0.1/boot.ipxe"


def test_another_server_on_the_wire_is_named(tmp_path: Path, wire: Wire) -> None:
    """A real dnsmasq at the other end, that nobody has told us of: on a wire of our own, and beside the one that is expected."""
    options = [
        "--port=0",
        "--interface=port",
        "--bind-interfaces",
        "--dhcp-range=10.0.0.60,10.0.0.70",
        "--dhcp-boot=evil.0,,10.0.0.50",
    ]
    files = ["--conf-file=/dev/null", f"--dhcp-leasefile={tmp_path}/rogue", "--pid-file", "--user=root", "--keep-in-foreground"]
    rogue = subprocess.Popen([*Wire.inside(wire.ends[1]), "setpriv", "--pdeathsig", "KILL", "dnsmasq", *options, *files])
    try:
        with OnWire(tmp_path, wire, "10.0.0.100-10.0.0.120") as server:
            end = time.monotonic() + 90
            while not (found := server.now().warnings):
                assert time.monotonic() < end
                time.sleep(0.5)
        said = "the DHCP server 10.0.0.50 tells machines to start evil.0, and not what is served here"
        assert found == (f"{said}; take that out of it, or switch it off",)
    finally:
        rogue.kill()
        rogue.wait()


def children(pid: int) -> list[int]:
    """All below a process."""
    own = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [*own, *(below for each in own for below in children(each))]


def runs(pid: int) -> bool:
    """Is it more than a name that nobody has taken off the list yet?"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
