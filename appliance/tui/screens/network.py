# SPDX-License-Identifier: Apache-2.0
"""The management network: its ports with the state of their cables as it is now, and the address."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical

from appliance import flow
from appliance.errors import ApplianceError
from appliance.host import led
from appliance.model.network import Nic
from appliance.tui import draft as drafts
from appliance.tui.i18n import N_, _
from appliance.tui.screens import facts
from appliance.tui.screens.base import Page, advice, paragraph
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Field, Remark

_SECONDS = 2.0
BONDS = {
    "active-backup": N_("active-backup: one port works, the others wait; any switch"),
    "802.3ad": N_("802.3ad (LACP): all ports work; the switch must be set up for it"),
    "balance-alb": N_("balance-alb: all ports work; any switch"),
}


class NetworkPage(Page):
    """Ports, a bond when there are several, the VLAN, and where the address comes from."""

    BINDINGS: ClassVar = [Binding("f5", "blink", priority=True)]
    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("ports", "bond", "vlan", "method", "address", "gateway", "dns")
    REMARKS: ClassVar[dict[drafts.Field, str]] = {"ports": "#about-ports", "bond": "#about-bond"}

    def heading(self) -> str:
        return _("Management network")

    def help(self) -> Sequence[str]:
        return (
            _("By this network you reach the node, and the nodes reach each other. Its other networks are set up later."),
            _("Choose the port whose cable leads there. The state of each cable is shown as it is now: pull one, and see which "
              "it was, or have the LED of the port under the cursor blink with F5. With several ports one of them may fail; "
              "they become a bond."),
            _("Give the VLAN's number when the switch sends this network with a tag; leave it empty when it does not."),
            _("With DHCP a server on that network gives the address. Otherwise write it with the length of its prefix, such as "
              "10.0.0.11/24; the gateway is the router of that network. Several addresses are separated by commas."),
        )  # fmt: skip

    def own_keys(self) -> list[tuple[str, str]]:
        return [("F5", _("Blink"))]

    def action_blink(self) -> None:
        """In a worker: it takes as long as it blinks."""
        at, ports = self.query_one("#ports", Choices).highlighted, self._ports()
        if at is not None and at < len(ports):
            port = ports[at]
            text = _("The LED of {port} blinks for some seconds.").format(port=port.pci or port.mac)
            self.query_one("#blinks", Remark).say(text)
            self.run_worker(lambda: self._blink(port), thread=True, exclusive=True, group="led")

    def _blink(self, port: Nic) -> None:
        try:
            led.blink(self.console.host, port.pci)
            text = ""
        except ApplianceError as error:
            text = advice(error.message, error.hint)
        self.app.call_from_thread(self._blinked, text)

    def _blinked(self, text: str) -> None:
        for remark in self.query("#blinks").results(Remark):
            remark.say(text, wrong=bool(text))

    def body(self) -> ComposeResult:
        draft = self.console.draft
        yield paragraph(_("Which ports lead to the management network?"))
        yield Choices([facts.port(nic) for nic in self._ports()], draft.ports, several=True, id="ports")
        yield Remark(id="blinks")
        yield Remark(id="about-ports")
        yield Choices([Choice(mode, _(text)) for mode, text in BONDS.items()], (draft.bond,), id="bond")
        yield Remark(id="about-bond")
        methods = [Choice("dhcp", _("Address by DHCP")), Choice("static", _("Address given here"))]
        yield Choices(methods, (draft.method,), id="method")
        yield Remark(id="about-dhcp")
        with Vertical(id="static"):
            yield Field("address", _("Address"), draft.address, placeholder=such("10.0.0.11/24"))
            yield Field("gateway", _("Gateway"), draft.gateway, placeholder=such("10.0.0.1"))
            yield Field("dns", _("DNS servers"), draft.dns, placeholder=such("10.0.0.1, 10.0.0.2"))
        yield Field("vlan", _("VLAN"), draft.vlan, placeholder=_("(empty: the network comes without a tag)"))

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_SECONDS, self._look)

    def _ports(self) -> list[Nic]:
        return drafts.ports(self.console.inventory) if self.console.inventory else []

    def _look(self) -> None:
        """The cables as they are now. A recorded machine has but one answer, so that is not asked again and again."""
        self.run_worker(self._observe, thread=True, exclusive=True, group="cables")

    def _observe(self) -> None:
        try:
            nics = flow.ports(self.console.host)
        except ApplianceError:
            return  # the list stays as it was; what ails the machine is said where something is done about it
        self.app.call_from_thread(self._seen, nics)

    def _seen(self, nics: tuple[Nic, ...]) -> None:
        inventory = self.console.inventory
        if inventory is None or nics == inventory.nics or {n.mac for n in nics} != {n.mac for n in inventory.nics}:
            return
        self.console.inventory = inventory.model_copy(update={"nics": nics})
        for choices in self.query("#ports").results(Choices):
            choices.replace([facts.port(nic) for nic in self._ports()])
        self.judge()

    def _silence(self) -> str:
        """The live system asks by DHCP on every port, without a tag; has nobody answered where it would matter?"""
        draft = self.console.draft
        chosen = [nic for nic in self._ports() if nic.mac in draft.ports]
        silent = not any(facts.given(nic) for nic in chosen) and any(nic.link for nic in chosen)
        if draft.method != "dhcp" or draft.vlan or not silent:
            return ""
        return _("No DHCP server has answered there so far. Wait, look at the cable, or choose an address given here.")

    def wanted(self, name: drafts.Field) -> str:
        if name == "ports":
            return _("choose a port with Space or Enter")
        return _("give the node's address and its prefix length, such as 10.0.0.11/24")

    def judge(self) -> None:
        super().judge()
        draft = self.console.draft
        for bond in self.query("#bond").results(Choices):
            bond.display = len(draft.ports) > 1
            if bond.chosen != (draft.bond,):
                bond.choose(draft.bond)
        for remark in self.query("#about-dhcp").results(Remark):
            remark.say(self._silence())
        for static in self.query("#static").results(Vertical):
            static.display = draft.method == "static"

    @on(Choices.Changed, "#ports")
    def _chosen(self, event: Choices.Changed) -> None:
        self.console.put(self.console.draft.with_ports(*event.chosen))

    @on(Choices.Changed, "#bond")
    def _bonded(self, event: Choices.Changed) -> None:
        self.console.change(bond=event.chosen[0])

    @on(Choices.Changed, "#method")
    def _method(self, event: Choices.Changed) -> None:
        self.console.change(method=event.chosen[0])


def such(example: str) -> str:
    """In words, since without colour an example alone would look like an answer."""
    return _("(such as {example})").format(example=example)
