# SPDX-License-Identifier: Apache-2.0
"""(what runs, spec, the copy of the cluster document) -> steps: etcd, which holds the documents, and who votes in it. Pure.

A node that is alone is a cluster of one and has an etcd of one, so that growing is joining and there is no second store. It
listens on this node alone: what it holds decides what runs as root. In a cluster etcd is where the control role is, and the
others reach it on the management plane with certificates of the cluster's own; programs of this node go on using loopback.
"""

import uuid
from collections.abc import Iterable, Iterator

from appliance.model.cluster import (
    CLIENT_PORT,
    PEER_PORT,
    ClusterDocument,
    Member,
    Places,
    clients,
    joined,
    myself,
    url,
)
from appliance.model.clustersteps import FoundCluster, JoinCluster, MakeAuthority, RunEtcd, TakeRole
from appliance.model.inventory import Inventory
from appliance.model.plan import Pending, Step
from appliance.model.pool import fsid_of
from appliance.model.problem import Problem
from appliance.model.rendered import ETCD_DEFAULTS, HEADER, digest, render
from appliance.model.spec import Spec
from appliance.model.timers import timers

CLIENTS = "http://127.0.0.1:2379"
_PEERS = "http://127.0.0.1:2380"
DATA = "/var/lib/etcd/trivet"
TLS = "/run/trivet/etcd"
"""Copies of the node's certificate and key, and of the authority's certificate, for etcd's own user."""
_FILES = {"CERT_FILE": f"{TLS}/node.crt", "KEY_FILE": f"{TLS}/node.key", "TRUSTED_CA_FILE": f"{TLS}/ca.crt"}

_ONCE = ("ETCD_INITIAL_CLUSTER=", "ETCD_INITIAL_CLUSTER_STATE=")
"""What is said to etcd at its first start alone."""


def check(spec: Spec) -> Iterator[Problem]:
    """What a cluster needs of its nodes' specs."""
    if spec.cluster is None:
        return
    if not spec.network.planes.given["management"].addresses:
        hint = "write the address with its prefix length instead of dhcp"
        message = "a node of a cluster is reached at its management address, which must stay"
        yield Problem(where="network.planes.management.address", message=message, hint=hint)
    join = spec.cluster.join
    if join and (join.token_file is None) == (join.words_file is None):
        message = "a cluster is joined by a token or by words"
        yield Problem(where="cluster.join", message=message, hint="give either token_file or words_file")


def joining(inventory: Inventory, spec: Spec) -> bool:
    """Is this node to be in a cluster that it has not joined yet? Then it begins no pool and no store of its own."""
    return spec.cluster is not None and spec.cluster.join is not None and inventory.cluster is None


def join(inventory: Inventory, spec: Spec, places: Places) -> Iterator[Step]:
    """The one step by which a node comes in: what else it shall be follows from the document that it gets."""
    if spec.cluster and (wish := spec.cluster.join):
        yield JoinCluster(
            address=wish.address or "",
            token_file=wish.token_file or "",
            words_file=wish.words_file or "",
            member=_member(inventory, spec, places),
            addresses=places.every,
            why="cluster.join",
        )


def plan(inventory: Inventory, spec: Spec, places: Places) -> Iterator[Step]:
    """etcd runs where VMs do, or where the spec speaks of a cluster; in a cluster where the control role is."""
    document = inventory.cluster or founded(inventory, spec, places)
    founding = document is not None and inventory.cluster is None
    me = myself(document, inventory.system.machine_id)
    if founding and document and me:
        yield MakeAuthority(cluster=document.name, node=me.name, addresses=places.every, why="cluster.create")
    elif document and me and me.control and not inventory.membership.authority:
        yield TakeRole(name=me.name, addresses=places.every, why="the cluster's document gives it to this node")
    yield from _etcd(inventory, spec, document, me)
    if founding and document:
        yield FoundCluster(document=document, why="cluster.create")


