# SPDX-License-Identifier: Apache-2.0
"""An installed node for the console's tests: a recorded machine, and what would lie on it were it a node.

No installed node has been recorded yet. So this is made: hardware, disks and ports are those of the recorded machine
`two-sockets`; its kernel line, its spec, the documents of trivetd (written by the models themselves), the bond of its second
and third port (in the form of tests/unit/network.py) and the state of its mirror are put there here.

`python -m tests.tui.nodes DIR` writes it as a machine that `trivet console --machine DIR` shows.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from appliance.model.bmc import BmcView
from appliance.model.cluster import ClusterDocument, Member
from appliance.model.clusterview import ClusterView, NodeNow
from appliance.model.netreport import Alert, Health
from appliance.model.poolreport import CacheReport, DiskReport, StorageHealth, StorageView
from appliance.model.status import Boot
from appliance.model.vmrecord import VmView
from appliance.model.vnet import NetworkRecord
from appliance.model.vrouter import RouterView
from appliance.node.health import HEALTH, STORAGE
from appliance.node.published import BOOT, CANDIDATE, DEADLINE
from appliance.services.storage import answers, health
from tests.unit import pools

MACHINES = Path(__file__).parents[1] / "machines"
BOOTED = Boot(applied=("configure the network",), seconds=1.7)
ORIGIN = "Made by tests/tui/nodes.py of the recorded machine two-sockets: as if it had been installed."
GIB = 2**30
UPTIME = 11_040.0
SPEC = """\
# The first node of the lab.
version: 1
node: {name: node-a, timezone: Asia/Shanghai}
admin:
  password_hash: "$y$j9T$redacted"
  ssh: {enabled: true, authorized_keys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMADEUPKEY ops@lab]}
network:
  planes:
    # the port on the left
    management:
      nics: [{driver: e1000e}]
      address: 10.0.2.15/24
      gateway: 10.0.2.2  # the lab's router
    storage:
      nics: [{driver: igb, count: 2}]
      bond: active-backup
      address: 10.0.9.11/24
"""
FRESH = """\
# The first node of the lab.
version: 1
node: {name: node-a, timezone: Asia/Shanghai}
network:
  planes:
    # the port on the left
    management:
      nics: [{mac: "52:54:00:00:00:01"}]
      address: 10.0.2.15/24
      gateway: 10.0.2.2  # the lab's router
