# SPDX-License-Identifier: Apache-2.0
"""What a firmware says to a DHCP server, and what a TFTP server gives it then. A program: it runs in a namespace.

    python dhcpclient.py INTERFACE ARCHITECTURE VENDOR IPXE [FILE]

It prints the reply as JSON: file, server, address, options (number -> hexadecimal); with FILE the first bytes of it, by TFTP.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
from typing import Any

COOKIE = b"\x63\x82\x53\x63"
MAC = bytes.fromhex("525400000001")


def packet(kind: int, architecture: int, vendor: str, ipxe: bool, item: bytes = b"") -> bytes:
    """A DISCOVER (1), or the REQUEST (3) that asks a boot server for an item of its menu, if it has one."""
    own = bytes(4) if kind == 1 else socket.inet_aton("10.0.0.50")
    head = struct.pack("!BBBBIHH4s12x6s10x192x", 1, 1, 6, 0, 0x1234, 0, 0x8000 if kind == 1 else 0, own, MAC)
    options = [(43, b"\x47\4" + item + b"\0\0\xff")] if item else []
    options += [(53, bytes([kind])), (93, struct.pack("!H", architecture)), (94, b"\1\2\1"), (97, b"\0" + bytes(range(16)))]
    options += [(60, f"{vendor}:Arch:{architecture:05}:UNDI:002001".encode()), (55, bytes([1, 3, 43, 60, 66, 67]))]
    options += [(175, b"\xb1\1\1")] if ipxe else []
    return head + COOKIE + b"".join(bytes([number, len(value)]) + value for number, value in options) + b"\xff"


def parsed(data: bytes) -> dict[str, Any]:
    """The reply; where its names are in options, they are taken from there."""
    options, at = {}, 240
    while at < len(data) and data[at] != 255:
        if data[at]:
            options[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
            at += data[at + 1] + 1
        at += 1
    file = options.get(67, data[108:236]).split(b"\0")[0].decode()
    return {
        "file": file, "server": socket.inet_ntoa(data[20:24]), "address": socket.inet_ntoa(data[16:20]),
        "options": {number: value.hex() for number, value in options.items()},
    }  # fmt: skip


def chosen(offer: dict[str, Any]) -> bytes:
    """The first item of a menu, which is to be taken without a question."""
    menu, at = bytes.fromhex(offer["options"].get(43, "")), 0
    while at + 1 < len(menu):
        if menu[at] == 9:
            return menu[at + 2 : at + 4]
        at += menu[at + 1] + 2
    return b""


def ask(interface: str, packet: bytes, port: int = 67) -> dict[str, Any]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        udp.bind(("", 68))
        udp.settimeout(2)
        for left in reversed(range(10)):
            udp.sendto(packet, ("255.255.255.255" if port == 67 else "10.0.0.1", port))
            try:
                return parsed(udp.recv(2000))
            except TimeoutError:
                if not left:
                    raise
    raise AssertionError


def tftp(server: str, file: str) -> bytes:
    """The first block."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.settimeout(10)
        udp.sendto(b"\0\1" + file.encode() + b"\0octet\0", (server, 69))
        return udp.recv(2000)[4:]


if __name__ == "__main__":
    interface, architecture, vendor, ipxe, *files = sys.argv[1:]
    words = (int(architecture), vendor, ipxe == "ipxe")
    found = ask(interface, packet(1, *words))
    if not found["file"]:  # proxy-DHCP has told where to ask
        found = ask(interface, packet(3, *words, chosen(found)), 4011)
    found["text"] = tftp("10.0.0.1", files[0]).decode(errors="replace") if files else ""
    print(json.dumps(found))
