# SPDX-License-Identifier: Apache-2.0
"""Who votes in etcd. A new voter comes as a learner, which has no vote until it has all that is written, and is promoted then."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from appliance.host.etcd import Etcd


class Voter(NamedTuple):
    """`name` is "" until it has run once; `peer` is where the others reach it."""

    id: str
    name: str
    peer: str
    learner: bool


def voters(etcd: Etcd) -> tuple[Voter, ...]:
    """All of them, as the quorum knows them."""
    return tuple(_voter(found) for found in etcd.ask("/v3/cluster/member/list", {"linearizable": True})["members"])


def add(etcd: Etcd, peer: str) -> None:
    """A learner, who may begin now."""
    etcd.ask("/v3/cluster/member/add", {"peerURLs": [peer], "isLearner": True})


def promote(etcd: Etcd, id_: str) -> None:
    """Give it its vote. StoreError as long as it lacks something."""
    etcd.ask("/v3/cluster/member/promote", {"ID": id_})


def move(etcd: Etcd, id_: str, peer: str) -> None:
    """It is reached elsewhere from now on."""
    etcd.ask("/v3/cluster/member/update", {"ID": id_, "peerURLs": [peer]})


def remove(etcd: Etcd, id_: str) -> None:
    """Take its vote, and the rest. It ends by itself, if it runs."""
    etcd.ask("/v3/cluster/member/remove", {"ID": id_})


def _voter(found: Mapping[str, Any]) -> Voter:
    peers = found.get("peerURLs") or [""]
    return Voter(str(found["ID"]), found.get("name", ""), peers[0], bool(found.get("isLearner", False)))
