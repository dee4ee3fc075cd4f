# SPDX-License-Identifier: Apache-2.0
"""Many machines of a rack at once, each from DHCP to "ready". A program: it runs in a namespace at the other end of the wire.

    python rackclients.py COUNT INTERFACE SERVER HTTPS FINGERPRINT SIZE

Each asks for an address, loads the boot loader and the first menu by TFTP, then does what GRUB, the initrd, the installer and the
node do. It repeats what is lost, as firmware does. It prints the seconds of each machine as JSON.
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from appliance.errors import AnswerError
from appliance.model.document import load_spec
from tests.engine.dhcpclient import COOKIE, parsed
from tests.engine.rackserver import Machine, inventory, mac, request, together

TRIES, WAIT = 30, 2.0
BLOCK = 1408


@dataclass
class Server:
    """Of rackserver.Reached: the one at the other end."""

    host: str
    https: int
    fingerprint: str

    def get(self, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
        found: tuple[int, bytes, dict[str, str]] = request(self.host, 80, "GET", path, headers=headers)
        return found


class Dhcp:
    """One port 68 for all of them: who a reply is for, its transaction's number says."""

    def __init__(self, interface: str) -> None:
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**22)
        self.udp.bind(("", 68))
        self.heard: dict[int, dict[str, Any]] = {}
        self.news = threading.Condition()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            data = self.udp.recv(4096)
            with self.news:
                self.heard[struct.unpack_from("!I", data, 4)[0]] = parsed(data)
                self.news.notify_all()

    def ask(self, number: int, kind: int, more: bytes = b"") -> dict[str, Any]:
        """A DISCOVER (1) or a REQUEST (3), until it is answered."""
        transaction = number * 4 + kind
        own = bytes.fromhex(mac(number).replace(":", ""))
        head = struct.pack("!BBBBIHH16x6s10x192x", 1, 1, 6, 0, transaction, 0, 0x8000, own)
        options = bytes([53, 1, kind]) + b"\x5d\2\0\7" + b"\x3c\x20PXEClient:Arch:00007:UNDI:003016" + more
        for _ in range(TRIES):
            self.udp.sendto(head + COOKIE + options + b"\xff", ("255.255.255.255", 67))
            with self.news:
                if self.news.wait_for(lambda: transaction in self.heard, WAIT * random.uniform(0.7, 1.3)):
                    return self.heard[transaction]
        raise TimeoutError(f"machine {number} gets no address")


def tftp(server: str, file: str) -> bytes:
    """All of a file, with blocks of UEFI's size; each block is asked for until it comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(WAIT)
        message, to, blocks = b"\0\1" + file.encode() + b"\0octet\0blksize\0" + str(BLOCK).encode() + b"\0", (server, 69), []
        for _ in range(10_000):
            udp.sendto(message, to)
            try:
                data, to = udp.recvfrom(4096)
            except TimeoutError:
                continue
            kind, number = struct.unpack_from("!HH", data)
            if kind == 6:  # what it grants
                message = b"\0\4\0\0"
            elif kind == 3 and number == len(blocks) + 1:
                blocks.append(data[4:])
                message = b"\0\4" + struct.pack("!H", number)
                if len(data) < BLOCK + 4:
                    udp.sendto(message, to)
                    return b"".join(blocks)
            elif kind == 5:
                raise OSError(data[4:].decode(errors="replace"))
    raise TimeoutError(f"{file} does not come")


def again(work: Any) -> Any:
    """As the initrd, the installer and the node do when a connection is lost."""
    for left in reversed(range(TRIES)):
        try:
            return work()
        except (OSError, AnswerError):
            if not left:
                raise
            time.sleep(random.uniform(0.5, 1.5))
    raise AssertionError


def one(number: int, server: Server, dhcp: Dhcp, base: dict[str, Any], size: int) -> None:
    offer = dhcp.ask(number, 1)
    wished = b"\x32\4" + socket.inet_aton(offer["address"]) + b"\x36\4" + socket.inet_aton(server.host)
    assert dhcp.ask(number, 3, wished)["file"] == "shimx64.efi"
    assert tftp(server.host, "shimx64.efi").startswith(b"shimx64.efi")
    assert b"net_default_mac" in tftp(server.host, "grub/grub.cfg")
    document = json.loads(json.dumps(base))
    document["nics"][0]["mac"] = mac(number)
    document["machine"]["dmi"]["serial"] = f"S{number}"
    machine = Machine(server, mac(number), document)
    again(machine.boot)
    for file in ("vmlinuz", "initrd.img"):
        assert again(lambda file=file: server.get(f"/boot/{machine.mac}/{file}"))[0] == 200
    assert again(lambda: machine.fetch(size)) == machine.arguments["trivet.image.sha256"]
    assert load_spec(again(machine.ask)).node.name == f"n{number}"
    again(lambda: machine.tell({"event": "started", "step": "w", "title": "write the slot", "index": 1, "total": 1}))
    again(lambda: machine.tell({"event": "progress", "step": "w", "done": 1, "total": 2, "rate": 1}, {"state": "rebooting"}))
    again(lambda: machine.tell({"state": "ready"}))


if __name__ == "__main__":
    count, interface, host, https, fingerprint, size = sys.argv[1:]
    threading.stack_size(2**18)
    server, dhcp, base = Server(host, int(https), fingerprint), Dhcp(interface), inventory(mac(0))
    _, times = together(int(count), lambda number: one(number, server, dhcp, base, int(size)))
    print(json.dumps(times))
