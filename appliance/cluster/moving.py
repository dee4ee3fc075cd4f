# SPDX-License-Identifier: Apache-2.0
"""A running VM goes to another node: libvirt there is asked by libvirt here, and what was memory goes through the same TLS.

The document says where it is being moved before anything is done, and that it is there after: at each moment it belongs to one
node, and HA knows of both. The other node's trivetd makes ready what a VM has of its node: its folder, the pool's key, a place.
Tunnelled: QEMU would need a key of the cluster's for TLS of its own, and whoever broke out of a guest would have it.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from xml.etree import ElementTree
from xml.etree.ElementTree import SubElement

from appliance.cluster.guests import guest
from appliance.errors import ApplianceError, StalePlan
from appliance.host import peer
from appliance.host.host import Host
from appliance.model.base import Model
from appliance.model.cluster import CA, CERTIFICATE, PRIVATE_KEY, ClusterDocument, Member, member
from appliance.model.hypervisor import CpuBaseline
from appliance.model.placement import Placement
from appliance.model.vm import Vm
from appliance.model.vmrecord import VmRecord
from appliance.services.cluster.store import FILES
from appliance.services.vm import baseline, life, northbound, ovn
from appliance.services.vm.domain import place_on
from appliance.services.vm.observe import mark, state, states, unmark
from appliance.services.vm.records import Here, Kept, VmError, everything, load, look, network, port_id

PREPARE, ARRIVED = "/v1/vm/prepare", "/v1/vm/arrived"
AT_ONCE = 2
"""VMs that leave or reach a node at the same time."""
DOWNTIME = 2000
"""Milliseconds that a guest may stand still at the end."""
_PKI = "/run/trivet/libvirt"
_CONF = "/etc/libvirt/libvirtd.conf"
_TLS = f"""\
# Written by Trivet for VMs that are moved here; changes are lost.
auth_unix_ro = "none"
auth_unix_rw = "none"
auth_tls = "none"
key_file = "{PRIVATE_KEY}"
cert_file = "{CERTIFICATE}"
ca_file = "{CA}"
max_client_requests = 20
"""
_PROGRESS, _POLL, _GIVEN_UP = 2.0, 0.2, 30.0
Say = Callable[[str], None]


class Coming(Model):
    """A VM, by its name, for the node to which it is moved."""

    vm: str


class Ready(Model):
    """Where the VM will be on that node."""

    placement: Placement | None = None


# -- the node that it leaves ---------------------------------------------------------------------------------------------


def migrate(here: Here, document: ClusterDocument, name: str, to: str, *, say: Say, bandwidth: int = 0) -> VmRecord:
    """Move it, `bandwidth` MiB/s at the most (0: all that there is). VmError says why it cannot be."""
    kept, target = load(here, name), chosen(here, document, to)
    _movable(here, kept.record, target)
    kept.save(moving=target.name)
    try:
        ready = Ready.model_validate(peer.ask_any((target.address,), FILES, PREPARE, Coming(vm=name).model_dump()))
        _go(here, kept.record, target, ready, say=say, bandwidth=bandwidth)
    except ApplianceError:
        if state(here.host, name) == "stopped":
            raise  # it may run there: the document goes on saying so
        mark(here.host, name)
        at_one(here, kept.record.vm)
        _written(here, name, moving="")
        raise
    record = _written(here, name, node=target.name, moving="", placement=ready.placement)
    at_one(here, record.vm)
    peer.ask_any((target.address,), FILES, ARRIVED, Coming(vm=name).model_dump())
    return record


def settle(here: Here, document: ClusterDocument, name: str) -> VmRecord:
    """End a move: what is under way is given up; what was cut short is looked at, and the document says where the VM is."""
    kept = load(here, name)
    target = member(document, kept.record.moving)
    if target is None:
        raise VmError(f"{name} is not being moved", "see `trivet vm list`")
    here.host.run([*life.VIRSH, "domjobabort", name], check=False)
    _still(here.host, name)
    if state(here.host, name) != "stopped":
        mark(here.host, name)
        at_one(here, kept.record.vm)
        return _written(here, name, moving="")
    words = ["virsh", "--quiet", "--connect", _uri(here.host, target), "list", "--name"]
    there = name in here.host.run(words).stdout.split()
    record = _written(here, name, moving="", **({"node": target.name} if there else {}))
    at_one(here, record.vm)
    return record


def _still(host: Host, name: str) -> None:
    """Wait until nothing moves it: given up, or over there in the same moment."""
    end = time.monotonic() + _GIVEN_UP
    while state(host, name) != "stopped" and progress(host.run([*life.VIRSH, "domjobinfo", name], check=False).stdout):
        if time.monotonic() > end:
            raise VmError(f"{name} is still being moved", "say it again a little later")
        time.sleep(_POLL)


def chosen(here: Here, document: ClusterDocument, name: str) -> Member:
    """The node that is meant; without a name the only other one."""
    others = [each for each in document.members if each.name != here.node and not each.witness]
    if not name and len(others) != 1:
        raise VmError("to which node?", f"say one of {', '.join(each.name for each in others) or 'none: there is no other'}")
    found = member(document, name) if name else others[0]
    if found is None:
        raise VmError(f"there is no node {name}", f"there are {', '.join(each.name for each in document.members)}")
    if found.name == here.node:
        raise VmError("it is on that node", f"say one of {', '.join(each.name for each in others)}")
    if found.witness or found.maintenance:
        raise VmError(f"{found.name} takes no VMs: it is {'a witness' if found.witness else 'in maintenance'}", "say another")
    return found


def _movable(here: Here, record: VmRecord, target: Member) -> None:
    name = record.vm.name
    if record.moving:
        hint = "see how far it is with `virsh domjobinfo`, or end that: `trivet vm migrate {} --cancel`"
        raise VmError(f"{name} is being moved to {record.moving}", hint.format(name))
    if state(here.host, name) != "running":
        raise VmError(f"{name} does not run", f"start it with `trivet vm start {name}`")
    if fixed := guest(record, 0).fixed:
        raise VmError(f"{name} cannot leave this node: {fixed}")
    nodes = record.vm.place.nodes
    if nodes and target.name not in nodes:
        raise VmError(f"{name} is to be on {' or '.join(nodes)} alone", "change `place` in its document")
    busy = [each.record for each in everything(here) if each.record.moving]
    for node in (here.node, target.name):
        if sum(node in (each.node, each.moving) for each in busy) >= AT_ONCE:
            raise VmError(f"{AT_ONCE} VMs are being moved from or to {node} already", "wait until one of them is there")
    if missing := lacking(_processor(here, here.node), _processor(here, target.name)):
        raise VmError(
            f"the processor of {target.name} lacks what {name} may use: {', '.join(missing)}",
            "choose a node whose processor has it, or stop the VM and start it there",
        )


def lacking(own: CpuBaseline | None, other: CpuBaseline | None) -> tuple[str, ...]:
    """What of a processor is missing on another node. Pure. Where one is not known yet, libvirt has the only word."""
    if own is None or other is None:
        return ()
    if own.emulated != other.emulated:
        return ("KVM",) if other.emulated else ("emulation, with which it was started",)
    return baseline.lacks(own, other)


def _processor(here: Here, node: str) -> CpuBaseline | None:
    entry = here.store.get(baseline.PREFIX + node)
    return CpuBaseline.model_validate_json(entry.text) if entry else None


def _go(here: Here, record: VmRecord, target: Member, ready: Ready, *, say: Say, bandwidth: int) -> None:
    name, host = record.vm.name, here.host
    document = moved(
        host.run([*life.VIRSH, "dumpxml", name, "--migratable"]).stdout, record.started or record.vm, ready.placement
    )
    at_both(here, record.vm, target.name)
    unmark(host, name)  # it does not switch itself off: it leaves
    host.run([*life.VIRSH, "migrate-setmaxdowntime", name, str(DOWNTIME)], check=False)
    limit = ["--bandwidth", str(bandwidth)] if bandwidth else []
    words = ["migrate", name, _uri(host, target), "--live", "--p2p", "--tunnelled", "--auto-converge", "--abort-on-error", *limit]
    with _watched(host, name, say):
        host.run([*life.VIRSH, *words, "--xml", "/dev/stdin"], stdin=document)


def moved(document: str, vm: Vm, placement: Placement | None) -> str:
    """The domain as it is, with the processors and the memory of where it will be. Pure."""
    domain = ElementTree.fromstring(document)
    for gone in ("cputune", "numatune"):
        for element in domain.findall(gone):
            domain.remove(element)
    cpus = domain.find("vcpu")
    if cpus is None:
        cpus = SubElement(domain, "vcpu")
    cpus.attrib.pop("cpuset", None)
    place_on(domain, cpus, vm, placement)
    return ElementTree.tostring(domain, encoding="unicode")


@contextmanager
def _watched(host: Host, name: str, say: Say) -> Iterator[None]:
    """Say how far it is while it goes."""
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_PROGRESS):
            said = host.run([*life.VIRSH, "domjobinfo", name], check=False).stdout
            if line := progress(said):
                say(line)

    watcher = threading.Thread(target=look, daemon=True, name="progress")
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join(_PROGRESS)


def progress(said: str) -> str:
    """Of `virsh domjobinfo`; "" when nothing goes on. Pure."""
    rows = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in said.splitlines())}
    left, whole = rows.get("Memory remaining", ""), rows.get("Memory total", "")
    return f"{left} of {whole} are to go" if left and whole else ""


def _written(here: Here, name: str, **changes: object) -> VmRecord:
    """The document, with these changes, whoever else has written it meanwhile."""
    for _ in range(5):
        kept: Kept = look(here, name)
        try:
            return kept.save(**changes)
        except StalePlan:
            continue
    raise VmError(f"the document of {name} changes again and again", f"say `trivet vm migrate {name} --cancel`")


# -- its ports, in OVN ---------------------------------------------------------------------------------------------------


def _ports(here: Here, record_vm: Vm, owner: str) -> list[str]:
    overlay = (nic for nic in record_vm.nics if nic.network and network(here, nic.network)[0].network.subnet)
    return [port_id(owner, nic.mac or "") for nic in overlay]


def at_both(here: Here, vm: Vm, target: str) -> None:
    """Its ports are on both nodes, and the new one takes over when the guest speaks there (RARP)."""
    nodes = ovn.quoted(f"{here.node},{target}")
    for port in _ports(here, vm, look(here, vm.name).record.uuid):
        options = [f"options:requested-chassis={nodes}", "options:activation-strategy=rarp"]
        northbound.tell(here, [["set", "Logical_Switch_Port", port, *options]])


def at_one(here: Here, vm: Vm) -> None:
    """Its ports are where they are plugged in."""
    for port in _ports(here, vm, look(here, vm.name).record.uuid):
        rows = [["remove", "Logical_Switch_Port", port, "options", key] for key in ("requested-chassis", "activation-strategy")]
        northbound.tell(here, rows)


# -- the node that it reaches --------------------------------------------------------------------------------------------


def prepare(here: Here, name: str) -> Ready:
    """Have what the VM has of its node. VmError when it is not on its way here, or something is missing."""
    record = look(here, name).record
    if record.moving != here.node:
        raise VmError(f"{name} is not on its way to {here.node}")
    door(here.host)
    found = life.found(here, record.model_copy(update={"vm": record.started or record.vm}))
    return Ready(placement=found.placement)


def arrived(here: Here, name: str) -> None:
    """It runs here now."""
    if name in states(here.host):
        mark(here.host, name)
        northbound.plugged(here, look(here, name).record.vm)


def door(host: Host) -> None:
    """Have libvirt listen for other nodes. VMs go on while its daemon is started anew."""
    if host.run(["systemctl", "is-active", "--quiet", "libvirtd-tls.socket"], check=False).code == 0:
        return
    host.files.write(_CONF, _TLS)
    host.run(["systemctl", "stop", "libvirtd.service"])
    host.run(["systemctl", "start", "libvirtd-tls.socket", "libvirtd.socket"])


def _uri(host: Host, target: Member) -> str:
    """libvirt looks for certificates under names of its own."""
    host.run(["mkdir", "-p", _PKI])
    for name, file in (("cacert.pem", CA), ("clientcert.pem", CERTIFICATE), ("clientkey.pem", PRIVATE_KEY)):
        host.run(["ln", "-sfn", file, f"{_PKI}/{name}"])
    address = f"[{target.address}]" if ":" in target.address else target.address
    return f"qemu+tls://{address}/system?pkipath={_PKI}"
