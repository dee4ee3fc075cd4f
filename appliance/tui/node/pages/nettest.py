# SPDX-License-Identifier: Apache-2.0
"""`trivet net test`, each test as it ends."""

from collections.abc import Sequence

from pydantic import ValidationError
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from appliance.errors import ApplianceError
from appliance.model.nettest import Finding
from appliance.tui import table
from appliance.tui.i18n import N_, _, said
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.work import WorkPage
from appliance.tui.outcome import Work
from appliance.tui.widgets.field import Remark

_FAILED = 5
"""What `trivet net test` ends with when a test has failed: it has done what it should."""
_WORDS = {"ok": N_("ok"), "failed": N_("FAILED"), "skipped": N_("skipped")}
_TESTS: dict[str, str] = {"link": N_("link"), "address": N_("address"), "throughput": N_("throughput")}
"""Tests that have a name of their own in each language; the others are called like their protocols."""


def begin(page: Manage) -> None:
    """From a menu."""
    try:
        work = page.node.edge.start("net", "test")
    except (ApplianceError, OSError) as error:
        page.notice(str(error))
        return
    page.node.open(TestPage(work))


class TestPage(WorkPage):
    """Its lines grow downwards; the last one is in sight."""

    __test__ = False  # pytest takes the name for a test of its own

    def __init__(self, started: Work) -> None:
        super().__init__(_("Network test"), started, "")
        self._findings: list[Finding] = []

    def help(self) -> Sequence[str]:
        return (
            _("Each plane is asked on the wire: its link, its address, the gateway, the name servers, and how large a packet may "
              "be. Below what failed stands what to do."),
            _("`trivet net test --peer ADDRESS` in a shell measures the throughput to another node."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            yield Static(id="findings")
            yield Remark(id="about-failure")
            yield Static(id="after")

    def succeeded(self, code: int) -> bool:
        super().succeeded(code)
        return code in (0, _FAILED)

    def feed(self, line: str) -> None:
        try:
            self._findings.append(Finding.model_validate_json(line))
        except ValidationError:
            return
        self.judge()

    def judge(self) -> None:
        Manage.judge(self)
        if not self.query("#findings"):
            return
        lines = [text for finding in self._findings for text in _lines(finding, self.size.width - 5)]
        self.query_one("#findings", Static).update(Content("\n".join(lines)))
        failed = self.work.failed
        self.query_one("#about-failure", Remark).say(failed.message if failed else "", wrong=True)
        self.query_one("#after", Static).update(Content(self._sum()))
        self.query_one("#report", VerticalScroll).scroll_end(animate=False)

    def _sum(self) -> str:
        if not self.over:
            return _("testing ...")
        failed = sum(finding.outcome == "failed" for finding in self._findings)
        if self.work.failed:
            return ""
        text = _("{failed} of {number} tests failed.") if failed else _("All {number} tests passed.")
        return text.format(failed=failed, number=len(self._findings))

    def _finish(self) -> None:
        """It leads to no trial."""
        self.judge()
        self._close()


def _lines(finding: Finding, width: int) -> list[str]:
    mark = "! " if finding.outcome == "failed" else "  "
    name = _(_TESTS.get(finding.test, finding.test))
    outcome = _("{name}: {text}").format(name=f"{name} {finding.target}".rstrip(), text=_(_WORDS[finding.outcome]))
    out = [f"{mark}{finding.plane:12}{outcome}"]
    for text in (finding.message, finding.hint):
        out += table.paragraph(said(text), width, " " * 14).split("\n") if text else []
    return out
