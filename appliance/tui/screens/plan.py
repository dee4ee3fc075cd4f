# SPDX-License-Identifier: Apache-2.0
"""The plan: everything that would be done, in order, each step with its reason. Or everything that keeps it from being made."""

from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll

from appliance import flow
from appliance.model.plan import Plan
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import _, listed, lost, said
from appliance.tui.screens.base import Page, paragraph, sentence
from appliance.tui.widgets.frame import Action, button


class PlanPage(Page):
    """A page to read; the next one asks for consent."""

    BINDINGS: ClassVar = [Binding("f5", "save", priority=True)]

    def heading(self) -> str:
        return _("Plan")

    def help(self) -> Sequence[str]:
        return (
            _("This is what will be done, step by step, and why each step is there. Nothing has been done yet."),
            _("When something is still open or wrong, it is said here with the page that it belongs to; Esc goes back."),
            _("If the disks are not as they are now when the work begins, it stops before anything is erased."),
            _("F5 saves the answers on a USB stick, where an installer that finds it asks nothing, or shows them as a QR code."),
        )

    def own_keys(self) -> list[tuple[str, str]]:
        return [("F5", _("Save the answers"))] if self._can_save() else []

    def _can_save(self) -> bool:
        """There is something to save, and a machine with sticks."""
        return self.console.live is not None and self.console.verdict is not None and self.console.verdict.ready

    def action_save(self) -> None:
        from appliance.tui.screens.save import SavePage  # noqa: PLC0415 - it leads back to here

        if self._can_save():
            self.app.switch_screen(SavePage())

    def actions(self) -> Iterable[Action]:
        verdict = self.console.verdict
        return (
            Action(button("back"), id="back"),
            Action(button("next"), id="next", disabled=verdict is None or not verdict.ready),
        )

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            verdict, inventory = self.console.verdict, self.console.inventory
            if verdict is None or inventory is None:
                yield paragraph(_("Looking at this machine ..."))
            elif verdict.spec is None:
                yield paragraph(_("This cannot be planned yet:"), "lead")
                for line in _obstacles(verdict):
                    yield paragraph(f"! {line}", "wrong")
            else:
                yield from self._summary()
                plan = flow.plan(inventory, verdict.spec)
                yield from _lost(plan)
                yield from steps(plan)

    def _summary(self) -> ComposeResult:
        for name, text in table.rows(list(summary(self.console.draft, self.console.inventory))):
            with Horizontal(classes="fact"):
                yield paragraph(name, "fact-name")
                yield paragraph(text, "fact-text")

    def stuck(self) -> drafts.Field | None:
        verdict = self.console.verdict
        return None if verdict is not None and verdict.ready else "disks"


def _obstacles(verdict: drafts.Verdict) -> Iterator[str]:
    pages = page_names()
    for name, problems in verdict.wrong.items():
        for problem in problems:
            yield f"{pages[name]}: {sentence(problem)}"
    for name in pages:
        if name in verdict.open:
            yield _("{page}: an answer is missing").format(page=pages[name])


def page_names() -> dict[drafts.Field, str]:
    """The heading of the page that asks for each field."""
    from appliance.tui.screens.wizard import PAGES  # noqa: PLC0415 - the order of the pages knows the pages

    return {field: page().heading() for page in PAGES for field in page.FIELDS}


def summary(draft: drafts.Draft, inventory: object) -> Iterator[tuple[str, str]]:
    """What was answered, in one glance. The password is not among it."""
    yield _("node"), f"{draft.name}, {draft.timezone}"
    for disk in drafts.chosen(draft, inventory):  # type: ignore[arg-type]  # the page has it when it has a plan
        yield _("system disk"), listed(disk.label)
    ports = ", ".join(draft.ports) + (f" ({draft.bond})" if draft.bond != "none" else "")
    yield _("ports"), ports + (f", VLAN {draft.vlan.strip()}" if draft.vlan.strip() else "")
    address = _("by DHCP") if draft.method == "dhcp" else ", ".join(drafts.words(draft.address))
    yield _("address"), address
    yield "SSH", _("with the key that was given") if draft.ssh.strip() else _("off")


def steps(plan: Plan) -> ComposeResult:
    """The steps, each with its reason."""
    if not plan.steps:
        yield paragraph(_("Nothing to do: this node is installed here already."), "subhead")
        return
    yield paragraph(_("What will be done"), "subhead")
    for number, step in enumerate(plan.steps, 1):
        with Horizontal(classes="fact"):
            yield paragraph(f"{number:2}  ", "fact-name")
            because = _("because: {why}").format(why=said(step.why))
            yield paragraph(f"{said(str(step))}\n{because}", "fact-text")


def _lost(plan: Plan) -> ComposeResult:
    """Before the steps: it is what one has to see without scrolling."""
    if not plan.steps:
        return
    yield paragraph(_("What is lost"), "subhead")
    for what in plan.destroys:
        yield paragraph(f"! {lost(what)}", "wrong")
    if not plan.destroys:
        yield paragraph(_("Nothing: what is written to is blank."))
