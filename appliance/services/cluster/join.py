# SPDX-License-Identifier: Apache-2.0
"""The joining node's side: find out whom one talks to, prove that one may, and keep what the cluster gives.

The private key is made here and never leaves. Nothing secret is said before the other side has been proven: by the token's
fingerprint, or by the words (pairing). The document is written last; with it this node is in, and plans as a member.
"""

import hmac
import time
from collections.abc import Callable

from appliance import __version__
from appliance.engine.apply import Report
from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host import certificates, peer
from appliance.host.etcd import Etcd, StoreError
from appliance.host.host import Host
from appliance.model.cluster import (
    CA,
    CA_KEY,
    CERTIFICATE,
    COPY,
    FOLDER,
    PRIVATE_KEY,
    ClusterDocument,
    control_members,
    myself,
)
from appliance.model.clustersteps import JoinCluster, MakeAuthority, TakeRole
from appliance.model.joining import Bundle, Greeting, Renewal, Request, clock, read
from appliance.services.cluster.finding import the_one
from appliance.services.cluster.observe import cluster, etcd
from appliance.services.cluster.store import FILES, known

_PLACE = "/v1"
_OWN = ("/trivet/v1/vms/", "/trivet/v1/networks/", "/trivet/v1/deleted/")


def keep(host: Host, found: Bundle) -> None:
    """Write what a member has of its cluster; the document last."""
    for path, text in found.files.items():
        if not path.startswith(("/var/lib/ceph/", f"{FOLDER}/")) or ".." in path:
            raise ApplianceError(f"the cluster sends a file for {path}, where it has no business")
        if host.files.read(path) is None:
            host.files.write(path, text, 0o600)
    if found.authority_key:
        host.files.write(CA_KEY, found.authority_key, 0o600)
    host.files.write(CA, found.authority)
    host.files.write(CERTIFICATE, found.certificate)
    remember(host, found.document)


def remember(host: Host, document: ClusterDocument) -> None:
    """Write this node's copy of the document."""
    host.files.write(COPY, document.model_dump_json(exclude_defaults=True) + "\n", 0o600)


def own_key(host: Host) -> str:
    """This node's private key, made when there is none."""
    if (kept := host.files.read(PRIVATE_KEY)) is not None:
        return kept + "\n"
    key = certificates.make_key()
    host.files.write(PRIVATE_KEY, key, 0o600)
    return key


class MakeAuthorityHandler:
    def done(self, step: MakeAuthority, host: Host) -> bool:
        authority, node = host.files.read(CA), host.files.read(CERTIFICATE)
        return bool(authority and node and certificates.is_for(node, authority, step.node, step.addresses))

    def do(self, step: MakeAuthority, host: Host, report: Report) -> None:
        key = host.files.read(CA_KEY)
        if key is None:
            key = certificates.make_key()
            host.files.write(CA_KEY, key, 0o600)
        authority = host.files.read(CA)
        if authority is None:
            authority = certificates.make_authority(step.cluster, key)
            host.files.write(CA, authority)
        request = certificates.make_request(own_key(host), step.node)
        host.files.write(CERTIFICATE, certificates.sign(authority, key, request, step.node, step.addresses))


class TakeRoleHandler:
    def done(self, step: TakeRole, host: Host) -> bool:
        return host.files.read(CA_KEY) is not None

    def do(self, step: TakeRole, host: Host, report: Report) -> None:
        fetch(host, step.name, step.addresses)


def fetch(host: Host, name: str, addresses: tuple[str, ...]) -> None:
    """A new certificate, and what this node's role needs, from a control node."""
    document, machine = known(host)
    if document is None:
        raise ApplianceError("this node is in no cluster", "see `trivet cluster show`")
    controls = [each.address for each in control_members(document) if each.machine_id != machine]
    renewal = Renewal(request=certificates.make_request(own_key(host), name), addresses=addresses)
    answer = peer.ask_any(controls, FILES, f"{_PLACE}/renew", renewal.model_dump())
    keep(host, Bundle.model_validate(answer))


