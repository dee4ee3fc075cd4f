# SPDX-License-Identifier: Apache-2.0
"""`trivet net test`, each test as it ends; and the throughput to another node, measured from either end."""

import ipaddress
import time
from collections.abc import Iterable, Sequence
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from appliance.model.nettest import Beginning, Finding, Listening, Received
from appliance.model.units import format_speed
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import N_, _, said
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.work import WorkPage
from appliance.tui.outcome import Work
from appliance.tui.screens.base import paragraph
from appliance.tui.screens.network import such
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import Action, button

_FAILED = 5
"""What `trivet net test` ends with when a test has failed: it has done what it should."""
_WORDS = {"ok": N_("ok"), "failed": N_("FAILED"), "skipped": N_("skipped")}
_TESTS: dict[str, str] = {"link": N_("link"), "address": N_("address"), "throughput": N_("throughput")}
"""Tests that have a name of their own in each language; the others are called like their protocols."""
_LINE: TypeAdapter[Finding | Beginning | Listening | Received] = TypeAdapter(Finding | Beginning | Listening | Received)
STEPS = "--steps"


class Running(WorkPage):
    """A test at work; it can be ended before it is through."""

    BINDINGS: ClassVar = [Binding("f4", "stop", priority=True)]

    def __init__(self, title: str, started: Work) -> None:
        super().__init__(title, started, "")
        self._stopped = False

    def own_keys(self) -> list[tuple[str, str]]:
        return [] if self.over else [("F4", _("Stop"))]

    def action_stop(self) -> None:
        """Ask it to end; that it has is seen like any other end."""
        if not self.over:
            self._stopped = True
            self.node.edge.stop(self.started)

    def trouble(self) -> str:
        """Why it has failed; that somebody has ended it is no failure."""
        return said(self.work.failed.message) if self.work.failed and not self._stopped else ""

    def ended(self) -> str:
        """What is to be said when somebody has."""
        return _("Stopped.") if self.over and self._stopped else ""

    def feed(self, line: str) -> None:
        try:
            found = _LINE.validate_json(line)
        except ValidationError:
            return
        self.learn(found)
        self.judge()

    def learn(self, found: Finding | Beginning | Listening | Received) -> None:
        """What it has said."""
        raise NotImplementedError

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(1.0, self._second)

    def _second(self) -> None:
        """What takes its time shows that it goes on."""
        if not self.over:
            self.judge()

    def _finish(self) -> None:
        """It leads to no trial."""
        self.judge()
        self._close()


class TestPage(Running):
    """Its lines grow downwards; the last one is in sight."""

    __test__ = False  # pytest takes the name for a test of its own

    def __init__(self, started: Work, title: str) -> None:
        super().__init__(title, started)
        self._findings: list[Finding] = []
        self._now: Beginning | None = None
        self._since = 0.0

    def help(self) -> Sequence[str]:
        return (
            _("Each plane is asked on the wire: its link, its address, the gateway, the name servers, and how large a packet may "
              "be. Below what failed stands what to do."),
            _("Throughput in the menu measures how fast another node can be reached."),
            super().help()[1],
        )  # fmt: skip

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=True):
            yield Static(id="findings")
            yield Remark(id="about-failure")
            yield Static(id="after")

    def succeeded(self, code: int) -> bool:
        super().succeeded(code)
        return code in (0, _FAILED)

    def learn(self, found: Finding | Beginning | Listening | Received) -> None:
        if isinstance(found, Finding):
            self._findings.append(found)
            self._now = None
        elif isinstance(found, Beginning):
            self._now, self._since = found, time.monotonic()

    def judge(self) -> None:
        Manage.judge(self)
        if not self.query("#findings"):
            return
        lines = [text for finding in self._findings for text in _lines(finding, self.size.width - 5)]
        self.query_one("#findings", Static).update(Content("\n".join(lines)))
        self.query_one("#about-failure", Remark).say(self.trouble(), wrong=True)
        self.query_one("#after", Static).update(Content(self.ended() or self._sum()))
        self.query_one("#report", VerticalScroll).scroll_end(animate=False)

    def _sum(self) -> str:
        if not self.over:
            return self._testing()
        failed = sum(finding.outcome == "failed" for finding in self._findings)
        if self.work.failed:
            return ""
        text = _("{failed} of {number} tests failed.") if failed else _("All {number} tests passed.")
        return text.format(failed=failed, number=len(self._findings))

    def _testing(self) -> str:
        """What is waited for; of what takes as long as one knows before, how far it is."""
        now = self._now
        if now is None:
            return _("testing ...")
        name = _(_TESTS.get(now.test, now.test))
        text = " ".join(word for word in (f"  {now.plane:12}{name}", now.target, "...") if word)
        if not now.seconds:
            return text
        return f"{text}\n{' ' * 14}{self.bar(min(1.0, (time.monotonic() - self._since) / now.seconds))}"


