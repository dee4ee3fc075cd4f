# SPDX-License-Identifier: Apache-2.0
"""`trivet cluster`: found one, let nodes in, join one, see who is in it."""

import argparse
from collections.abc import Callable
from typing import Any

from appliance.cli import render
from appliance.cli.source import read_spec
from appliance.cli.vmhost import said
from appliance.engine.journal import LOGS, Journal
from appliance.errors import ApplianceError
from appliance.host import errand
from appliance.host.host import Host
from appliance.model.cluster import CA, FOLDER, ClusterDocument, control_members, member, myself
from appliance.model.joining import Arrived, Offered
from appliance.model.plan import Plan
from appliance.model.units import parse_seconds

_TOKEN, _WORDS = f"{FOLDER}/token", f"{FOLDER}/words"
_LEAST, _MOST = 60, 7 * 86400


def add(command: Callable[..., Any]) -> None:
    """The commands of `trivet cluster`; `command(name, run, help)` adds one."""
    command("show", show, "who is in the cluster, and in what role")
    command("list", show, "the same")
    create = command("create", _create, "found a cluster, with this node as its first")
    create.add_argument("name", metavar="NAME")
    token = command("token", _token, "make a token, by which one node may join")
    token.add_argument("--ttl", default="1h", metavar="TIME", help="how long it is good, such as 30m or 12h (default: 1h)")
    join = command("join", _join, "have this node join a cluster")
    join.add_argument("--address", metavar="ADDRESS", help="the management address of a control node (default: it is looked for)")
    join.add_argument("--token-file", metavar="FILE", help="what `trivet cluster token` printed there, or -")
    join.add_argument("--words-file", metavar="FILE", help="the four words, or - (default: they are asked for)")
    command("pair", _pair, "show four words, by which one node may join, and wait for it")
    leave = command("leave", _leave, "have this node be alone again")
    remove = command("remove", _remove, "take another node out of the cluster, dead or alive")
    remove.add_argument("node", metavar="NODE")
    for each in (create, join, leave):
        each.add_argument("--yes", action="store_true", help="consent to everything that the plan says it destroys")


def show(args: argparse.Namespace) -> int:
    host, document, machine = _here()
    if document is None:
        return said(args, "This node is in no cluster.", cluster=None)
    return said(args, _text(host, document, machine), cluster=document.model_dump())


def _text(host: Host, document: ClusterDocument, machine: str) -> str:
    from appliance.host import certificates  # noqa: PLC0415 - cryptography is 60 ms

    me = myself(document, machine)
    digits = certificates.fingerprint(host.files.read(CA) or "")
    lines = [f"cluster {document.name}, fingerprint {certificates.shown(digits)}"]
    for each in document.members:
        known = {"control": each.control, "witness": each.witness, "maintenance": each.maintenance}
        roles = [role for role, has in known.items() if has]
        here = "  (this node)" if each == me else ""
        lines.append(f"  {each.name:<20} {each.address:<24} {', '.join(roles)}{here}".rstrip())
    having = len(control_members(document))
    if having < document.control or (having > 1 and having % 2 == 0):
        lines.append(f"{having} control nodes, and {document.control} are aimed at: one more node makes it safe again")
    return "\n".join(lines)


def _create(args: argparse.Namespace) -> int:
    document = _become(args, {"create": {"name": args.name}})
    return said(args, f"The cluster {document.name} is there. Let others in: trivet cluster token")


def _join(args: argparse.Namespace) -> int:
    host, _, _ = _here()
    where = {"address": args.address} if args.address else {}
    if args.token_file and args.words_file:
        raise ApplianceError("a cluster is joined by a token or by words", "give either --token-file or --words-file")
    if args.token_file:
        if not args.address:
            raise ApplianceError("a token alone does not say where the cluster is", "add --address ADDRESS")
        host.files.write(_TOKEN, read_spec(args.token_file).strip() + "\n", 0o600)
        document = _become(args, {"join": {**where, "token_file": _TOKEN}})
    else:
        from appliance.services.cluster import words  # noqa: PLC0415 - for who joins by words alone

        text = read_spec(args.words_file) if args.words_file else input("The four words, as the other node shows them: ")
        host.files.write(_WORDS, words.normal(text) + "\n", 0o600)
        document = _become(args, {"join": {**where, "words_file": _WORDS}})
    return said(args, f"This node is in the cluster {document.name}.")


