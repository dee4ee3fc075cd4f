# SPDX-License-Identifier: Apache-2.0
"""Who the node is: its name, its time zone, its time servers."""

import zoneinfo
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.suggester import SuggestFromList

from appliance.tui import draft as drafts
from appliance.tui.i18n import _
from appliance.tui.screens.base import Page, paragraph
from appliance.tui.widgets.field import Field, Remark

_SHOWN = 6


class NodePage(Page):
    """Three lines. The zones that fit what is typed stand beneath it; Right takes the one that is offered."""

    FIELDS: ClassVar[tuple[drafts.Field, ...]] = ("name", "timezone", "ntp")

    def __init__(self) -> None:
        super().__init__()
        self._zones: tuple[str, ...] = ()

    def heading(self) -> str:
        return _("Name and time")

    def help(self) -> Sequence[str]:
        return (
            _("The name tells this node from the others: in the cluster, in logs, on this screen. Lower-case letters, digits and "
              "hyphens; it need not be known to any name server."),
            _("Write the time zone as region/city, such as Asia/Shanghai. While you type, the zones that fit are shown; the "
              "Right key takes the one that is offered."),
            _("Nodes of a cluster must agree on the time. Name your own time servers if you have some, separated by commas; "
              "without any, Debian's are used, which the node must be able to reach."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        draft = self.console.draft
        yield paragraph(_("What is this node called, and what time is it there?"))
        yield Field("name", _("Name"), draft.name, hint=_("lower-case letters, digits, hyphens"))
        suggester = SuggestFromList(self._zones, case_sensitive=False)
        yield Field("timezone", _("Time zone"), draft.timezone, suggester=suggester)
        yield Remark(id="zones")
        yield Field("ntp", _("Time servers"), draft.ntp, hint=_("empty: those of Debian, from the internet"))

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._read_zones, thread=True)

    def _read_zones(self) -> None:
        zones = tuple(sorted(zoneinfo.available_timezones()))
        self.app.call_from_thread(self._know, zones)

    def _know(self, zones: tuple[str, ...]) -> None:
        self._zones = zones
        for field in self.query("#field-timezone").results(Field):
            field.suggest(SuggestFromList(zones, case_sensitive=False))
        self.judge()

    def judge(self) -> None:
        super().judge()
        for remark in self.query("#zones").results(Remark):
            remark.say(self._offer())

    def _offer(self) -> str:
        typed = self.console.draft.timezone.strip()
        if not self._zones or typed in self._zones:
            return ""
        fit = [zone for zone in self._zones if typed.lower() in zone.lower()]
        if not fit:
            return ""
        more = " ..." if len(fit) > _SHOWN else ""
        return _("zones: {zones}").format(zones=", ".join(fit[:_SHOWN]) + more)

    def wrong(self, name: drafts.Field) -> str:
        """What the spec says of it; and of a zone also that this system has none of that name."""
        if found := super().wrong(name):
            return found
        typed = self.console.draft.timezone.strip()
        if name != "timezone" or not typed or not self._zones or typed in self._zones:
            return ""
        return _("there is no time zone of this name") if self.insisted or not self._offer() else ""

    def stuck(self) -> drafts.Field | None:
        first = super().stuck()
        return first or next((name for name in self.FIELDS if self.wrong(name)), None)
