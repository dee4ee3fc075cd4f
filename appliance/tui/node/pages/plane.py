# SPDX-License-Identifier: Apache-2.0
"""One plane: change it, add it, take it away. By commit-confirm, like every change of the network."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from appliance.model.network import Nic
from appliance.tui import draft as drafts
from appliance.tui.i18n import N_, _
from appliance.tui.node.edit import NodeDraft
from appliance.tui.node.pages.change import ChangePage
from appliance.tui.node.pages.settings import Edit
from appliance.tui.node.planes import FIELDS
from appliance.tui.screens import facts
from appliance.tui.screens.base import paragraph
from appliance.tui.screens.network import BONDS, NetworkPage, such
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Field, Remark

_OWN = "own"
_METHODS: dict[drafts.Method, str] = {
    "dhcp": N_("Address by DHCP"), "static": N_("Address given here"), "slaac": N_("Address by IPv6 routers alone"),
    "none": N_("No address: the node itself is not on this plane"),
}  # fmt: skip


class NetworkEdit(Edit, NetworkPage):
    """All that the spec says of a plane but for its name."""

    BINDINGS: ClassVar = [Binding("ctrl+d", "take", priority=True)]
    FIELDS: ClassVar[tuple[drafts.Field, ...]] = FIELDS
    REMARKS: ClassVar[dict[drafts.Field, str]] = {**NetworkPage.REMARKS, "on": "#about-on"}

    def __init__(self, plane: str = "management") -> None:
        super().__init__()
        self._plane = plane

    def heading(self) -> str:
        return _("Management network") if self._plane == "management" else _("The plane {name}").format(name=self._plane)

    def help(self) -> Sequence[str]:
        return (
            _("By this network you reach the node. What you change is shown as a plan, and then tried for a minute: unless you "
              "keep it, the node goes back to what it had.")
            if self._plane == "management" else
            _("What you change is shown as a plan, and then tried for a minute: unless you keep it, the node goes back to what "
              "it had. Ctrl+D takes the whole plane away, by a plan, too."),
            *super().help()[1:],
            _("A plane may stand on the ports of another one: then it needs a VLAN of its own. On the plane business `trunk` "
              "hands every VLAN to the virtual switch."),
            _("Routes are written like 10.1.0.0/16 via 10.0.0.1, separated by commas."),
        )  # fmt: skip

    @property
    def draft(self) -> NodeDraft:
        """What was typed; before the machine was looked at, nothing."""
        draft = self.node.draft
        return draft if isinstance(draft, NodeDraft) else NodeDraft()

    @property
    def _can_go(self) -> bool:
        return self._plane != "management" and self.node.before is not None and self.node.before.there

    def own_keys(self) -> list[tuple[str, str]]:
        return [*super().own_keys(), *([("Ctrl+D", _("Take away"))] if self._can_go else [])]

    def keys(self) -> list[tuple[str, str]]:
        keys = super().keys()
        return [key for key in keys if key[0] != "F10"] if self._can_go else keys  # there is room for so many

    def fields(self) -> ComposeResult:
        draft, before = self.draft, self.node.before
        if before is not None and not before.there:
            yield paragraph(_("This node has no plane {name} yet. The plan adds it.").format(name=self._plane), "lead")
        if draft.hosts and self._plane != "management":
            yield Choices(self._hosts(draft), (draft.on or _OWN,), id="on")
            yield Remark(id="about-on")
        yield Choices([facts.port(nic) for nic in self._ports()], draft.ports, several=True, id="ports")
        yield Remark(id="blinks")
        yield Remark(id="about-ports")
        yield Choices(_bonds(draft.bond), (draft.bond,), id="bond")
        yield Remark(id="about-bond")
        methods = (key for key in _METHODS if key != "none" or self._plane != "management")
        yield Choices([Choice(key, _(_METHODS[key])) for key in methods], (draft.method,), id="method")
        with Vertical(id="static"):
            yield Field("address", _("Address"), draft.address, placeholder=such("10.0.0.11/24"))
            yield Field("gateway", _("Gateway"), draft.gateway, placeholder=such("10.0.0.1"))
            yield Field("dns", _("DNS servers"), draft.dns, placeholder=such("10.0.0.1, 10.0.0.2"))
        yield Field("vlan", _("VLAN"), draft.vlan, placeholder=_("(empty: the network comes without a tag)"))
        yield Field("mtu", "MTU", draft.mtu, placeholder=_("(empty: 1500)"))
        yield Field("routes", _("Routes"), draft.routes, placeholder=such("10.1.0.0/16 via 10.0.0.1"))

    def _hosts(self, draft: NodeDraft) -> list[Choice]:
        own = Choice(_OWN, _("Ports of its own"))
        return [own, *(Choice(host, _("On the ports of {plane}").format(plane=host)) for host in draft.hosts)]

    def _blink(self, port: Nic) -> None:
        self.node.edge.note(f"has the LED of {port.pci or port.mac} blink")
        super()._blink(port)

    def judge(self) -> None:
        super().judge()
        draft = self.draft
        for choices in self.query("#ports").results(Choices):
            choices.display = not draft.on
        for choices in self.query("#bond").results(Choices):
            choices.display = not draft.on and len(draft.ports) > 1

    def on_screen_resume(self) -> None:
        """Who comes back from the plan wants it to stay."""
        if self.draft.taken:
            self.node.change(taken=False)

    def action_take(self) -> None:
        """The plan without the plane."""
        if not self._can_go:
            self.app.bell()
            return
        self.node.change(taken=True)
        self.app.push_screen(ChangePage())

    @on(Choices.Changed, "#on")
    def _stood(self, event: Choices.Changed) -> None:
        self.node.change(on="" if event.chosen[0] == _OWN else event.chosen[0])


def _bonds(now: str) -> list[Choice]:
    """Those that are offered, and the one that the spec has, whichever that is."""
    known = {mode: _(text) for mode, text in BONDS.items()}
    return [Choice(mode, text) for mode, text in (known if now == "none" else {now: now} | known).items()]
