# SPDX-License-Identifier: Apache-2.0
"""How much memory an OSD may take, from the node's memory and what VMs need of it. Pure."""

MIB, GIB = 2**20, 2**30
SYSTEM = 1536 * MIB
"""For the system, the other engines, monitor and manager: measured on a node without VMs, and a quarter on top."""
_SHARE = 0.2
"""Of what the system leaves; the rest is the VMs'."""
_LEAST_TARGET = 896 * MIB
"""Ceph takes no smaller target; below it the caches are given a fixed size instead of being fitted to a target."""
_BASE = 640 * MIB
"""Of an OSD with fixed caches, beside them."""
_MOST = 8 * GIB
_SMALLEST_CACHE, _LARGEST_CACHE = 32 * MIB, 256 * MIB


def settings(memory: int, osds: int, reserved: int | None = None) -> dict[str, str]:
    """Ceph's settings for each of `osds` OSDs on a node of so many bytes; `reserved` are kept from VMs by the spec."""
    left = (reserved if reserved is not None else memory) - SYSTEM
    each = int(max(0, left) * (1.0 if reserved is not None else _SHARE)) // max(1, osds)
    if each >= _LEAST_TARGET:
        return {"osd_memory_target": str(min(each, _MOST) // MIB * MIB)}
    cache = min(max(each - _BASE, _SMALLEST_CACHE), _LARGEST_CACHE)
    return {"bluestore_cache_autotune": "false", "bluestore_cache_size": str(cache // MIB * MIB)}
