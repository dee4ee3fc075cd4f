# SPDX-License-Identifier: Apache-2.0
"""`trivet router`: what connects overlay networks to one another and to the world outside."""

import argparse
import json
from collections.abc import Callable
from typing import Any

from appliance.cli.source import read_spec
from appliance.cli.vmhost import said, this_host

_BEGIN = "begin with `version: 1`, `name:`, and `networks:`"


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet router`; `command(name, run, help)` adds one."""
    command("list", listing, "the routers")
    sub = command("show", _show, "one router: what it connects, its way out, who has which floating address")
    sub.add_argument("name", metavar="NAME")
    sub.add_argument("--document", action="store_true", help="its document alone, as `trivet router edit` takes it")
    for name, run, help_ in (
        ("create", _create, "make a router from its document"),
        ("edit", _edit, "make a router what its document says, at once"),
    ):
        sub = command(name, run, help_)
        sub.add_argument("document", metavar="FILE", help="a YAML file, or -")
    sub = command("delete", _delete, "remove a router: its networks are on their own again")
    sub.add_argument("name", metavar="NAME")


def listing(args: argparse.Namespace) -> int:
    """`trivet router` and `trivet router list`."""
    from appliance.services.vm import records  # noqa: PLC0415 - as in vmhost

    found = records.routers(this_host())
    lines = [f"{'NAME':<24} {'NETWORKS':<32} OUT"] if found else ["There are no routers. Make one: trivet router create FILE"]
    lines += [f"{each.name:<24} {', '.join(each.networks):<32} {_out(each)}".rstrip() for each in found]
    return said(args, "\n".join(lines), routers=[json.loads(each.model_dump_json()) for each in found])


def _out(router: Any) -> str:
    return f"{router.out.address} on {router.out.network}" if router.out else ""


def _show(args: argparse.Namespace) -> int:
    from appliance.cli.vmtext import document_text  # noqa: PLC0415 - as in vmhost
    from appliance.services.vm import northbound, records  # noqa: PLC0415 - as in vmhost

    here = this_host()
    router, _ = records.router(here, args.name)
    if args.document:
        print(document_text(router), end="")
        return 0
    seen = northbound.view(here, router)
    given = seen.given
    lines = [f"{'router':>10}  {router.name}"]
    lines += [f"{'network':>10}  {', '.join(each)}" for each in seen.inside]
    if router.out:
        how = "guests are seen as this address" if router.out.nat else "guests are seen as what they are"
        lines.append(f"{'out':>10}  {_out(router)}; {how}")
        lines.append(f"{'gateway':>10}  {router.out.gateway or 'none: only what is on that network is reached'}")
        nobody = "not known here" if seen.by is None else "no node: OVN has not given it to one yet"
        lines.append(f"{'by':>10}  {seen.by or nobody}")
    for each in router.floating:
        lines.append(f"{'floating':>10}  {each.address}  {each.vm}  {given.get(each.address, 'which has no port here now')}")
    lines += [f"{'route':>10}  {route.to} by {route.via}" for route in router.routes]
    return said(args, "\n".join(lines), **json.loads(router.model_dump_json()), given=given, by=seen.by)


def _document(source: str) -> Any:
    from appliance.model.document import load  # noqa: PLC0415 - as in vmhost
    from appliance.model.vrouter import Router  # noqa: PLC0415 - as in vmhost

    return load(read_spec(source), Router, _BEGIN)


def _create(args: argparse.Namespace) -> int:
    from appliance.services.vm import routers  # noqa: PLC0415 - as in vmhost

    document = _document(args.document)
    routers.create(this_host(), document)
    return said(args, f"{document.name} is made.", name=document.name)


def _edit(args: argparse.Namespace) -> int:
    from appliance.services.vm import routers  # noqa: PLC0415 - as in vmhost

    document = _document(args.document)
    routers.edit(this_host(), document)
    return said(args, f"{document.name} is changed.", name=document.name)


def _delete(args: argparse.Namespace) -> int:
    from appliance.services.vm import routers  # noqa: PLC0415 - as in vmhost

    routers.delete(this_host(), args.name)
    return said(args, f"{args.name} is gone.", name=args.name)
