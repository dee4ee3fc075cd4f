# SPDX-License-Identifier: Apache-2.0
"""Who else answers machines on this wire? A DHCP server that nobody knows of is why a machine never comes: the board names it.

We ask as a machine does that starts over the network, and take nothing that is offered. Beside another DHCP server (proxy) one
is expected, which says nothing of what to start; on a wire of our own there is none.
"""

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

_MAC = bytes.fromhex("027472697674")
"""Ours for this alone: a locally administered address, so that nobody's lease is touched."""
_COOKIE = b"\x63\x82\x53\x63"
_HEAD = struct.Struct("!BBBBIHH4s4s4s4s16s64s128s")
_DISCOVER, _OFFER = 1, 2
_PAD, _MASK, _TYPE, _SERVER, _FILE, _END = 0, 1, 53, 54, 67, 255
_EVERY, _LISTEN = 60.0, 4.0


@dataclass(frozen=True)
class Offer:
    """What a server offers: an address ("" for none), and what to start."""

    server: str
    address: str = ""
    file: str = ""


def discover(number: int) -> bytes:
    """What a UEFI machine sends that starts over the network. `number` tells the replies. Pure."""
    zero = bytes(4)
    head = _HEAD.pack(1, 1, 6, 0, number, 0, 0x8000, zero, zero, zero, zero, _MAC, b"", b"")
    options = [(_TYPE, bytes([_DISCOVER])), (60, b"PXEClient:Arch:00007:UNDI:003000"), (93, b"\0\7"), (94, b"\1\3\0")]
    options += [(97, bytes(17)), (55, bytes([_MASK, 3, 43, 60, 66, _FILE]))]
    return head + _COOKIE + b"".join(bytes([kind, len(value)]) + value for kind, value in options) + bytes([_END])


def offered(data: bytes, number: int) -> Offer | None:
    """The offer in a reply to that; None for what is none. Pure."""
    if len(data) < _HEAD.size + 4 or data[_HEAD.size : _HEAD.size + 4] != _COOKIE:
        return None
    head = _HEAD.unpack_from(data)
    options = _options(data[_HEAD.size + 4 :])
    server = options.get(_SERVER, b"")
    if head[0] != 2 or head[4] != number or options.get(_TYPE) != bytes([_OFFER]) or len(server) != 4:  # noqa: PLR2004 - RFC 2131's
        return None
    address = "" if head[8] == bytes(4) else socket.inet_ntoa(head[8])
    file = (options.get(_FILE) or head[13]).split(b"\0")[0].decode(errors="replace")
    return Offer(socket.inet_ntoa(server), address, "".join(c for c in file if c.isprintable())[:100])


def _options(data: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at + 1 < len(data) and data[at] != _END:
        if data[at] == _PAD:
            at += 1
            continue
        found[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return found


def judged(offers: Iterable[Offer], own: str, *, proxy: bool) -> Iterator[str]:
    """What is wrong with what others offer on this wire, a sentence for each of them. Pure."""
    others = sorted({offer for offer in offers if offer.server != own}, key=lambda offer: (offer.server, offer.file))
    givers = [offer for offer in others if offer.address]
    for offer in others:
        if offer.file:
            yield (
                f"the DHCP server {offer.server} tells machines to start {offer.file}, and not what is served here; "
                "take that out of it, or switch it off"
            )
        elif offer.address and not proxy:
            yield (
                f"the DHCP server {offer.server} gives out addresses on this wire, too, such as {offer.address}; "
                "switch it off, or serve with --dhcp proxy"
            )
    if proxy and len({offer.server for offer in givers}) > 1:
        named = " and ".join(sorted({offer.server for offer in givers}))
        yield f"several DHCP servers give out addresses on this wire: {named}; switch off those that should not"


def asked(interface: str, seconds: float = _LISTEN) -> list[Offer]:
    """Ask on the wire, and gather what comes. OSError when this machine has no port 68 to spare."""
    number = int.from_bytes(os.urandom(4), "big")
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        udp.bind(("", 68))
        udp.sendto(discover(number), ("255.255.255.255", 67))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            udp.settimeout(left)
            with contextlib.suppress(TimeoutError):
                if offer := offered(udp.recv(4096), number):
                    found.append(offer)
    return found


class Watch:
    """Asks once a minute, and hands on what is wrong: all of it each time, nothing when all is well."""

    def __init__(self, interface: str, own: str, noticed: Callable[[tuple[str, ...]], None], *, proxy: bool) -> None:
        self._interface, self._own, self._noticed, self._proxy = interface, own, noticed, proxy
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True, name="rogue")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def _work(self) -> None:
        while not self._ended.is_set():
            try:
                self._noticed(tuple(judged(asked(self._interface), self._own, proxy=self._proxy)))
            except OSError as error:
                self._noticed((f"nobody looks for other DHCP servers: port 68 cannot be had: {error.strerror}",))
            self._ended.wait(_EVERY)
