# SPDX-License-Identifier: Apache-2.0
"""The snapshots of one virtual machine: take one, go back to one, delete one."""

from collections.abc import Iterable, Sequence
from functools import partial

from pydantic import TypeAdapter, ValidationError
from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from appliance.model.spec import Name
from appliance.model.vmrecord import Snapshot, VmView
from appliance.tui import draft as drafts
from appliance.tui.i18n import _
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.menu import Item
from appliance.tui.node.pages.vmreports import moment, taken
from appliance.tui.node.pages.vms import OneVm
from appliance.tui.screens.base import paragraph
from appliance.tui.screens.network import such
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import Action, button

_NAME: TypeAdapter[str] = TypeAdapter(Name)


class SnapshotsMenu(OneVm):
    """A line each, the oldest first."""

    def heading(self) -> str:
        return _("Snapshots of {name}").format(name=self.name_)

    def help(self) -> Sequence[str]:
        return (
            _("A snapshot holds all disks as they were at one moment, also while the machine runs. When the guest's agent "
              "answers, it writes out first what it has in memory."),
            _("To go back to one, or to delete one, the machine must be stopped. What was written since is lost by going back; "
              "by deleting only the way back to that moment is."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        if self.vm is not None and self.vm.state != "template":
            about = _("Hold all its disks as they are now. It goes on running.")
            yield Item(_("Take one"), about, self.to(partial(SnapshotEdit, self.name_)), key="t")
        for each in self.vm.snapshots if self.vm else ():
            yield Item(each.name, taken(each), self.to(partial(SnapshotMenu, self.name_, each, self._found)))
        yield Item(_("Back"), _("To the virtual machine."), self.action_back, key="0")


class SnapshotMenu(OneVm):
    """What there is to do with one."""

    def __init__(self, name: str, snapshot: Snapshot, found: tuple[VmView, ...] | None) -> None:
        super().__init__(name, found)
        self._snapshot = snapshot

    def heading(self) -> str:
        return f"{self.name_}: {self._snapshot.name}"

    def help(self) -> Sequence[str]:
        return SnapshotsMenu.help(self)  # type: ignore[arg-type]  # it asks nothing of the page

    def about(self) -> str:
        return taken(self._snapshot)

    def items(self) -> Iterable[Item]:
        about = _("All disks become what they were then. You are asked first, and told what is lost.")
        yield Item(_("Go back to it"), about, self._revert, key="1")
        about = _("The disks stay as they are; there is no way back to this moment any more. You are asked first.")
        yield Item(_("Delete it"), about, self._delete, key="2")
        yield Item(_("Back"), _("To the snapshots."), self.action_back, key="0")

    def _stopped(self) -> bool:
        if self.vm is not None and self.vm.state != "stopped":
            self.notice(_("{name} runs: switch it off first.").format(name=self.name_))
            return False
        return True

    def _revert(self) -> None:
        disks = _(", ").join(self._snapshot.files)
        question = _("Go back to {snapshot}? All that {name} has written to {disks} since {time} is lost.").format(
            snapshot=self._snapshot.name, name=self.name_, disks=disks, time=moment(self._snapshot)
        )
        if self._stopped():
            self.ask(_("Go back to it"), question, "revert", self.name_, self._snapshot.name, "--yes")

    def _delete(self) -> None:
        question = _("Delete {snapshot}? What {name} has now stays; nobody can go back to that moment any more.").format(
            snapshot=self._snapshot.name, name=self.name_
        )
        if self._stopped():
            self.ask(_("Delete it"), question, "snapshot", self.name_, self._snapshot.name, "--delete")


class SnapshotEdit(Manage):
    """What a new one shall be called."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._vm, self._called, self._trouble = name, "", ""

    def heading(self) -> str:
        return _("Snapshot of {name}").format(name=self._vm)

    def help(self) -> Sequence[str]:
        return SnapshotsMenu.help(self)  # type: ignore[arg-type]  # as above

    def body(self) -> ComposeResult:
        yield paragraph(_("What shall the snapshot be called?"), "lead")
        yield Field("snapshot", _("Name"), self._called, placeholder=such("before-upgrade"), last=True)
        yield Remark(id="about-snapshot")

    def actions(self) -> Iterable[Action]:
        return (Action(button("back"), id="back"), Action(_("Take it"), id="take"))

    def judge(self) -> None:
        super().judge()
        for remark in self.query("#about-snapshot").results(Remark):
            remark.say(self._trouble, wrong=True)

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        self._called, self._trouble = value.strip(), ""
        self.judge()

    @on(Input.Submitted)
    @on(Action.Pressed, "#take")
    def _take(self) -> None:
        for field in self.query(Field):
            self._called = field.value.strip()
        try:
            _NAME.validate_python(self._called)
        except ValidationError:
            self._trouble = _("a name has lower-case letters, digits and inner hyphens, at most 63")
            self.judge()
            return
        works.begin(self, "vm", "snapshot", self._vm, self._called, instead=True)

    async def action_next(self) -> None:
        self._take()
