# SPDX-License-Identifier: Apache-2.0
"""A node joins: what it is refused for, what it gets, that asking twice is asking once; words, and who does not know them."""

import json
import time
from pathlib import Path
from typing import cast

import pytest

from appliance import __version__
from appliance.errors import ApplianceError, Refused, StalePlan, Unsatisfiable
from appliance.host import certificates
from appliance.host.etcd import Entry
from appliance.host.files import LiveFiles
from appliance.host.host import Host, Netlink, Result, Udev
from appliance.model.cluster import CA, CA_KEY, COPY, KEY, ClusterDocument, Member, joined
from appliance.model.joining import Bundle, Renewal, Request, read
from appliance.services.cluster import desk, pairing, words
from appliance.services.cluster.finding import closing
from appliance.services.cluster.join import keep, own_key
from appliance.services.cluster.leaving import hindrances


class Documents:
    """A store that is a dictionary, with etcd's rules."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.revision = 0

    def get(self, key: str) -> Entry | None:
        return self.entries.get(key)

    def list(self, prefix: str) -> tuple[Entry, ...]:
        return tuple(entry for key, entry in sorted(self.entries.items()) if key.startswith(prefix))

    def put(self, key: str, text: str, expects: int) -> int:
        self._expect(key, expects)
        self.revision += 1
        self.entries[key] = Entry(key, text, self.revision)
        return self.revision

    def delete(self, key: str, expects: int) -> None:
        self._expect(key, expects)
        del self.entries[key]

    def _expect(self, key: str, expects: int) -> None:
        if (self.entries[key].revision if key in self.entries else 0) != expects:
            raise StalePlan("changed")


def host(folder: Path) -> Host:
    def run(*_: object, **__: object) -> Result:
        raise AssertionError("nothing is run")

    return Host(files=LiveFiles(str(folder)), run=run, udev=cast("Udev", None), netlink=cast("Netlink", None))


@pytest.fixture
def first(tmp_path: Path) -> Host:
    """A control node's files."""
    found = host(tmp_path / "first")
    key = certificates.make_key()
    found.files.write(CA_KEY, key, 0o600)
    found.files.write(CA, certificates.make_authority("lab", key))
    return found


@pytest.fixture
def store() -> Documents:
    found = Documents()
    n1 = Member(name="n1", machine_id="1" * 32, serial=0, address="10.0.0.1", storage="10.0.1.1")
    found.put(KEY, joined(ClusterDocument(id="x", name="lab"), n1).model_dump_json(), 0)
    return found


def request(number: int, token: str = "", **changes: object) -> Request:
    """Of the node n<number>."""
    key = certificates.make_key()
    facts = {
        "name": f"n{number}", "machine_id": str(number) * 32, "address": f"10.0.0.{number}", "storage": f"10.0.1.{number}",
        "request": certificates.make_request(key, "anybody"), "version": __version__, "time": time.time(),
        "token": read(token)[0] if token else "",
    }  # fmt: skip
    return Request.model_validate(facts | changes)


def document(store: Documents) -> ClusterDocument:
    entry = store.get(KEY)
    assert entry
    return ClusterDocument.model_validate_json(entry.text)


def test_a_token_lets_one_machine_in_as_often_as_it_asks(first: Host, store: Documents) -> None:
    token = desk.new_token(store, first, 60)
    assert read(token)[0] not in str(store.entries), "etcd has its digest alone"
    asked = request(2, token)
    found = desk.admit(first, store, asked, proven=False)
    assert [each.name for each in found.document.members] == ["n1", "n2"]
    authority = first.files.read(CA) or ""
    assert certificates.is_for(found.certificate, authority, "n2", ["10.0.0.2", "10.0.1.2", "127.0.0.1"])
    assert not certificates.is_for(found.certificate, authority, "anybody", []), "what a request says of itself is not believed"
    assert found.authority_key == "", "of two, the second has no control role"
    assert desk.admit(first, store, asked, proven=False).document == found.document
    with pytest.raises(Refused, match="another machine has joined with this token"):
        desk.admit(first, store, request(3, token), proven=False)
    third = desk.admit(first, store, request(3, desk.new_token(store, first, 60)), proven=False)
    assert third.authority_key == (first.files.read(CA_KEY) or "") + "\n", "the third is one of three that control"


