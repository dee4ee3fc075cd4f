# SPDX-License-Identifier: Apache-2.0
"""The board's own computer: its address and its users, and another address or user for it. The plan comes before it is told."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from pydantic import ValidationError
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from appliance.model.bmc import DHCP, BmcUser, BmcView, BmcWish
from appliance.model.problem import Problem
from appliance.services.system import bmc
from appliance.tui import draft as drafts
from appliance.tui import table
from appliance.tui.i18n import N_, _, said
from appliance.tui.node import reading
from appliance.tui.node.pages import works
from appliance.tui.node.pages.base import Line, Manage, Report, rows
from appliance.tui.node.pages.menu import Item, Menu
from appliance.tui.screens.base import advice, paragraph
from appliance.tui.screens.network import such
from appliance.tui.widgets.choices import Choice, Choices
from appliance.tui.widgets.field import Field
from appliance.tui.widgets.frame import Action, button

ROLES = {
    "admin": N_("administrator: all of it"), "operator": N_("operator: power and screen, no settings"),
    "user": N_("user: reads only"), "": N_("may do nothing"),
}  # fmt: skip
_NONE = N_("This server has no BMC, or none that the firmware tells of.")
_LAN = {
    "IP Address Source": N_("address from"), "IP Address": N_("address"), "Subnet Mask": N_("mask"), "MAC Address": "MAC",
    "Default Gateway IP": N_("gateway"), "802.1q VLAN ID": "VLAN",
}  # fmt: skip
_VALUES = {"Static Address": N_("what was given here"), "DHCP Address": "DHCP", "Disabled": N_("none"), "0.0.0.0": N_("none")}
_NEW = "new"


class BmcMenu(Menu):
    """What there is to do with it."""

    def heading(self) -> str:
        return "BMC"

    def help(self) -> Sequence[str]:
        return (
            _("The BMC is a small computer on the server's board, by which it can be switched on and off, and its screen seen, "
              "from afar. It keeps its address and its users by itself, also when this system is installed anew."),
            _("Give it an address on a network that only administrators reach, and users with passwords of their own: who is "
              "in the BMC has the server."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        yield Item(_("Show"), _("Its address and its users."), self.to(BmcPage))
        about = _("Where the BMC is reached: by DHCP or by an address given here, gateway, VLAN. You see the plan first.")
        yield Item(_("Change the address"), about, self.to(BmcAddress))
        about = _("A new user, or another name, role or password for one. You see the plan first.")
        yield Item(_("Change a user"), about, self.to(BmcPerson))


class BmcPage(Report):
    """As it is."""

    def heading(self) -> str:
        return "BMC"

    def help(self) -> Sequence[str]:
        return BmcMenu.help(self)  # type: ignore[arg-type]  # it asks nothing of the page

    def load(self) -> list[Line]:
        found = self.node.edge.bmc()
        if found is None:
            return [(_(_NONE), "")]
        pairs = [(_(_LAN[name]), _(_VALUES.get(value, value))) for name, value in found.lan if name in _LAN]
        return [*rows([(_("interface"), found.interface), *pairs]), (_("Users"), "subhead"), *map(_line, found.named)]


def _line(user: BmcUser) -> Line:
    return table.row((str(user.number), 3), (_named(user), 18), (_may(user), 0)), ""


def _named(user: BmcUser) -> str:
    return user.name or _("(no name)")


def _may(user: BmcUser) -> str:
    return _(ROLES[user.role]) if user.enabled or not user.role else _("switched off")


class BmcEdit(Manage):
    """What shall be otherwise. `seen` is what the BMC said when the page was opened; the rules are those of the plan."""

    TYPED: ClassVar[dict[drafts.Field, str]] = {}
    """The fields, and what of the document each is."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: BmcView | None = None
        self._trouble = ""
        self.typed_: dict[str, str] = {}

    def document(self) -> dict[str, Any]:
        """What was typed, as `trivet bmc set` takes it."""
        raise NotImplementedError

    def fields(self, seen: BmcView) -> ComposeResult:
        """What is asked."""
        raise NotImplementedError

    def missing(self) -> dict[str, str]:
        """What the page itself finds wrong: the place in the document, and why."""
        return {}

    def actions(self) -> Iterable[Action]:
        return (Action(button("back"), id="back"), Action(_("Plan"), id="next", disabled=self.seen is None))

    def keys(self) -> list[tuple[str, str]]:
        return [("F1", _("Help")), ("Esc", _("Back")), ("Ctrl+N", _("Plan")), ("F10", _("Log out"))]

    def on_mount(self) -> None:
        super().on_mount()
        self.run_worker(self._look, thread=True)

    def _look(self) -> None:
        found, trouble = None, ""
        try:
            found = self.node.edge.bmc()
        except Exception as error:  # whatever it is, it is said here: a BMC that hangs is no reason to die
            trouble = reading.plain(error)
        self.app.call_from_thread(self._saw, found, trouble)

    def _saw(self, found: BmcView | None, trouble: str) -> None:
        self.seen, self._trouble = found, trouble or ("" if found else _(_NONE))
        if self.is_attached:
            self.refresh(recompose=True)

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report", can_focus=False):
            if self._trouble:
                yield paragraph(f"! {said(self._trouble)}", "wrong")
            elif self.seen is None:
                yield paragraph(_("Looking at this machine ..."))
            else:
                yield from self.fields(self.seen)

    def typed(self, name: drafts.Field, value: str, *, again: bool) -> None:
        self.typed_[f"{name} again" if again else name] = value
        self.insisted = False
        self.judge()

    def problems(self) -> dict[str, str]:
        """What is wrong, by its place in the document."""
        if self.seen is None:
            return {}
        try:
            found: Iterable[Problem] = bmc.check(self.seen, BmcWish.model_validate(self.document()))
        except ValidationError as error:
            found = [
                Problem(where=".".join(map(str, each["loc"])), message=each["msg"].removeprefix("Value error, "))
                for each in error.errors()
            ]
        return {problem.where: advice(problem.message, problem.hint) for problem in found} | self.missing()

    def judge(self) -> None:
        super().judge()
        wrong = self.problems()
        for field in self.query(Field):
            place = self.TYPED.get(field.field, "")
            empty = not field.value and not self.insisted  # what is merely not typed yet is not wrong
            field.judge("" if empty or field.again else wrong.get(place, ""))

    async def action_next(self) -> None:
        for field in self.query(Field):  # the last key may still be on its way from the input to here
            self.typed(field.field, field.value, again=field.again)
        self.insisted = True
        self.judge()
        if self.seen is None:
            self.app.bell()
        elif wrong := self.problems():
            self.notice(_("Something is still open above."))
            place = next(iter(wrong))
            for field in self.query(Field):
                if self.TYPED.get(field.field) == place:
                    field.focus_input()
                    break
        elif not (steps := bmc.plan(self.seen, BmcWish.model_validate(self.document()))):
            self.notice(_("Nothing is other than it was."))
        else:
            self.notice("")
            self.app.push_screen(BmcPlan([step.title for step in steps], json.dumps(self.document())))


