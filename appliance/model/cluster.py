# SPDX-License-Identifier: Apache-2.0
"""The cluster document: who is in the cluster, in what role, at which addresses. It is in etcd, and each node keeps a copy.

The spec says that a node creates or joins a cluster; this document is the truth about who is in it. Members stand in the
order in which they joined. What changes it is pure and here; whoever calls it writes the result by compare-and-swap.
"""

from collections.abc import Iterable

from pydantic import ValidationError

from appliance.model.base import Model

KEY = "/trivet/v1/cluster"
"""Where it is in etcd."""
FOLDER = "/var/lib/trivet/cluster"
COPY = f"{FOLDER}/cluster.json"
"""What this node knew last: what it plans from when it boots alone."""
CA, CA_KEY = f"{FOLDER}/ca.crt", f"{FOLDER}/ca.key"
CERTIFICATE, PRIVATE_KEY = f"{FOLDER}/node.crt", f"{FOLDER}/node.key"
API_PORT, CLIENT_PORT, PEER_PORT = 8443, 2379, 2380
"""Of trivetd for other nodes and people; of etcd for its clients; of etcd's voters for one another. All on management."""


class Member(Model):
    """A node of the cluster. `serial` counts all nodes that ever joined, and is never given twice.

    `address` is on the management plane; `storage` on the plane that carries Ceph; `overlay` is where tunnels end, None for
    nowhere. None has a prefix length. `control`: it has a voter of etcd, a monitor of Ceph and OVN's databases.
    """

    name: str
    machine_id: str
    serial: int
    address: str
    storage: str
    overlay: str | None = None
    control: bool = False
    witness: bool = False
    maintenance: bool = False


class ClusterDocument(Model):
    """`fsid` is that of the cluster's Ceph, None where it has none; `control` how many control nodes are aimed at.

    `serials` is the last one that was given.
    """

    version: int = 1
    id: str
    name: str
    fsid: str | None = None
    control: int = 1
    serials: int = 0
    members: tuple[Member, ...] = ()


def copied(text: str | None) -> ClusterDocument | None:
    """The document of a node's copy; None without one, and for one that nobody of ours has written: trivetd fetches it again."""
    try:
        return ClusterDocument.model_validate_json(text) if text else None
    except ValidationError:
        return None


class Membership(Model):
    """What this node has of its cluster beside the document.

    `settings` is the digest of those that the etcd that runs began with; `votes` the id of the cluster whose voter it is; with
    the `authority` it can give certificates.
    """

    settings: str = ""
    votes: str = ""
    authority: bool = False


class Places(Model):
    """Where this node is: its standing addresses by plane, "" for none yet; `every` is all that its spec gives it."""

    management: str = ""
    storage: str = ""
    overlay: str = ""
    every: tuple[str, ...] = ()


def control_members(document: ClusterDocument) -> tuple[Member, ...]:
    """Those with the control role, in the order in which they joined."""
    return tuple(each for each in document.members if each.control)


def member(document: ClusterDocument, name: str) -> Member | None:
    """The node of this name."""
    return next((each for each in document.members if each.name == name), None)


def myself(document: ClusterDocument | None, machine_id: str) -> Member | None:
    """The node that is this machine: None in no cluster, and after the node has left it."""
    return next((each for each in document.members if each.machine_id == machine_id), None) if document else None


def aim(members: Iterable[Member]) -> int:
    """How many control nodes such a cluster has: 1, 3 from three nodes on, 5 from 7; two voters are worse than one."""
    count = len(tuple(members))
    return 1 if count < 3 else 3 if count < 7 else 5  # noqa: PLR2004 - as the sentence above says


def assigned(document: ClusterDocument) -> ClusterDocument:
    """With the control role on as many members as are aimed at: who has it keeps it; witnesses come first, then the oldest."""
    goal = aim(document.members)
    having = [each.name for each in document.members if each.control]
    waiting = sorted((each for each in document.members if not each.control), key=lambda each: (not each.witness, each.serial))
    chosen = {*having, *(each.name for each in waiting[: max(0, goal - len(having))])}
    members = tuple(each.model_copy(update={"control": each.name in chosen}) for each in document.members)
    return document.model_copy(update={"control": goal, "members": members})


def joined(document: ClusterDocument, new: Member) -> ClusterDocument:
    """With one member more; its serial is given here."""
    serial = document.serials + 1
    members = (*document.members, new.model_copy(update={"serial": serial}))
    return assigned(document.model_copy(update={"members": members, "serials": serial}))


def left(document: ClusterDocument, name: str) -> ClusterDocument:
    """Without a member; its control role goes to the next one, where there is one."""
    members = tuple(each for each in document.members if each.name != name)
    return assigned(document.model_copy(update={"members": members}))


def url(address: str, port: int, scheme: str = "https") -> str:
    """Where a member answers."""
    return f"{scheme}://[{address}]:{port}" if ":" in address else f"{scheme}://{address}:{port}"


def clients(document: ClusterDocument, without: str = "") -> tuple[str, ...]:
    """Where etcd answers clients, on all control members but the one named."""
    return tuple(url(each.address, CLIENT_PORT) for each in control_members(document) if each.name != without)
