# SPDX-License-Identifier: Apache-2.0
"""A rack of lab machines on one switch, and the server that installs them, as an operator starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.errors import ApplianceError
from appliance.pxe import client
from appliance.pxe.rack import Machine as Seen
from appliance.pxe.rack import Rack as Board
from tests.vm import answers
from tests.vm.lab import BUILD, REPO, Lab
from tests.vm.machines import SWITCH, Disk, Machine, Nic
from tests.vm.process import LabError, spawn

NETWORK = f"{SWITCH}rack"
RULES = "version: 1\ntable: machines.csv\nrules: [{when: {listed: true}, template: node.yaml.j2}]\n"
TEMPLATE = """\
version: 1
node: {name: "{{ name }}", timezone: Asia/Shanghai}
admin:
  password_hash: "%(hash)s"
  ssh: {enabled: true, authorized_keys: ["%(key)s"]}
install: {disk: {prefer: smallest}}
network:
  planes:
    management: {nics: [{mac: "{{ machine.macs[0] }}"}], address: "{{ address }}", gateway: 10.66.0.1}
"""
CLUSTER = """\
{% if name == "n1" %}
cluster: {create: {name: rack}}
{% else %}
cluster: {join: {address: 10.66.0.11, token_file: /var/lib/trivet/cluster/token}}
{% endif %}
"""
"""The first founds it, at the address that `address` gives it."""


def mac(number: int) -> str:
    return f"52:54:00:66:00:{number:02x}"


def address(number: int) -> str:
    return f"10.66.0.{number + 10}"


def machine(name: str, number: int, firmware: Any = "bios") -> Machine:
    """2 GiB of memory, a blank disk, one port on the rack's switch, and no medium."""
    disks, nics = (Disk(serial=f"SYS{number}"),), (Nic("virtio", mac(number), NETWORK),)
    return Machine(name, firmware, disks=disks, nics=nics, reach=address(number))


class Rack:
    """`trivet pxe serve` on the switch, with the table of these machines; `more` is added to their template."""

    def __init__(self, lab: Lab, machines: dict[str, int], more: str = "") -> None:
        self.lab, self.switch = lab, lab.switch(NETWORK)
        self.folder = lab.folder / "rack"
        (self.folder / "templates").mkdir(parents=True)
        (self.folder / "rack.yaml").write_text(RULES)
        lines = ["name,serial,address", *(f"{name},{name},{address(number)}/24" for name, number in machines.items())]
        (self.folder / "machines.csv").write_text("\n".join(lines) + "\n")
        text = TEMPLATE % {"hash": answers.PASSWORD_HASH, "key": lab.public_key}
        (self.folder / "templates/node.yaml.j2").write_text(text + more)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def state(self) -> Path:
        return self.lab.folder / "pxe"

    def start(self, source: Path = BUILD / "pxe", *more: str) -> Rack:
        words = [
            sys.executable, "-m", "appliance.cli.main", "pxe", "serve", str(self.folder), "--interface", self.switch.name,
            "--source", str(source), "--state", str(self.state), "--dhcp", "10.66.0.100-10.66.0.200", *more,
        ]  # fmt: skip
        os.environ["PYTHONPATH"] = str(REPO)
        self.process = spawn(words, self.lab.folder / "serve.log")
        self.wait("the server", lambda board: board is not None, 120)
        return self

    def kill(self) -> None:
        assert self.process
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def __enter__(self) -> Rack:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def now(self) -> Board:
        return client.rack(self.state / "board.sock")

    def seen(self, number: int) -> Seen:
        return self.now().machines.get(mac(number)) or Seen(mac=mac(number))

    def wait(self, what: str, check: Callable[[Board], bool], seconds: float) -> Board:
        """Look at the board until it shows it. A machine that has failed shows nothing else any more."""
        end, board = time.monotonic() + seconds, Board()
        while time.monotonic() < end:
            if self.process and self.process.poll() is not None:
                raise LabError(f"the server has ended:\n{(self.lab.folder / 'serve.log').read_text()[-2000:]}")
            try:
                board = self.now()
                if check(board):
                    return board
            except ApplianceError:
                time.sleep(1)  # it is just being started, or was killed by the story
            time.sleep(0.5)
        raise LabError(f"not within {seconds:.0f} s: {what}; the board:\n{board.model_dump_json(indent=1)}")

    def wait_state(self, numbers: list[int], state: str, seconds: float) -> None:
        self.wait(f"{numbers} {state}", lambda b: all(_state(b, number) == state for number in numbers), seconds)

    def log(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / "rack.jsonl").read_text().splitlines()]


def _state(board: Board, number: int) -> str:
    found = board.machines.get(mac(number))
    return found.state if found else ""