class BmcAddress(BmcEdit):
    """Where it is reached."""

    TYPED: ClassVar[dict[drafts.Field, str]] = {"address": "address", "gateway": "gateway", "vlan": "vlan"}

    def __init__(self) -> None:
        super().__init__()
        self._dhcp: bool | None = None

    def heading(self) -> str:
        return _("Address of the BMC")

    def help(self) -> Sequence[str]:
        return (
            _("The address of the BMC is its own, and none of this node's. Who is connected to the BMC by the old one loses it "
              "as soon as the plan is carried out."),
            _("Give the VLAN's number when the switch sends this network with a tag; leave it empty when it does not."),
        )  # fmt: skip

    @property
    def dhcp(self) -> bool:
        """What is chosen; what is, before somebody has chosen."""
        return self._dhcp if self._dhcp is not None else self.seen is not None and self.seen.dhcp

    def fields(self, seen: BmcView) -> ComposeResult:
        methods = [Choice("dhcp", _("Address by DHCP")), Choice("static", _("Address given here"))]
        yield Choices(methods, ("dhcp" if self.dhcp else "static",), id="method")
        with Vertical(id="static"):
            address = self.typed_.get("address", seen.address)
            yield Field("address", _("Address"), address, placeholder=such("10.0.0.50/24"))
            yield Field("gateway", _("Gateway"), self.typed_.get("gateway", seen.gateway), placeholder=such("10.0.0.1"))
        vlan = self.typed_.get("vlan", str(seen.vlan or ""))
        yield Field("vlan", _("VLAN"), vlan, placeholder=_("(empty: the network comes without a tag)"))

    def document(self) -> dict[str, Any]:
        typed = {name: text.strip() for name, text in self.typed_.items()}
        said = {"version": 1, "vlan": typed.get("vlan") or 0, "address": DHCP if self.dhcp else typed.get("address", "")}
        return said if self.dhcp or not typed.get("gateway") else said | {"gateway": typed["gateway"]}

    def missing(self) -> dict[str, str]:
        text = self.typed_.get("vlan", "").strip()
        return {"vlan": _("a VLAN is a number from 1 to 4094")} if text and not text.isdecimal() else {}

    def judge(self) -> None:
        super().judge()
        for static in self.query("#static").results(Vertical):
            static.display = not self.dhcp

    @on(Choices.Changed, "#method")
    def _method(self, event: Choices.Changed) -> None:
        self._dhcp = event.chosen[0] == "dhcp"
        self.judge()


