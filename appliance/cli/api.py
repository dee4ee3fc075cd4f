# SPDX-License-Identifier: Apache-2.0
"""`trivet api`: the cluster for programs. Who may use it, and what it offers."""

import argparse
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from appliance.cli.vmhost import said
from appliance.errors import ApplianceError
from appliance.host.host import Host
from appliance.model.cluster import API_PORT, CA, Member, myself
from appliance.model.person import ROLES, Person

_MOST = 3650
_DAY = 86400.0
_NAME = re.compile("[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet api`; `command(name, run, help)` adds one."""
    command("show", show, "where it is, and whose tokens are good")
    token = command("token", _token, "make a token; it is shown once")
    token.add_argument("name", metavar="NAME", help="whose it is, such as monitoring")
    text = "read: look; operate: start and stop what is there, too; administer: everything (default: read)"
    token.add_argument("--role", choices=ROLES, default=ROLES[0], help=text)
    token.add_argument("--days", type=int, default=365, metavar="DAYS", help=f"how long it is good, 1 to {_MOST} (default: 365)")
    revoke = command("revoke", _revoke, "make a token good no more")
    revoke.add_argument("name", metavar="NAME")
    command("describe", _describe, "the OpenAPI document, from which clients are made")


def show(args: argparse.Namespace) -> int:
    from appliance.services.cluster import people  # noqa: PLC0415 - cryptography is 60 ms

    host, me = _here()
    found = people.everybody(_store(host))
    return said(args, text_of(me, found), address=me.address, port=API_PORT, authority=CA, tokens=[_shown(p) for p in found])


def text_of(me: Member, found: tuple[Person, ...]) -> str:
    """For people."""
    place = f"[{me.address}]" if ":" in me.address else me.address
    lines = [f"https://{place}:{API_PORT}/v1, and the same on every other node; its authority is {CA}"]
    for each in found:
        day = datetime.fromtimestamp(each.until, UTC).date().isoformat()
        lines.append(f"  {each.name:<32} {each.role:<12} {'expired' if each.until < time.time() else 'good until'} {day}")
    return "\n".join(lines if found else [*lines, "There are no tokens yet: trivet api token NAME"])


def _shown(person: Person) -> dict[str, Any]:
    return person.model_dump(exclude={"digest"})


def _token(args: argparse.Namespace) -> int:
    from appliance.services.cluster import people  # noqa: PLC0415 - as above

    if not _NAME.fullmatch(args.name):
        raise ApplianceError(f"{args.name}: a token's name has up to 32 small letters, digits and hyphens")
    if not 1 <= args.days <= _MOST:
        raise ApplianceError(f"--days {args.days}: from 1 to {_MOST}")
    host, _ = _here()
    token = people.create(_store(host), args.name, args.role, args.days * _DAY)
    return said(args, token, token=token, name=args.name, role=args.role)


def _revoke(args: argparse.Namespace) -> int:
    from appliance.services.cluster import people  # noqa: PLC0415 - as above

    host, _ = _here()
    people.revoke(_store(host), args.name)
    return said(args, f"The token {args.name} is good no more.")


def _describe(args: argparse.Namespace) -> int:
    from appliance.node import openapi, routes  # noqa: PLC0415 - as above

    print(json.dumps(openapi.document(routes.ROUTES), indent=2))
    return 0


def _here() -> tuple[Host, Member]:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.services.cluster.store import known  # noqa: PLC0415 - as above

    host = live()
    document, machine = known(host)
    me = myself(document, machine)
    if me is None:
        raise ApplianceError("this node is in no cluster, and has no API", "say `trivet cluster create NAME` first")
    return host, me


def _store(host: Host) -> Any:
    from appliance.services.cluster.store import store  # noqa: PLC0415 - as above

    return store(host)
