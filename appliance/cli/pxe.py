# SPDX-License-Identifier: Apache-2.0
"""`trivet pxe`: a rack at once."""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appliance.cli import render
from appliance.errors import ApplianceError, Problems
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.pxe import folder
from appliance.pxe.answer import Answer, Claim, Description, answer, claim, clashes


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet pxe`; `command(name, run, help)` adds one."""
    plan = command("plan", _plan, "what each saved machine would be installed by; changes nothing")
    plan.add_argument("rack", type=Path, metavar="RACK", help="the folder with rack.yaml, the table of machines and templates/")
    about = "a folder of machines that `trivet record` or the server has saved, or one of them"
    plan.add_argument("--machines", type=Path, required=True, metavar="DIR", help=about)
    plan.add_argument("--text", action="store_true", help="show the whole answers and plans")


def _plan(args: argparse.Namespace) -> int:
    """3 when a machine gets no answer, which is what an operator would want to know before the rack is switched on."""
    rack = folder.load(args.rack)
    results = list(_results(rack, folder.machines(args.machines)))
    if args.json:
        print(json.dumps([_record(name, given, problems) for name, given, problems in results], ensure_ascii=False, indent=2))
    else:
        for name, given, problems in results:
            print("\n".join(_lines(name, given, problems, whole=args.text)))
    return 3 if any(problems for _, _, problems in results) else 0


Result = tuple[str, Answer | None, tuple[Problem, ...]]


def _results(rack: Description, machines: dict[str, Path]) -> Iterator[Result]:
    claims: list[Claim] = []
    for name, path in machines.items():
        try:
            inventory = folder.inventory(path)
            given = answer(rack, inventory)
        except Problems as error:
            yield name, None, error.problems
            continue
        except ApplianceError as error:
            yield name, None, (Problem(where="", message=error.message, hint=error.hint),)
            continue
        own = claim(name, given, inventory)
        problems = tuple(clashes(own, claims))
        claims += [] if problems else [own]
        yield name, given, problems


def _record(name: str, given: Answer | None, problems: tuple[Problem, ...]) -> dict[str, Any]:
    found: dict[str, Any] = {"machine": name, "problems": [p.model_dump() for p in problems]}
    if given:
        found |= {"node": given.spec.node.name, "template": given.template, "approve": given.approve}
        found |= {"plan": given.plan.model_dump(mode="json")}
    return found


def _lines(name: str, given: Answer | None, problems: tuple[Problem, ...], *, whole: bool) -> Iterator[str]:
    if given is None or problems:
        yield f"{name}: no answer"
        yield from (line for p in problems for line in render.paragraph("  - ", str(p)))
        return
    wait = ", after somebody has approved it" if given.approve else ""
    yield f"{name}: becomes {given.spec.node.name} by {given.template}{wait}"
    yield from _plan_lines(given.plan) if not whole else ()
    yield from (["", *given.text.rstrip().splitlines(), "", *render.plan_text(given.plan).splitlines(), ""] if whole else ())


def _plan_lines(plan: Plan) -> Iterator[str]:
    yield f"  {len(plan.steps)} steps" if plan.steps else "  is installed already"
    yield from (line for what in plan.destroys for line in render.paragraph("  destroys ", what))
