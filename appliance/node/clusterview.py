# SPDX-License-Identifier: Apache-2.0
"""The cluster as a person looks at it: who is in it, in what role, and who answers now."""

from concurrent.futures import ThreadPoolExecutor

from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.cluster import CA, Member, myself
from appliance.model.clusterview import ClusterView, NodeNow
from appliance.services.cluster.store import known

_SECONDS = 3.0
_AT_ONCE = 32


def view(host: Host) -> ClusterView:
    """Slow: each node is asked, all at once, for three seconds at most."""
    document, machine = known(host)
    me = myself(document, machine)
    if document is None or me is None:
        return ClusterView()
    from appliance.host import certificates  # noqa: PLC0415 - cryptography is 60 ms

    with ThreadPoolExecutor(_AT_ONCE) as asked:
        answers = list(asked.map(lambda each: each == me or _answers(each), document.members))
    nodes = (
        NodeNow(name=each.name, address=each.address, control=each.control, witness=each.witness, here=each == me, answers=found)
        for each, found in zip(document.members, answers, strict=True)
    )
    shown = certificates.shown(certificates.fingerprint(host.files.read(CA) or ""))
    return ClusterView(name=document.name, fingerprint=shown, aimed=document.control, nodes=tuple(nodes))


def _answers(node: Member) -> bool:
    from appliance.host import peer  # noqa: PLC0415 - as above

    try:
        peer.stranger(node.address, "/v1/cluster", _SECONDS)
    except ApplianceError:
        return False
    return True
