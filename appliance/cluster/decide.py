# SPDX-License-Identifier: Apache-2.0
"""(what is known) -> what is to be done next: the whole of HA's leader in one function. Pure but for its own memory."""

from appliance.cluster.balance import balance
from appliance.cluster.fencing import fences
from appliance.cluster.recover import recover
from appliance.cluster.spread import spread
from appliance.cluster.state import Action, Memory, View


def decide(view: View, memory: Memory) -> list[Action]:
    """Fences first, then what they free, then balance: only while nobody is being fenced."""
    actions: list[Action] = list(fences(view, memory))
    now = spread(view.peers, view.guests)
    actions += recover(view, memory, now)
    if view.config.enabled and not any(peer.fence for peer in view.peers.values()):
        actions += balance(view, memory, now)
    return actions
