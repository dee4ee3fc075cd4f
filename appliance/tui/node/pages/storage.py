# SPDX-License-Identifier: Apache-2.0
"""The pool, and care for one disk: its light, taken in, taken out, replaced. What is to be erased is said before it is asked."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from appliance.errors import ApplianceError
from appliance.model.plan import Plan
from appliance.model.poolreport import DiskReport, PoolReport
from appliance.model.units import format_size
from appliance.node import health as last_look
from appliance.tui import table
from appliance.tui.i18n import _, said
from appliance.tui.node.pages.base import Line, Report, rows, sentence
from appliance.tui.node.pages.menu import Item, Menu
from appliance.tui.node.pages.work import WorkPage
from appliance.tui.node.seen import duration, pool_text, role_text
from appliance.tui.screens.dialog import Ask

_WIDTH = 74
Verb = Literal["add", "remove", "replace"]


class StoragePage(Report):
    """What `trivet storage` says."""

    def heading(self) -> str:
        return _("The pool now")

    def help(self) -> Sequence[str]:
        return (
            _("The pool of disks in which virtual machines have theirs: its health in one word with the reason, what is free, "
              "what is being copied again, and each disk with what it is for."),
            _("When a disk dies, everything goes on with the other copies. After ten minutes they are made again on the disks "
              "that are left. Put a new one in, and say so under Disks of the pool."),
            _("`trivet storage` in a shell says the same, and more."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        found = self.node.edge.storage()
        lines: list[Line] = [(f"! {sentence(a.message, a.hint)}", "wrong") for a in found.alerts]
        lines += rows(_pool(found.report))
        lines += [(text, "") for text in found.repaired]
        lines += [(_("Disks"), "subhead")] if found.report.disks else []
        for disk in found.report.disks:
            label = disk.label or _("a disk that is gone")
            lines += [(f"{disk.slot or '-'}  {label}", ""), *_disk(disk)]
        return lines


def _pool(now: PoolReport) -> Iterator[tuple[str, str]]:
    yield _("health"), pool_text(now)
    if now.health in ("none", "stopped"):
        return
    sizes = {"used": format_size(now.used), "all": format_size(now.usable)}
    yield _("space"), _("{used} of {all} used").format(**sizes)
    yield _("copies"), str(now.replicas)
    if now.rebuild.left:
        rate = _("{size} to go, {rate}/s").format(size=format_size(now.rebuild.left), rate=format_size(now.rebuild.rate))
        left = _("{time} left").format(time=duration(now.rebuild.eta)) if now.rebuild.eta is not None else ""
        yield _("rebuild"), _(", ").join(part for part in (rate, left) if part)
    if now.scrub.running:
        yield _("check"), _("{number} parts are compared now").format(number=now.scrub.running)


def _disk(disk: DiskReport) -> list[Line]:
    words = [role_text(disk)]
    if disk.room:
        words.append(_("{used} of {all} used").format(used=format_size(disk.used), all=format_size(disk.room)))
    if disk.temperature is not None:
        words.append(f"{disk.temperature} C")
    if disk.wear is not None:
        words.append(_("{share} % worn").format(share=disk.wear))
    if disk.latency is not None:
        words.append(f"{disk.latency:.1f} ms")
    if disk.cache is not None and disk.cache.ratio is not None:
        words.append(_("cache {share} %").format(share=round(100 * disk.cache.ratio)))
    if disk.led:
        words.append(_("its light is on"))
    return [(table.paragraph(_(", ").join(words), _WIDTH, "    "), "wrong" if disk.failing or disk.isolated else "")]


class DisksMenu(Menu):
    """Those of the pool, and those that could be: a line each, as trivetd saw them when it looked last."""

    def heading(self) -> str:
        return _("Disks of the pool")

    def help(self) -> Sequence[str]:
        return (
            _("Choose a disk to switch the light of its bay, to take it into the pool or out of it, or to replace it."),
            _("Nothing is taken out while data would be at risk by it, and you are told why. What would be erased is named "
              "first."),
        )  # fmt: skip

    def disks(self) -> tuple[DiskReport, ...]:
        known = last_look.storage(self.node.host)
        return known.report.disks if known else ()

    def items(self) -> Iterable[Item]:
        for disk in self.disks():
            name = disk.slot or disk.serial or (f"osd.{disk.osd}" if disk.osd is not None else disk.id)
            about = _(", ").join(word for word in (role_text(disk), disk.label) if word)
            yield Item(f"{name}  {role_text(disk)}", about, self.to(lambda disk=disk: DiskMenu(disk)))  # type: ignore[misc]  # a default binds it now
        yield Item(_("Back"), _("To the menu."), self.action_back, key="0")


class DiskMenu(Menu):
    """What there is to do with one disk."""

    def __init__(self, disk: DiskReport) -> None:
        super().__init__()
        self._disk = disk
        self._which = disk.id or f"osd.{disk.osd}"

    def heading(self) -> str:
        return self._disk.label or self._which

    def help(self) -> Sequence[str]:
        return (
            _("Replace and Take out move the data first: the pool goes on meanwhile, and what would put data at risk is refused "
              "with the reason. You see each step, and what is erased, before it is asked."),
            _("The light shows somebody behind the server which drive this is. Switch it off when the drive is found."),
        )  # fmt: skip

    def items(self) -> Iterable[Item]:
        about = _("Take a new disk into the pool in this one's place, with its cache.")
        yield Item(_("Replace"), about, lambda: self._plan("replace"))
        if self._disk.id:
            about = _("The light of its bay shows somebody behind the server which disk this is.")
            yield Item(_("Light on"), about, lambda: self._light("on"))
            yield Item(_("Light off"), about, lambda: self._light("off"))
        if self._disk.id and self._disk.osd is None:
            yield Item(_("Take in"), _("Make this disk part of the pool."), lambda: self._plan("add"))
        if self._disk.osd is not None:
            about = _("Copy what is on it to the others, then leave it out of the pool for good.")
            yield Item(_("Take out"), about, lambda: self._plan("remove"))

    def _light(self, switch: str) -> None:
        self._start(_("Light"), _("Done."), "locate", switch)

    def _plan(self, verb: Verb) -> None:
        self.notice(_("Looking at this machine ..."))
        self.run_worker(lambda: self._look(verb), thread=True)

    def _look(self, verb: Verb) -> None:
        """Disks that hold something are erased only when somebody has read what it is: so the plan comes before the question."""
        from appliance.node.disks import Wish, planned  # noqa: PLC0415 - the whole planner, and only who changes something

        try:
            plan = planned(self.node.host, Wish(verb=verb, disk=self._which, wipe=verb != "remove"))
        except ApplianceError as error:
            self.app.call_from_thread(self.refused, error)
            return
        self.app.call_from_thread(self._ask, verb, plan)

    def _ask(self, verb: Verb, plan: Plan) -> None:
        self.notice("")
        steps = "\n".join(f"- {said(str(step))}" for step in plan.steps)
        lost = _("This is erased: {what}").format(what=_("; ").join(plan.destroys)) if plan.destroys else _("Nothing is erased.")
        wipe = ("--wipe",) if plan.destroys and verb != "remove" else ()

        def answered(sure: bool | None) -> None:
            if sure:
                self._start(self.heading(), _("Done."), verb, "--yes", *wipe)

        self.app.push_screen(Ask(self.heading(), f"{steps}\n\n{lost}", stay=_("Cancel"), go=_("Do it")), answered)

    def _start(self, title: str, well: str, *words: str) -> None:
        first, *more = words
        try:
            work = self.node.edge.start("disk", first, *more, self._which)
        except ApplianceError as error:
            self.refused(error)
            return
        self.node.open(WorkPage(title, work, well))
