# SPDX-License-Identifier: Apache-2.0
"""The command line. Standard output is data; what is said to a person about an error goes to standard error.

Exit codes: 0 done; 1 an error; 2 wrong usage; 3 the spec is wrong; 4 this machine cannot give what the spec asks for;
5 a step, a command or a test failed; 6 the machine has changed since the plan was made; 7 no answer file could be had.
"""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel

from appliance import __version__, flow
from appliance.cli import api as api_cli
from appliance.cli import bmc as bmc_cli
from appliance.cli import cluster as cluster_cli
from appliance.cli import disk as disk_cli
from appliance.cli import doctor as doctor_cli
from appliance.cli import ha as ha_cli
from appliance.cli import net as net_cli
from appliance.cli import network as network_cli
from appliance.cli import pxe as pxe_cli
from appliance.cli import render
from appliance.cli import router as router_cli
from appliance.cli import storage as storage_cli
from appliance.cli import vm as vm_cli
from appliance.cli.source import read_spec
from appliance.engine.journal import LOGS, Journal
from appliance.errors import ApplianceError, Problems, Unsatisfiable
from appliance.host import errand
from appliance.host.host import Host
from appliance.model.document import load_spec
from appliance.model.inventory import Inventory
from appliance.model.plan import Plan
from appliance.model.problem import Problem
from appliance.model.selector import Chosen
from appliance.model.spec import Spec

