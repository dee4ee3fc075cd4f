# SPDX-License-Identifier: Apache-2.0
"""The menu: a list, and beside it what the line under the cursor is for. Two levels at most; digits choose, too."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static
from textual.widgets.option_list import Option

from appliance.errors import ApplianceError
from appliance.tui.i18n import _
from appliance.tui.node.pages.base import Manage
from appliance.tui.screens.base import Page
from appliance.tui.screens.dialog import Ask
from appliance.tui.widgets.cursorlist import CursorList
from appliance.tui.widgets.frame import Action


@dataclass(frozen=True)
class Item:
    """A line of the menu: `about` is what stands beside it, `open` what Enter does; `key` is its digit, by default its number."""

    label: str
    about: str
    open: Callable[[], object]
    key: str = ""


class Items(CursorList):
    """The lines, numbered."""

    def __init__(self, items: Sequence[Item], at: int) -> None:
        self.items = list(items)
        numbers = count(1)
        self._keys = [item.key or str(next(numbers)) for item in items]
        signs = (key if len(key) == 1 else " " for key in self._keys)
        options = (Option(Content(f"{sign} {item.label}")) for sign, item in zip(signs, items, strict=True))
        super().__init__(*options, id="items", compact=True)
        self.highlighted = min(at, len(self.items) - 1)

    def on_key(self, event: events.Key) -> None:
        """A digit is that line's key."""
        if event.character in self._keys:
            event.stop()
            self.highlighted = self._keys.index(event.character)
            self.action_select()


