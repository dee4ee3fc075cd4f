# SPDX-License-Identifier: Apache-2.0
"""Who a machine gets the image from: each node and the server about as often, and nobody waits for a node that does not give."""

from collections import Counter

from appliance.pxe.peers import MOST, SERVER, Shares

NODES = ["a", "b", "c"]


def test_nobody_has_many_more_than_another_and_nobody_too_many() -> None:
    shares = Shares()
    taken = Counter(shares.take(f"m{number}", NODES, 0.0) for number in range(40))
    assert set(taken.values()) == {10}
    more = Counter(shares.take(f"n{number}", NODES, 0.0) for number in range(100))
    assert more[None] == 100 - 4 * MOST + 40
    shares.done("m0")
    assert shares.take("m0", NODES, 0.0) is not None
    assert shares.take("other", NODES, 0.0) is None


def test_a_node_comes_before_the_server() -> None:
    assert Shares().take("m", ["a"], 0.0) == "a"
    assert Shares().take("m", [], 0.0) == SERVER


def test_who_comes_back_gets_the_rest_from_the_server() -> None:
    shares = Shares()
    assert shares.take("m", ["a"], 0.0) == "a"
    assert shares.take("m", ["a"], 0.0) == SERVER
    shares.done("m")
    assert shares.take("m", ["a"], 0.0) == "a", "a start anew is no complaint"


def test_a_node_that_gives_nothing_is_asked_no_more() -> None:
    shares = Shares()
    for number in range(3):
        assert shares.take(f"m{number}", ["a"], 0.0) == "a"
        assert shares.take(f"m{number}", ["a"], 0.0) == SERVER
        shares.done(f"m{number}")
    assert shares.take("other", ["a"], 0.0) == SERVER
    assert shares.take("another", ["a", "b"], 0.0) == "b"


def test_machines_that_are_switched_off_in_mid_stream_keep_nobody_out() -> None:
    shares = Shares()
    for number in range(MOST):
        assert shares.take(f"gone{number}", [], 0.0) == SERVER
    assert shares.take("m", [], 100.0) is None
    assert shares.take("m", [], 2000.0) is None
    assert shares.take("m", [], 2005.0) == SERVER, "they were forgotten meanwhile"