Parser = argparse.ArgumentParser
_ANEW = "let selectors choose their ports by what links, speeds and neighbours are now, for the saved spec"


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `trivet`."""
    words = sys.argv[1:] if argv is None else argv
    args = _parser().parse_args(words)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
    if args.verbose:
        logging.getLogger("trivet").setLevel(logging.DEBUG)  # ours alone: libraries tell the life of every packet
    try:
        with errand.told([word for word in words if word != "--json"]):
            sys.exit(args.run(args))
    except ApplianceError as error:
        _complain(error, as_json=args.json)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)  # the reader has seen enough
    except KeyboardInterrupt:
        sys.exit(130)


def _complain(error: ApplianceError, *, as_json: bool) -> None:
    single = Problem(where="", message=error.message, hint=error.hint)
    problems = error.problems if isinstance(error, Problems) else (single,)
    if as_json:
        print(json.dumps({"problems": [p.model_dump() for p in problems]}, ensure_ascii=False, indent=2))
    for problem in problems:
        print(f"trivet: {problem}", file=sys.stderr)


def _parser() -> Parser:
    common = _options()
    machine = Parser(add_help=False)
    machine.add_argument("--machine", type=Path, metavar="DIR", help="a recorded machine instead of this one")

    parser = Parser(prog="trivet", description="Bare x86 servers into one pool.", epilog=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--version", action="version", version=f"trivet {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, help_: str, *, parents: Sequence[Parser] = ()) -> Parser:
        return _add(commands, common, name, run, help_, *parents)

    command("inspect", _inspect, "what this machine has", parents=[machine])
    for name, run, help_ in (
        ("check", _check, "is the spec right, and can this machine give what it asks for"),
        ("plan", _plan, "the steps from what this machine is to what the spec says"),
    ):
        sub = command(name, run, help_, parents=[machine])
        sub.add_argument("spec", nargs="?", metavar="SPEC", help="a YAML file, or - (default: the spec saved on this node)")
    sub.add_argument("--anew", action="store_true", help=_ANEW)
    sub = command("apply", _apply, "carry out the plan, and prove it")
    sub.add_argument("spec", nargs="?", metavar="SPEC", help="a YAML file, or - (default: the spec saved on this node)")
    sub.add_argument("--anew", action="store_true", help=_ANEW)
    sub.add_argument("--yes", action="store_true", help="consent to everything that the plan says it destroys")
    command("status", _status, "version, slot, addresses, what is applied and what is not")
    doctor_cli.add(command("doctor", doctor_cli.run, "what keeps this node from being a good member, and what helps"))
    sub = command("record", _record, "save this machine as a test machine")
    sub.add_argument("folder", type=Path, metavar="DIR")
    sub.add_argument("--origin", required=True, help="where this machine came from, in one sentence")
    sub.add_argument("--scramble", action="store_true", help="replace serials, MAC addresses, WWNs and UUIDs")
    inner = _options(default=argparse.SUPPRESS)  # so that those of `trivet net --json show` stay as they were given
    for name, show, fill, help_ in (
        ("net", net_cli.show, net_cli.add, "the network as it is; change it, with a way back; test it"),
        ("storage", storage_cli.show, storage_cli.add, "the pool as it is; check its copies; what comes first"),
        ("disk", disk_cli.show, disk_cli.add, "the disks; take one in or out, replace one, switch its light"),
        ("bmc", bmc_cli.show, bmc_cli.add, "the board's own computer: its address and its users; change them"),
        ("cluster", cluster_cli.show, cluster_cli.add, "nodes together: found a cluster, join one, leave it, see who is in it"),
        ("api", api_cli.show, api_cli.add, "the cluster for programs: tokens, and what it offers"),
        ("vm", vm_cli.listing, vm_cli.add, "virtual machines: make, run, change, copy, delete them"),
        ("ha", ha_cli.status, ha_cli.add, "what happens to VMs when their node is lost"),
        ("image", vm_cli.images, vm_cli.add_images, "the library: images, media and kernels for VMs"),
        ("network", network_cli.listing, network_cli.add, "networks for VMs: VLANs, and overlays with addresses and rules"),
        ("router", router_cli.listing, router_cli.add, "routers: overlay networks reach one another, and the world outside"),
    ):
        parts = _add(commands, common, name, show, help_).add_subparsers(metavar="COMMAND")
        fill(partial(_add, parts, inner))
    pxe = _add(commands, common, "pxe", _usage, "a rack at once: install machines over the network")
    pxe_cli.add(partial(_add, pxe.add_subparsers(required=True, metavar="COMMAND"), inner))
    command("hypervisor", _hypervisor, "what this server is worth as a host of VMs, and what it lacks", parents=[machine])
    command("numa", network_cli.numa, "NUMA nodes: which VM is where, and what is free")
    sub = command("install", _install, "install this machine by an answer file; the live system does this at its start")
    sub.add_argument("spec", nargs="?", metavar="SPEC", help="this file, or - ; no other answer is looked for, nothing restarts")
    sub.add_argument("--agreed", metavar="DIGEST", help="with SPEC: carry out the plan of this digest, and no other")
    command("console", _console, "the console: a live system's installer, a node's status and menu", parents=[machine])
    return parser


def _options(**default: Any) -> Parser:
    """What every command takes."""
    common = Parser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON", **default)
    common.add_argument("-v", "--verbose", action="store_true", help="show the commands that are run", **default)
    return common


def _add(commands: Any, common: Parser, name: str, run: object, help_: str, *parents: Parser) -> Parser:
    sub: Parser = commands.add_parser(name, help=help_, description=help_, parents=[common, *parents])
    sub.set_defaults(run=run)
    return sub


def _host(args: argparse.Namespace) -> Host:
    if getattr(args, "machine", None):
        from appliance.host.playback import recorded  # noqa: PLC0415 - only who asks for a recorded machine loads it

        return recorded(args.machine)
    from appliance.host.live import live  # noqa: PLC0415 - and the other way round

    return live()


def _spec(args: argparse.Namespace, host: Host) -> tuple[Spec, str]:
    """The spec that the arguments name, and its text."""
    if args.spec is None:
        from appliance.node.status import load_saved  # noqa: PLC0415 - a spec from a file needs no node

        return load_saved(host)
    text = read_spec(args.spec)
    return load_spec(text), text


def _plan_of(args: argparse.Namespace, host: Host, spec: Spec) -> Plan:
    if args.anew and args.spec is not None:
        # A new one needs what the saved one's selectors chose: it may be gone back to.
        raise ApplianceError("--anew is for the spec that is saved on this node", "apply SPEC first, and then say --anew alone")
    return flow.plan(as_it_is(flow.inspect(host), anew=args.anew), spec, follow=args.spec is None)


def as_it_is(inventory: Inventory, *, anew: bool) -> Inventory:
    """The machine; `anew` as if no selector had chosen a port yet."""
    return inventory.model_copy(update={"chosen": Chosen()}) if anew else inventory


def _hypervisor(args: argparse.Namespace) -> int:
    from appliance.cli import hypervisor  # noqa: PLC0415 - only who asks for it loads it

    return hypervisor.show(args, _host(args))


def _out(args: argparse.Namespace, document: BaseModel, text: str) -> None:
    print(document.model_dump_json(indent=2) if args.json else text)


def _inspect(args: argparse.Namespace) -> int:
    inventory = flow.inspect(_host(args))
    _out(args, inventory, render.inventory_text(inventory))
    return 0


def _check(args: argparse.Namespace) -> int:
    host = _host(args)
    spec, _ = _spec(args, host)
    if problems := flow.check(flow.inspect(host), spec):
        raise Unsatisfiable(problems)
    print('{"problems": []}' if args.json else "The spec is right, and this machine can give what it asks for.")
    return 0


def _plan(args: argparse.Namespace) -> int:
    host = _host(args)
    spec, _ = _spec(args, host)
    plan = _plan_of(args, host, spec)
    _out(args, plan, render.plan_text(plan))
    return 0


def _apply(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as in _host
    from appliance.node.trial import settled  # noqa: PLC0415 - loaded by who changes something

    host = _host(args)
    spec, text = _spec(args, host)
    with settled(host):
        plan = _plan_of(args, host, spec)
        if not args.json:
            print(render.plan_text(plan))
        if plan.destroys and not args.yes:
            raise ApplianceError(f"this destroys {', '.join(plan.destroys)}; nothing was changed", "say --yes to consent")
        with Journal("apply", LOGS) as journal:
            journal.plan(plan)
            flow.apply(plan, live(spec.secrets | {"spec": text}), render.emitter(journal, as_json=args.json))
    return 0


def _status(args: argparse.Namespace) -> int:
    from appliance.node.status import status  # noqa: PLC0415 - loaded by who asks for it
    from appliance.node.worth import lacks  # noqa: PLC0415 - the same

    host = _host(args)
    found = status(host)
    found = found.model_copy(update={"hypervisor": lacks(host) if found.state != "live" else ()})
    _out(args, found, render.status_text(found))
    return 0


def _record(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as in _host
    from appliance.host.record import record  # noqa: PLC0415 - loaded by who asks for it

    path = record(live(), flow.inspect, args.folder, origin=args.origin, scramble=args.scramble)
    print(json.dumps({"path": str(path)}) if args.json else f"Saved as {path}")
    return 0


def _install(args: argparse.Namespace) -> int:
    from appliance.cli import install  # noqa: PLC0415 - loaded by the live system alone

    if args.spec is None:
        return install.install()
    return install.agreed(read_spec(args.spec), args.agreed or "", as_json=args.json)


def _usage(args: argparse.Namespace) -> NoReturn:
    raise AssertionError("argparse asks for a command")


def _console(args: argparse.Namespace) -> int:
    from appliance.tui.run import run  # noqa: PLC0415 - textual is heavy, and only this command draws

    outcome = run(_host(args), dry=args.machine is not None)
    if outcome.kind == "planned" and outcome.plan is not None:
        print(render.plan_text(outcome.plan), outcome.text, sep="\n\n", end="")
    elif outcome.kind in ("restart", "poweroff"):
        from appliance.cli.install import leave  # noqa: PLC0415 - as in _install

        leave(outcome.kind)
    return 1 if outcome.kind == "crashed" else 0


if __name__ == "__main__":
    main()
