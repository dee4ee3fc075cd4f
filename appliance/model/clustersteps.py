# SPDX-License-Identifier: Apache-2.0
"""Verbs of the cluster. None of them holds a key, a token or words: handlers make them, or find them in files."""

from typing import Literal

from appliance.model.cluster import ClusterDocument, Member
from appliance.model.step import BaseStep


class RunEtcd(BaseStep):
    """Run etcd on this node with the settings of this digest, or stop it. What it holds stays.

    In the cluster `cluster` (its id) it is a voter, which the others reach at `peer`; `others` are where they are asked, () for
    the first node, whose etcd goes on with what it holds. One that stops is no voter any more.
    """

    kind: Literal["run-etcd"] = "run-etcd"
    running: bool
    settings: str = ""
    cluster: str = ""
    peer: str = ""
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.running:
            return "stop etcd"
        return "run etcd as a voter of the cluster" if self.cluster else "run etcd"


class MakeAuthority(BaseStep):
    """Make the authority of a new cluster, and the first node's certificate."""

    kind: Literal["make-authority"] = "make-authority"
    cluster: str
    node: str
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return f"make the certificates of the cluster {self.cluster}"


class FoundCluster(BaseStep):
    """Write the document of a new cluster: from then on there is one."""

    kind: Literal["found-cluster"] = "found-cluster"
    document: ClusterDocument

    def __str__(self) -> str:
        return f"found the cluster {self.document.name}"


class JoinCluster(BaseStep):
    """Show the token or the words in a file to the cluster at `address`, and become `member` of it.

    Without an address it is looked for on this node's links.
    """

    kind: Literal["join-cluster"] = "join-cluster"
    address: str
    member: Member
    addresses: tuple[str, ...]
    token_file: str = ""
    words_file: str = ""

    def __str__(self) -> str:
        return f"join the cluster at {self.address}" if self.address else "join the cluster on this link"


class TakeRole(BaseStep):
    """Fetch what a control node has of the cluster's keys, from those who have them: as `name`, at these addresses."""

    kind: Literal["take-role"] = "take-role"
    name: str
    addresses: tuple[str, ...]

    def __str__(self) -> str:
        return "take the control role"
