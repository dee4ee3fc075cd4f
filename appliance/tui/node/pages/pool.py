# SPDX-License-Identifier: Apache-2.0
"""What a node serves for: a pool of its free disks, virtual machines. Each disk's role and its reason come before the plan."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from appliance import flow
from appliance.errors import ApplianceError
from appliance.model.document import load_spec
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import _, said
from appliance.tui.node.edit import NodeDraft
from appliance.tui.node.pages.settings import Edit
from appliance.tui.node.seen import ROLES
from appliance.tui.screens import facts
from appliance.tui.screens.base import paragraph
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Remark

_WIDTH, _ROLE = 74, 9


class PoolEdit(Edit):
    """Both can be switched on here. To be rid of a pool is no matter of a key."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("pool", "vms")
    REMARKS: ClassVar[dict[drafts.Field, str]] = {"pool": "#about-pool", "vms": "#about-vms"}

    def heading(self) -> str:
        return _("Pool and virtual machines")

    def help(self) -> Sequence[str]:
        return (
            _("The pool keeps the disks of virtual machines, in two or three copies on different disks. Below stands what each "
              "disk of this server would be for, and why: HDDs hold data, an SSD is the cache of up to seven of them, SSDs alone "
              "hold data themselves."),
            _("Disks that hold something are left alone: take one in afterwards, under Disks of the pool, where you see what is "
              "erased."),
            _("The networks of virtual machines, and those between nodes, are set up before: Set up this node."),
        )  # fmt: skip

    @property
    def draft(self) -> NodeDraft:
        """What was typed; before the machine was looked at, nothing."""
        draft = self.node.draft
        return draft if isinstance(draft, NodeDraft) else NodeDraft()

    def fields(self) -> ComposeResult:
        yield paragraph(_("What shall this node serve for? Space chooses."))
        yield Choices(self._offers(), self._now(), several=True, id="serves")
        yield Remark(id="about-pool")
        yield Remark(id="about-vms")
        with VerticalScroll(id="report", can_focus=True):
            yield Static(id="roles")

    def _offers(self) -> list[Choice]:
        before = self.node.before or NodeDraft()
        there = (_("It is there now."),)
        return [
            Choice("pool", _("A pool of its free disks"), there if before.pool else (), barred=before.pool),
            Choice("vms", _("Virtual machines run here"), there if before.vms else (), barred=before.vms),
        ]

    def _now(self) -> tuple[str, ...]:
        return tuple(name for name in ("pool", "vms") if getattr(self.draft, name))

    def judge(self) -> None:
        super().judge()
        for roles in self.query("#roles").results(Static):
            roles.update(Content("\n".join(self._roles())))

    def _roles(self) -> Iterator[str]:
        """What the rules make of each disk, by what is chosen."""
        inventory = self.node.inventory
        if inventory is None or not self.draft.pool:
            return
        try:
            found = flow.roles(inventory, load_spec(self.node.text()[0]))
        except ApplianceError:
            return  # what is wrong stands above
        disks = {disk.id: disk for disk in inventory.disks}
        for each in found.roles:
            yield table.column(_(ROLES[each.role]), _ROLE) + facts.disk(disks[each.disk], why=False).label
            if each.why:
                yield table.paragraph(said(each.why), _WIDTH, " " * (_ROLE + 1))

    @on(Choices.Changed, "#serves")
    def _chosen(self, event: Choices.Changed) -> None:
        before = self.node.before or NodeDraft()
        self.node.change(pool=before.pool or "pool" in event.chosen, vms=before.vms or "vms" in event.chosen)