def test_a_token_that_is_old_unknown_or_revoked(first: Host, store: Documents) -> None:
    token = desk.new_token(store, first, -1)
    with pytest.raises(Refused, match="expired"):
        desk.admit(first, store, request(2, token), proven=False)
    with pytest.raises(Refused, match="does not know this token"):
        desk.admit(first, store, request(2), proven=False)
    good = desk.new_token(store, first, 60)
    assert len(store.list("/trivet/v1/tokens/")) == 1, "old ones are forgotten"
    desk.admit(first, store, request(2, good), proven=False)
    desk.revoke(store, "2" * 32)
    with pytest.raises(Refused):
        desk.admit(first, store, request(2, good), proven=False)
    with pytest.raises(ValueError, match="this is no token"):
        read("TRIVET1-short")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "n1"}, "the cluster lab has a node n1 already, another machine"),
        ({"machine_id": "1" * 32}, "this machine is n1 in the cluster lab already"),
        ({"address": "10.0.1.1"}, "10.0.1.1 is an address of n1 already"),
        ({"addresses": ("10.0.0.1",)}, "10.0.0.1 is an address of n1 already"),
        ({"version": "0.0.1"}, "n2 runs Trivet 0.0.1, and the cluster"),
        ({"time": 1000.0}, "the clock of n2 differs by"),
    ],
)
def test_what_clashes_is_said_and_uses_up_no_token(
    first: Host, store: Documents, changes: dict[str, object], message: str
) -> None:
    token = desk.new_token(store, first, 60)
    with pytest.raises(Unsatisfiable) as refused:
        desk.admit(first, store, request(2, token, **changes), proven=False)
    assert any(each.message.startswith(message) and each.hint for each in refused.value.problems), refused.value
    assert len(document(store).members) == 1
    desk.admit(first, store, request(3, token), proven=False)


def test_a_renewal_is_for_a_member_and_for_its_own_addresses(first: Host, store: Documents) -> None:
    again = Renewal(request=certificates.make_request(certificates.make_key(), "n1"), addresses=("10.0.0.1",))
    assert desk.renew(first, store, "n1", again).authority_key, "it has the control role"
    with pytest.raises(Refused, match="n9 is not in this cluster any more"):
        desk.renew(first, store, "n9", again)
    desk.admit(first, store, request(2), proven=True)
    with pytest.raises(Refused, match=r"10\.0\.0\.1 is another node's address"):
        desk.renew(first, store, "n2", again)


def test_what_is_kept_is_where_it_belongs(first: Host, store: Documents, tmp_path: Path) -> None:
    second = host(tmp_path / "second")
    found = desk.admit(first, store, request(2), proven=True)
    keep(second, found)
    assert json.loads(second.files.read(COPY) or "")["name"] == "lab"
    assert (tmp_path / "second" / COPY[1:]).stat().st_mode & 0o777 == 0o600
    assert own_key(second) == own_key(second)
    with pytest.raises(ApplianceError, match="where it has no business"):
        keep(second, Bundle.model_validate(found.model_dump() | {"files": {"/etc/shadow": "root::"}}))


def paired(first: Host, said: str, offered: str, *, between: bool = False) -> str:
    """The proof that comes back when these words are said where those are offered."""
    pairing.offer(first, pairing.Offer(words=offered, until=time.time() + 60))
    asked = certificates.make_request(certificates.make_key(), "n2")
    authority = first.files.read(CA) or ""
    if between:
        authority = certificates.make_authority("lab", certificates.make_key())
    node, cluster = pairing.Joiner(said, authority, asked), pairing.Pairing()
    reply = cluster.begin(first, node.hello)
    key = node.key(reply)
    back = cluster.prove(first, "2" * 32, reply.session, pairing.proof(key, "node"), asked)
    assert back == pairing.proof(key, "cluster")
    cluster.through(first, "2" * 32, "n2", asked)
    return back


def test_the_same_words_on_both_sides(first: Host) -> None:
    chosen = words.choose()
    assert len(set(words.every())) == 2048 == len({word[:4] for word in words.every()})
    assert paired(first, words.normal(chosen.upper().replace(" ", "-")), chosen)
    now = pairing.offered(first)
    assert now
    assert (now.joined, now.name) == ("2" * 32, "n2")
    with pytest.raises(Refused, match="these are not the words"):
        paired(first, "abandon ability able about", "zone zero year yard")
    with pytest.raises(Refused, match="these are not the words"):
        paired(first, chosen, chosen, between=True)


