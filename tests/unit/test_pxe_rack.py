# SPDX-License-Identifier: Apache-2.0
"""Who is where: what has happened makes the state of a rack, in any order, and again from the journal."""

from hypothesis import given
from hypothesis import strategies as st

from appliance.model.events import Failed, Finished, Output, Progress, Started
from appliance.pxe.answer import Claim
from appliance.pxe.happened import (
    HAPPENED,
    Again,
    Answered,
    Approved,
    Asked,
    Begun,
    Happened,
    Kept,
    Moved,
    Reported,
    Stranger,
    Told,
    Waits,
    after,
)
from appliance.pxe.rack import Machine, Rack

A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
CLAIM = Claim(machine=A, name="n1", addresses=("10.0.0.11",))


def rack(*events: Happened) -> Rack:
    found = Rack()
    for event in events:
        found = after(found, event)
    return found


def told(at: float, event: Started | Progress | Output | Finished | Failed) -> Told:
    return Told(at=at, mac=A, event=event)


BEGUN = Begun(at=1, mac=A, address="10.0.0.101", token="t")
ASKED = Asked(at=5, mac=A, serial="S1", uuid="u", product="R640", bound="u")
ANSWERED = Answered(at=6, mac=A, name="n1", template="plain.yaml.j2", claim=CLAIM)
WHOLE = (
    BEGUN,
    Moved(at=2, mac=A, done=5, total=10, rate=5),
    ASKED,
    ANSWERED,
    told(7, Started(step="w", title="write the slot", index=1, total=2)),
    told(8, Progress(step="w", done=30, total=60, rate=10)),
    told(9, Finished(step="w")),
    Reported(at=10, mac=A, state="rebooting"),
    Reported(at=20, mac=A, state="joining", cause="no cluster yet"),
    Reported(at=30, mac=A, state="ready"),
)


def test_from_power_on_to_a_node() -> None:
    states = [rack(*WHOLE[:count]).machines[A].state for count in range(1, len(WHOLE) + 1)]
    assert states == ["discovered", "fetching", "fetching", *["writing"] * 4, "rebooting", "joining", "ready"]
    machine = rack(*WHOLE).machines[A]
    assert (machine.name, machine.serial, machine.template, machine.since, machine.seen) == ("n1", "S1", "plain.yaml.j2", 30, 30)
    assert machine.log == (
        "starts over the network, from 10.0.0.101",
        "asks for its answer: R640, serial S1",
        "becomes n1, by plain.yaml.j2",
        "[1/2] write the slot",
        "rebooting",
        "joining: no cluster yet",
        "ready",
    )
    assert rack(*WHOLE).claims == [CLAIM]


def test_how_far_it_is() -> None:
    machine = rack(*WHOLE[:6]).machines[A]
    assert (machine.done, machine.total, machine.rate) == (30, 60, 10)
    assert rack(*WHOLE[:7]).machines[A].total == 0, "what has ended is not under way"


def test_a_failure_has_its_one_cause() -> None:
    found = rack(BEGUN, ASKED, ANSWERED, told(9, Failed(message="the disk is broken", hint="replace it"))).machines[A]
    assert (found.state, found.cause, found.log[-1]) == ("failed", "the disk is broken; replace it", "failed: the disk is broken")
    again = after(rack(BEGUN, ASKED, ANSWERED, told(9, Failed(message="x"))), BEGUN.model_copy(update={"token": "u"})).machines[A]
    assert (again.state, again.cause, again.token, again.claim) == ("discovered", "", "u", None)


def test_what_an_installer_says_late_changes_nothing() -> None:
    late = (told(40, Failed(message="x")), told(41, Progress(step="w", done=1, total=2)), Moved(at=42, mac=A, done=1, total=2))
    found = rack(*WHOLE, *late).machines[A]
    assert (found.state, found.total) == ("ready", 0)


def test_it_waits_until_somebody_approves() -> None:
    waits = rack(BEGUN, ASKED, Waits(at=6, mac=A, cause="no rule holds"), Waits(at=9, mac=A, cause="no rule holds"))
    assert (waits.machines[A].state, waits.machines[A].cause, waits.machines[A].since) == ("waiting", "no rule holds", 6)
    assert waits.machines[A].log.count("waits: no rule holds") == 1
    approved = after(waits, Approved(at=10, mac=A, template="t"))
    assert (approved.machines[A].approved, approved.machines[A].chosen) == (True, "t")
    assert not after(approved, ANSWERED).machines[A].approved, "an approval is for one installation"


def test_installed_again_only_when_somebody_says_so() -> None:
    assert rack(*WHOLE).machines[A].installed
    again = rack(*WHOLE, Again(at=50, mac=A)).machines[A]
    assert (again.installed, again.state, again.claim) == (False, "discovered", None)


def test_a_stranger_is_named() -> None:
    found = rack(Stranger(at=1, address="10.0.0.66", wanted="/answer/x"))
    assert found.strangers == ("10.0.0.66 asked for /answer/x, and got nothing",)
    assert found.machines == {}


EVENTS = st.lists(
    st.sampled_from([
        *WHOLE, Waits(at=3, mac=A, cause="c"), Approved(at=4, mac=A), Again(at=5, mac=A), Begun(at=6, mac=B, token="b"),
        Stranger(at=7, address="1.2.3.4", wanted="x"), told(8, Failed(message="m")), told(8, Output(line="o")),
    ]),
    max_size=30,
)  # fmt: skip


@given(EVENTS)
def test_the_journal_tells_it_all_again(events: list[Happened]) -> None:
    lines = [HAPPENED.dump_json(event) for event in events]
    assert rack(*(HAPPENED.validate_json(line) for line in lines)) == rack(*events)
    kept = HAPPENED.validate_json(HAPPENED.dump_json(Kept(rack=rack(*events))))
    assert after(Rack(machines={B: Machine(mac=B)}), kept) == rack(*events)


@given(EVENTS)
def test_no_secret_is_in_a_log_and_no_log_grows(events: list[Happened]) -> None:
    for machine in rack(*events, *events, *events).machines.values():
        assert len(machine.log) <= 60
        assert machine.token not in machine.log
