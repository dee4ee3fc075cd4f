# SPDX-License-Identifier: Apache-2.0
"""The last page: what is lost is named, and the end of each disk's serial number is typed by who agrees. Focus is on Cancel."""

from collections.abc import Iterable, Sequence
from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input, Static

from appliance import flow
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan, WipeDisk
from appliance.model.spec import Spec
from appliance.model.storage import Disk
from appliance.tui import draft as drafts
from appliance.tui.i18n import _, listed, lost
from appliance.tui.outcome import Outcome
from appliance.tui.screens.base import Page, paragraph
from appliance.tui.screens.progress import ProgressPage
from appliance.tui.widgets.field import Entry, Remark
from appliance.tui.widgets.frame import Action, button

_TAIL = 4


class ConsentPage(Page):
    """Next is not here: the button says what it does, and works when what it needs was typed."""

    BINDINGS = [Binding("ctrl+n,f8", "nothing", priority=True)]

    def __init__(self) -> None:
        super().__init__()
        self._made: tuple[Inventory, Spec, Plan] | None = None

    def heading(self) -> str:
        return _("Consent")

    def help(self) -> Sequence[str]:
        return (
            _("Until here nothing was changed. What is erased now cannot be brought back."),
            _("Compare the serial numbers with the labels on the drives, then type the last four characters of each. If a disk "
              "holds anything else by then than what you saw here, it is not touched."),
            _("Esc and Cancel go back to the plan."),
        )  # fmt: skip

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("F10", _("Leave")), ("Tab", _("next field"))]

    def body(self) -> ComposeResult:
        disks = self.lost()
        plan = self.plan()
        if not disks:
            yield paragraph(_("The system will be written here:"), "lead")
            for disk in self._disks():
                yield paragraph(listed(disk.label))
            yield paragraph(_("Nothing is lost: there is nothing on it now."), "dry")
        else:
            yield paragraph(_("All of this will be ERASED and cannot be brought back:"), "lead")
            for what in plan.destroys if plan else ():
                yield paragraph(f"! {lost(what)}", "wrong")
            for disk in disks:
                question = _("Type the last {number} characters of {name}:").format(number=len(tail(disk)), name=named(disk))
                yield paragraph(question, "question")
                with Horizontal(classes="row"):
                    yield Static("[", markup=False, classes="edge")
                    yield Entry(id=f"tail-{disks.index(disk)}", compact=True, max_length=_TAIL, classes="tail")
                    yield Static("]", markup=False, classes="edge")
                    yield Remark(id=f"about-tail-{disks.index(disk)}", classes="beside")
        if self.console.live is None:
            yield paragraph(_("This is a dry run: nothing is installed, the plan and the spec are printed."), "dry")

    def actions(self) -> Iterable[Action]:
        word = _("Print the plan") if self.console.live is None else _("Erase and install") if self.lost() else _("Install")
        return (Action(button("cancel"), id="cancel"), Action(word, id="install", disabled=bool(self.lost())))

    def plan(self) -> Plan | None:
        """What is agreed to here."""
        verdict, inventory = self.console.verdict, self.console.inventory
        if verdict is None or verdict.spec is None or inventory is None:
            return None
        made = self._made  # it is asked for many times, and takes 20 ms with a hundred disks
        if made is None or made[0] is not inventory or made[1] is not verdict.spec:
            made = self._made = (inventory, verdict.spec, flow.plan(inventory, verdict.spec))
        return made[2]

    def _disks(self) -> list[Disk]:
        inventory = self.console.inventory
        return drafts.chosen(self.console.draft, inventory) if inventory else []

    def lost(self) -> list[Disk]:
        """The disks on which something is lost."""
        plan = self.plan()
        ids = {step.disk for step in plan.steps if isinstance(step, WipeDisk) and step.destroys} if plan else set()
        return [disk for disk in self._disks() if disk.id in ids]

    def judge(self) -> None:
        """The button works when the end of each serial number stands there."""
        typed = [field.value.strip() for field in self.query(Entry)]
        agreed = len(typed) == len(self.lost()) and all(
            text.lower() == tail(disk).lower() for text, disk in zip(typed, self.lost(), strict=True)
        )
        for action in self.query("#install").results(Action):
            action.disabled = not agreed
        for text, disk, field, remark in zip(typed, self.lost(), self.query(Entry), self.query(".beside"), strict=False):
            wrong = not tail(disk).lower().startswith(text.lower())
            field.set_class(wrong, "wrong")
            cast("Remark", remark).say(_("this is not how it ends") if wrong else "", wrong=True)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#cancel").focus()

    async def recompose(self) -> None:
        await super().recompose()
        self.query_one("#cancel").focus()

    @on(Input.Changed)
    def _typed_tail(self) -> None:
        self.judge()

    def action_nothing(self) -> None:
        """The key for the next page does nothing where that would erase a disk."""
        self.app.bell()

    @on(Action.Pressed, "#cancel")
    def _cancelled(self) -> None:
        self.action_back()

    @on(Action.Pressed, "#install")
    def _agreed(self) -> None:
        plan, text = self.plan(), drafts.text(self.console.draft)
        if plan is None:
            return
        if self.console.live is None:
            self.console.exit(Outcome("planned", text, plan))
            return
        self.app.switch_screen(ProgressPage(self.console.live.start(self.console.draft, text, plan)))


def tail(disk: Disk) -> str:
    """What has to be typed: the end of the serial number, or of the disk's place where it has none or shares it."""
    return (disk.serial if disk.serial and disk.id != disk.path else disk.id)[-_TAIL:]


def named(disk: Disk) -> str:
    """What that is the end of."""
    if disk.serial and disk.id != disk.path:
        return _("the serial number {serial}").format(serial=disk.serial)
    return disk.id
