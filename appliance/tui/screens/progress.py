# SPDX-License-Identifier: Apache-2.0
"""The installation at work: fed by the events that its process writes. The page may die; the work goes on."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import TypeAdapter, ValidationError
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.content import Content
from textual.widgets import Static

from appliance.model.events import Event, Failed
from appliance.model.units import format_size
from appliance.tui import draft as drafts
from appliance.tui import outcome
from appliance.tui.i18n import _, said
from appliance.tui.outcome import Outcome
from appliance.tui.progress import Work
from appliance.tui.screens.base import Page, advice
from appliance.tui.widgets.field import Remark
from appliance.tui.widgets.frame import Action

_SECONDS = 0.2
_BAR = 50
_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class ProgressPage(Page):
    """There is no way back from here, and none out until it is over."""

    BINDINGS: ClassVar = [Binding("ctrl+n,f8,escape,f10", "nothing", priority=True)]

    def __init__(self, started: outcome.Work) -> None:
        super().__init__()
        self.started = started
        self._read = 0
        self.work = Work()
        self.over = False

    def heading(self) -> str:
        return _("Installing")

    def help(self) -> Sequence[str]:
        return (
            _("The system is being written. This takes a few minutes; the slowest step is writing the image and "
              "reading it back."),
            _("Do not switch the server off. If the power fails nonetheless, start from the medium again: what was begun is "
              "begun anew, and no half installed system ever starts."),
            _("If this screen goes away, the installation goes on."),
        )  # fmt: skip

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help"))]

    def body(self) -> ComposeResult:
        yield Static(id="step")
        yield Static(id="bar")
        yield Static(id="rate")
        yield Static(id="steps")
        yield Remark(id="about-failure")
        yield Static(id="after")

    def actions(self) -> Iterable[Action]:
        return (
            Action(_("Restart"), id="restart", disabled=not self._well),
            Action(_("Switch off"), id="poweroff", disabled=not self._well),
            Action(_("Back to the plan"), id="again", disabled=not (self.over and not self._well)),
        )

    def succeeded(self, code: int) -> bool:
        """Did it do all that it should? `code` is what its process ended with."""
        return self.work.complete

    @property
    def _well(self) -> bool:
        return self.over and self.work.complete

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_SECONDS, self._follow)

    def _follow(self) -> None:
        """What the process has written since: a few short lines of a file in memory, so no thread is needed."""
        if self.over:
            return
        ended = self.started.child.ended()  # before reading: what it wrote at its end is read, too
        path = self.started.events
        with path.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            self.feed(line.decode(errors="replace"))
        if ended is not None:
            self.over = True
            if not self.succeeded(ended) and self.work.failed is None:
                said_last = _last_line(path.with_suffix(".err"))
                self.work = self.work.after(Failed(message=said_last or f"it ended with {ended}"))
            self._finish()

    def feed(self, line: str) -> None:
        """One line of the process. What is no event is kept as something that it printed."""
        try:
            event = _EVENT.validate_json(line)
        except ValidationError:
            return
        self.work = self.work.after(event)
        self.judge()

    def judge(self) -> None:
        """Draw the record."""
        super().judge()
        work = self.work
        if not self.query("#step"):
            return
        title = _("Step {index} of {total}: {title}").format(index=work.index, total=work.total, title=said(work.title))
        self._put("#step", title if work.total else _("Beginning ..."))
        self._put("#bar", self._bar(work))
        self._put("#rate", rate(work))
        self._put("#steps", "\n".join(_("done: {step}").format(step=said(step)) for step in work.steps[-8:]))
        remark = self.query_one("#about-failure", Remark)
        remark.say(failure(work.failed) if work.failed else "", wrong=True)
        self._put("#after", self._after() if self._well else "")

    def _put(self, selector: str, text: str) -> None:
        self.query_one(selector, Static).update(Content(text))

    def _bar(self, work: Work) -> str:
        return self.bar(work.done / work.size if work.size else float(work.complete))

    def bar(self, share: float) -> str:
        """So much of it, from 0 to 1."""
        full, rest = ("█", "░") if self.console.terminal.utf8 else ("#", ".")
        filled = int(_BAR * share)
        return f"[{full * filled}{rest * (_BAR - filled)}] {share:4.0%}"

    def _finish(self) -> None:
        self.judge()
        for name in ("restart", "poweroff"):
            self.query_one(f"#{name}", Action).disabled = not self._well
        self.query_one("#again", Action).disabled = self._well
        self.query_one("#restart" if self._well else "#again", Action).focus()

    def _after(self) -> str:
        draft = self.console.draft
        first = _("{name} is installed. Remove the medium, then restart.").format(name=draft.name.strip())
        if draft.method == "dhcp":
            where = _("Its address is given by DHCP: the node shows it on this screen when it has started.")
        else:
            host = drafts.words(draft.address)[0].partition("/")[0]
            where = _("It will be at {address}.").format(address=host)
            if draft.ssh.strip():
                where += " " + _("Log in with: ssh root@{address}").format(address=host)
        return f"{first}\n{where}"

    def learned(self) -> None:
        """What the machine was before is of no interest here."""

    def action_nothing(self) -> None:
        self.app.bell()

    def action_leave(self) -> None:
        self.app.bell()

    @on(Action.Pressed, "#restart")
    def _restart(self) -> None:
        self.console.exit(Outcome("restart"))

    @on(Action.Pressed, "#poweroff")
    def _power_off(self) -> None:
        self.console.exit(Outcome("poweroff"))

    @on(Action.Pressed, "#again")
    def _again(self) -> None:
        """The machine is looked at anew: disks hold other things now than before."""
        self.console.look_again()


def rate(work: Work) -> str:
    """How much, how fast, how long yet."""
    if not work.size:
        return ""
    parts = [_("{done} of {size}").format(done=format_size(work.done), size=format_size(work.size))]
    if work.rate:
        parts.append(_("{size} a second").format(size=format_size(work.rate)))
    if work.left and work.done < work.size:
        minutes, seconds = divmod(work.left, 60)
        parts.append(_("{time} left").format(time=f"{minutes}:{seconds:02}"))
    return _(", ").join(parts)


def failure(failed: Failed) -> str:
    """What went wrong and what to do."""
    return advice(failed.message, failed.hint)


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