class Menu(Manage):
    """A level of the menu."""

    BINDINGS: ClassVar = [("right", "enter")]

    def __init__(self) -> None:
        super().__init__()
        self._at = 0
        self._was_on_trial = False

    def items(self) -> Iterable[Item]:
        """Its lines."""
        raise NotImplementedError

    def help(self) -> Sequence[str]:
        return (
            _("The arrow keys move, Enter opens, Esc goes back; a digit opens the line of that number."),
            _("What changes the node is shown as a plan first. A change of the network is tried, and takes itself back unless "
              "you keep it."),
            _("F10 logs out. After ten minutes without a key that happens by itself."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        self._was_on_trial = self.node.seen.reverts_in is not None
        items = list(self.items())
        with Horizontal(id="menu-list"):
            yield Items(items, self._at)
            yield Static(Content(items[min(self._at, len(items) - 1)].about), id="about")

    def actions(self) -> Iterable[Action]:
        """None: the list is all there is."""
        return ()

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Enter", _("Open")), ("Esc", _("Back")), ("F10", _("Log out"))]

    def on_screen_resume(self) -> None:
        """What was on trial may be over, or begun."""
        self.judge()

    def judge(self) -> None:
        super().judge()
        if self.is_mounted and self._was_on_trial != (self.node.seen.reverts_in is not None):
            self.refresh(recompose=True)

    @on(CursorList.OptionHighlighted)
    def _looked(self, event: CursorList.OptionHighlighted) -> None:
        self._at = event.option_index
        items = self.query_one(Items).items
        if self._at < len(items):
            self.query_one("#about", Static).update(Content(items[self._at].about))

    @on(CursorList.OptionSelected)
    def _chosen(self, event: CursorList.OptionSelected) -> None:
        self.notice("")
        self.query_one(Items).items[event.option_index].open()

    def action_enter(self) -> None:
        self.query_one(Items).action_select()

    def to(self, page: Callable[[], Page]) -> Callable[[], None]:
        """What opens a page."""
        return lambda: self.node.open(page())

    def edit(self, page: Callable[[], Page], plane: str = "management") -> Callable[[], None]:
        """What opens a page that changes something: it begins with what the node follows now, of this plane."""

        def open_() -> None:
            if self.node.seen.reverts_in is not None:
                self.notice(_("A change is on trial: keep it, or take it back, before another one."))
                return
            self.node.begin(plane)
            self.node.open(page())

        return open_


class MenuPage(Menu):
    """The first level."""

    def heading(self) -> str:
        return _("Menu")

    def items(self) -> Iterable[Item]:
        # Those that are opened.
        from appliance.tui.node.pages import change, cluster, logs, pool, reports, setup, storage, trial, validate, vms, works  # noqa: PLC0415


        if self.node.seen.reverts_in is not None:
            about = _("A change of the network waits for somebody who keeps it, and takes itself back otherwise.")
            yield Item(_("Change on trial"), about, self.to(trial.TrialPage), key="0")
        yield Item(_("Network"), _("Show it, change the management network, test it."), self.to(NetworkMenu))
        yield Item(_("Node"), _("Name, time, language, keyboard, password, SSH, BMC."), self.to(NodeMenu))
        about = _("The networks that this node lacks are proposed on its ports. You see the plan before anything is changed.")
        yield Item(_("Set up this node"), about, self.edit(setup.RolePage), key="s")
        about = _("A pool of the disks that are free, virtual machines on this node. What each disk would be for is shown first.")
        yield Item(_("Pool and virtual machines"), about, self.edit(pool.PoolEdit), key="u")
        about = _("The virtual machines of this node: start, stop, their serial lines and snapshots; their networks.")
        yield Item(_("Virtual machines"), about, self.to(vms.VmsPage), key="m")
        about = _("Nodes together: found a cluster, join one, let others in; who is in it and who answers.")
        yield Item(_("Cluster"), about, self.to(cluster.ClusterPage), key="c")
        yield Item(_("Disks"), _("All disks: what each is for, size, serial number, what is on it."), self.to(reports.DisksPage))
        about = _("The pool: its health, space, what is copied again, each disk with its temperature and wear.")
        yield Item(_("Storage"), about, self.to(storage.StoragePage), key="p")
        about = _("Take a disk into the pool or out of it, replace one, switch its light.")
        yield Item(_("Disks of the pool"), about, self.to(storage.DisksMenu), key="d")
        yield Item(_("Hardware"), _("What is in this server, as the kernel sees it."), self.to(reports.HardwarePage))
        yield Item(_("Alerts"), _("What is wrong, and what to do about each."), self.to(reports.AlertsPage))
        yield Item(_("Logs"), _("The journal: search in it, choose whose lines."), self.to(logs.LogsPage))
        about = _("Make the node what its spec says, where it is not: repairs what somebody or something has altered. The plan "
                  "is shown first.")  # fmt: skip
        yield Item(_("Apply the spec again"), about, self.edit(change.RepairPage))
        about = _("Is the saved spec right, and is this machine what it says? All that is not, in one list.")
        yield Item(_("Validate the configuration"), about, self.to(validate.ValidatePage), key="v")
        about = _("What the consoles of this node have begun: what runs now, and how the last ones have ended.")
        yield Item(_("Work"), about, self.to(works.WorksPage), key="w")
        yield Item(_("Shell"), _("A root shell on this screen. `exit` comes back here."), self._shell)
        yield Item(_("Restart or switch off"), _("You are asked before it is done."), self.to(PowerMenu))
        yield Item(_("Log out"), _("Back to the status, which everybody may see."), self.action_leave)

    def action_back(self) -> None:
        """To the status; who is logged in stays so, and it says so."""
        self.node.home()

    def go(self, by: int) -> None:
        self.action_back()

    def _shell(self) -> None:
        try:
            self.notice(self.node.away(self.node.edge.shell))
        except ApplianceError as error:
            self.refused(error)
        self.node.stay()


class NetworkMenu(Menu):
    """What there is to do with the network."""

    def heading(self) -> str:
        return _("Network")

    def items(self) -> Iterable[Item]:
        from appliance.tui.node.pages import nettest, plane, reports, works  # noqa: PLC0415 - as above

        yield Item(_("Show"), _("Planes, their ports and bonds, neighbours, counters."), self.to(reports.NetworkPage))
        about = _("Ports, bond, VLAN, address, gateway, DNS. The change is tried for a minute, and takes itself back unless you "
                  "keep it.")  # fmt: skip
        yield Item(_("Change the management network"), about, self.edit(plane.NetworkEdit))
        about = _("Link, address, gateway, DNS and MTU of each plane, asked on the wire, one after the other.")
        yield Item(_("Test"), about, lambda: works.begin(self, "net", "test", nettest.STEPS))
        yield Item("SR-IOV", _("Ports with virtual functions, and who has them."), self.to(reports.SriovPage))
        about = _("How fast this node and another one reach each other, on the plane of your choice.")
        yield Item(_("Throughput"), about, self.to(nettest.ThroughputPage), key="t")
        about = _("Change the networks of virtual machines and of storage, add one that is not there, take one away. Each change "
                  "is tried for a minute, too.")  # fmt: skip
        yield Item(_("Change another plane"), about, self.to(PlanesMenu))


class PlanesMenu(Menu):
    """The planes but for management, which has a line of its own, since one may lock oneself out by it."""

    def heading(self) -> str:
        return _("Change another plane")

    def items(self) -> Iterable[Item]:
        from appliance.tui.node.pages import plane  # noqa: PLC0415 - as above

        abouts = {
            "business": _("By this plane virtual machines reach the outside."),
            "overlay": _("Tunnels between virtual machines of several nodes."),
            "storage": _("The nodes exchange the data of disks."),
        }
        for name, about in abouts.items():
            now = _("It is there now.") if self._there(name) else _("This node does not have it yet.")
            yield Item(name, f"{about}\n\n{now}", self.edit(partial(plane.NetworkEdit, name), name))

    def _there(self, name: str) -> bool:
        network = self.node.seen.network
        return network is not None and any(each.name == name for each in network.planes)


class NodeMenu(Menu):
    """Who the node is, and who may enter."""

    def heading(self) -> str:
        return _("Node")

    def items(self) -> Iterable[Item]:
        from appliance.tui.node.pages import bmc, settings  # noqa: PLC0415 - as above

        yield Item(_("Name and time"), _("Name, time zone, time servers."), self.edit(settings.NameEdit))
        about = _("The language that this console begins with. F2 changes it at any time, for this screen.")
        yield Item(_("Language"), about, self.edit(settings.LanguageEdit))
        yield Item(_("Password"), _("Another password for root, typed twice."), self.edit(settings.PasswordEdit))
        yield Item("SSH", _("On or off, and who may log in with which key."), self.edit(settings.SshEdit))
        about = _("The layout of the keyboard that is plugged into this server.")
        yield Item(_("Keyboard"), about, self.edit(settings.KeyboardEdit))
        about = _("The board's own computer, by which this server is switched on from afar: its address and its users.")
        yield Item("BMC", about, self.to(bmc.BmcMenu))


class PowerMenu(Menu):
    """Each asks first, with the focus on no."""

    def heading(self) -> str:
        return _("Restart or switch off")

    def items(self) -> Iterable[Item]:
        running = self.node.seen.vms or ()
        lost = " " + _("Running on it: {names}.").format(names=_(", ").join(running)) if running else ""
        restart = _("Restart this node? Its virtual machines and services stop until it is back.") + lost
        yield Item(_("Restart"), _("Stop everything in order, and start again."), lambda: self._ask("reboot", restart))
        off = _("Switch this node off? Somebody has to switch it on again.") + lost
        yield Item(_("Switch off"), _("Stop everything in order, and switch off."), lambda: self._ask("poweroff", off))

    def _ask(self, verb: str, question: str) -> None:
        word = _("Restart") if verb == "reboot" else _("Switch off")

        def answered(sure: bool | None) -> None:
            if sure:
                self.notice(_("Going down ..."))
                self.run_worker(lambda: self._power(verb), thread=True)

        self.app.push_screen(Ask(word, question, stay=_("Cancel"), go=word), answered)

    def _power(self, verb: str) -> None:
        try:
            self.node.edge.power(verb)
        except ApplianceError as error:
            self.app.call_from_thread(self.refused, error)
