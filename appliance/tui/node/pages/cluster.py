# SPDX-License-Identifier: Apache-2.0
"""The cluster: found one, join one by four words, let another node in, see who is in it and who answers, take a node out."""

from collections.abc import Iterable, Sequence
from functools import partial

from pydantic import TypeAdapter, ValidationError
from textual import on
from textual.app import ComposeResult
from textual.widgets import Input, Static

from appliance.errors import ApplianceError
from appliance.model.clusterview import ClusterView, NodeNow
from appliance.model.joining import Arrived, Offered
from appliance.model.spec import Name
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import _
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Manage
from appliance.tui.node.pages.looking import Listing
from appliance.tui.node.pages.menu import Item
from appliance.tui.node.pages.nettest import Running
from appliance.tui.outcome import Work
from appliance.tui.screens.base import advice, paragraph
from appliance.tui.screens.dialog import Ask
from appliance.tui.screens.network import such
from appliance.tui.widgets.field import Field, Remark
from appliance.tui.widgets.frame import Action, button

_COLUMNS = (20, 24, 12)
"""Widths of name, address and role; what it does now has what is left."""
_NAME: TypeAdapter[str] = TypeAdapter(Name)
_LINE: TypeAdapter[Offered | Arrived] = TypeAdapter(Offered | Arrived)


