# SPDX-License-Identifier: Apache-2.0
"""Set up a node that has its management network alone: what it shall be, the planes that it lacks, and then the plan.

Which planes, on which ports and why, is proposed by `services/network/propose.py`; here it is shown, left out, answered.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from appliance.services.network.propose import Left, Proposed
from appliance.tui import draft as drafts
from appliance.tui.i18n import _, said
from appliance.tui.node.edit import ASKED, NodeDraft
from appliance.tui.node.pages.settings import Edit
from appliance.tui.screens.base import paragraph
from appliance.tui.table import row
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import button

_NAME, _PORTS_NAMED = 10, 2


class Setup(Edit):
    """One of PAGES: Ctrl+N leads to the next of them, and from the last one to the plan; Esc goes back and forgets nothing."""

    @property
    def draft(self) -> NodeDraft:
        """What was typed; before the machine was looked at, nothing."""
        draft = self.node.draft
        return draft if isinstance(draft, NodeDraft) else NodeDraft()

    def go(self, by: int) -> None:
        later = PAGES[PAGES.index(type(self)) + 1 :]
        if by > 0 and later and self.node.before is not None:
            self.app.push_screen(later[0]())
        else:
            super().go(by)


class RolePage(Setup):
    """A single node, or one of a cluster."""

    def __init__(self) -> None:
        super().__init__()
        self._offered = False

    def heading(self) -> str:
        return _("Set up this node")

    def help(self) -> Sequence[str]:
        return (
            _("A fresh node has its management network and nothing else. Here it gets the networks for virtual machines and for "
              "storage, as far as its ports allow."),
            _("Nothing is changed before the plan on the last page. It is tried for a minute, and takes itself back unless you "
              "keep it."),
            _("For a cluster the management network is enough to begin with; come here again for the others."),
        )  # fmt: skip

    def onward(self) -> str:
        return button("next")

    def fields(self) -> ComposeResult:
        yield paragraph(_("What shall this node be?"))
        choices = [
            Choice("single", _("A single node"), (_("It runs by itself. The next page proposes its networks."),)),
            Choice("create", _("The first node of a new cluster"), (_("The next page asks for its name."),)),
            Choice("join", _("One more node of a cluster"), (_("The next page asks for the four words that it shows."),)),
        ]
        yield Choices(choices, ("single",), id="role")

    def go(self, by: int) -> None:
        from appliance.tui.node.pages.cluster import FoundEdit, JoinEdit  # noqa: PLC0415 - for who wants one

        role = next((choices.chosen for choices in self.query("#role").results(Choices)), ("single",))
        if by > 0 and role != ("single",):
            self.app.push_screen(FoundEdit() if role == ("create",) else JoinEdit())
            return
        if by > 0 and self.node.before is not None and not self._offered:
            self._offered = True
            self.node.change(planes=self.draft.proposal.names)
        super().go(by)


class PlanesPage(Setup):
    """The planes that the node lacks, each of which can be left out, and what they ask."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("planes", *ASKED)
    REMARKS: ClassVar[dict[drafts.Field, str]] = {"planes": "#about-planes"}

    def heading(self) -> str:
        return _("Networks of this node")

    def help(self) -> Sequence[str]:
        return (
            _("A plane is a network with a purpose. business: virtual machines reach the outside. storage: the nodes exchange "
              "the data of disks. overlay: tunnels between virtual machines of several nodes. management stays as it is."),
            _("Space leaves a plane out, or takes it back. One that stands on the ports of another plane goes with it."),
            _("Addresses and VLANs are not proposed, since only you know them. A plane that shares its ports needs the number of "
              "a VLAN that the switch sends there with a tag. An address has the length of its prefix, such as 10.0.1.11/24; "
              "write dhcp where a server on that network gives one."),
            _("Ports are proposed in pairs of the same speed and driver with live cables, so that a cable may be pulled. See "
              "that both cables of a pair lead to the same network. Put in another cable, go back to the menu and come here "
              "again: then its port counts, too."),
        )  # fmt: skip

    def fields(self) -> ComposeResult:
        proposal, draft = self.draft.proposal, self.draft
        if proposal.planes:
            yield paragraph(_("These planes can be added. Space leaves one out."))
            yield Choices([_choice(each) for each in proposal.planes], draft.planes, several=True, id="planes")
        elif not proposal.left:
            yield paragraph(_("This node has all its planes."))
        yield Remark(id="about-planes")
        names = {"vlan": _("{plane}: VLAN"), "address": _("{plane}: address")}
        such = {"vlan": "20", "address": "10.0.1.11/24"}
        for name in ASKED:
            plane, _underscore, ask = name.partition("_")
            hint = _("(such as {example})").format(example=such[ask])
            yield Field(name, names[ask].format(plane=plane), getattr(draft, name), placeholder=hint)
        for left in proposal.left:
            text = _("{plane} cannot be proposed: {reason}").format(plane=left.what, reason=said(left.why))
            yield paragraph(f"* {text}", "item")
        for text in _spare(proposal.spare):
            yield paragraph(f"* {text}", "item")

    def on_mount(self) -> None:
        super().on_mount()
        # The list has the focus, and is scrolled to before its lines are wrapped: what is above it would not be seen.
        body = self.query_one("#body")
        self.call_after_refresh(lambda: body.scroll_home(animate=False))

    def wanted(self, name: drafts.Field) -> str:
        if name.endswith("_vlan"):
            return _("give the number of a VLAN that the switch sends to these ports")
        return _("give the node's address and its prefix length, such as 10.0.0.11/24")

    def judge(self) -> None:
        super().judge()
        for field in self.query(Field):
            field.display = field.field in self.draft.asked
        for choices in self.query("#planes").results(Choices):
            if choices.chosen != self.draft.planes:
                choices.choose(*self.draft.planes)

    @on(Choices.Changed, "#planes")
    def _chosen(self, event: Choices.Changed) -> None:
        proposal, more = self.draft.proposal, len(event.chosen) > len(self.draft.planes)
        self.node.change(planes=proposal.with_hosts(event.chosen) if more else proposal.without_guests(event.chosen))

    def go(self, by: int) -> None:
        if by > 0 and self.node.before is not None and not self.draft.planes:
            self.notice(_("No plane is to be added."))
        else:
            super().go(by)


def _choice(each: Proposed) -> Choice:
    """A plane, what carries it, and why so."""
    plane = each.plane
    ports = _("on the ports of {plane}").format(plane=plane.on) if plane.on else _("two ports, {bond}").format(bond=plane.bond)
    return Choice(each.name, row((each.name, _NAME), (ports, 50)), (said(each.why),))


def _spare(ports: Sequence[Left]) -> Iterator[str]:
    """The ports that stay free, those of the same reason together."""
    for why, group in groupby(sorted(ports, key=lambda port: port.why), lambda port: port.why):
        labels = [port.what for port in group]
        names = _(", ").join(labels[:_PORTS_NAMED])
        if (more := len(labels) - _PORTS_NAMED) > 0:
            names = _("{ports} and {number} more").format(ports=names, number=more)
        yield _("{ports}: left free, {reason}").format(ports=names, reason=said(why))


PAGES: tuple[type[Setup], ...] = (RolePage, PlanesPage)
