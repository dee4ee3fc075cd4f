# SPDX-License-Identifier: Apache-2.0
"""Who is let in to a VM's screen, in the protocol's words. tests/engine/test_vncdoor.py goes through the door itself."""

from appliance.services.vm import rfb
from tests.vm import viewer


def test_a_challenge_is_answered_as_every_viewer_does() -> None:
    challenge = bytes(range(16))
    assert rfb.right(challenge, viewer.encrypted(challenge, "secret12"), "secret12")
    assert rfb.right(challenge, viewer.encrypted(challenge, "short"), "short")
    assert not rfb.right(challenge, viewer.encrypted(challenge, "secret13"), "secret12")


def test_tokens_differ_and_are_as_long_as_a_password_may_be() -> None:
    tokens = {rfb.token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(each) for each in tokens} == {8}


def test_old_viewers_are_told_and_new_ones_choose() -> None:
    assert [rfb.minor(line) for line in (b"RFB 003.003\n", b"RFB 003.889\n", b"GET / HTTP/1\n")] == [3, 889, 0]
    assert (rfb.offer(3), rfb.chooses(3)) == (b"\0\0\0\x02", False)
    assert (rfb.offer(889), rfb.chooses(889)) == (b"\x01\x02", True)
    assert rfb.refusal(3) == b"\0\0\0\x01"
    assert rfb.refusal(8).endswith(rfb.REASON)