class ClusterPage(Listing[ClusterView]):
    """Who is in it, a line each; or how to get into one."""

    def look(self) -> ClusterView:
        return self.node.edge.cluster()

    def heading(self) -> str:
        return _("Cluster")

    def help(self) -> Sequence[str]:
        return (
            _("Nodes of a cluster share virtual machines, networks and one pool of disks. Found it on one node; then let the "
              "others in, one after the other: four words are shown here, and typed there."),
            _("Three nodes decide together who is in the cluster, so one of them may fail; from seven nodes on it is five, and "
              "two may. Two nodes decide nothing when one is gone."),
            _("A node that leaves is asked for its virtual machines and its data first: while they would be lost, it stays."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        found = self._found
        if found is None:
            pass
        elif not found.name:
            about = _("This node becomes the first of a new cluster. Virtual machines and disks stay as they are.")
            yield Item(_("Found a cluster"), about, self.to(FoundEdit), key="1")
            about = _("Another node shows four words; type them here. Both show each other's fingerprint.")
            yield Item(_("Join a cluster"), about, self.to(JoinEdit), key="2")
        else:
            for node in found.nodes:
                yield Item(_line(node), _about(node), partial(self._remove, node))
            about = _("Shows four words for ten minutes, by which one node may join.")
            yield Item(_("Let a node in"), about, lambda: works.begin(self, "cluster", "pair"), key="l")
            about = _("This node is alone again. You are asked first; refused while something would be lost.")
            yield Item(_("Leave the cluster"), about, self._go_away, key="q")
        yield Item(_("Back"), _("To the menu."), self.action_back, key="0")

    def above(self, found: ClusterView) -> ComposeResult:
        yield paragraph(_lead(found), "lead")
        if found.name:
            names = (_("Name"), _("Address"), _("Role"), _("Now"))
            yield paragraph("  " + table.row(*zip(names, (*_COLUMNS, 0), strict=True)), "subhead")

    def _go_away(self) -> None:
        question = _("Leave the cluster {name}? The next node takes this one's role, and its disks are no part of the pool any "
                     "more.")  # fmt: skip
        name = self._found.name if self._found else ""
        self._ask(_("Leave the cluster"), question.format(name=name), "leave")

    def _remove(self, node: NodeNow) -> None:
        if node.here:
            self.notice(_("This is {name} itself: choose Leave the cluster.").format(name=node.name))
            return
        question = _("Take {name} out of the cluster? It joins again by four words, as a new node would.").format(name=node.name)
        self._ask(_("Take it out"), question, "remove", node.name)

    def _ask(self, word: str, question: str, *words: str) -> None:
        def answered(sure: bool | None) -> None:
            if sure:
                works.begin(self, "cluster", *words)

        self.app.push_screen(Ask(word, question, stay=_("Cancel"), go=word), answered)


def _lead(found: ClusterView) -> str:
    if not found.name:
        return _("This node is alone: it is in no cluster.")
    first = _("{name}, fingerprint {digits}").format(name=found.name, digits=found.fingerprint)
    if found.having < found.aimed or (found.having > 1 and found.having % 2 == 0):
        more = _("Of {aimed} control nodes there are {number}: let one more node in.")
        return "\n".join((first, more.format(aimed=found.aimed, number=found.having)))
    return first


def _line(node: NodeNow) -> str:
    now = _("this node") if node.here else _("answers") if node.answers else _("! silent")
    role = _("witness") if node.witness else _("control") if node.control else ""
    return table.row(*zip((node.name, node.address, role, now), (*_COLUMNS, 0), strict=True))


def _about(node: NodeNow) -> str:
    lines = []
    if not node.answers:
        lines.append(_("It does not answer on its management address: is it switched on?"))
    if node.control:
        lines.append(_("It decides with the other control nodes who is in the cluster, and keeps its documents."))
    lines.append(_("Enter takes it out of the cluster; you are asked first.") if not node.here else _("You are on it."))
    return " ".join(lines)


class _Entry(Manage):
    """A page that asks for a line or two, and then begins a work."""

    def __init__(self) -> None:
        super().__init__()
        self._answers: dict[str, str] = {}
        self._trouble: dict[str, str] = {}

    def answered(self, name: str) -> str:
        """What stands in a field now."""
        return next((field.value.strip() for field in self.query(Field) if field.field == name), self._answers.get(name, ""))

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        self._answers[name] = value.strip()
        self._trouble.pop(name, None)
        self.judge()

    def wrong_with(self, name: str, text: str) -> None:
        """Say it below the field."""
        self._trouble[name] = text
        self.judge()

    def judge(self) -> None:
        super().judge()
        for remark in self.query(Remark):
            remark.say(self._trouble.get((remark.id or "").removeprefix("about-"), ""), wrong=True)

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("F10", _("Log out"))]

    def actions(self) -> Iterable[Action]:
        return (Action(button("back"), id="back"), Action(self.verb(), id="go"))

    def verb(self) -> str:
        """What the button says."""
        raise NotImplementedError

    def begin(self) -> None:
        """Begin the work, when all is right."""
        raise NotImplementedError

    @on(Input.Submitted)
    @on(Action.Pressed, "#go")
    def _said(self) -> None:
        self.begin()

    async def action_next(self) -> None:
        self.begin()


class FoundEdit(_Entry):
    """What a new cluster shall be called."""

    def heading(self) -> str:
        return _("Found a cluster")

    def help(self) -> Sequence[str]:
        return (
            _("The name is shown to whoever joins. It is not changed later."),
            _("This node gets certificates of the cluster's own authority and answers the other nodes from now on."),
        )

    def body(self) -> ComposeResult:
        yield paragraph(_("What shall the cluster be called?"), "lead")
        yield Field("cluster", _("Name"), self._answers.get("cluster", ""), placeholder=such("rack-1"), last=True)
        yield Remark(id="about-cluster")

    def verb(self) -> str:
        return _("Found it")

    def begin(self) -> None:
        name = self.answered("cluster")
        try:
            _NAME.validate_python(name)
        except ValidationError:
            self.wrong_with("cluster", _("a name has lower-case letters, digits and inner hyphens, at most 63"))
            return
        works.begin(self, "cluster", "create", name, instead=True)


class JoinEdit(_Entry):
    """The four words."""

    def heading(self) -> str:
        return _("Join a cluster")

    def help(self) -> Sequence[str]:
        return (
            _("On a node of the cluster choose Cluster, Let a node in: it shows four words for ten minutes. Four letters of each "
              "are enough."),
            _("The cluster is looked for on this node's own network. Where it is on another one, give the management address of "
              "a node that shows the words."),
            _("What clashes is said with its remedy before anything is changed: names, addresses, versions, clocks. Data on "
              "this node's disks stays; it may not have virtual machines of its own."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield paragraph(_("Which four words does the other node show?"), "lead")
        yield Field("words", _("Words"), self._answers.get("words", ""))
        yield Remark(id="about-words")
        yield Field("address", _("Address"), self._answers.get("address", ""), placeholder=_("(looked for)"), last=True)
        yield Remark(id="about-address")

    def verb(self) -> str:
        return _("Join it")

    def begin(self) -> None:
        from appliance.services.cluster import words  # noqa: PLC0415 - two thousand of them, for who joins

        try:
            text = words.normal(self.answered("words"))
        except ApplianceError as error:
            self.wrong_with("words", advice(error.message, error.hint))
            return
        address = self.answered("address")
        more = ("--address", address) if address else ()
        works.begin(self, "cluster", "join", "--words-file", "-", *more, stdin=f"{text}\n", instead=True)


class PairPage(Running):
    """The words, until somebody has joined by them."""

    def __init__(self, started: Work) -> None:
        super().__init__(_("Let a node in"), started)
        self._offered: Offered | None = None
        self._arrived: Arrived | None = None

    def help(self) -> Sequence[str]:
        return (
            _("On the new node: Cluster, Join a cluster, and these words. Where it does not find the cluster, give it this "
              "node's address, too."),
            _("They are good for one node, three attempts and ten minutes. F4 takes them back."),
            super().help()[1],
        )

    def body(self) -> ComposeResult:
        yield Static(id="words")
        yield Remark(id="about-failure")
        yield Static(id="after")

    def feed(self, line: str) -> None:
        try:
            found = _LINE.validate_json(line)
        except ValidationError:
            return
        if isinstance(found, Offered):
            self._offered = found
        else:
            self._arrived = found
        self.judge()

    def judge(self) -> None:
        Manage.judge(self)
        if not self.query("#words"):
            return
        self._put("#words", self._now())
        self.query_one("#about-failure", Remark).say(self.trouble(), wrong=True)
        self._put("#after", self._joined() or self.ended())

    def ended(self) -> str:
        return super().ended() and _("The words are good no more.")

    def _now(self) -> str:
        if self.over:
            return ""
        if self._offered is None:
            return _("Beginning ...")
        at = _("cluster {name} at {address}").format(name=self._offered.cluster, address=self._offered.address)
        digits = _("fingerprint {digits}").format(digits=self._offered.fingerprint)
        first = _("On the new node choose Cluster, Join a cluster, and type:")
        return "\n".join((first, "", f"  {self._offered.words}", "", at, digits))

    def _joined(self) -> str:
        if self._arrived is None:
            return ""
        text = _("{name} has joined. Its fingerprint: {digits}")
        return text.format(name=self._arrived.name, digits=self._arrived.fingerprint)
