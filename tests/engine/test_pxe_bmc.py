# SPDX-License-Identifier: Apache-2.0
"""The power of machines: a BMC that speaks real IPMI (ipmi_sim of OpenIPMI, asked by ipmitool), and one that speaks Redfish.

The Redfish BMC is ours, by the schema of ComputerSystem: no maker's was asked yet.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ApplianceError
from appliance.host.live import live
from appliance.pxe import bmc, client
from appliance.pxe.bmc import Access
from appliance.pxe.table import Row
from tests.engine.rackserver import Machine, Server, inventory, mac

SECRET = "s3cret-of-the-bmc"
SIMULATED = pytest.mark.skipif(shutil.which("ipmi_sim") is None, reason="ipmi_sim is in Debian's package openipmi")
CHASSIS = """\
#!/bin/sh
# What ipmi_sim asks of a machine: "get power boot", or "set power 1".
cd "$(dirname "$0")"
shift
what=$1
shift
if [ "$what" = set ]; then echo "$1 $2" >> said; echo "$2" > "$1"; exit; fi
for each in "$@"; do echo "$each:$(cat "$each" 2> /dev/null || echo 0)"; done
"""
LAN = """\
name "bmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 {port}
    priv_limit admin
    allowed_auths_admin none md2 md5 straight
    guid a123456789abcdefa123456789abcdef
  endlan
  chassis_control "{folder}/chassis 0x20"
  user 2 true "rack" "{secret}" admin 10 none md2 md5 straight
"""
EMULATED = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
mc_enable 0x20
"""


class Ipmi:
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            self.port = int(udp.getsockname()[1])
        (folder / "chassis").write_text(CHASSIS)
        (folder / "chassis").chmod(0o755)
        (folder / "lan.conf").write_text(LAN.format(port=self.port, folder=folder, secret=SECRET))
        (folder / "emu").write_text(EMULATED)
        words = ["ipmi_sim", "-c", str(folder / "lan.conf"), "-f", str(folder / "emu"), "-s", str(folder), "-n"]
        self.process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *words], stdin=subprocess.PIPE)
        time.sleep(1)

    @property
    def said(self) -> list[str]:
        path = self.folder / "said"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def ipmi(tmp_path: Path) -> Iterator[Ipmi]:
    made = Ipmi(tmp_path / "bmc")
    yield made
    made.process.terminate()
    made.process.wait(10)


@SIMULATED
def test_from_the_board_to_the_power(tmp_path: Path, ipmi: Ipmi) -> None:
    """A machine that is off is switched on, into the network; its log says so; its password is nowhere."""
    with Server(tmp_path) as server:
        (server.rack / "bmc.txt").write_text(f"rack\n{SECRET}\n")
        (server.rack / "bmc.txt").chmod(0o600)
        row = f"n2,small,,10.0.0.12/24,10.0.0.1,127.0.0.1:{ipmi.port},bmc.txt"
        (server.rack / "machines.csv").write_text(f"name,serial,mac,address,gateway,bmc,bmc_secret\n{row}\n")
        machine = Machine(server, mac(1), inventory(mac(1), "small"))
        machine.boot()
        machine.ask()
        assert client.power(server.board, [machine.mac, mac(77)], "cycle", network=True) == {machine.mac: ""}
        assert ipmi.said == ["boot pxe", "power 1"]
        log = server.now().machines[machine.mac].log
        assert log[-1] == f"its BMC 127.0.0.1:{ipmi.port} says: switched on, and starts from the network next"
        (server.rack / "bmc.txt").chmod(0o644)
        (said,) = client.power(server.board, [machine.mac], "off", network=False).values()
        assert "bmc.txt can be read by others; say: chmod 600" in said
        (server.rack / "bmc.txt").chmod(0o600)
        (server.rack / "bmc.txt").write_text("rack\nwrong\n")
        (said,) = client.power(server.board, [machine.mac], "off", network=False).values()
        assert said
        assert ipmi.said == ["boot pxe", "power 1"]
        for path in (tmp_path / "state").rglob("*"):
            assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


@SIMULATED
def test_off_and_on(tmp_path: Path, ipmi: Ipmi) -> None:
    access = Access("ipmi", f"127.0.0.1:{ipmi.port}", "rack", SECRET)
    assert SECRET not in repr(access)
    assert bmc.switch(live(), access, "off", network=False) == "is off already"
    assert bmc.switch(live(), access, "on", network=False) == "switched on"
    assert bmc.switch(live(), access, "cycle", network=False) == "switched off and on"
    assert ipmi.said[:2] == ["power 1", "power 0"]


