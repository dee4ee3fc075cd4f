# SPDX-License-Identifier: Apache-2.0
"""The cluster's side of a join: who shows a good token or has said the words is checked, written down, and given what it needs.

Each step may be repeated. A member that asks again with the same token, from the same machine, gets the same answer; so
nothing that a power cut may interrupt leaves a node half in.
"""

import hashlib
import secrets
import time

from appliance import __version__
from appliance.errors import ApplianceError, Refused, StalePlan, Unsatisfiable
from appliance.host import certificates
from appliance.host.etcd import Entry, Store
from appliance.host.host import Host
from appliance.model.cluster import CA, CA_KEY, KEY, ClusterDocument, Member, joined, member, myself
from appliance.model.joining import TOKENS, Bundle, Greeting, Renewal, Request, Token, clashes, clock, written
from appliance.model.pool import ADMIN_KEYRING

MONITOR_KEYRING = "/var/lib/trivet/cluster/ceph.mon.keyring"
"""Where a control node that joined has the key of Ceph's monitors."""
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_TRIES = 8


def greeting(host: Host, document: ClusterDocument) -> Greeting:
    """What everybody may know."""
    authority = (host.files.read(CA) or "") + "\n"
    return Greeting(name=document.name, authority=authority, version=__version__, time=time.time())


def new_token(store: Store, host: Host, seconds: float) -> str:
    """A token for one node; of its secret etcd gets the digest."""
    _forget_old(store)
    secret = "".join(secrets.choice(_ALPHABET) for _ in range(32))
    store.put(TOKENS + digest(secret), Token(until=time.time() + seconds).model_dump_json(), 0)
    return written(secret, certificates.fingerprint(host.files.read(CA) or ""))


def digest(secret: str) -> str:
    """By which a token is found."""
    return hashlib.sha256(secret.encode()).hexdigest()


def admit(host: Host, store: Store, request: Request, *, proven: bool) -> Bundle:
    """Let a node in. `proven` is that it has said the words; else its token is asked.

    Refused, or Unsatisfiable with all clashes.
    """
    entry = None if proven else _token(store, request)
    for _ in range(_TRIES):
        kept = store.get(KEY)
        if kept is None:
            raise ApplianceError("the cluster's document is not there", "see `trivet cluster show` on this node")
        document = ClusterDocument.model_validate_json(kept.text)
        if problems := [*clock(request.time, time.time(), request.name), *clashes(document, request, __version__)]:
            raise Unsatisfiable(problems)
        if entry is not None:
            used = Token.model_validate_json(entry.text).model_copy(update={"used": request.machine_id}).model_dump_json()
            entry = entry._replace(text=used, revision=store.put(entry.key, used, entry.revision))
        known = myself(document, request.machine_id)
        new = request.member
        if known is None:
            after = joined(document, new)
        else:
            update = {"address": new.address, "storage": new.storage, "overlay": new.overlay}
            same = tuple(each.model_copy(update=update) if each is known else each for each in document.members)
            after = document.model_copy(update={"members": same})
        try:
            if after != document:
                store.put(KEY, after.model_dump_json(exclude_defaults=True), kept.revision)
        except StalePlan:
            continue  # another one joined in the same moment
        me = member(after, request.name) or new
        return bundle(host, after, me, request.request, request.every)
    raise ApplianceError("the cluster's document is changed all the time", "try again")


def renew(host: Host, store: Store, name: str, renewal: Renewal) -> Bundle:
    """A member's new certificate, with what its role needs. `name` is what TLS has proven."""
    kept = store.get(KEY)
    document = ClusterDocument.model_validate_json(kept.text) if kept else None
    me = member(document, name) if document else None
    if document is None or me is None:
        raise Refused(f"{name} is not in this cluster any more", "join again")
    taken = {address for each in document.members if each.name != name for address in (each.address, each.storage, each.overlay)}
    if clash := sorted(set(renewal.addresses) & {address for address in taken if address}):
        raise Refused(f"{clash[0]} is another node's address", "give this node another one")
    places = (me.address, me.storage, *filter(None, (me.overlay,)), *renewal.addresses)
    return bundle(host, document, me, renewal.request, places)


def bundle(host: Host, document: ClusterDocument, me: Member, request: str, places: tuple[str, ...]) -> Bundle:
    """What a member needs, from a control node."""
    authority, key = host.files.read(CA), host.files.read(CA_KEY)
    if authority is None or key is None:
        raise ApplianceError("this node gives no certificates: it has not the control role", "ask a control node")
    wanted = {ADMIN_KEYRING: host.files.read(ADMIN_KEYRING)}
    if me.control:
        wanted[MONITOR_KEYRING] = _monitors(host)
    return Bundle(
        authority=authority + "\n",
        authority_key=key + "\n" if me.control else "",
        certificate=certificates.sign(authority, key, request, me.name, places),
        document=document,
        files={path: text + "\n" for path, text in wanted.items() if text},
    )


def _monitors(host: Host) -> str | None:
    """The key of Ceph's monitors, from the one that is here; None where there is none."""
    folder = "/var/lib/ceph/mon"
    found = (host.files.read(f"{folder}/{name}/keyring") for name in host.files.list(folder))
    return next((text for text in found if text), None) or host.files.read(MONITOR_KEYRING)


def _token(store: Store, request: Request) -> Entry:
    entry = store.get(TOKENS + digest(request.token)) if request.token else None
    hint = "make another one with `trivet cluster token`"
    if entry is None:
        raise Refused("the cluster does not know this token", hint)
    token = Token.model_validate_json(entry.text)
    if token.used and token.used != request.machine_id:
        raise Refused("another machine has joined with this token", hint)
    if not token.used and token.until < time.time():
        raise Refused("this token has expired", hint)
    return entry


def revoke(store: Store, machine_id: str) -> None:
    """What a machine joined with is good no more."""
    for entry in store.list(TOKENS):
        if Token.model_validate_json(entry.text).used == machine_id:
            store.delete(entry.key, entry.revision)


def _forget_old(store: Store) -> None:
    for entry in store.list(TOKENS):
        token = Token.model_validate_json(entry.text)
        if not token.used and token.until < time.time():
            store.delete(entry.key, entry.revision)
