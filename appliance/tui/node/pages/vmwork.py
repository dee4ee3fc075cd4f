# SPDX-License-Identifier: Apache-2.0
"""`trivet vm` at work: it has no steps, so the time is shown. It leads back to where it was begun."""

from collections.abc import Sequence

from appliance.tui.i18n import N_, _
from appliance.tui.node.pages.work import WorkPage
from appliance.tui.outcome import Work

_WORDS: dict[tuple[str, ...], tuple[str, str]] = {
    ("start",): (N_("Start"), N_("It runs.")),
    ("stop",): (N_("Switch off"), N_("It is stopped.")),
    ("stop", "--force"): (N_("Force off"), N_("It is stopped.")),
    ("suspend",): (N_("Suspend"), N_("It stands still.")),
    ("migrate",): (N_("Move"), N_("It runs on the other node.")),
    ("resume",): (N_("Resume"), N_("It goes on.")),
    ("snapshot",): (N_("Take a snapshot"), N_("The snapshot is taken.")),
    ("snapshot", "--delete"): (N_("Delete a snapshot"), N_("The snapshot is deleted.")),
    ("revert",): (N_("Go back to a snapshot"), N_("Its disks are as they were then.")),
}
"""What a page begins, by its verb and by what makes it another thing."""


def words(arguments: Sequence[str]) -> tuple[str, str]:
    """What `trivet vm ...` is called, and what is said when it has ended well."""
    verb, name, *rest = *arguments[1:], "", ""
    found = _WORDS.get((verb, *(word for word in rest if word in ("--force", "--delete"))))
    if found is None:
        return " ".join(("trivet", *arguments)), ""
    return _("{name}: {text}").format(name=name, text=_(found[0])), _(found[1])


class VmWork(WorkPage):
    """What one machine is asked for."""

    def __init__(self, arguments: Sequence[str], started: Work) -> None:
        super().__init__(*self._described(arguments, started))

    @staticmethod
    def _described(arguments: Sequence[str], started: Work) -> tuple[str, Work, str]:
        title, well = words(arguments)
        return title, started, well

    def on_mount(self) -> None:
        self._begun = self.node.clock()
        super().on_mount()

    def judge(self) -> None:
        super().judge()
        if self.query("#step"):
            seconds = int(self.node.clock() - self._begun)
            self._put("#step", "" if self.over else _("At work, for {number} s ...").format(number=seconds))
            self._put("#bar", "")

    def _follow(self) -> None:
        super()._follow()
        if not self.over:
            self.judge()

    def go_on(self) -> None:
        """Back to the machine: what it does now is seen there."""
        self.app.pop_screen()
