# SPDX-License-Identifier: Apache-2.0
"""Sentences of the pool's plan: its steps, and why each is there. Pure."""

from appliance.tui.phrases import N_, Phrase


def _same(text: str, *nested: str) -> Phrase:
    return Phrase(text, text, frozenset(nested))


PHRASES: tuple[Phrase, ...] = (
    _same(N_("what every program of Ceph on this node reads")),
    _same(N_("make a pool, with its monitor at {address}")),
    Phrase("storage: a single node is a pool of one", N_("a single node is a pool of one")),
    _same(N_("start the pool's monitor")),
    _same(N_("it keeps the map of the pool")),
    _same(N_("start the pool's manager")),
    _same(N_("it balances the pool and counts what is in it")),
    _same(N_("take {disk} into the pool, with a read cache of {size} on {ssd}")),
    _same(N_("take {disk} into the pool, with its database of {size} on {ssd}")),
    _same(N_("take {disk} into the pool")),
    _same(N_("a disk for data, {kind}, beside {ssd}")),
    _same(N_("a disk for data, {kind}")),
    _same(N_("start osd.{number} on {disk}")),
    _same(N_("its disk is here")),
    _same(N_("let osd.{number} go on without its cache, which is gone")),
    _same(N_("the SSD that cached for it is gone; what it had was written through, so nothing is lost")),
    _same(N_("give osd.{number} a read cache of {size} on {ssd}")),
    _same(N_("it has none, and {ssd} is there for it")),
    _same(N_("take osd.{number} out of the pool, and erase {disk}")),
    _same(N_("take osd.{number} out of the pool")),
    _same(N_("its disk is to be taken out")),
    _same(N_("its disk is gone")),
    _same(N_("set the pool's memory, scrub hours and priorities")),
    _same(N_("memory, scrub hours, priorities and when a disk is given up")),
    _same(N_("keep the pool {name}, {number} copies on different disks")),
    _same(N_("keep the pool {name}, {number} copies on different hosts")),
    _same(N_("keep the pool {name}, one copy")),
    _same(N_("one disk for data, and not {number} any more")),
    _same(N_("one disk for data")),
    _same(N_("{disks} disks for data, and not {number} any more")),
    _same(N_("{disks} disks for data")),
    # What cannot be had now.
    _same(N_("there is none yet, and the pool needs it for its monitor")),
    _same(N_("the pool's monitor is at {old}, and the {plane} plane has {new} now")),
    _same(N_("give the {plane} plane {address} again")),
    _same(N_("this node has a pool, and the spec does not say storage")),
    _same(N_("there is no disk for the pool")),
    _same(N_("one data disk alone keeps one copy of everything, and when it fails all is lost")),
)
