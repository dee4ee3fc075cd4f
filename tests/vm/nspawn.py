# SPDX-License-Identifier: Apache-2.0
"""What a container node is, and how systemd-nspawn is asked for one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

KERNEL_ARGUMENTS = ("trivet.slot=a", "trivet.container=1")
"""What makes the image take a container for an installed node."""
WRITABLE_NAME = """\
[Service]
ExecStartPre=mount --bind /proc/sys/kernel/hostname /proc/sys/kernel/hostname
ExecStartPre=mount -o remount,bind,rw /proc/sys/kernel/hostname
"""

ROOM_OF_HOST = """\
[Manager]
DefaultEnvironment="CEPH_ARGS=--mon_data_avail_warn=1 --mon_data_avail_crit=1"
"""
"""A monitor looks at the room on the disk below its folder: here that is this host's, and none of the node's health."""


@dataclass(frozen=True)
class Node:
    """A node: `networks` are bridges of the lab, seen as eth0, eth1, ...; `disks` are sizes, seen under /dev/loop*;
    with "hdd" behind it a disk rotates.

    `trivetd` are lines more in the section [Service] of its unit.
    """

    name: str
    networks: tuple[str, ...] = ("mgmt",)
    disks: tuple[str, ...] = ()
    binds: tuple[tuple[str, str], ...] = ()
    trivetd: tuple[str, ...] = ()

    def mac(self, index: int) -> str:
        digits = hashlib.sha256(f"{self.name} {index}".encode()).hexdigest()
        return ":".join(["02", *(digits[at : at + 2] for at in range(0, 10, 2))])


def machine_id(name: str) -> str:
    """That of a node of this name, at each start."""
    return hashlib.sha256(f"machine {name}".encode()).hexdigest()[:32]


def prepare(upper: Path, node: Node) -> None:
    """What the node has over the image's files."""
    # nspawn brings its own /dev: the image's, with its device nodes, must not shine through
    (upper / "dev").mkdir()
    os.setxattr(upper / "dev", "trusted.overlay.opaque", b"y")
    # nspawn makes /proc/sys read-only, and with it the name that the node gives itself
    dropins = upper / "etc" / "systemd" / "system" / "trivetd.service.d"
    dropins.mkdir(parents=True)
    (dropins / "lab.conf").write_text(WRITABLE_NAME + "".join(f"{line}\n" for line in node.trivetd))
    manager = upper / "etc" / "systemd" / "system.conf.d"
    manager.mkdir(parents=True)
    (manager / "lab.conf").write_text(ROOM_OF_HOST)
    # Inside, /proc/cmdline would be this host's; systemd looks at the arguments of its first process instead.
    (upper / "cmdline").write_text(" ".join(KERNEL_ARGUMENTS) + "\n")
    # A node keeps its machine-id by its kernel's line; what is written over the image is gone with each start.
    (upper / "etc").mkdir(exist_ok=True)
    (upper / "etc" / "machine-id").write_text(f"{machine_id(node.name)}\n")


def argv(node: Node, root: Path, links: Sequence[str], binds: Sequence[tuple[str, str]]) -> list[str]:
    """`links` are the lab's ends of eth0, eth1, ..."""
    words = ["systemd-nspawn", "--quiet", "-D", str(root), "-b", "-M", node.name, f"--hostname={node.name}"]
    words += ["--register=no", "--keep-unit", "--private-network", "--capability=all", "--link-journal=no"]
    words += ["--console=interactive", "--resolv-conf=off", "--timezone=off", "--kill-signal=SIGRTMIN+3"]
    words += [f"--network-veth-extra={link}:eth{index}" for index, link in enumerate(links)]
    words += ["--bind=/dev/net/tun", "--bind-ro=/cmdline:/proc/cmdline"]  # mounts on /proc come late: a path inside
    words += [f"--bind={source}:{target}" for source, target in binds]
    return [*words, *KERNEL_ARGUMENTS]
