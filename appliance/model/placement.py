# SPDX-License-Identifier: Apache-2.0
"""Where a VM's processors and memory are on a server with several NUMA nodes."""

from appliance.model.base import Model


class Cell(Model):
    """A NUMA node as VMs see it: `cpus` and `memory` (bytes) are without what is kept for the platform.

    `pages` are the huge pages that it has, by size; `distances` are to each cell, in their order.
    """

    id: int
    cpus: tuple[int, ...]
    memory: int
    pages: dict[str, int] = {}
    distances: tuple[int, ...] = ()


class Share(Model):
    """What a VM has of one cell: so many processors, of those in `cpuset`, and so many bytes."""

    cell: int
    cpus: int
    memory: int
    cpuset: tuple[int, ...]


class Placement(Model):
    """Where a VM is. Without shares it is wherever the kernel puts it. `pins` are the processors of its own, one each."""

    shares: tuple[Share, ...] = ()
    pages: str = ""
    pins: tuple[int, ...] = ()
    reason: str

    @property
    def cpuset(self) -> tuple[int, ...]:
        """The processors on which it may run."""
        return tuple(sorted(cpu for share in self.shares for cpu in share.cpuset))

    @property
    def cells(self) -> tuple[int, ...]:
        """The NUMA nodes that it is on."""
        return tuple(share.cell for share in self.shares)


class Request(Model):
    """What a VM asks of the topology; `near` are the cells of devices that it is given."""

    cpus: int
    memory: int
    pages: str = ""
    pin: bool = False
    near: tuple[int, ...] = ()
    off: bool = False


class CellUse(Model):
    """A cell and what is on it, for people: bytes free, processors that VMs share or own, names of the VMs."""

    cell: Cell
    free: int
    pages: dict[str, int] = {}
    """Those that are free."""
    cpus: int = 0
    """Those of VMs, which may be more than the cell has."""
    pinned: int = 0
    vms: tuple[str, ...] = ()
