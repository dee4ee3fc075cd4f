# SPDX-License-Identifier: Apache-2.0
"""The virtual machines of this node: a list, and for each what can be done with it. What is lost is said before it is asked."""

from collections.abc import Iterable, Sequence
from functools import partial

from textual.app import ComposeResult

from appliance.errors import ApplianceError
from appliance.model.cluster import Member
from appliance.model.units import format_size
from appliance.model.vmrecord import State, VmView
from appliance.tui import table
from appliance.tui.i18n import N_, _, said
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Line, Report, rows
from appliance.tui.node.pages.looking import Listing, Looking
from appliance.tui.node.pages.menu import Item
from appliance.tui.screens.base import paragraph
from appliance.tui.screens.dialog import Ask

STATES: dict[State, str] = {
    "running": N_("running"), "paused": N_("suspended"), "stopped": N_("stopped"), "starting": N_("starting"),
    "template": N_("template"), "deleted": N_("deleted"),
}  # fmt: skip
_COLUMNS = (20, 11, 5, 9)
"""Widths of name, state, processors and memory; the addresses have what is left."""


class Machines(Looking[tuple[VmView, ...]]):
    """What knows the machines of this node."""

    def look(self) -> tuple[VmView, ...]:
        return self.node.edge.vms()


class VmsPage(Machines, Listing[tuple[VmView, ...]]):
    """All of them, a line each."""

    def heading(self) -> str:
        return _("Virtual machines")

    def help(self) -> Sequence[str]:
        return (
            _("The virtual machines of this node: what each does, its processors, its memory, its addresses. Enter opens one, to "
              "start and stop it, to see its serial line, for its snapshots."),
            _("An address is known here when its network gives out addresses. On a VLAN the outside does."),
            _("`trivet vm` in a shell makes, changes, copies and deletes them."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        for vm in self._found or ():
            cells = (vm.name, _(STATES[vm.state]), str(vm.cpus), format_size(vm.memory), ", ".join(vm.addresses))
            label = table.row(*zip(cells, (*_COLUMNS, 0), strict=True))
            yield Item(label, _about(vm), self.to(partial(VmMenu, vm.name, self._found)))
        about = _("The networks that virtual machines are on, who has which address, and their rules.")
        yield Item(_("Networks"), about, self.to(_networks), key="n")
        about = _("What connects those networks, their ways out, floating addresses.")
        yield Item(_("Routers"), about, self.to(_routers), key="r")

    def above(self, found: tuple[VmView, ...]) -> ComposeResult:
        if not found:
            yield paragraph(_("There is no virtual machine here. `trivet vm create` in a shell makes one."))
            return
        names = (_("Name"), _("State"), _("CPUs"), _("Memory"), _("Addresses"))
        yield paragraph("  " + table.row(*zip(names, (*_COLUMNS, 0), strict=True)), "subhead")


def _networks() -> Report:
    from appliance.tui.node.pages.vmreports import NetworksPage  # noqa: PLC0415 - the one that is opened

    return NetworksPage()


def _routers() -> Report:
    from appliance.tui.node.pages.vmreports import RoutersPage  # noqa: PLC0415 - as above

    return RoutersPage()


def _about(vm: VmView) -> str:
    """What else is to be known of it at once."""
    lines = [vm.vm.description] if vm.vm.description else []
    if vm.pending:
        lines.append(_("Changes wait for its next start."))
    if vm.placed:
        lines.append(_("NUMA: {text}").format(text=said(vm.placed)))
    return "\n".join(lines)


class OneVm(Machines):
    """A menu about one of them."""

    def __init__(self, name: str, found: tuple[VmView, ...] | None = None) -> None:
        super().__init__(found)
        self.name_ = name

    @property
    def vm(self) -> VmView | None:
        """As it was seen last; None before that, and when it is gone."""
        return next((vm for vm in self._found or () if vm.name == self.name_), None)

    def about(self) -> str:
        """The line above the menu."""
        if self.vm is None:
            return self.missing() or _("It is not there any more.")
        words = [_(STATES[self.vm.state]), *self.vm.addresses]
        return _(", ").join(words)

    def body(self) -> ComposeResult:
        yield paragraph(self.about(), "lead")
        yield from super().body()

    def others(self) -> list[Member]:
        """The nodes of the cluster that are not this one; those that keep no more than documents run nothing."""
        document, me = self.node.seen.cluster, self.node.seen.machine_id
        return [each for each in (document.members if document else ()) if each.machine_id != me and not each.witness]

    def begin(self, *words: str) -> None:
        """`trivet vm` with these."""
        works.begin(self, "vm", *words)

    def ask(self, word: str, question: str, *words: str) -> None:
        """Begin it when somebody says yes. The focus is on no."""

        def answered(sure: bool | None) -> None:
            if sure:
                self.begin(*words)

        self.app.push_screen(Ask(self.name_, question, stay=_("Cancel"), go=word), answered)


class VmMenu(OneVm):
    """What there is to do with one. Each thing keeps its digit, whatever the machine does meanwhile."""

    def heading(self) -> str:
        return self.name_

    def help(self) -> Sequence[str]:
        return (
            _("Switch off asks the guest's system, which writes out what it has in memory; one that does not listen is left as "
              "it is after a minute. Force off pulls its plug: what was not written is lost."),
            _("A suspended machine stands still and keeps its memory; resume lets it go on."),
            _("Its serial line takes this screen. Ctrl+] comes back; ten minutes without a key do, too."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        from appliance.tui.node.pages.snapshots import SnapshotsMenu  # noqa: PLC0415 - the one that is opened
        from appliance.tui.node.pages.vmreports import VmPage  # noqa: PLC0415 - the same

        name, state = self.name_, self.vm.state if self.vm else None
        if state is not None:
            about = _("What it has: processors, memory, disks, ports, and what waits for its next start.")
            yield Item(_("Details"), about, self.to(partial(VmPage, name)), key="1")
        if state == "stopped":
            yield Item(_("Start"), _("Run it."), lambda: self.begin("start", name), key="2")
        if state in ("running", "paused"):
            about = _("Its serial line on this screen. Ctrl+] comes back here.")
            yield Item(_("Serial console"), about, self._serial, key="3")
        if state is not None:
            about = _("All its disks at one moment: take one, go back to one, delete one.")
            yield Item(_("Snapshots"), about, self.to(partial(SnapshotsMenu, name, self._found)), key="4")
        if state == "running":
            yield Item(_("Switch off"), _("Ask its system to switch itself off, and wait a minute."), self._stop, key="5")
            yield Item(_("Suspend"), _("Have it stand still; it keeps its memory."), lambda: self.begin("suspend", name), key="6")
        if state == "paused":
            yield Item(_("Resume"), _("Let it go on."), lambda: self.begin("resume", name), key="7")
        if state in ("running", "paused", "starting"):
            about = _("Pull its plug. What its system has not written to its disks is lost. You are asked first.")
            yield Item(_("Force off"), about, self._force, key="8")
        if state == "running" and self.others():
            about = _("It goes on running there. Its disks are in the pool, and stay where they are.")
            yield Item(_("Move to another node"), about, self.to(partial(MoveMenu, name, self._found)), key="9")
        yield Item(_("Back"), _("To the list."), self.action_back, key="0")

    def _stop(self) -> None:
        question = _("Switch {name} off? Whoever uses it loses it until it is started again.").format(name=self.name_)
        self.ask(_("Switch off"), question, "stop", self.name_)

    def _force(self) -> None:
        question = _("Pull the plug of {name}? What its system holds in memory and has not written to {disks} is lost, as when "
                     "the power fails.")  # fmt: skip
        disks = _(", ").join(disk.name for disk in self.vm.vm.disks) if self.vm and self.vm.vm.disks else _("its disks")
        self.ask(_("Force off"), question.format(name=self.name_, disks=disks), "stop", self.name_, "--force")

    def _serial(self) -> None:
        leave = _("The serial line of {name}. Ctrl+] comes back to the console.").format(name=self.name_)
        try:
            self.notice(self.node.away(lambda: self.node.edge.serial(self.name_, leave)))
        except ApplianceError as error:
            self.refused(error)
        self.node.stay()


class MoveMenu(OneVm):
    """To which node it shall go."""

    def heading(self) -> str:
        return _("Move {name}").format(name=self.name_)

    def help(self) -> Sequence[str]:
        return (
            _("A running machine goes to another node while its guest works: its memory is sent there, and it stands still for a "
              "moment before it goes on there."),
            _("What keeps it is said before anything is done: a device of this server, a disk that is a file, a processor that "
              "lacks something. Esc leaves the move running; Work in the menu leads back to it."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        for each in self.others():
            about = _("Its management address is {address}.").format(address=each.address)
            yield Item(each.name, about, partial(self.begin, "migrate", self.name_, each.name))
        yield Item(_("Back"), _("To the virtual machine."), self.action_back, key="0")


def known(found: tuple[VmView, ...], name: str) -> VmView:
    """One of them. ApplianceError when it is gone."""
    vm = next((vm for vm in found if vm.name == name), None)
    if vm is None:
        raise ApplianceError(f"there is no VM {name}", "go back to the list")
    return vm


def lines(pairs: Iterable[tuple[str, str]]) -> list[Line]:
    """Names and texts of a page about one."""
    return rows([pair for pair in pairs if pair[1]])
