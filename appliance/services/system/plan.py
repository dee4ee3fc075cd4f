# SPDX-License-Identifier: Apache-2.0
"""(what the system is set up as, spec) -> steps: name, time, administrator, SSH. Pure."""

from collections.abc import Iterator

from appliance.model.inventory import Inventory
from appliance.model.plan import Pending, ReplaceSpec, SetHostname, SetPassword, SetTimezone, SetUnit, Step
from appliance.model.rendered import HEADER, digest, render
from appliance.model.spec import AdminSpec, NodeSpec, Spec

HOSTS = "/etc/hosts"
TIMESYNCD = "/etc/systemd/timesyncd.conf.d/trivet.conf"
KEYS = "/root/.ssh/authorized_keys"


def plan(inventory: Inventory, spec: Spec) -> Iterator[Step]:
    """The steps that make the running system the one of the spec."""
    system = inventory.system
    if system.hostname != spec.node.name:
        yield SetHostname(name=spec.node.name, why=f"node.name; it is called {system.hostname or 'nothing'} now")
    if system.timezone != spec.node.timezone:
        yield SetTimezone(zone=spec.node.timezone, why=f"node.timezone; it is {system.timezone or 'not set'} now")
    yield from render(inventory, HOSTS, _hosts(spec.node), why="node.name resolves on the node itself")
    yield from render(inventory, TIMESYNCD, _timesyncd(spec.node), why="node.ntp", reload="systemd-timesyncd.service")
    password = digest(spec.secrets.get("admin.password_hash", ""))
    if system.password != password:
        yield SetPassword(fingerprint=password, why="admin.password_hash")
    yield from _ssh(inventory, spec.admin)


def save(inventory: Inventory, spec: Spec) -> Iterator[Step]:
    """The step that makes the next boots follow this spec."""
    if inventory.system.spec != spec.digest:
        yield ReplaceSpec(digest=spec.digest, why="so that the next boot follows it")


def _ssh(inventory: Inventory, admin: AdminSpec) -> Iterator[Step]:
    keys = "".join(f"{key}\n" for key in admin.ssh.authorized_keys)
    yield from render(inventory, KEYS, keys and HEADER + keys, why="admin.ssh.authorized_keys", mode=0o600)
    if inventory.system.ssh != admin.ssh.enabled:
        yield SetUnit(unit="ssh.service", running=admin.ssh.enabled, why="admin.ssh.enabled")


def _hosts(node: NodeSpec) -> str:
    return f"{HEADER}127.0.0.1 localhost\n127.0.1.1 {node.name}\n::1 localhost ip6-localhost ip6-loopback\n"


def _timesyncd(node: NodeSpec) -> str:
    return f"{HEADER}[Time]\nNTP={' '.join(node.ntp)}\n" if node.ntp else ""


def pending(spec: Spec) -> Iterator[Pending]:
    """What the spec may say already and this version does not carry out yet."""
    later = "this version of Trivet reads it and does not carry it out yet"
    if spec.node.language != "en":
        yield Pending(where="node.language", why=later)
