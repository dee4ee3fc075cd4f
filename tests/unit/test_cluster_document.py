# SPDX-License-Identifier: Apache-2.0
"""Who has the control role, as nodes come and go."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.model.cluster import ClusterDocument, Member, aim, control_members, joined, left, member, myself


def node(name: str, *, witness: bool = False) -> Member:
    return Member(name=name, machine_id=f"id-{name}", serial=0, address="10.0.0.1", storage="10.0.0.1", witness=witness)


def cluster(*names: str) -> ClusterDocument:
    document = ClusterDocument(id="x", name="prod")
    for name in names:
        document = joined(document, node(name))
    return document


def controls(document: ClusterDocument) -> list[str]:
    return [each.name for each in control_members(document)]


def test_one_until_there_are_three_and_five_from_seven_on() -> None:
    names = [f"n{number}" for number in range(1, 9)]
    counts = [len(controls(cluster(*names[:count]))) for count in range(1, 9)]
    assert counts == [1, 1, 3, 3, 3, 3, 5, 5]
    assert controls(cluster(*names)) == names[:5]


def test_a_witness_makes_two_nodes_three_voters() -> None:
    document = joined(cluster("n1", "n2"), node("w", witness=True))
    assert controls(document) == ["n1", "n2", "w"]
    grown = joined(joined(document, node("n3")), node("n4"))
    assert controls(grown) == ["n1", "n2", "w"], "nobody loses the role because somebody came"


def test_the_next_one_takes_the_role_of_who_left() -> None:
    document = left(cluster("n1", "n2", "n3", "n4"), "n1")
    assert controls(document) == ["n2", "n3", "n4"]
    assert [each.serial for each in joined(document, node("n1")).members] == [2, 3, 4, 5], "a serial is never given twice"
    assert joined(left(cluster("n1", "n2"), "n2"), node("n2")).members[-1].serial == 3
    assert controls(left(cluster("n1", "n2", "n3"), "n3")) == ["n1", "n2"], "who has the role keeps it"


def test_members_are_found() -> None:
    document = cluster("n1", "n2")
    assert member(document, "n2") == myself(document, "id-n2")
    assert member(document, "n3") is None
    assert myself(document, "id-n3") is None
    assert myself(None, "id-n1") is None


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=30))
def test_whoever_comes_and_goes_there_is_who_controls(moves: list[tuple[bool, int]]) -> None:
    document = cluster("first")
    for comes, number in moves:
        name = f"n{number}"
        if comes and member(document, name) is None:
            document = joined(document, node(name))
        elif not comes:
            document = left(document, name)
        assert len(controls(document)) >= min(aim(document.members), len(document.members))
        assert len({each.serial for each in document.members}) == len(document.members)
