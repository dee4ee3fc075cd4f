# SPDX-License-Identifier: Apache-2.0
"""The cluster as a person looks at it (node/clusterview.py puts it together)."""

from appliance.model.base import Model


class NodeNow(Model):
    """A node; `here` is this one, `answers` whether its trivetd does now."""

    name: str
    address: str
    control: bool = False
    witness: bool = False
    here: bool = False
    answers: bool = True


class ClusterView(Model):
    """`name` is "" for a node that is in no cluster. `fingerprint` is what both sides of a join compare; `aimed` is how many
    control nodes there shall be.
    """

    name: str = ""
    fingerprint: str = ""
    aimed: int = 0
    nodes: tuple[NodeNow, ...] = ()

    @property
    def having(self) -> int:
        """How many control nodes there are."""
        return sum(node.control for node in self.nodes)
