# SPDX-License-Identifier: Apache-2.0
"""Inventory: what this machine has and is now. Observed, never wished."""

from appliance.model.base import Model
from appliance.model.cluster import ClusterDocument
from appliance.model.machine import Machine, Virtualisation
from appliance.model.network import Address, Chassis, Device, Nic, VfPool
from appliance.model.pool import Pool
from appliance.model.selector import Chosen
from appliance.model.storage import Disk, MirrorArray


class System(Model):
    """The running system as it is set up now.

    `spec` is the digest of the spec that is saved on this node; `password` a fingerprint of root's password field in
    /etc/shadow ("" for none or locked), never the field itself.
    `machine_id` is that of machine-id(5), which stays with the node.
    `files` maps the path of each file that Trivet renders to the first 12 digits of the SHA-256 of what is in it.
    """

    installed: bool = False
    spec: str = ""
    hostname: str = ""
    timezone: str = ""
    password: str = ""
    ssh: bool = False
    machine_id: str = ""
    files: dict[str, str] = {}
    image: "Image | None" = None


class Image(Model):
    """The squashfs that this system runs from, or can install: size in bytes, SHA-256 in hexadecimal."""

    version: str
    size: int
    sha256: str
    path: str


class Inventory(Model):
    """One JSON document about one machine.

    `chosen` is which ports the selectors of a spec chose here before. `firewall` is the digest of the table that is loaded, ""
    for none of ours; `chassis` is this node in OVN, while it runs. `pool` is this node's own Ceph, None where none was ever made.
    `etcd`: it runs here. `mirror` has the arrays that a node with two system disks runs from. `cluster` is what this node knew
    last of its cluster, None for a node alone.
    """

    version: int = 1
    machine: Machine = Machine()
    disks: tuple[Disk, ...] = ()
    nics: tuple[Nic, ...] = ()
    chosen: Chosen = Chosen()
    devices: tuple[Device, ...] = ()
    addresses: tuple[Address, ...] = ()
    firewall: str = ""
    chassis: Chassis | None = None
    pools: tuple[VfPool, ...] = ()
    pool: Pool | None = None
    mirror: tuple[MirrorArray, ...] = ()
    virtualisation: Virtualisation = Virtualisation()
    etcd: bool = False
    cluster: ClusterDocument | None = None
    system: System = System()
