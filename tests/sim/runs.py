# SPDX-License-Identifier: Apache-2.0
"""One run of the simulator: a cluster comes up, faults, quiet, and then all must be well."""

from __future__ import annotations

from collections.abc import Sequence

from tests.sim.faults import Fault, inflict
from tests.sim.world import Options, World

UP, QUIET = 30.0, 200.0
"""Virtual seconds until all runs, and from the last fault until all must run again: a boot, a fence, claims, starts by order."""


def run(options: Options, faults: Sequence[Fault], quiet: float = QUIET) -> World:
    """Violation when a rule does not hold."""
    world = World(options)
    world.populate()
    world.run(UP)
    world.settled()
    inflict(world, faults)
    world.run(max((fault.at + min(fault.seconds, 120) for fault in faults), default=0.0))
    world.options.lost_answers = 0.0
    world.run(quiet)
    world.settled()
    return world
