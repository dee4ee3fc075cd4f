# SPDX-License-Identifier: Apache-2.0
"""`trivet pxe`: a rack at once."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from appliance.cli import render
from appliance.errors import ApplianceError, Problems
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.pxe import boards, client, folder, records
from appliance.pxe.answer import Answer, Claim, Description, answer, claim, clashes
from appliance.pxe.bmc import POWERS
from appliance.pxe.places import SOCKET, STATE


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet pxe`; `command(name, run, help)` adds one."""
    plan = command("plan", _plan, "what each saved machine would be installed by; changes nothing")
    plan.add_argument("rack", type=Path, metavar="RACK", help="the folder with rack.yaml, the table of machines and templates/")
    about = "a folder of machines that `trivet record` or the server has saved, or one of them"
    plan.add_argument("--machines", type=Path, required=True, metavar="DIR", help=about)
    plan.add_argument("--text", action="store_true", help="show the whole answers and plans")
    serve = command("serve", _serve, "start and install the machines on one interface, until Ctrl+C")
    serve.add_argument("rack", type=Path, metavar="RACK", help="as for plan; it may be changed while this runs")
    serve.add_argument("--interface", required=True, metavar="NAME", help="where the machines are; it has an IPv4 address")
    about = "build/pxe, an ISO file, or slot: this node's own (default)"
    serve.add_argument("--source", default="slot", metavar="WHAT", help=about)
    about = "proxy, beside the network's own server (default); FIRST-LAST, to give out these addresses; off"
    serve.add_argument("--dhcp", default="proxy", metavar="HOW", help=about)
    serve.add_argument("--address", default="", metavar="ADDRESS", help="which address of the interface, if it has several")
    serve.add_argument("--http-port", type=int, default=80, metavar="PORT", help="what machines start from (default: 80)")
    serve.add_argument("--https-port", type=int, default=8443, metavar="PORT", help="what they ask and tell (default: 8443)")
    about = "machines get this VLAN's frames tagged, and their live system asks for its address in it"
    serve.add_argument("--vlan", type=int, default=0, metavar="NUMBER", help=about)
    board = command("board", _board, "who is where")
    approve = command("approve", _approve, "let machines be installed that wait for it")
    again = command("again", _again, "install machines again, at their next start over the network")
    power = command("power", _power, "switch machines by their BMCs")
    power.add_argument("--to", choices=POWERS, default="cycle", help="off and on again (default), on, or off")
    power.add_argument("--network", action="store_true", help="they start from the network next, once")
    for each in (approve, again, power):
        each.add_argument("machines", nargs="*", metavar="MAC", help="as the board shows them")
        each.add_argument("--all", action="store_true", help="all of them that it is for")
    approve.add_argument("--template", default="", metavar="NAME", help="by this template, whatever the rules say")
    keep = command("record", _keep, "keep the machines that the server has seen, as recorded machines")
    keep.add_argument("folder", type=Path, metavar="DIR", help="a folder for each machine is made in it")
    keep.add_argument("--scramble", action="store_true", help="with other serial numbers, names and addresses")
    for each in (serve, board, approve, again, power, keep):
        each.add_argument("--state", type=Path, default=STATE, metavar="DIR", help=f"what the server keeps (default: {STATE})")


def _serve(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as below
    from appliance.node.admission import minted  # noqa: PLC0415 - as below
    from appliance.pxe.serve import Wish, serve  # noqa: PLC0415 - servers are for who serves

    ports = (args.http_port, args.https_port)
    wish = Wish(args.rack, args.interface, args.source, args.state, args.dhcp, args.address, *ports, args.vlan)
    serve(live(), wish, lambda line: print(line, flush=True), partial(minted, live()))
    return 0


def _board(args: argparse.Namespace) -> int:
    """On a terminal the live board; for everybody else what it would show now."""
    if sys.stdout.isatty() and not args.json:
        from appliance.tui.board import run  # noqa: PLC0415 - textual is heavy, and only a terminal needs it

        run(args.state / SOCKET)
        return 0
    found = client.rack(args.state / SOCKET)
    as_json = json.dumps(boards.shown(found), ensure_ascii=False, indent=2)
    print(as_json if args.json else "\n".join(boards.text(found, time.time())))
    return 0


def _approve(args: argparse.Namespace) -> int:
    chosen = client.approve(args.state / SOCKET, _named(args, ("waiting",)), args.template)
    return _done(args, chosen, "approved")


def _again(args: argparse.Namespace) -> int:
    return _done(args, client.again(args.state / SOCKET, _named(args, ("failed",))), "to be installed again")


def _power(args: argparse.Namespace) -> int:
    """1 when a BMC did not do it. `--all` means every machine on the board."""
    said = client.power(args.state / SOCKET, _named(args, boards.ORDER), args.to, network=args.network)
    lines = [f"{mac}: {why or 'done'}" for mac, why in said.items()]
    print(json.dumps(said, ensure_ascii=False) if args.json else "\n".join(lines) or "no such machine")
    return 1 if any(said.values()) or not said else 0


def _keep(args: argparse.Namespace) -> int:
    """1 when a machine could not be kept: what was sent was none."""
    kept, refused = records.keep(args.state, args.folder, scramble=args.scramble)
    if args.json:
        print(json.dumps({"kept": [str(path) for path in kept], "refused": refused}, ensure_ascii=False))
    else:
        print("\n".join([*(str(path) for path in kept), *(f"{mac}: {why}" for mac, why in refused.items())]) or "no machine yet")
    return 1 if refused else 0


def _named(args: argparse.Namespace, states: tuple[str, ...]) -> list[str]:
    """The machines that the arguments name, or all in these states."""
    if bool(args.machines) == args.all:
        raise ApplianceError("name machines, or say --all", "`trivet pxe board` shows them")
    if not args.all:
        return list(args.machines)
    return [machine.mac for machine in client.rack(args.state / SOCKET).machines.values() if machine.state in states]


def _done(args: argparse.Namespace, chosen: list[str], what: str) -> int:
    """1 when there was none that it could be done for."""
    print(json.dumps({"machines": chosen}) if args.json else "\n".join(f"{mac}: {what}" for mac in chosen) or f"none is {what}")
    return 0 if chosen else 1


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
