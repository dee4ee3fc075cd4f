# SPDX-License-Identifier: Apache-2.0
"""Pages to read: the network, virtual functions, disks, the server, alerts."""

from collections.abc import Iterator, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll

from appliance import flow
from appliance.model.netreport import Counters, PortReport, UplinkReport
from appliance.model.network import Nic, Vf
from appliance.model.units import format_size, format_speed
from appliance.node import network
from appliance.tui import table
from appliance.tui.i18n import _, listed, ngettext, said
from appliance.tui.node import reading
from appliance.tui.node.pages.base import Line, Manage, Report, rows, sentence
from appliance.tui.node.seen import plane_text
from appliance.tui.screens import facts, machine
from appliance.tui.screens.base import paragraph

_WIDTH = 74


class NetworkPage(Report):
    """What `trivet net show` says."""

    def heading(self) -> str:
        return _("The network now")

    def help(self) -> Sequence[str]:
        return (
            _("The planes of this node, each with what carries it; then the ports: whether their cables are live, who is at the "
              "other end, what has come and gone."),
            _("Link losses count how often a cable went dead since the start. F5 looks again."),
            _("`trivet net show` in a shell says the same."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        view = network.view(self.node.host)
        lines: list[Line] = [(f"! {sentence(p.message, p.hint)}", "wrong") for p in view.report.problems]
        lines += [(f"! {sentence(a.message, a.hint)}", "wrong") for a in view.alerts]
        lines += [(_("Planes"), "subhead")]
        planes = view.report.planes
        lines += rows((p.name, _(", ").join((plane_text(p, view.report.uplink(p)), f"MTU {p.mtu}"))) for p in planes)
        gateways = [(p.name, ", ".join(p.gateways)) for p in planes if p.gateways]
        lines += [(_("Gateways"), "subhead"), *rows(gateways)] if gateways else []
        for uplink in view.report.uplinks:
            carried = _(", ").join(p.name for p in planes if p.uplink == uplink.owner)
            lines += [(_("{name} carries {planes}").format(name=_named(uplink), planes=carried), "subhead")]
            for port in uplink.ports:
                lines += _port(port, uplink)
        return lines


def _named(uplink: UplinkReport) -> str:
    if not uplink.bond:
        return uplink.interface or _("a port")
    partner = _("LACP partner {mac}").format(mac=uplink.partner) if uplink.partner else ""
    inside = _(", ").join(word for word in (uplink.bond, partner) if word)
    name = uplink.interface or _("a bond that is not there")
    return f"{name} ({inside})"


def _port(port: PortReport, uplink: UplinkReport) -> Iterator[Line]:
    link = _("link up, {speed}").format(speed=format_speed(port.speed)) if port.speed else _("link up")
    words = [link if port.link else _("NO LINK")]
    if uplink.bond:
        words.append(_("not in the bond") if not port.member else _("active") if port.active else _("not active"))
    words.append(ngettext("lost its link {number} time", "lost its link {number} times", port.losses).format(number=port.losses))
    yield f"{port.label} {port.interface}".rstrip(), ""
    yield table.paragraph(_(", ").join(words), _WIDTH, "    "), ""
    if port.cable_to:
        yield "    " + _("cable to {neighbour}").format(neighbour=port.cable_to), ""
    yield "    " + _("received {count}").format(count=_counted(port.counters, "rx")), ""
    yield "    " + _("sent {count}").format(count=_counted(port.counters, "tx")), ""


def _counted(counters: Counters, way: str) -> str:
    return _("{size}, {errors} errors, {dropped} dropped").format(
        size=format_size(getattr(counters, f"{way}_bytes")),
        errors=getattr(counters, f"{way}_errors"),
        dropped=getattr(counters, f"{way}_dropped"),
    )


class SriovPage(Report):
    """Ports with virtual functions."""

    def heading(self) -> str:
        return "SR-IOV"

    def help(self) -> Sequence[str]:
        return (
            _("Each port that can have virtual functions: how many it can have, how many it has, and of each one what it is set "
              "to and which virtual machine has it."),
            _("They are set in the spec, under network.sriov; `trivet plan` shows what would be changed."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        nics = [nic for nic in flow.ports(self.node.host) if nic.sriov]
        if not nics:
            return [(_("No port of this server offers virtual functions."), "")]
        return [line for nic in nics for line in _functions(nic)]


def _functions(nic: Nic) -> Iterator[Line]:
    if nic.sriov is None:
        return
    yield nic.label, "subhead"
    yield _("{number} of {total} virtual functions").format(number=len(nic.sriov.vfs), total=nic.sriov.total), ""
    for vf in nic.sriov.vfs:
        words = _(", ").join(_set(vf))
        yield f"{vf.index:4}  {vf.pci:12}  {vf.mac:17}  {words}", ""


def _set(vf: Vf) -> Iterator[str]:
    if vf.vlan:
        yield f"VLAN {vf.vlan}"
    if vf.trust:
        yield _("trusted")
    if vf.max_rate:
        yield format_speed(vf.max_rate)
    yield vf.driver or _("no driver")
    if vf.used_by:
        yield _("used by {name}").format(name=vf.used_by)


class Looked(Manage):
    """A page about the inventory, which is read anew when the page is opened."""

    def on_mount(self) -> None:
        super().on_mount()
        self.node.begin()

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            if self.node.inventory is None:
                yield paragraph(said(self.node.trouble) if self.node.trouble else _("Looking at this machine ..."))
            else:
                yield from self.found()

    def found(self) -> ComposeResult:
        """What is in it."""
        raise NotImplementedError


class DisksPage(Looked):
    """All disks."""

    def heading(self) -> str:
        return _("Disks")

    def help(self) -> Sequence[str]:
        return (
            _("All disks of this server: size, kind, how it is connected, model, serial number; beneath each what it is for, "
              "what is on it, and its lasting name."),
            _("A disk that is missing here has no driver, no power, or is hidden by a RAID controller."),
        )  # fmt: skip

    def found(self) -> ComposeResult:
        inventory = self.node.inventory
        for disk in inventory.disks if inventory else ():
            yield paragraph(facts.disk(disk, why=False).label, "subhead")
            lines = [(_("role"), _(", ").join(map(said, disk.unusable)) or _("none yet"))]
            if disk.contents or disk.node:
                lines.append((_("holds"), listed(disk.holds)))
            texts = (text for text, _classes in rows([*lines, *facts.disk_details(disk)], _WIDTH - 2))
            yield paragraph("\n".join(texts))  # a widget for each line of a hundred disks would take 0.1 s and more


class HardwarePage(Looked):
    """The server."""

    def heading(self) -> str:
        return _("Hardware")

    def help(self) -> Sequence[str]:
        return (
            _("What is in this server, as the kernel sees it: firmware, processors, memory, and its network ports with the state "
              "of their cables."),
            _("`trivet inspect` in a shell shows all of it, and with --json as a document."),
        )  # fmt: skip

    def found(self) -> ComposeResult:
        inventory = self.node.inventory
        if inventory is None:
            return
        for name, text in table.rows(list(machine.machine(inventory.machine))):
            with Horizontal(classes="fact"):
                yield paragraph(name, "fact-name")
                yield paragraph(text, "fact-text")
        yield from machine.ports(inventory)


class AlertsPage(Report):
    """What is wrong, each with what to do."""

    def heading(self) -> str:
        return _("Alerts")

    def help(self) -> Sequence[str]:
        return (
            _("What trivetd found when it looked last, which it does every half a minute; and what of the spec was not carried "
              "out when the node started."),
            _("Below each alert stands what to do about it."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        seen = reading.seen(self.node.host)
        lines: list[Line] = []
        if seen.boot:
            lines += [(f"! {said(line)}", "wrong") for line in seen.boot.failed.splitlines()]
            lines += [(f"! {said(line)}", "wrong") for line in seen.boot.refused]
        if "_" in seen.mirror:
            lines.append(("! " + _("A half of the system disk's mirror is missing."), "wrong"))
        for alert in seen.alerts:
            word = _("critical") if alert.severity == "critical" else _("warning")
            place = alert.where.removeprefix("network.planes.")
            lines.append((_("{name}: {text}").format(name=word, text=place), "subhead"))
            lines.append((f"! {said(alert.message)}", "wrong"))
            lines += [(said(alert.hint), "")] if alert.hint else []
        if not lines:
            lines.append((_("Nothing is wrong.") if seen.looked else _("trivetd has not looked at the network yet."), ""))
        return lines
