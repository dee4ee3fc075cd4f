# SPDX-License-Identifier: Apache-2.0
"""Other nodes of the cluster, asked by this one with its certificate: what is said on any node is done where it belongs."""

from typing import Any

from appliance.errors import Absent
from appliance.host import peer
from appliance.host.host import Host
from appliance.model.cluster import Member, member, myself
from appliance.node import vms
from appliance.services.cluster.store import FILES, known
from appliance.services.vm.records import elsewhere, look


def other(host: Host, name: str) -> Member | None:
    """Another node by its name; None for this one. Absent where there is no such node."""
    document, machine = known(host)
    found = member(document, name) if document else None
    if found is None:
        raise Absent(f"there is no node {name}", "`trivet cluster show` says who is in the cluster")
    return None if found == myself(document, machine) else found


def ask(node: Member, method: str, path: str) -> Any:
    """What another node answers, as its table of routes has it."""
    return peer.ask_any([node.address], FILES, path, {} if method == "POST" else None)


def act(host: Host, word: str, name: str) -> None:
    """Do to a VM what `vms.ACTS` has for the word, where the VM is."""
    if not act_far(host, word, name):
        vms.ACTS[word][1](vms.here(host), name)


def act_far(host: Host, word: str, name: str) -> str:
    """The same, if it is on another node: the name of that; "" when it is here, and nothing is done."""
    here = vms.listing(host)
    record = look(here, name).record
    node = other(host, record.node) if elsewhere(here, record) else None
    if node is None:
        return ""
    ask(node, "POST", f"/v1/vms/{name}/{word}")
    return node.name
