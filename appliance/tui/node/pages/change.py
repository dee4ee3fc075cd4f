# SPDX-License-Identifier: Apache-2.0
"""What would be done, step by step, before it is done: of a change that was typed, or to make the node what its spec says."""

from collections.abc import Iterable, Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll

from appliance import flow
from appliance.errors import ApplianceError
from appliance.model.document import load_spec
from appliance.model.plan import Plan, ReplaceSpec
from appliance.tui.i18n import _, lost, said
from appliance.tui.node import edit
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Manage, sentence
from appliance.tui.screens.base import paragraph
from appliance.tui.screens.plan import steps
from appliance.tui.widgets.frame import Action, button

TRIAL = 60
"""Seconds for which a change of the network is tried."""


class ChangePage(Manage):
    """The plan of what was typed. The focus is on Cancel."""

    def heading(self) -> str:
        return _("Plan")

    def help(self) -> Sequence[str]:
        return (
            _("This is what will be done, step by step, and why each step is there. Nothing has been done yet."),
            _("A change of the network is tried for {number} seconds: then it takes itself back, unless you keep it here or with "
              "`trivet net confirm`. So nobody is locked out for good.").format(number=TRIAL),
            _("What is not about the network is carried out and saved at once."),
        )  # fmt: skip

    @property
    def tried(self) -> bool:
        """Is it about the network?"""
        return bool(self.node.changed() & edit.NETWORK)

    def spec(self) -> tuple[str, bool]:
        """The text to apply, and whether the saved one's comments are in it."""
        return self.node.text()

    def plan(self) -> Plan:
        """The steps. Problems when it cannot be planned."""
        if self.node.inventory is None:
            return Plan()
        plan = flow.plan(self.node.inventory, load_spec(self.spec()[0]), follow=True)
        return plan.without(ReplaceSpec) if self.tried else plan

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            if self.node.inventory is None or self.node.before is None:
                text = said(self.node.trouble) if self.node.trouble else _("Looking at this machine ...")
                yield paragraph(text)
                return
            try:
                plan = self.plan()
            except ApplianceError as error:
                for line in str(error).splitlines():
                    yield paragraph(f"! {said(line)}", "wrong")
                return
            if self.tried:
                text = _("This is tried for {number} seconds, and taken back unless you keep it.").format(number=TRIAL)
                yield paragraph(text, "lead")
            if not self.spec()[1]:
                yield paragraph(_("* The spec is written anew: its comments are lost, what it says is not."))
            for what in plan.destroys:
                yield paragraph(f"! {lost(what)}", "wrong")
            if plan.steps:
                yield from steps(plan)
            else:
                yield paragraph(_("Nothing to do: the node is as its spec says."), "lead")
            for pending in plan.pending:
                yield paragraph(f"* {pending.where}: {sentence(pending.why, pending.hint)}")

    def ready(self) -> bool:
        """Is there something that can be done?"""
        if self.node.inventory is None or self.node.before is None:
            return False
        try:
            plan = self.plan()
        except ApplianceError:
            return False
        return bool(plan.steps) and not plan.destroys

    def actions(self) -> Iterable[Action]:
        word = _("Try it") if self.tried else _("Apply")
        return (Action(button("cancel"), id="back"), Action(word, id="apply", disabled=not self.ready()))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#back").focus()

    async def recompose(self) -> None:
        await super().recompose()
        self.query_one("#back").focus()

    @on(Action.Pressed, "#apply")
    def _apply(self) -> None:
        works.begin(self, *self.arguments(), stdin=self.spec()[0], instead=True)

    def arguments(self) -> tuple[str, ...]:
        """Those of `trivet` that carry it out."""
        return ("net", "apply", "-", "--confirm-within", f"{TRIAL}s") if self.tried else ("apply", "-")


class RepairPage(ChangePage):
    """The same without a change: from what the machine is to what its spec says."""

    def heading(self) -> str:
        return _("Apply the spec again")

    def help(self) -> Sequence[str]:
        return (
            _("The node was looked at, and compared with its spec. What differs is put right by these steps; without any, it is "
              "as its spec says."),
            _("trivetd does the same at each start. Between two starts somebody, or something, may have altered the node."),
        )  # fmt: skip

    @property
    def tried(self) -> bool:
        return False

    def arguments(self) -> tuple[str, ...]:
        return ("apply",)  # the saved one: what the hardware has lost since keeps it from nothing else

    def spec(self) -> tuple[str, bool]:
        return self.node.saved, True