def test_three_wrong_attempts_end_it_and_one_is_made_at_a_time(first: Host) -> None:
    pairing.offer(first, pairing.Offer(words="zone zero year yard", until=time.time() + 60))
    asked = certificates.make_request(certificates.make_key(), "n2")
    cluster = pairing.Pairing()
    for left in ("attempts that are left: 2", "attempts that are left: 1", "say `trivet cluster pair` again there"):
        node = pairing.Joiner("abandon ability able about", first.files.read(CA) or "", asked)
        reply = cluster.begin(first, node.hello)
        with pytest.raises(Refused, match="another node is just being paired"):
            cluster.begin(first, node.hello)
        with pytest.raises(Refused) as refused:
            cluster.prove(first, "2" * 32, reply.session, pairing.proof(node.key(reply), "node"), asked)
        assert refused.value.hint == left
    with pytest.raises(Refused, match="offers no words now"):
        cluster.begin(first, pairing.Joiner("zone zero year yard", first.files.read(CA) or "", asked).hello)
    pairing.offer(first, pairing.Offer(words="zone zero year yard", until=time.time() - 1))
    assert pairing.offered(first) is None


def test_words_as_people_type_them() -> None:
    assert words.normal(" Zone, zero\tYEAR yard\n") == "zone zero year yard"
    assert words.normal("aban abil able abou") == "abandon ability able about"
    with pytest.raises(ApplianceError, match="'zonne' is none of the words; did you mean zone") as said:
        words.normal("zonne zero year yard")
    assert said.value.hint
    with pytest.raises(ApplianceError, match="these are 3 words, and there are 4"):
        words.normal("zone zero year")


def test_what_keeps_a_node_in() -> None:
    known = ClusterDocument(id="x", name="lab")
    for number in range(1, 5):
        address = f"10.0.0.{number}"
        known = joined(known, Member(name=f"n{number}", machine_id=str(number), serial=0, address=address, storage=address))

    def said(name: str, alive: set[str], disks: tuple[str, ...] = ()) -> list[str]:
        return [each.message for each in hindrances(known, name, alive, disks)]

    assert said("n3", {"n1", "n2"}) == []
    assert said("n4", {"n1", "n2"}) == [], "who has no vote takes none away"
    assert said("n3", {"n1"}) == ["without n3 the cluster could decide nothing: n2 does not answer"]
    assert said("n3", {"n1", "n2"}, ("osd.4",)) == ["disks of n3 hold data of the pool: osd.4"]
    alone = joined(ClusterDocument(id="x", name="lab"), known.members[0])
    assert [each.message for each in hindrances(alone, "n1", {"n1"}, ())] == [
        "n1 is the only node that holds the cluster's documents"
    ]


def test_the_firewalls_rule_for_pairing_is_found_again() -> None:
    listed = {"nftables": [{"rule": {"comment": "trivet pairing", "chain": "management", "handle": 7}}, {"rule": {"handle": 8}}]}
    assert closing(json.dumps(listed)) == "delete rule inet trivet management handle 7\n"
    assert closing("") == ""


def test_certificates() -> None:
    key = certificates.make_key()
    authority = certificates.make_authority("lab", key)
    asked = certificates.make_request(key, "n1")
    signed = certificates.sign(authority, key, asked, "n1", ["10.0.0.1", "fd00::1"])
    assert certificates.is_for(signed, authority, "n1", ["10.0.0.1", "fd00:0::1"])
    assert not certificates.is_for(signed, authority, "n1", ["10.0.0.2"])
    assert not certificates.is_for(signed, certificates.make_authority("lab", certificates.make_key()), "n1", [])
    assert not certificates.is_for("nothing", authority, "n1", [])
    assert 89 < certificates.days_left(signed) <= 90
    with pytest.raises(ApplianceError, match="no request for a certificate"):
        certificates.sign(authority, key, "-----BEGIN CERTIFICATE REQUEST-----", "n1", [])
    assert len(certificates.shown(certificates.fingerprint(authority)).split()) == 8
