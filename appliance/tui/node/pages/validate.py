# SPDX-License-Identifier: Apache-2.0
"""Is the saved spec right, and is the machine what it says? All that is wrong, that differs, and that waits."""

from collections.abc import Iterator, Sequence

from appliance import flow
from appliance.errors import Problems
from appliance.model.plan import Plan, ReplaceSpec
from appliance.model.problem import Problem
from appliance.node.status import load_saved
from appliance.tui.i18n import _, said
from appliance.tui.node.pages.base import Line, Report, sentence


class ValidatePage(Report):
    """What `trivet check` and `trivet plan` say of the saved spec, in one."""

    def heading(self) -> str:
        return _("Validate the configuration")

    def help(self) -> Sequence[str]:
        return (
            _("The saved spec is read, then compared with this machine as it is now. First what is wrong with the spec, with "
              "place and remedy; then what the machine has other than the spec says; then what waits for something."),
            _("Nothing is changed. What differs is put right by `Apply the spec again` in the menu, after its plan."),
            _("`trivet check` and `trivet plan` in a shell say the same."),
        )  # fmt: skip

    def load(self) -> list[Line]:
        host = self.node.host
        trial = self.node.seen.reverts_in is not None
        lines: list[Line] = [(_("A change is on trial: this is about the saved spec."), "")] if trial else []
        try:
            spec, _text = load_saved(host)
        except Problems as error:
            return [*lines, (_("The spec"), "subhead"), *_wrong(error.problems)]
        inventory = flow.inspect(host)
        problems = flow.check(inventory, spec)
        lines += [(_("The spec"), "subhead"), *_wrong(problems)]
        try:
            plan = flow.plan(inventory, spec, follow=True).without(ReplaceSpec)
        except Problems as error:
            more = [problem for problem in error.problems if problem not in problems]
            return [*lines, *(_wrong(more) if more else ())]
        return [*lines, *_differs(plan), *_waits(plan)]


def _wrong(problems: Sequence[Problem]) -> Iterator[Line]:
    for problem in problems:
        yield f"! {problem.where}: {sentence(problem.message, problem.hint)}", "wrong"
    if not problems:
        yield _("Nothing is wrong with it, and this machine has what it asks for."), ""


def _differs(plan: Plan) -> Iterator[Line]:
    yield _("This machine"), "subhead"
    for step in plan.steps:
        yield "! " + _("{step}: {reason}").format(step=said(str(step)), reason=said(step.why)), "wrong"
    yield (_("`Apply the spec again` in the menu puts this right.") if plan.steps else _("It is what the spec says.")), ""


def _waits(plan: Plan) -> Iterator[Line]:
    if plan.pending:
        yield _("Not carried out"), "subhead"
    for pending in plan.pending:
        yield f"* {pending.where}: {sentence(pending.why, pending.hint)}", ""