def _become(args: argparse.Namespace, wish: dict[str, Any]) -> ClusterDocument:
    from appliance.host.live import live  # noqa: PLC0415 - 30 ms that --help need not wait for
    from appliance.node import cluster  # noqa: PLC0415 - the same

    with Journal("cluster", LOGS) as journal:
        return cluster.become(live, wish, render.emitter(journal, as_json=args.json), _agreed(args, journal))


def _agreed(args: argparse.Namespace, journal: Journal) -> Callable[[Plan], None]:
    def agreed(plan: Plan) -> None:
        journal.plan(plan)
        if not args.json:
            print(render.plan_text(plan))
        if plan.destroys and not args.yes:
            raise ApplianceError(f"this destroys {', '.join(plan.destroys)}; the rest is done", "say --yes to consent")

    return agreed


def _leave(args: argparse.Namespace) -> int:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.node import cluster  # noqa: PLC0415 - as above

    with Journal("cluster", LOGS) as journal:
        cluster.leave(live, render.emitter(journal, as_json=args.json), _agreed(args, journal))
    return said(args, "This node is in no cluster any more.")


def _remove(args: argparse.Namespace) -> int:
    from appliance.services.cluster import leaving  # noqa: PLC0415 - as above

    host, document, machine = _here()
    me = myself(document, machine)
    if me and me.name == args.node:
        raise ApplianceError(f"the node {me.name} is this one", "say `trivet cluster leave`")
    leaving.remove(host, args.node)
    if document and (gone := member(document, args.node)):
        from appliance import flow  # noqa: PLC0415 - as above

        # The pool and OVN count on it no more.
        flow.apply(flow.departed(flow.inspect(host), gone), host, lambda event: None)
    return said(args, f"{args.node} is not in the cluster any more.")


def _token(args: argparse.Namespace) -> int:
    try:
        seconds = parse_seconds(args.ttl)
    except ValueError:
        seconds = 0
    if not _LEAST <= seconds <= _MOST:
        raise ApplianceError(f"--ttl {args.ttl}: from a minute to a week", "such as 30m or 12h")
    host, document, machine = _here()
    if document is None or myself(document, machine) is None:
        raise ApplianceError("this node is in no cluster", "say `trivet cluster create NAME` first")
    from appliance.services.cluster import desk  # noqa: PLC0415 - cryptography is 60 ms
    from appliance.services.cluster.store import store  # noqa: PLC0415 - with the above

    token = desk.new_token(store(host), host, seconds)
    return said(args, token, token=token)


def _pair(args: argparse.Namespace) -> int:
    from appliance.host import certificates  # noqa: PLC0415 - cryptography is 60 ms
    from appliance.node import cluster  # noqa: PLC0415 - as above

    host, document, machine = _here()
    me = myself(document, machine)
    if document is None or me is None:
        raise ApplianceError("this node is in no cluster", "say `trivet cluster create NAME` first")
    if not me.control:
        names = ", ".join(each.name for each in control_members(document))
        raise ApplianceError("this node gives no certificates: it has not the control role", f"say it on one of: {names}")

    def ready(words: str) -> None:
        digits = certificates.shown(certificates.fingerprint(host.files.read(CA) or ""))
        if args.json:
            offered = Offered(words=words, cluster=document.name, address=me.address, fingerprint=digits)
            print(offered.model_dump_json(), flush=True)
            return
        print(f"words: {words}\ncluster {document.name} at {me.address}, fingerprint {digits}")
        print("On the new node: trivet cluster join", flush=True)

    found = cluster.pair(host, document, me, ready)
    digits = certificates.shown(found.fingerprint)
    errand.note(f"{found.name} has joined the cluster")
    if args.json:
        print(Arrived(name=found.name, fingerprint=digits).model_dump_json())
    else:
        print(f"{found.name} has joined. Its fingerprint: {digits}")
    return 0


def _here() -> tuple[Host, ClusterDocument | None, str]:
    from appliance.host.live import live  # noqa: PLC0415 - as above
    from appliance.services.cluster.store import known  # noqa: PLC0415 - as above

    host = live()
    return host, *known(host)
