# SPDX-License-Identifier: Apache-2.0
"""This node and its cluster, as a person asks: create one, join one, leave it, let others in; and certificates renewed.

Creating and joining are said in the spec and carried out by plans: whatever interrupts them, the next plan goes on.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from appliance import flow
from appliance.engine.apply import Emit
from appliance.errors import ApplianceError, SpecError
from appliance.host import peer
from appliance.host.host import Host
from appliance.model.cluster import API_PORT, CA, CA_KEY, CERTIFICATE, ClusterDocument, Member, myself
from appliance.model.document import load_spec
from appliance.model.plan import Plan
from appliance.model.spec import Spec
from appliance.node.status import load_saved
from appliance.node.trial import settled
from appliance.services.cluster import join as joining
from appliance.services.cluster import leaving
from appliance.services.cluster.store import known
from appliance.services.cluster.voters import certify

if TYPE_CHECKING:
    from appliance.services.cluster.pairing import Offer

_BLOCK = re.compile(r"^cluster:.*\n(?:[ \t].*\n|\s*\n|#.*\n)*", re.MULTILINE)
_ANSWERS, _LOOK = 15.0, 0.3
"""Seconds to wait for trivetd to begin to answer, and between two looks."""
HostWith = Callable[[dict[str, str]], Host]
Agreed = Callable[[Plan], None]
"""Shows the plan, and raises when nobody consents."""


def rewritten(text: str, wish: Mapping[str, Any] | None) -> str:
    """The text of a spec with this `cluster`, None for without; the rest stays, comments too. ApplianceError where it cannot."""
    line = f"cluster: {json.dumps(wish)}\n" if wish is not None else ""
    new = _BLOCK.sub("", text.rstrip("\n") + "\n") + line
    meant = load_spec(text).model_dump() | {"cluster": None}
    try:
        found = load_spec(new)
        same = found.model_dump() | {"cluster": None} == meant and (found.cluster is None) == (wish is None)
    except SpecError:
        same = False
    if not same:
        hint = f"write `cluster: {json.dumps(wish)}` into it, and `trivet apply` it" if wish else "remove `cluster` from it"
        raise ApplianceError("the saved spec is written in a way that cannot be changed here", hint)
    return new


def become(host_with: HostWith, wish: Mapping[str, Any], emit: Emit, agreed: Agreed) -> ClusterDocument:
    """Create or join a cluster, as `wish` says in the spec's words; as often as there is something left to do."""
    host = host_with({})
    with settled(host):
        document, machine = known(host)
        if myself(document, machine) and document:
            raise ApplianceError(f"this node is in the cluster {document.name} already", "`trivet cluster show` says who else is")
        _, text = load_saved(host)
        text = rewritten(text, wish)
        spec = load_spec(text)
        host = host_with(spec.secrets | {"spec": text})
        carry_out(host, spec, emit, agreed)
        found, machine = known(host)
        if found is None:
            raise ApplianceError("there is no cluster yet", "see `trivet status` for what it waits for")
        if myself(found, machine) and spec.cluster and spec.cluster.join:
            carry_out(host, spec, emit, agreed)  # what a member is follows from the document that it has now
    host.run(["systemctl", "reload", "--no-block", "trivetd.service"], check=False)
    if me := myself(found, machine):
        _until_it_answers(me.address)
    return found


def _until_it_answers(address: str) -> None:
    """trivetd answers other nodes from now on: who is told that a cluster is there goes on to the next node at once."""
    end = time.monotonic() + _ANSWERS
    while time.monotonic() < end:
        try:
            peer.stranger(address, "/v1/cluster", _ANSWERS)
        except peer.Silent:
            time.sleep(_LOOK)
        else:
            return


def carry_out(host: Host, spec: Spec, emit: Emit, agreed: Agreed) -> None:
    """Plan and apply."""
    plan = flow.plan(flow.inspect(host), spec)
    agreed(plan)
    flow.apply(plan, host, emit)


def pair(host: Host, document: ClusterDocument, me: Member, ready: Callable[[str], None]) -> "Offer":
    """Offer four words until a node has joined by them. ApplianceError when nobody has, or somebody has guessed."""
    from appliance.host.neighbours import announced  # noqa: PLC0415 - for who pairs alone
    from appliance.services.cluster import pairing, words  # noqa: PLC0415 - as above
    from appliance.services.cluster.finding import open_for_pairing  # noqa: PLC0415 - as above

    if pairing.offered(host):
        pairing.withdraw(host)  # whoever offered them is gone, or is told so
    chosen = words.choose()
    mine = pairing.Offer(words=chosen, until=time.time() + pairing.SECONDS)
    pairing.offer(host, mine)
    try:
        with open_for_pairing(host), announced(document.name, me.name, me.address, API_PORT):
            ready(chosen)
            while True:
                now = pairing.offered(host)
                if now is None or now.words != chosen:
                    raise ApplianceError("nobody has joined by these words, and they are good no more", "say it again for others")
                if now.joined:
                    return now
                time.sleep(0.5)
    except BaseException:
        pairing.withdraw(host)
        raise


def leave(host_with: HostWith, emit: Emit, agreed: Agreed) -> None:
    """Have this node be alone. Cut short, it is said again: what has been done is not done twice."""
    host = host_with({})
    with settled(host):
        document, machine = known(host)
        saved, text = load_saved(host)
        if document is None and saved.cluster is None:
            raise ApplianceError("this node is in no cluster", "there is nothing to leave")
        if me := myself(document, machine):
            leaving.remove(host, me.name)
        leaving.forget_cluster(host)
        text = rewritten(text, None)
        spec = load_spec(text)
        carry_out(host_with(spec.secrets | {"spec": text}), spec, emit, agreed)
    host.run(["systemctl", "reload", "--no-block", "trivetd.service"], check=False)


def renew(host: Host, me: Member) -> None:
    """A new certificate: signed here by who can, asked for by others."""
    spec, _ = load_saved(host)
    places = flow.places(flow.inspect(host), spec).every
    from appliance.host import certificates  # noqa: PLC0415 - cryptography is 60 ms

    authority, key = host.files.read(CA), host.files.read(CA_KEY)
    if authority and key:
        request = certificates.make_request(joining.own_key(host), me.name)
        every = (me.address, me.storage, *filter(None, (me.overlay,)), *places)
        host.files.write(CERTIFICATE, certificates.sign(authority, key, request, me.name, every))
    else:
        joining.fetch(host, me.name, places)
    certify(host)