class Redfish(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    power = "On"
    asked: list[tuple[str, str, Any]] = []
    systems = 1

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def _reply(self, status: int, what: object) -> None:
        body = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _do(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"null")
        wanted = base64.b64encode(f"rack:{SECRET}".encode()).decode()
        if self.headers["Authorization"] != f"Basic {wanted}":
            self._reply(401, {})
        elif self.path == "/redfish/v1/Systems":
            self._reply(200, {"Members": [{"@odata.id": f"/redfish/v1/Systems/{n}"} for n in range(self.systems)]})
        elif self.command == "GET":
            target = f"{self.path}/Actions/ComputerSystem.Reset"
            self._reply(200, {"PowerState": self.power, "Actions": {"#ComputerSystem.Reset": {"target": target}}})
        else:
            self.asked.append((self.command, self.path, body))
            self._reply(200, {})

    do_GET = do_POST = do_PATCH = _do


@pytest.fixture
def redfish(tmp_path: Path) -> Iterator[tuple[type[Redfish], str, str]]:
    """The BMC, where it is, and the fingerprint of its certificate."""
    pem = tmp_path / "bmc.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=bmc"]
    subprocess.run([*words, "-keyout", str(pem), "-out", str(tmp_path / "crt")], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "crt").read_text())
    made = type("OneRedfish", (Redfish,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pem)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert((tmp_path / "crt").read_text())).hexdigest()
    yield made, f"127.0.0.1:{server.server_address[1]}", fingerprint
    server.shutdown()
    server.server_close()


def test_redfish(redfish: tuple[type[Redfish], str, str]) -> None:
    made, address, fingerprint = redfish
    access = Access("redfish", address, "rack", SECRET, fingerprint)
    assert bmc.switch(live(), access, "cycle", network=True) == "switched off and on"
    system = "/redfish/v1/Systems/0"
    boot = {"Boot": {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}}
    reset = f"{system}/Actions/ComputerSystem.Reset"
    assert made.asked == [("PATCH", system, boot), ("POST", reset, {"ResetType": "ForceRestart"})]
    made.power = "Off"
    assert bmc.switch(live(), access, "off", network=False) == "is off already"
    assert bmc.switch(live(), access, "cycle", network=False) == "switched on"
    assert made.asked[-1] == ("POST", reset, {"ResetType": "On"})


def test_redfish_that_is_not_to_be_trusted_hears_no_password(redfish: tuple[type[Redfish], str, str]) -> None:
    made, address, fingerprint = redfish
    for pinned, said in (("", "is not trusted"), ("ab" * 32, "another certificate than the pinned one")):
        with pytest.raises(ApplianceError, match=said):
            bmc.switch(live(), Access("redfish", address, "rack", SECRET, pinned), "on", network=True)
    with pytest.raises(ApplianceError, match=r"refuses GET /redfish/v1/Systems: 401 .*see the user and password"):
        bmc.switch(live(), Access("redfish", address, "rack", "x", fingerprint), "on", network=True)
    made.systems = 2
    with pytest.raises(ApplianceError, match="has 2 systems, and should have one"):
        bmc.switch(live(), Access("redfish", address, "rack", SECRET, fingerprint), "on", network=True)
    assert made.asked == []


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({}, "machines.csv line 2 has no address of a BMC"),
        ({"bmc": "-o"}, "has no address of a BMC"),
        ({"bmc": "10.9.0.1", "bmc_kind": "smash"}, "smash is no kind of BMC; there are: ipmi, redfish"),
        ({"bmc": "10.9.0.1"}, "names no file with the BMC's user and password"),
        ({"bmc": "10.9.0.1", "bmc_secret": "../other"}, "names no file with the BMC's user and password"),
        ({"bmc": "10.9.0.1", "bmc_secret": "absent"}, "absent cannot be read: No such file"),
        ({"bmc": "10.9.0.1", "bmc_secret": "one"}, "one is no user and password"),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, columns: dict[str, str], said: str) -> None:
    (tmp_path / "one").write_text("rack\n")
    (tmp_path / "one").chmod(0o600)
    with pytest.raises(ApplianceError, match=said):
        bmc.access(Row("machines.csv line 2", columns), tmp_path)
