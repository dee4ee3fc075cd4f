# SPDX-License-Identifier: Apache-2.0
"""A node on which a spec has been carried out, made of a recorded machine: what each handler promises is so afterwards.

Tests of a change begin here, and tests that a plan leaves nothing to do. What handlers do to a machine is tested elsewhere.
"""

import json
from pathlib import Path
from typing import Any

from appliance import flow
from appliance.host.playback import playback, recorded
from appliance.model.cluster import ClusterDocument, Membership, member
from appliance.model.clustersteps import RunEtcd, TakeRole
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory, System
from appliance.model.network import Address, Nic, Vf
from appliance.model.plan import (
    ConfigureNetwork,
    ConfigureOvn,
    ConfigureVfs,
    KeepPorts,
    LoadFirewall,
    MergePages,
    OfferVfs,
    RenderFile,
    ReplaceSpec,
    ReserveForPlatform,
    RunLibvirt,
    SetHostname,
    SetHugePages,
    SetPassword,
    SetTimezone,
    SetUnit,
    Step,
)
from appliance.model.rendered import digest
from appliance.model.selector import Chosen
from appliance.model.spec import Spec
from appliance.services.network.gone import remaining
from appliance.services.network.ports import choices
from appliance.services.network.sriov import pool_of
from tests.unit.pooled import found_by_joiner, pooled

MACHINES = Path(__file__).parents[1] / "machines"
_FIRST, _STRIDE = 0x80, 2
"""Where the 82576 (igb) puts its virtual functions, counted from the port's own place."""


def machine_of(case: Path) -> Inventory:
    """The recorded machine of a case."""
    return flow.inspect(recorded(_folder(case)))


def case_of(case: Path) -> tuple[Inventory, Spec]:
    """A case's machine as it is before the plan, and what is wished of it."""
    machine, spec = machine_of(case), load_spec((case / "spec.yaml").read_text())
    if (gone := case / "gone").exists():
        return starting(pulled(_folder(case), *gone.read_text().split()), spec, machine), spec
    if (before := case / "before.yaml").exists():
        machine = node(machine, load_spec(before.read_text()))
    if (document := case / "cluster.json").exists():
        machine = clustered(machine, spec, document.read_text(), case / "pool")
    return machine, spec


def clustered(machine: Inventory, spec: Spec, text: str, pool: Path) -> Inventory:
    """The node as a member that has joined just now: it has its cluster's document, and the key of the pool that it finds."""
    document = ClusterDocument.model_validate_json(text)
    me = member(document, spec.node.name)
    assert me is not None
    system = machine.system.model_copy(update={"machine_id": me.machine_id})
    found = found_by_joiner(pool.read_text().strip(), machine.disks, document, me) if pool.exists() else None
    return machine.model_copy(update={"system": system, "cluster": document, "pool": found})


def _folder(case: Path) -> Path:
    return MACHINES / (case / "machine").read_text().strip()


def pulled(folder: Path, *macs: str) -> Inventory:
    """The recorded machine as it is without these ports."""
    return flow.inspect(playback(unplugged(json.loads((folder / "machine.json").read_text()), *macs)))


def unplugged(data: dict[str, Any], *macs: str) -> dict[str, Any]:
    """A record without these ports: nobody who looks finds them."""
    hardware = {device["INTERFACE"] for device in data["udev"]["net"]}
    links = [link for link in data["netlink"]["links"] if link["name"] in hardware]
    names = {link["name"] for link in links if (link["permanent_mac"] or link["mac"]) in macs}
    assert len(names) == len(macs), f"the machine has no such ports: {macs}"
    data["netlink"]["links"] = [link for link in data["netlink"]["links"] if link["name"] not in names]
    data["udev"]["net"] = [device for device in data["udev"]["net"] if device["INTERFACE"] not in names]
    return data


def starting(machine: Inventory, spec: Spec, had: Inventory) -> Inventory:
    """The machine as a node when it starts with this spec, which was saved on it when it `had` all that it was planned with."""
    system = System(installed=True, image=machine.system.image, spec=spec.digest)
    chosen = Chosen(specs={spec.digest: choices(had, spec)})
    return dark(machine.model_copy(update={"system": system, "addresses": (), "chosen": chosen}))


def node(machine: Inventory, spec: Spec) -> Inventory:
    """The machine once it is a node and as the spec says: with its saved spec it starts from what the installer saved."""
    return _lit(carried_out(starting(machine, spec, machine), spec), machine)


def replugged(now: Inventory, hardware: Inventory) -> Inventory:
    """The node with the ports of this hardware: those that it had are as they were, others are new."""
    had = {nic.mac: nic for nic in now.nics}
    return now.model_copy(update={"nics": tuple(had.get(nic.mac, nic) for nic in dark(hardware).nics)})


def dark(machine: Inventory) -> Inventory:
    """The machine as it starts: no port has a link yet, and nobody was heard."""
    nothing = {"link": False, "speed": 0, "neighbours": ()}
    return machine.model_copy(update={"nics": tuple(nic.model_copy(update=nothing) for nic in machine.nics)})


