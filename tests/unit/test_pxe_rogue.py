# SPDX-License-Identifier: Apache-2.0
"""Who else answers machines on the wire: what is understood of any packet, and what is said of it."""

import re
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.pxe.rogue import Offer, discover, judged, offered

OWN = "10.0.0.1"


def reply(server: str, address: str = "0.0.0.0", file: str = "", number: int = 7) -> bytes:
    """As RFC 2131 has it: the question with its head turned, and other options."""
    data = bytearray(discover(number)[:240])
    data[0] = 2
    data[16:20] = socket.inet_aton(address)
    data[108 : 108 + len(file)] = file.encode()
    return bytes(data) + bytes([53, 1, 2, 0, 54, 4]) + socket.inet_aton(server) + b"\xff"


def test_an_offer() -> None:
    assert offered(reply("10.0.0.9", "10.0.0.50", "evil.0"), 7) == Offer("10.0.0.9", "10.0.0.50", "evil.0")
    assert offered(reply("10.0.0.9"), 7) == Offer("10.0.0.9")
    assert offered(reply("10.0.0.9", number=8), 7) is None, "somebody else's"
    assert offered(discover(7), 7) is None, "our own question"


@given(st.binary(max_size=400), st.binary(max_size=60))
def test_whatever_comes(data: bytes, options: bytes) -> None:
    offered(data, 7)
    offered(reply("10.0.0.9")[:240] + options, 7)


@pytest.mark.parametrize(
    ("offers", "proxy", "said"),
    [
        ([Offer(OWN, "10.0.0.100", "shimx64.efi")], False, []),
        ([Offer("10.0.0.9", "10.0.0.50")], True, []),
        (
            [Offer("10.0.0.9", "10.0.0.50")],
            False,
            ["10.0.0.9 gives out addresses on this wire, too, such as 10.0.0.50; switch it"],
        ),
        ([Offer("10.0.0.9", "10.0.0.50", "x.0")], True, ["10.0.0.9 tells machines to start x.0, and not what is served here"]),
        ([Offer("10.0.0.9", "", "x.0")], False, ["10.0.0.9 tells machines to start x.0"]),
        (
            [Offer("10.0.0.9", "10.0.0.50"), Offer("10.0.0.8", "10.0.0.51")],
            True,
            ["several .*: 10.0.0.8 and 10.0.0.9; switch off"],
        ),
    ],
)
def test_what_is_said(offers: list[Offer], proxy: bool, said: list[str]) -> None:
    found = list(judged([*offers, *offers], OWN, proxy=proxy))
    assert len(found) == len(said)
    for sentence, expected in zip(found, said, strict=True):
        assert re.search(expected, sentence)
