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

from appliance.model.netreport import Alert, Health
from appliance.model.status import Boot
from appliance.node.health import HEALTH
from appliance.node.published import BOOT, CANDIDATE, DEADLINE

MACHINES = Path(__file__).parents[1] / "machines"
BOOTED = Boot(applied=("configure the network",), seconds=1.7)
ORIGIN = "Made by tests/tui/nodes.py of the recorded machine two-sockets: as if it had been installed."
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
    health = Health(at=UPTIME - 12, alerts=alerts)
    data["files"] |= {
        "/proc/cmdline": _CMDLINE,
        "/proc/uptime": f"{UPTIME} 1.0",
        "/proc/mdstat": MDSTAT,
        "/proc/sys/kernel/hostname": "node-a",
        "/var/lib/trivet/spec.yaml": SPEC,
        "/run/libvirt/qemu/web.xml": _VM.format("web"),
        HEALTH: health.model_dump_json(),
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
