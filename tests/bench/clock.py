# SPDX-License-Identifier: Apache-2.0
"""How long a node takes for something."""

import time

from tests.vm.containers import ContainerNode
from tests.vm.vm import VM


def seconds(node: ContainerNode | VM, command: str) -> float:
    """Until it has ended; it must end well."""
    begun = time.monotonic()
    node.run(command, timeout=900)
    return time.monotonic() - begun
