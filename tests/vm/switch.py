# SPDX-License-Identifier: Apache-2.0
"""A switch of the machine lab: a bridge of this host with a tap for each card, so that a server of this host is on it, too."""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from tests.vm.process import LabError, command

_OURS = re.compile(r"lab\d+-\d+")


class Switch:
    """`name` is the bridge, whose address this host has; at most 11 characters."""

    def __init__(self, name: str, address: str = "10.66.0.1/24") -> None:
        self.name, self.address = name, address
        self._ports: dict[str, str] = {}
        self._forget_dead()
        command("ip", "link", "add", name, "type", "bridge", "forward_delay", "0")
        command("ip", "address", "add", address, "dev", name)
        command("ip", "link", "set", name, "up")
        # What machines send to each other is nobody's here; a host that filters bridges would drop it.
        for knob in ("iptables", "ip6tables"):
            with contextlib.suppress(OSError):
                Path(f"/sys/class/net/{name}/bridge/nf_call_{knob}").write_text("0")

    def _forget_dead(self) -> None:
        """One that a killed test run has left has this address, too, and what is sent to our machines would go there."""
        for link in json.loads(command("ip", "-json", "address", "show", "to", self.address.partition("/")[0])):
            if _OURS.fullmatch(link["ifname"]) and link["operstate"] != "UP":
                for port in json.loads(command("ip", "-json", "link", "show", "master", link["ifname"])):
                    command("ip", "link", "delete", port["ifname"])
                command("ip", "link", "delete", link["ifname"])

    def port(self, cable: str) -> str:
        """The tap at this end of a cable: the same each time."""
        if cable not in self._ports:
            tap = f"{self.name}p{len(self._ports)}"
            command("ip", "tuntap", "add", tap, "mode", "tap")
            command("ip", "link", "set", tap, "master", self.name, "up")
            self._ports[cable] = tap
        return self._ports[cable]

    def close(self) -> None:
        for link in (*self._ports.values(), self.name):
            with contextlib.suppress(LabError):
                command("ip", "link", "delete", link)
