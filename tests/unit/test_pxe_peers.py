# SPDX-License-Identifier: Apache-2.0
"""Who a machine gets the image from: each node and the server about as often, and nobody waits for a node that does not give."""

from collections import Counter

from appliance.pxe.peers import SERVER, Shares


def test_nobody_has_many_more_than_another() -> None:
    shares = Shares()
    taken = Counter(shares.take(f"m{number}", ["a", "b", "c"]) for number in range(100))
    assert set(taken.values()) == {25}
    shares.done("m0")
    assert sum(Counter(shares.given.values()).values()) == 99


def test_a_node_comes_before_the_server() -> None:
    assert Shares().take("m", ["a"]) == "a"
    assert Shares().take("m", []) == SERVER


def test_who_comes_back_gets_the_rest_from_the_server() -> None:
    shares = Shares()
    assert shares.take("m", ["a"]) == "a"
    assert shares.take("m", ["a"]) == SERVER
    shares.done("m")
    assert shares.take("m", ["a"]) == "a", "a start anew is no complaint"


def test_a_node_that_gives_nothing_is_asked_no_more() -> None:
    shares = Shares()
    for number in range(3):
        assert shares.take(f"m{number}", ["a"]) == "a"
        assert shares.take(f"m{number}", ["a"]) == SERVER
        shares.done(f"m{number}")
    assert shares.take("other", ["a"]) == SERVER
    assert shares.take("another", ["a", "b"]) == "b"