class ListenPage(Running):
    """This node's end of a measurement: where the other one may come to, and how much came in."""

    def __init__(self, started: Work) -> None:
        super().__init__(_("Waiting for another node"), started)
        self._at: Listening | None = None
        self._received: Received | None = None

    def help(self) -> Sequence[str]:
        return (
            _("This node waits for another one, which sends as much as it can for five seconds. Begin it there: Network, "
              "Throughput, with one of these addresses; or in a shell: trivet net test --peer ADDRESS."),
            _("Meanwhile one port of the firewall is open. When nobody comes for ten minutes it is closed again. F4 ends it "
              "before."),
            super().help()[1],
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield Static(id="findings")
        yield Remark(id="about-failure")
        yield Static(id="after")

    def learn(self, found: Finding | Beginning | Listening | Received) -> None:
        if isinstance(found, Listening):
            self._at = found
        elif isinstance(found, Received):
            self._received = found

    def judge(self) -> None:
        Manage.judge(self)
        if not self.query("#findings"):
            return
        self.query_one("#findings", Static).update(Content(self._where()))
        self.query_one("#about-failure", Remark).say(self.trouble(), wrong=True)
        speed = self._received.received if self._received else 0
        came = _("{speed} came in.").format(speed=format_speed(speed)) if speed else ""
        self.query_one("#after", Static).update(Content(came or self.ended()))

    def _where(self) -> str:
        if self.over:
            return ""
        if self._at is None:
            return _("Beginning ...")
        first = _("This node waits at TCP {port}. On the other node give one of these addresses:").format(port=self._at.port)
        lines = [table.paragraph(first, self.size.width - 5), "", *(f"  {address}" for address in self._at.addresses)]
        return "\n".join(lines)


class ThroughputPage(Manage):
    """Where to, or from wherever somebody comes."""

    def __init__(self) -> None:
        super().__init__()
        self._peer, self._trouble = "", ""

    def heading(self) -> str:
        return _("Throughput")

    def help(self) -> Sequence[str]:
        return (
            _("How fast can two nodes reach each other? One waits, the other sends for five seconds. The way between them is "
              "tested first: ARP, ping, MTU."),
            _("The address decides which plane is measured: to measure storage give the other node's on the storage plane."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield paragraph(_("On one node choose Wait; then on the other one give its address and choose Measure."))
        yield Field("peer", _("Address"), self._peer, placeholder=such("10.0.9.12"), last=True)
        yield Remark(id="about-peer")

    def actions(self) -> Iterable[Action]:
        return (
            Action(button("back"), id="back"), Action(_("Measure"), id="measure"),
            Action(_("Wait for the other node"), id="listen"),
        )  # fmt: skip

    def judge(self) -> None:
        super().judge()
        for remark in self.query("#about-peer").results(Remark):
            remark.say(self._trouble, wrong=True)

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        self._peer, self._trouble = value.strip(), ""
        self.judge()

    @on(Input.Submitted)
    @on(Action.Pressed, "#measure")
    def _measure(self) -> None:
        for field in self.query(Field):
            self._peer = field.value.strip()
        try:
            peer = str(ipaddress.ip_address(self._peer))
        except ValueError:
            self._trouble = _("this is no IP address; give the other node's on the plane that you want to measure")
            self.judge()
            return
        works.begin(self, "net", "test", "--peer", peer, STEPS)

    @on(Action.Pressed, "#listen")
    def _listen(self) -> None:
        works.begin(self, "net", "test", "--listen", STEPS)


def _lines(finding: Finding, width: int) -> list[str]:
    mark = "! " if finding.outcome == "failed" else "  "
    name = _(_TESTS.get(finding.test, finding.test))
    outcome = _("{name}: {text}").format(name=f"{name} {finding.target}".rstrip(), text=_(_WORDS[finding.outcome]))
    out = [f"{mark}{finding.plane:12}{outcome}"]
    for text in (finding.message, finding.hint):
        out += table.paragraph(said(text), width, " " * 14).split("\n") if text else []
    return out
