# SPDX-License-Identifier: Apache-2.0
"""A node leaves its cluster, or is removed from it, dead or alive; and what keeps it from that.

Its vote goes first, the document last: who is cut short says it again. What is checked is what would be lost: a quorum, VMs
whose place it is, disks that hold the pool's data.
"""

import json
from collections.abc import Collection, Iterator

from appliance.errors import ApplianceError, Unsatisfiable
from appliance.host import etcdmembers, peer
from appliance.host.etcd import Store
from appliance.host.host import Host
from appliance.model.cluster import (
    CA,
    CA_KEY,
    CERTIFICATE,
    COPY,
    KEY,
    PRIVATE_KEY,
    ClusterDocument,
    Member,
    clients,
    control_members,
    left,
    member,
    myself,
)
from appliance.model.problem import Problem
from appliance.services.cluster.desk import MONITOR_KEYRING, revoke
from appliance.services.cluster.observe import ETCD
from appliance.services.cluster.store import known, others
from appliance.services.cluster.voters import forget


def hindrances(document: ClusterDocument, name: str, alive: Collection[str], disks: Collection[str]) -> Iterator[Problem]:
    """Why a node cannot be taken out now. `alive` are the control nodes that answer, `disks` its OSDs. Pure."""
    votes = [each.name for each in control_members(document) if each.name != name]
    answer = [each for each in votes if each in alive]
    if not votes:
        message = f"{name} is the only node that holds the cluster's documents"
        yield Problem(where="cluster", message=message, hint="let another node join first; the last one is installed anew")
    elif 2 * len(answer) <= len(votes):
        silent = ", ".join(each for each in votes if each not in alive)
        message = f"without {name} the cluster could decide nothing: {silent} does not answer"
        yield Problem(where="cluster", message=message, hint="switch that on first, or remove that first")
    if disks:
        message = f"disks of {name} hold data of the pool: {', '.join(disks)}"
        yield Problem(where="storage", message=message, hint="take each out first with `trivet disk remove`")


def remove(host: Host, name: str) -> None:
    """Take a node out of the cluster. Unsatisfiable with all that keeps it in."""
    copy, _ = known(host)
    if copy is None:
        raise ApplianceError("this node is in no cluster", "see `trivet cluster show`")
    # Never by its own etcd, which ends when it has no vote any more.
    there = others(clients(copy, without=name) or clients(copy))
    entry = there.get(KEY)
    document = ClusterDocument.model_validate_json(entry.text) if entry else copy
    gone = member(document, name)
    if entry is None or gone is None:
        names = ", ".join(each.name for each in document.members)
        raise ApplianceError(f"there is no node {name} in the cluster", f"there are: {names}")
    controls = [each.name for each in control_members(document) if answers(each)]
    if problems := [*hindrances(document, name, controls, _disks(host, document, name)), *_machines(there, name)]:
        raise Unsatisfiable(problems)
    for voter in etcdmembers.voters(there):
        if voter.name == name:
            etcdmembers.remove(there, voter.id)
    revoke(there, gone.machine_id)
    there.put(KEY, left(document, name).model_dump_json(exclude_defaults=True), entry.revision)


def forget_cluster(host: Host) -> None:
    """This node is alone from now on: what it held as a member is no use to it. The copy goes first."""
    document, machine = known(host)
    if document and myself(document, machine):
        host.files.remove(COPY)
    host.run(["systemctl", "stop", ETCD], check=False)
    forget(host)
    for path in (COPY, MONITOR_KEYRING, CA_KEY, CERTIFICATE, PRIVATE_KEY, CA):
        host.files.remove(path)


def answers(each: Member) -> bool:
    """Is its trivetd there?"""
    try:
        peer.stranger(each.address, "/v1/cluster", seconds=5)
    except ApplianceError:
        return False
    return True


def _machines(there: Store, name: str) -> Iterator[Problem]:
    found = there.list("/trivet/v1/vms/")
    placed = [entry.key.rpartition("/")[2] for entry in found if json.loads(entry.text).get("node") == name]
    if placed:
        message = f"VMs have their place on {name}: {', '.join(sorted(placed))}"
        yield Problem(where="hypervisor", message=message, hint="migrate or delete them first")


def _disks(host: Host, document: ClusterDocument, name: str) -> list[str]:
    """The OSDs that Ceph has under this node's name."""
    if document.fsid is None:
        return []
    tree = host.ceph("osd tree")
    nodes = {each["id"]: each for each in tree["nodes"]}
    return [
        nodes[child]["name"]
        for each in nodes.values()
        if each["type"] == "host" and each["name"] == name
        for child in each.get("children", ())
    ]
