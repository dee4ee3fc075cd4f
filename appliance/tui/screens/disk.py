# SPDX-License-Identifier: Apache-2.0
"""The system disk: one, or two that mirror each other. No disk that holds data is ever chosen for somebody."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from appliance import flow
from appliance.model.storage import Disk
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import _
from appliance.tui.screens import facts
from appliance.tui.screens.base import Page, paragraph
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Remark

_PAIR = 2


class DiskPage(Page):
    """A list, what is known of the disk under the cursor, and the consent to erase where there is something to lose."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("disks", "wipe")
    REMARKS: ClassVar[dict[drafts.Field, str]] = {"disks": "#about-disks", "wipe": "#about-wipe"}

    def heading(self) -> str:
        return _("System disk")

    def help(self) -> Sequence[str]:
        return (
            _("Trivet is installed on one disk, or on two that mirror each other, so that either may fail. Choose a small, fast "
              "and sound disk: the large ones are for your data, and are asked for later."),
            _("A disk with [-] cannot be chosen, and the line beneath it says why. A disk that holds data can be chosen, and "
              "must be allowed to be erased; you will have to type the end of its serial number before that is done."),
            _("Below the list stands what is known of the disk under the cursor. Compare the serial number with the label on the "
              "drive when two look alike."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield paragraph(_("On which disk shall the system be? Choose one, or two to mirror them."))
        disks = self._disks()
        yield Choices([facts.disk(disk) for disk in disks], self.console.draft.disks, several=True, id="disks")
        yield Remark(id="about-disks")
        yield Choices([Choice("wipe", _("What is on it may be erased"))], self._wipe(), several=True, id="wipe")
        yield Remark(id="about-wipe")
        yield paragraph("", "details")

    def _disks(self) -> Sequence[Disk]:
        """Those that can be chosen first: with a hundred disks they are what one looks for."""
        disks = flow.system_disks(self.console.inventory) if self.console.inventory else ()
        return sorted(disks, key=lambda disk: bool(disk.unusable))

    def _wipe(self) -> tuple[str, ...]:
        return ("wipe",) if self.console.draft.wipe else ()

    def wanted(self, name: drafts.Field) -> str:
        return _("choose a disk with Space or Enter")

    def stuck(self) -> drafts.Field | None:
        """A disk that holds data is in order once it may be erased, so that is where one goes."""
        asked = any(wipe.display for wipe in self.query("#wipe")) and not self.console.draft.wipe
        first = super().stuck()
        return "wipe" if first == "disks" and asked else first

    def judge(self) -> None:
        super().judge()
        inventory = self.console.inventory
        chosen = drafts.chosen(self.console.draft, inventory) if inventory else []
        for wipe in self.query("#wipe").results(Choices):
            wipe.display = any(disk.contents and not disk.unfinished for disk in chosen)
            if wipe.chosen != self._wipe():
                wipe.choose(*self._wipe())

    @on(Choices.Changed, "#disks")
    def _chosen(self, event: Choices.Changed) -> None:
        self.console.put(self.console.draft.with_disks(*event.chosen))

    @on(Choices.Changed, "#wipe")
    def _allowed(self, event: Choices.Changed) -> None:
        self.console.change(wipe=bool(event.chosen))

    @on(Choices.Looked, "#disks")
    def _looked(self, event: Choices.Looked) -> None:
        disk = next((disk for disk in self._disks() if disk.id == event.key), None)
        if disk is not None:
            lines = [f"{name}{text}" for name, text in table.rows(facts.disk_details(disk))]
            self.query_one(".details", Static).update(Content("\n".join(lines)))