def _etcd(inventory: Inventory, spec: Spec, document: ClusterDocument | None, me: Member | None) -> Iterator[Step]:
    wanted = bool(me and me.control) if document else spec.hypervisor is not None
    content = settings(spec, me.address if document and me else "") if wanted else ""
    if wanted:
        yield from render(inventory, ETCD_DEFAULTS, content, why="etcd holds the documents of VMs and networks")
    others = clients(document, without=me.name if me else "") if document else ()
    votes = document.id if document else ""
    began = inventory.membership.settings, inventory.membership.votes
    if wanted and not (inventory.etcd and began == (mark(content.splitlines()), votes)):
        why = "it holds the documents of VMs and networks"
        peer = url(me.address, PEER_PORT) if document and me else ""
        yield RunEtcd(running=True, settings=mark(content.splitlines()), cluster=votes, peer=peer, others=others, why=why)
    elif not wanted and inventory.etcd:
        why = "other nodes of the cluster have it" if document else "nothing in the spec needs it"
        yield RunEtcd(running=False, cluster=votes, others=others, why=why)


def pending(inventory: Inventory, spec: Spec) -> Iterator[Pending]:
    """What waits until this node is in its cluster, and what is left when it is in it no more."""
    if joining(inventory, spec):
        yield Pending(where="cluster.join", why="storage and VMs come when this node has joined")
    elif inventory.cluster and not myself(inventory.cluster, inventory.system.machine_id):
        hint = "join again, or say `trivet cluster leave` here for a node alone"
        yield Pending(where="cluster", why="this node has been removed from its cluster", hint=hint)


def founded(inventory: Inventory, spec: Spec, places: Places) -> ClusterDocument | None:
    """The document of the cluster that this node founds: the same whenever it is asked. None where it founds none."""
    if not (spec.cluster and spec.cluster.create and places.management):
        return None
    name, machine = spec.cluster.create.name, inventory.system.machine_id
    fsid = (inventory.pool.fsid if inventory.pool else fsid_of(machine)) if spec.storage else None
    empty = ClusterDocument(id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"trivet cluster {name} {machine}")), name=name, fsid=fsid)
    return joined(empty, _member(inventory, spec, places))


def _member(inventory: Inventory, spec: Spec, places: Places) -> Member:
    return Member(
        name=spec.node.name,
        machine_id=inventory.system.machine_id,
        serial=0,
        address=places.management,
        storage=places.storage or places.management,
        overlay=places.overlay or None,
    )


def mark(lines: Iterable[str]) -> str:
    """The digest of etcd's settings, in whichever order, out of the file or of what a process has of it."""
    given = sorted(line for line in lines if line.startswith("ETCD_") and not line.startswith(_ONCE))
    return digest("\n".join(given))


def settings(spec: Spec, address: str = "") -> str:
    """etcd's environment; with an address that of a voter of a cluster, which is reached there.

    Who else votes is not in it: etcd keeps that itself, and who comes is told by those who are there.
    """
    limits = timers(emulated=bool(spec.hypervisor and spec.hypervisor.emulation))
    secured: dict[str, str] = {}
    clients_at = peers_at = ""
    if address:
        clients_at, peers_at = url(address, CLIENT_PORT), url(address, PEER_PORT)
        secured = {f"{prefix}{name}": path for prefix in ("", "PEER_") for name, path in _FILES.items()}
        secured |= {"CLIENT_CERT_AUTH": "true", "PEER_CLIENT_CERT_AUTH": "true"}
    values = {
        "NAME": spec.node.name,
        "DATA_DIR": DATA,
        "LISTEN_CLIENT_URLS": ",".join(filter(None, (CLIENTS, clients_at))),
        "ADVERTISE_CLIENT_URLS": clients_at or CLIENTS,
        "LISTEN_PEER_URLS": peers_at or _PEERS,
        "INITIAL_ADVERTISE_PEER_URLS": peers_at or _PEERS,
        "AUTO_COMPACTION_MODE": "periodic",
        "AUTO_COMPACTION_RETENTION": "1h",
        "HEARTBEAT_INTERVAL": str(round(limits.heartbeat * 1000)),
        "ELECTION_TIMEOUT": str(round(limits.election * 1000)),
        **secured,
    }
    return HEADER + "".join(f"ETCD_{name}={value}\n" for name, value in values.items())