def _lit(now: Inventory, machine: Inventory) -> Inventory:
    """The machine again with the cables of another record of it."""
    had = {(nic.pci, nic.mac): nic for nic in machine.nics}
    cables = [{"link": h.link, "speed": h.speed, "neighbours": h.neighbours} for h in (had[n.pci, n.mac] for n in now.nics)]
    return now.model_copy(update={"nics": tuple(n.model_copy(update=c) for n, c in zip(now.nics, cables, strict=True))})


def carried_out(now: Inventory, spec: Spec) -> Inventory:
    """The node once the plan to this spec is done."""
    for step in flow.plan(now, spec, follow=True).steps:
        now = _after(now, step)
    uplinks, _, _ = remaining(now, spec)
    places = {plane.name: plane.name if plane in uplink.apart else uplink.link for uplink in uplinks for plane in uplink.planes}
    given = spec.network.planes.given.items()
    here = tuple(Address(link=places[n], address=address) for n, plane in given if n in places for address in plane.addresses)
    return now.model_copy(update={"addresses": here})


def _after(now: Inventory, step: Step) -> Inventory:  # noqa: PLR0912 - a branch for each kind of step
    system: dict[str, object] = {}
    facts: dict[str, object] = {}
    match step:
        case ConfigureNetwork():
            system = {"files": _written(now, {file.path: file.content for file in step.files})}
            facts = {"devices": step.devices}
        case RenderFile():
            system = {"files": _written(now, {step.path: step.content})}
        case ConfigureOvn():
            facts = {"chassis": step.chassis}
        case LoadFirewall():
            facts = {"firewall": step.digest}
        case ConfigureVfs():
            facts = {"nics": tuple(_with(nic, step) if nic.pci == step.pci else nic for nic in now.nics)}
        case KeepPorts():
            facts = {"chosen": step.chosen}
        case OfferVfs():
            (port,) = (nic.sriov.vfs for nic in now.nics if nic.pci == step.pci and nic.sriov)
            others = tuple(pool for pool in now.pools if pool.name != step.pool)
            facts = {"pools": (*others, pool_of(step.pci, port)) if step.functions else others}
        case RunLibvirt():
            facts = {"virtualisation": now.virtualisation.model_copy(update={"libvirt": step.running})}
        case ReserveForPlatform():
            kept = {"cpus": step.cpus, "memory": step.memory}
            facts = {"virtualisation": now.virtualisation.model_copy(update=kept)}
        case MergePages():
            facts = {"virtualisation": now.virtualisation.model_copy(update={"merge": step.merge})}
        case SetHugePages():
            nodes = tuple(
                node.model_copy(update={"hugepages": node.hugepages | {step.size: step.pages}}) if node.id == step.node else node
                for node in now.machine.numa
            )
            facts = {"machine": now.machine.model_copy(update={"numa": nodes})}
        case RunEtcd():
            began = Membership(settings=step.settings, votes=step.cluster, authority=now.membership.authority)
            facts = {"etcd": step.running, "membership": began if step.running else Membership()}
        case TakeRole():
            facts = {"membership": now.membership.model_copy(update={"authority": True})}
        case ReplaceSpec():
            system = {"spec": step.digest}
        case SetHostname():
            system = {"hostname": step.name}
        case SetTimezone():
            system = {"timezone": step.zone}
        case SetPassword():
            system = {"password": step.fingerprint}
        case SetUnit():
            system = {"ssh": step.running}
        case _ if (after := pooled(now, step)) is not None:
            return after
        case _:
            raise AssertionError(f"{step.kind} is of an installation, not of a node")
    return now.model_copy(update={"system": now.system.model_copy(update=system), **facts})


def _written(now: Inventory, files: dict[str, str]) -> dict[str, str]:
    digests = now.system.files | {path: digest(text) for path, text in files.items()}
    return {path: mark for path, mark in digests.items() if mark}


def _with(nic: Nic, step: ConfigureVfs) -> Nic:
    assert nic.sriov
    had = dict(enumerate(nic.sriov.vfs)) if len(nic.sriov.vfs) == len(step.vfs) else {}
    driver = {"kernel": "igbvf", "vfio-pci": "vfio-pci"}
    vfs = tuple(
        had.get(wish.index, Vf(index=wish.index, pci=_place(nic.pci, wish.index), spoofchk=True)).model_copy(
            update={**wish.attributes, "driver": driver[wish.driver]}
        )
        for wish in step.vfs
    )
    return nic.model_copy(update={"sriov": nic.sriov.model_copy(update={"vfs": vfs})})


def _place(pci: str, index: int) -> str:
    domain, bus, rest = pci.split(":")
    slot, function = rest.split(".")
    number = (int(bus, 16) << 8 | int(slot, 16) << 3 | int(function, 16)) + _FIRST + _STRIDE * index
    return f"{domain}:{number >> 8:02x}:{number >> 3 & 0x1F:02x}.{number & 7:x}"