"""
"""That of a node which was just installed, on any of the lab's machines."""
CABLE = Alert(
    where="network.planes.storage",
    severity="warning",
    message="1 of 2 ports of bond-storage work: 52:54:00:00:00:03 (igb, 0000:05:00.0) has no link",
    hint="put its cable in, or see at the switch why its port is off",
)
GATEWAY = Alert(
    where="network.planes.management.gateway",
    severity="critical",
    message="the gateway 10.0.2.2 does not answer on enp3s0",
    hint="see whether it is on, and whether VLAN and cable are right: `trivet net test management`",
)
VMS = tuple(
    VmView.model_validate(each)
    for each in (
        {
            "name": "db", "state": "stopped", "node": "node-a", "cpus": 4, "memory": 8 * GIB,
            "uuid": "0d6e1d44-94a3-4f0b-8d1d-1d2f7b0f8e01",
            "vm": {"version": 1, "name": "db", "description": "The ledger.", "cpu": {"count": 4}, "memory": {"size": "8GiB"},
                   "disks": [{"name": "system", "size": "40GiB"}, {"name": "data", "size": "200GiB"}],
                   "nics": [{"network": "inside", "mac": "52:54:00:ab:00:02"}]},
            "snapshots": [{"name": "before-upgrade", "at": "2026-11-22T21:04:00+00:00", "consistent": True,
                           "files": {"system": "a.qcow2", "data": "b.qcow2"}}],
        },
        {
            "name": "mail", "state": "paused", "node": "node-a", "cpus": 1, "memory": 2 * GIB, "addresses": ["10.1.0.4"],
            "uuid": "0d6e1d44-94a3-4f0b-8d1d-1d2f7b0f8e02",
            "vm": {"version": 1, "name": "mail", "memory": {"size": "2GiB"}, "disks": [{"name": "disk0", "size": "20GiB"}]},
        },
        {
            "name": "web", "state": "running", "node": "node-a", "cpus": 2, "memory": 4 * GIB, "addresses": ["10.1.0.5"],
            "placed": "it fits node 0; the fewest processors are asked for there",
            "pending": ["memory.size: 8 GiB, and 4 GiB until the next start"],
            "uuid": "0d6e1d44-94a3-4f0b-8d1d-1d2f7b0f8e03",
            "vm": {"version": 1, "name": "web", "cpu": {"count": 2, "max": 4}, "memory": {"size": "8GiB"}, "firmware": "uefi",
                   "disks": [{"name": "disk0", "size": "20GiB"}],
                   "nics": [{"network": "inside", "mac": "52:54:00:ab:00:05", "groups": ["web"]}]},
        },
    )
)  # fmt: skip
"""What `trivet vm list --json` says of three machines, in the models of that command."""
NETWORKS = tuple(
    NetworkRecord.model_validate(each)
    for each in (
        {"network": {"version": 1, "name": "inside", "subnet": "10.1.0.0/24", "default": "drop", "rules": [
            {"group": "web", "protocol": "tcp", "ports": [80, 443], "action": "allow"},
            {"direction": "out", "peer": "10.0.0.0/8", "action": "reject"},
         ]}, "addresses": {"52:54:00:ab:00:02": "10.1.0.3", "52:54:00:ab:00:05": "10.1.0.5"}},
        {"network": {"version": 1, "name": "office", "vlan": 120}},
    )
)  # fmt: skip
ROUTERS = tuple(
    RouterView.model_validate(each)
    for each in (
        {"router": {"version": 1, "name": "edge", "networks": ["inside", "lab"],
                    "out": {"network": "office", "address": "192.168.120.2/24", "gateway": "192.168.120.1"},
                    "floating": [{"address": "192.168.120.80", "vm": "web"}, {"address": "192.168.120.81", "vm": "db"}],
                    "routes": [{"to": "10.9.0.0/16", "via": "10.1.0.5"}]},
         "inside": [["inside", "10.1.0.0/24", "10.1.0.1"], ["lab", "10.2.0.0/24", "10.2.0.1"]],
         "given": {"192.168.120.80": "10.1.0.5"}, "by": "node-a"},
        {"router": {"version": 1, "name": "middle", "networks": ["quiet"]}, "inside": [["quiet", "10.3.0.0/24", "10.3.0.1"]]},
    )
)  # fmt: skip
"""What `trivet router show --json` says of two, one of them with a way out."""
BOARD = BmcView.model_validate(
    {
        "interface": "KCS", "channel": 1,
        "lan": [["IP Address Source", "DHCP Address"], ["IP Address", "10.0.2.40"], ["Subnet Mask", "255.255.255.0"],
                ["MAC Address", "52:54:00:00:bc:01"], ["Default Gateway IP", "10.0.2.2"], ["802.1q VLAN ID", "Disabled"]],
        "users": [{"number": 1}, {"number": 2, "name": "root", "role": "admin", "enabled": True},
                  {"number": 3, "name": "night", "role": "operator", "enabled": True},
                  {"number": 4, "name": "old", "role": "user"}, {"number": 5}, {"number": 6}],
    }
)  # fmt: skip
"""A BMC as ipmi_sim is one, with three users (tests/engine/test_bmc.py)."""
_DISKS = (
    DiskReport(
        id="nvme-QEMU_NVMe_Ctrl_NV1", label="QEMU NVMe Ctrl, 20 GiB, serial NV1", serial="NV1", size=20 * GIB, slot="0-2",
        role="cache", why="read cache of 3 HDDs", temperature=41, wear=12,
    ),
    DiskReport(
        id="wwn-0x5000c50000000a00", label="QEMU HARDDISK, 40 GiB, serial HDD0", serial="HDD0", size=40 * GIB, role="data",
        osd=0, up=True, in_=True, running=True, used=12 * GIB, room=40 * GIB, temperature=33, latency=8.4,
        cache=CacheReport(disk="nvme-QEMU_NVMe_Ctrl_NV1", hits=300, misses=100), led=True,
    ),
    DiskReport(
        id="wwn-0x5000c50000000a01", label="QEMU HARDDISK, 40 GiB, serial HDD1", serial="HDD1", size=40 * GIB, role="data",
        osd=1, in_=True, used=12 * GIB, room=40 * GIB, failing="it cannot read 8 of its sectors", isolated=True,
    ),
    DiskReport(id="wwn-0x5000c50000000a03", label="QEMU HARDDISK, 40 GiB, serial HDD3", serial="HDD3", size=40 * GIB),
    DiskReport(role="data", osd=7, in_=True),
)  # fmt: skip
_POOL = answers.report(pools.answers("rebuilding"), "vms").model_copy(update={"disks": _DISKS})
POOL = StorageView(report=_POOL, looked=12.0, alerts=health.alerts(_POOL))
"""A pool as a real Ceph spoke of itself (tests/pools), on disks of this machine: one works, one is isolated, one is gone."""
_CMDLINE = (
    "root=/dev/disk/by-id/md-uuid-11111111:22222222:33333333:44444444 rootfstype=squashfs ro systemd.volatile=overlay "
    "trivet.slot=a trivet.state=/dev/disk/by-id/md-uuid-55555555:66666666:77777777:88888888"
)
MDSTAT = """\
Personalities : [raid1]
md125 : active raid1 nvme1n1p5[1] nvme0n1p5[0]
      4191168 blocks super 1.0 [2/2] [UU]
md127 : active raid1 nvme1n1p3[1] nvme0n1p3[0]
      4193216 blocks super 1.0 [2/2] [UU]

unused devices: <none>
"""
_VM = "<domstatus state='running'><domain type='kvm'><name>{}</name></domain></domstatus>"


