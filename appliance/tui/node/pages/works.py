# SPDX-License-Identifier: Apache-2.0
"""What the consoles of this node have begun: begin it, list what runs and what ran last, look at one of them."""

from collections.abc import Callable, Iterable, Sequence

from textual.app import ComposeResult

from appliance.errors import ApplianceError
from appliance.node.errands import KILLED, Errand
from appliance.tui.i18n import N_, _
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.menu import Item, Menu
from appliance.tui.node.pages.work import WorkPage
from appliance.tui.outcome import Work
from appliance.tui.screens.base import paragraph

_TITLES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("net", "apply"), N_("Applying"), N_("It is so already; nothing is on trial.")),
    (("net", "confirm"), N_("Keeping the change"), N_("The change is kept; the next starts follow it.")),
    (("net", "revert"), N_("Taking the change back"), N_("The network is as the saved spec says.")),
    (("net", "test", "--listen"), N_("Waiting for another node"), ""),
    (("net", "test", "--peer"), N_("Throughput"), ""),
    (("net", "test"), N_("Network test"), ""),
    (("bmc", "set"), N_("Changing the BMC"), N_("The BMC says that it is so.")),
    (("apply",), N_("Applying"), N_("Done, and saved.")),
    (("cluster", "create"), N_("Found a cluster"), N_("The cluster is there. Now let the other nodes in, under Cluster.")),
    (("cluster", "join"), N_("Join a cluster"), N_("This node is in the cluster.")),
    (("cluster", "leave"), N_("Leave the cluster"), N_("This node is in no cluster any more.")),
    (("cluster", "remove"), N_("Take it out"), N_("It is not in the cluster any more.")),
    (("cluster", "pair"), N_("Let a node in"), ""),
)
"""How the arguments of `trivet` begin, what that is called, and what is said when it has ended well."""
_TEST_FAILED = 5
_SECONDS = 2.0


def begin(page: Manage, *arguments: str, stdin: str = "", instead: bool = False) -> bool:
    """Start `trivet`, and show it, over the page or instead of it. False, and said on the page, when it cannot be started."""
    try:
        work = page.node.edge.start(*arguments, stdin=stdin)
    except (ApplianceError, OSError) as error:
        page.notice(str(error))
        return False
    show = page.app.switch_screen if instead else page.app.push_screen
    show(look(arguments, work))
    return True


def look(arguments: Sequence[str], work: Work) -> WorkPage:
    """The page of a work, by what it is."""
    from appliance.tui.node.pages import cluster, nettest, vmwork  # noqa: PLC0415 - which begin works, too

    if tuple(arguments[:1]) == ("vm",):
        return vmwork.VmWork(arguments, work)
    if tuple(arguments[:2]) == ("net", "test"):
        return nettest.ListenPage(work) if "--listen" in arguments else nettest.TestPage(work, title(arguments))
    if tuple(arguments[:2]) == ("cluster", "pair"):
        return cluster.PairPage(work)
    return WorkPage(title(arguments), work, _(_described(arguments)[1]))


def title(arguments: Sequence[str]) -> str:
    """What it is called."""
    from appliance.tui.node.pages import vmwork  # noqa: PLC0415 - as above

    if tuple(arguments[:1]) == ("vm",):
        return vmwork.words(arguments)[0]
    return _(_described(arguments)[0])


def _described(arguments: Sequence[str]) -> tuple[str, str]:
    for first, name, well in _TITLES:
        if tuple(arguments[: len(first)]) == first:
            return name, well
    return "trivet " + " ".join(arguments), ""


class WorksPage(Menu):
    """The list, the newest first."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: list[tuple[str, int | None]] = []

    def heading(self) -> str:
        return _("Work")

    def help(self) -> Sequence[str]:
        return (
            _("What was begun from the consoles of this node since it started: what runs now, and how the last ones have ended. "
              "Enter looks at one of them, whichever console has begun it."),
            _("`journalctl -t trivet-console` has each step, and who wanted it."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        for errand, code in self._found():
            yield Item(title(errand.arguments), self._about(errand, code), self._open(errand))

    def body(self) -> ComposeResult:
        self._shown = [(errand.name, code) for errand, code in self._found()]
        if self._shown:
            yield from super().body()
        else:
            yield paragraph(_("Nothing was begun from a console since this node started."))

    def _found(self) -> list[tuple[Errand, int | None]]:
        return [(errand, self.node.edge.work(errand).child.ended()) for errand in self.node.edge.works()]

    def _about(self, errand: Errand, code: int | None) -> str:
        lines = [
            f"trivet {' '.join(errand.arguments)}",
            _("Begun on {line}, {time} ago.").format(line=errand.line, time=_ago(self.node.seen.uptime - errand.begun)),
            _outcome(errand, code),
        ]
        return "\n\n".join(lines)

    def _open(self, errand: Errand) -> Callable[[], None]:
        def open_() -> None:
            self.node.open(look(errand.arguments, self.node.edge.work(errand)))

        return open_

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(_SECONDS, self._look)

    def _look(self) -> None:
        if self.is_current and self._shown != [(errand.name, code) for errand, code in self._found()]:
            self.refresh(recompose=True)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._look()

    def action_enter(self) -> None:
        if self._shown:
            super().action_enter()


def _outcome(errand: Errand, code: int | None) -> str:
    if code is None:
        return _("It runs now.")
    if code == 0:
        return _("It has ended well.")
    if code == _TEST_FAILED and errand.arguments[:2] == ("net", "test"):
        return _("It has ended: tests failed.")
    return _("It was killed.") if code == KILLED else _("It has failed.")


def _ago(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
