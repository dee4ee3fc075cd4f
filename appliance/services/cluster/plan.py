# SPDX-License-Identifier: Apache-2.0
"""(what runs, spec) -> steps: etcd, which holds the documents of VMs and networks. Pure.

A node that is alone is a cluster of one and has an etcd of one, so that growing is joining and there is no second store. It
listens on this node alone: what it holds decides what runs as root.
"""

from collections.abc import Iterator

from appliance.model.inventory import Inventory
from appliance.model.plan import RunEtcd, Step
from appliance.model.rendered import ETCD_DEFAULTS, HEADER, render
from appliance.model.spec import Spec

CLIENTS = "http://127.0.0.1:2379"
_PEERS = "http://127.0.0.1:2380"
DATA = "/var/lib/etcd/trivet"


def plan(inventory: Inventory, spec: Spec) -> Iterator[Step]:
    """etcd runs where VMs do, or where the spec speaks of a cluster."""
    wanted = spec.hypervisor is not None or spec.cluster is not None
    if wanted:
        yield from render(inventory, ETCD_DEFAULTS, settings(spec), why="etcd holds the documents of VMs and networks")
    if inventory.etcd != wanted:
        why = "it holds the documents of VMs and networks" if wanted else "nothing in the spec needs it"
        yield RunEtcd(running=wanted, why=why)


def settings(spec: Spec) -> str:
    """etcd's environment."""
    values = {
        "NAME": spec.node.name,
        "DATA_DIR": DATA,
        "LISTEN_CLIENT_URLS": CLIENTS,
        "ADVERTISE_CLIENT_URLS": CLIENTS,
        "LISTEN_PEER_URLS": _PEERS,
        "INITIAL_ADVERTISE_PEER_URLS": _PEERS,
        "INITIAL_CLUSTER": f"{spec.node.name}={_PEERS}",
        "AUTO_COMPACTION_MODE": "periodic",
        "AUTO_COMPACTION_RETENTION": "1h",
    }
    return HEADER + "".join(f"ETCD_{name}={value}\n" for name, value in values.items())