class JoinClusterHandler:
    def done(self, step: JoinCluster, host: Host) -> bool:
        return myself(cluster(host), step.member.machine_id) is not None

    def do(self, step: JoinCluster, host: Host, report: Report) -> None:
        ready(host)
        file = step.token_file or step.words_file
        text = host.files.read(file)
        if text is None:
            hint = "make a token with `trivet cluster token` on the cluster, and put it there"
            raise ApplianceError(f"{file} is not there", hint)
        address = step.address or the_one(host, step.member.address).address
        if step.token_file:
            by_token(host, step, address, text, report.line)
        else:
            by_words(host, step, address, text, report.line)
        if file.startswith(f"{FOLDER}/"):
            host.files.remove(file)  # it has done what it is good for


def by_token(host: Host, step: JoinCluster, address: str, text: str, say: Callable[[str], None]) -> None:
    """Join with a token. Nobody but who has the certificate that it names hears its secret."""
    try:
        secret, fingerprint = read(text)
    except ValueError as error:
        raise ApplianceError(str(error), "copy all of what `trivet cluster token` printed") from None
    greeting = greet(address)
    if certificates.fingerprint(greeting.authority) != fingerprint:
        hint = "is the address right? Compare with what `trivet cluster show` says there"
        raise ApplianceError(f"{address} is not the cluster that this token is for", hint)
    say(f"cluster {greeting.name}, fingerprint {certificates.shown(fingerprint)}")
    request = made(host, step).model_copy(update={"token": secret})
    found = Bundle.model_validate(peer.ask(address, greeting.authority, f"{_PLACE}/join", request.model_dump()))
    keep(host, found)


def by_words(host: Host, step: JoinCluster, address: str, text: str, say: Callable[[str], None]) -> None:
    """Join with four words. What the other side gives is kept when it has proven that it knows them, too."""
    from appliance.services.cluster import pairing, words  # noqa: PLC0415 - for who joins by words alone

    greeting = greet(address)
    request = made(host, step)
    half = pairing.Joiner(words.normal(text), greeting.authority, request.request)
    say(f"cluster {greeting.name} at {address}, fingerprint {certificates.shown(certificates.fingerprint(greeting.authority))}")
    say(f"this node's fingerprint {certificates.shown(certificates.fingerprint(request.request))}")
    reply = pairing.Reply.model_validate(peer.ask(address, greeting.authority, f"{_PLACE}/pair", half.hello.model_dump()))
    key = half.key(reply)
    request = request.model_copy(update={"session": reply.session, "proof": pairing.proof(key, "node")})
    found = Bundle.model_validate(peer.ask(address, greeting.authority, f"{_PLACE}/join", request.model_dump()))
    if not hmac.compare_digest(found.proof, pairing.proof(key, "cluster")):
        hint = "try again, and compare the fingerprints on both screens"
        raise ApplianceError(f"{address} does not know the words", hint)
    keep(host, found)


def greet(address: str) -> Greeting:
    """Who is there, as it says itself. Unsatisfiable when the clocks differ: no certificate could be judged by ours."""
    begun = time.time()
    greeting = Greeting.model_validate(peer.stranger(address, f"{_PLACE}/cluster"))
    middle = (begun + time.time()) / 2
    if problems := [*clock(middle, greeting.time, "this node")]:
        raise Unsatisfiable(problems)
    return greeting


def made(host: Host, step: JoinCluster) -> Request:
    """What this node says of itself."""
    me = step.member
    return Request(
        name=me.name, machine_id=me.machine_id, address=me.address, storage=me.storage, overlay=me.overlay, witness=me.witness,
        addresses=step.addresses, request=certificates.make_request(own_key(host), me.name), version=__version__,
        time=time.time(),
    )  # fmt: skip


def ready(host: Host) -> None:
    """What this node holds alone would be lost when it joins: then it does not. ApplianceError says what."""
    if not etcd(host):
        return
    try:
        held = [entry.key.rpartition("/")[2] for prefix in _OWN for entry in Etcd().list(prefix)]
    except StoreError:
        return  # nothing runs that holds anything
    if held:
        hint = "export the VMs and delete them with their networks, join, and import them again"
        raise ApplianceError(f"this node has VMs or networks of its own: {', '.join(sorted(set(held)))}", hint)