class BmcPerson(BmcEdit):
    """Who may log in to it."""

    TYPED: ClassVar[dict[drafts.Field, str]] = {"name": "user.name", "password": "user.password"}

    def __init__(self) -> None:
        super().__init__()
        self._number: int | None = None
        self._role = ""

    def heading(self) -> str:
        return _("A user of the BMC")

    def help(self) -> Sequence[str]:
        return (
            _("Choose who is changed, or a new one. The password is typed twice; left empty, the one that is there stays."),
            _("What is typed here goes to the BMC alone: it is in no list of processes, no log and no file."),
        )

    def fields(self, seen: BmcView) -> ComposeResult:
        people = [Choice(str(user.number), f"{user.number}  {_named(user)}: {_may(user)}") for user in seen.named]
        free = [Choice(_NEW, _("a new user"))] if seen.free else []
        chosen = str(self._number) if self._number in {user.number for user in seen.named} else _NEW if free else people[0].key
        yield Choices([*people, *free], (chosen,), id="people")
        had = self._had(seen)
        yield Field("name", _("Name"), self.typed_.get("name", had.name))
        yield Field("password", _("Password"), self.typed_.get("password", ""), secret=True, hint=_("empty: it stays as it is"))
        again = self.typed_.get("password again", "")
        yield Field("password", _("The same again"), again, secret=True, id="field-again")
        yield Choices([Choice(name, _(ROLES[name])) for name in bmc.roles()], (self._role or had.role or "admin",), id="role")

    def _had(self, seen: BmcView) -> BmcUser:
        number = self._number or seen.free or seen.named[0].number
        return next(user for user in seen.users if user.number == number)

    def document(self) -> dict[str, Any]:
        if self.seen is None:
            return {}
        had = self._had(self.seen)
        name, role = self.typed_.get("name", had.name).strip(), self._role or had.role or "admin"
        user = {"number": had.number, "name": name, "role": role}
        password = self.typed_.get("password", "")
        return {"version": 1, "user": user | ({"password": password} if password else {})}

    def missing(self) -> dict[str, str]:
        one, other = self.typed_.get("password", ""), self.typed_.get("password again", "")
        if one == other or not (self.insisted or len(other) >= len(one)):
            return {}
        return {"user.password": _("the two are not the same")}

    @on(Choices.Changed, "#people")
    def _chosen(self, event: Choices.Changed) -> None:
        self._number = None if event.chosen[0] == _NEW else int(event.chosen[0])
        self._role, self.typed_ = "", {}
        self.refresh(recompose=True)

    @on(Choices.Changed, "#role")
    def _roled(self, event: Choices.Changed) -> None:
        self._role = event.chosen[0]
        self.judge()


class BmcPlan(Manage):
    """What would be told to the BMC. The focus is on Cancel."""

    def __init__(self, titles: Sequence[str], document: str) -> None:
        super().__init__()
        self._titles, self._document = titles, document

    def heading(self) -> str:
        return _("Plan")

    def help(self) -> Sequence[str]:
        return (
            _("This is what the BMC will be told, step by step. Nothing has been done yet. Afterwards it is asked what it is, "
              "and what differs is said."),
        )  # fmt: skip

    def body(self) -> ComposeResult:
        yield paragraph(_("What will be done"), "lead")
        for number, title in enumerate(self._titles, 1):
            yield paragraph(table.hanging(f"{number:2}  ", said(title), 74))
        yield paragraph(_("Who is connected to the BMC may lose it by this. This node's own network stays as it is."), "dry")

    def actions(self) -> Iterable[Action]:
        return (Action(button("cancel"), id="back"), Action(_("Apply"), id="apply"))

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one("#back").focus()

    async def recompose(self) -> None:
        await super().recompose()
        self.query_one("#back").focus()

    @on(Action.Pressed, "#apply")
    def _apply(self) -> None:
        works.begin(self, "bmc", "set", "-", stdin=self._document, instead=True)
