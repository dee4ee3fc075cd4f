# SPDX-License-Identifier: Apache-2.0
"""Pages to read about virtual machines: one of them with all that it has, and the networks that they are on."""

import ipaddress
from collections.abc import Iterator, Sequence

from appliance.model.units import format_size
from appliance.model.vm import NicWish
from appliance.model.vmrecord import Snapshot, VmView
from appliance.model.vnet import NetworkRecord, RuleWish, VirtualNetwork
from appliance.model.vrouter import RouterView
from appliance.tui.i18n import N_, _, said
from appliance.tui.node.pages.base import Line, Report, rows
from appliance.tui.node.pages.vms import STATES, known, lines

FIRMWARE = {"bios": "BIOS", "uefi": "UEFI", "secure-boot": N_("UEFI with Secure Boot")}
_ACTIONS = {"allow": N_("allowed"), "drop": N_("dropped"), "reject": N_("refused")}


class VmPage(Report):
    """What `trivet vm show` says."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._vm = name

    def heading(self) -> str:
        return self._vm

    def help(self) -> Sequence[str]:
        return (
            _("All about this virtual machine: where it is, what it has, and what of its document waits for its next start."),
            _("`trivet vm edit` in a shell changes it; what can be changed while it runs is changed at once."),
        )

    def load(self) -> list[Line]:
        return lines(_facts(known(self.node.edge.vms(), self._vm)))


def _facts(vm: VmView) -> Iterator[tuple[str, str]]:
    wish = vm.vm
    yield _("state"), _(STATES[vm.state])
    yield _("about"), wish.description
    most = _("up to {number} while it runs").format(number=wish.cpu.max) if wish.cpu.max else ""
    yield _("CPUs"), _(", ").join(w for w in (str(vm.cpus), most, _("each its own") if wish.cpu.pin else "") if w)
    most = _("up to {number} while it runs").format(number=format_size(wish.memory.max)) if wish.memory.max else ""
    pages = _("in pages of {size}").format(size=wish.memory.pages) if wish.memory.pages else ""
    yield _("memory"), _(", ").join(w for w in (format_size(vm.memory), most, pages) if w)
    yield "NUMA", said(vm.placed) if vm.placed else ""
    yield _("firmware"), _(FIRMWARE[wish.firmware])
    for disk in wish.disks:
        yield _("disk"), _(", ").join((disk.name, format_size(disk.size or 0), disk.bus))
    for name in wish.media:
        yield _("medium"), name
    for nic in wish.nics:
        yield _("port"), _port(nic)
    for address in vm.addresses:
        yield _("address"), address
    yield _("starts"), _("with the node, as one of order {number}").format(number=wish.start.order) if wish.start.auto else (
        _("by hand")
    )
    for snapshot in vm.snapshots:
        yield _("snapshot"), taken(snapshot)
    for change in vm.pending:
        yield _("waits"), said(change)
    yield _("id"), vm.uuid


def _port(nic: NicWish) -> str:
    return _("{mac} on {network}").format(mac=nic.mac, network=nic.network or nic.pool)


def taken(snapshot: Snapshot) -> str:
    """Its name, when it was taken, and in which state the disks were."""
    how = _("written out by the guest") if snapshot.consistent else _("as after a loss of power")
    return _(", ").join((snapshot.name, moment(snapshot), how))


def moment(snapshot: Snapshot) -> str:
    """When it was taken."""
    return snapshot.at.replace("T", " ").removesuffix("+00:00") + " UTC"


class NetworksPage(Report):
    """What `trivet network` says."""

    def heading(self) -> str:
        return _("Networks of virtual machines")

    def help(self) -> Sequence[str]:
        return (
            _("An overlay network has addresses of its own, which it gives to its machines; one of a VLAN is that of the "
              "business plane. Below each stand its rules, the first that fits wins, and who has which address."),
            _("They are made and changed by `trivet network` in a shell."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        found = self.node.edge.networks()
        owners = {nic.mac: vm.name for vm in self.node.edge.vms() for nic in vm.vm.nics}
        out: list[Line] = [] if found else [(_("There is no network for virtual machines yet."), "")]
        for record in found:
            out.append((_("{name}: {text}").format(name=record.network.name, text=_kind(record.network)), "subhead"))
            out += rows([("  " + name, text) for name, text in _network(record, owners) if text])
        return out


class RoutersPage(Report):
    """What `trivet router` says."""

    def heading(self) -> str:
        return _("Routers of virtual networks")

    def help(self) -> Sequence[str]:
        return (
            _("A router lets overlay networks reach one another, and the world outside by an address on a VLAN of the business "
              "plane. A floating address outside is one virtual machine's, in both directions."),
            _("The node that a router goes out by may change: another one takes over when it fails."),
            _("They are made and changed by `trivet router` in a shell."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        found = self.node.edge.routers()
        out: list[Line] = [] if found else [(_("There is no router between virtual networks yet."), "")]
        for view in found:
            out.append((view.router.name, "subhead"))
            out += rows([("  " + name, text) for name, text in _router(view) if text])
        return out


def _router(view: RouterView) -> Iterator[tuple[str, str]]:
    router = view.router
    yield _("about"), router.description
    for name, subnet, own in view.inside:
        yield _("network"), _(", ").join((name, subnet, own))
    if router.out:
        how = _("guests are seen as this address") if router.out.nat else _("guests are seen as what they are")
        where = _("{address} on {network}").format(address=router.out.address, network=router.out.network)
        yield _("outside"), _(", ").join((where, how))
        yield _("gateway"), router.out.gateway or _("none: only what is on that network is reached")
        by = view.by or (_("no node yet") if view.by == "" else _("not known here"))
        yield _("by"), by
    for each in router.floating:
        port = view.given.get(each.address) or _("which has no port here now")
        yield _("floating"), _(", ").join((each.address, each.vm, port))
    for route in router.routes:
        yield _("route"), _("{network} by {address}").format(network=route.to, address=route.via)


def _kind(network: VirtualNetwork) -> str:
    if network.subnet:
        return _("overlay {network}").format(network=network.subnet)
    return f"VLAN {network.vlan}" if network.vlan else _("the business plane without a tag")


def _network(record: NetworkRecord, owners: dict[str | None, str]) -> Iterator[tuple[str, str]]:
    network = record.network
    yield _("about"), network.description
    if network.subnet:
        yield _("gateway"), _("{address}, which answers DHCP and DNS").format(address=network.router)
        yield _("default"), _("what comes in and no rule speaks of: {action}").format(action=_(_ACTIONS[network.default]))
    for rule in network.rules:
        yield _("rule"), _rule(rule)
    for mac, address in sorted(record.addresses.items(), key=lambda pair: ipaddress.ip_address(pair[1])):
        owner = owners.get(mac) or _("in the recycle bin, or of another node")
        yield _("port"), f"{address:15}  {mac}  {owner}"


def _rule(rule: RuleWish) -> str:
    words = [_("incoming") if rule.direction == "in" else _("outgoing"), rule.group or _("all machines")]
    peer = rule.peer or rule.peer_group
    if peer:
        words.append((_("from {peer}") if rule.direction == "in" else _("to {peer}")).format(peer=peer))
    if rule.protocol != "any":
        words.append(" ".join((rule.protocol, ", ".join(map(str, rule.ports)))).rstrip())
    return _("{name}: {text}").format(name=_(", ").join(words), text=_(_ACTIONS[rule.action]))
