# SPDX-License-Identifier: Apache-2.0
"""Sentences of a cluster's engines: what a node has in the pool and in OVN that it shares with others. Pure."""

from appliance.tui.phrases import N_, Phrase, same

PHRASES: tuple[Phrase, ...] = (
    same(N_("give the pool another monitor, at {address}")),
    same(N_("take the monitor of {host} out of the pool")),
    same(N_("this node has the cluster's control role")),
    same(N_("another node of the cluster has the control role")),
    same(N_("{disks} disks for data on {hosts} hosts; data moves until it is so")),
    same(N_("this node has the pool {fsid} of its own, and its cluster has another")),
    same(N_("take its disks out with `trivet disk remove`, or leave the cluster")),
    same(N_("this node has no key of its cluster's pool")),
    same(N_("the cluster has no pool yet")),
    same(N_("the pool begins on the cluster's oldest node")),
    same(N_("join again")),
    same(N_("none of the cluster's monitors answers")),
    same(N_("this node does not know where the pool's monitors are")),
    same(N_("the monitor of {host} may not go: the others could not go on without it ({text})")),
    same(N_("see that the monitors of the other control nodes run; `ceph -s` shows them")),
    same(N_("count no more on OVN's databases at {address}")),
    same(N_("its node is not in the cluster any more")),
    same(N_("OVN's databases still count on it after {seconds} s")),
    same(N_("OVN's databases still count on it")),
    same(N_("see /var/log/ovn/ovsdb-server-nb.log")),
    same(N_("see /var/log/ovn/ovn-northd.log")),
    same(N_("OVN's databases are on all control nodes")),
    same(N_("OVN's databases are not on this node, or its own")),
    same(N_("OVN's northd has not begun its work within {seconds} s")),
    same(N_("OVN's databases have not become members of the cluster's within {seconds} s")),
    same(N_("does OVN run on the oldest control node? See /var/log/ovn/ovsdb-server-nb.log")),
)