def record(
    *alerts: Alert, boot: Boot | None = BOOTED, files: Mapping[str, str] | None = None, machine: str = "two-sockets",
    bonded: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """The node's record; `files` by path replace or add, "" removes."""
    data: dict[str, Any] = json.loads((MACHINES / machine / "machine.json").read_text())
    data["origin"] = ORIGIN
    looked = Health(at=UPTIME - 12, alerts=alerts)
    data["files"] |= {
        "/proc/cmdline": _CMDLINE,
        "/proc/uptime": f"{UPTIME} 1.0",
        "/proc/mdstat": MDSTAT,
        "/proc/sys/kernel/hostname": "node-a",
        "/var/lib/trivet/spec.yaml": SPEC,
        "/run/libvirt/qemu/web.xml": _VM.format("web"),
        HEALTH: looked.model_dump_json(),
    }
    data["folders"] |= {"/run/libvirt": ["network", "qemu"], "/run/libvirt/qemu": ["web.xml"]}
    data["commands"]["nft list table inet trivet"] = {"code": 1, "stdout": "", "stderr": "Error: No such file or directory"}
    if boot is not None:
        data["files"][BOOT] = boot.model_dump_json()
    for path, text in (files or {}).items():
        data["files"][path] = text
        if not text:
            del data["files"][path]
    if bonded:
        _bond(data["netlink"], lost=CABLE in alerts)
    return data


def fresh(machine: str) -> dict[str, Any]:
    """A machine of the lab that was just installed: it has its management plane alone."""
    return record(machine=machine, bonded=False, files={"/var/lib/trivet/spec.yaml": FRESH})


def _bond(netlink: dict[str, Any], *, lost: bool) -> None:
    links = {link["name"]: link for link in netlink["links"]}
    for name in ("enp4s0", "enp5s0"):
        links[name] |= {"master": "bond-storage", "slave": {"active": name == "enp4s0", "up": True, "aggregator": 0}}
    links["enp5s0"]["carrier"] = not lost
    bond = links["enp4s0"] | {
        "name": "bond-storage", "kind": "bond", "mode": "active-backup", "master": "", "permanent_mac": "", "vfs": [],
        "slave": {},
        "bond": {"active": "enp4s0", "aggregator": 0, "partner": ""},
    }  # fmt: skip
    netlink["links"].append(bond)
    kept = [a for a in netlink["addresses"] if a["link"] not in ("enp4s0", "enp5s0")]
    netlink["addresses"] = [*kept, {"link": "bond-storage", "address": "10.0.9.11/24", "scope": "global"}]
    netlink["gateways"] = [{"link": "enp3s0", "address": "10.0.2.2"}]


def pooled() -> dict[str, Any]:
    """The node with that pool, as trivetd has seen it last."""
    seen = StorageHealth(at=UPTIME - 12, report=_POOL, alerts=POOL.alerts)
    return record(files={STORAGE: seen.model_dump_json()})


def begin_trial(data: dict[str, Any], seconds: float, text: str = SPEC) -> None:
    """As if somebody had said `trivet net apply`."""
    data["files"] |= {CANDIDATE: text, DEADLINE: str(UPTIME + seconds)}


def end_trial(data: dict[str, Any]) -> None:
    """Kept, or taken back."""
    for path in (CANDIDATE, DEADLINE):
        data["files"].pop(path, None)


def main(folder: Path) -> None:
    """Write it where `--machine` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "machine.json").write_text(json.dumps(record(CABLE), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))


CLUSTER = ClusterView(
    name="rack-1", fingerprint="5f0c 91d2 77aa 03be 8d44 12f9 6a01 c7e3", aimed=3,
    nodes=(
        NodeNow(name="c1", address="10.0.0.11", control=True, here=True),
        NodeNow(name="c2", address="10.0.0.12", control=True),
        NodeNow(name="c3", address="10.0.0.13", control=True, answers=False),
        NodeNow(name="c4", address="10.0.0.14"),
    ),
)  # fmt: skip
"""Three control nodes, one of which is silent, and one that has no part in decisions."""
DOCUMENT = ClusterDocument(
    id="6f0c1d2e-0000-4000-8000-000000000001", name="rack-1", control=3,
    members=tuple(
        Member(
            name=node.name, machine_id=str(number) * 32, serial=number, address=node.address, storage=node.address,
            control=node.control,
        )
        for number, node in enumerate(CLUSTER.nodes, 1)
    ),
)  # fmt: skip
"""The same as its nodes have it in their files; this one's machine is 1111..."""
